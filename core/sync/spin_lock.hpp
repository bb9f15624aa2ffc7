#pragma once

#include <cstdint>

#include "core/sync/atomic.hpp"
#include "core/sync/spin_wait.hpp"

namespace occ {

/// A one-byte lock for short critical sections off the hot path (BasicLockable). Blocking, unfair; waiters yield.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | critical section to the next one | unlock | exchange in lock | whatever the lock protects |
class SpinLock {
 public:
  void lock() noexcept {
    SpinWait wait;
    while (held_.exchange(1, std::memory_order_acquire) != 0) {
      while (held_.load(std::memory_order_relaxed) != 0) wait.pause();  // relaxed: the exchange above acquires
    }
  }
  void unlock() noexcept { held_.store(0, std::memory_order_release); }

 private:
  atomic<std::uint64_t> held_{0};
};

}  // namespace occ
