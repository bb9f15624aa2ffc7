#pragma once

// The one header of core and variants that starts a thread: an owner is one.
#include <thread>

#include "core/sync/owner.hpp"

namespace occ {

/// An owner with a thread of its own, from construction to destruction. Throws std::system_error if the system gives no
/// thread. No request may be under way when it is destroyed.
class OwnerThread {
 public:
  OwnerThread() = default;
  OwnerThread(const OwnerThread&) = delete;
  OwnerThread& operator=(const OwnerThread&) = delete;
  ~OwnerThread() {
    owner_.end();
    thread_.join();
  }

  void run(Owner::Request& request) { owner_.run(request); }

 private:
  Owner owner_;
  std::thread thread_{[this] { owner_.work(); }};
};

}  // namespace occ
