#pragma once

#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "core/sync/atomic.hpp"
#include "core/sync/spin_lock.hpp"

namespace occ {

/// What handles still had to do when they died, for another one to take over. Asking while there is nothing costs one
/// load. Blocking (one lock).
template <class T>
class OrphanedWork {
 public:
  /// May throw std::bad_alloc.
  template <class Range>
  void leave(Range&& some) {
    const std::lock_guard held(lock_);
    left_.insert(left_.end(), std::move_iterator(some.begin()), std::move_iterator(some.end()));
    any_.store(!left_.empty(), std::memory_order_relaxed);  // relaxed: a hint, the lock orders
  }
  [[nodiscard]] std::vector<T> take_over() noexcept {
    if (!any_.load(std::memory_order_relaxed)) return {};  // relaxed: a hint
    const std::lock_guard held(lock_);
    any_.store(false, std::memory_order_relaxed);  // relaxed: as above
    return std::exchange(left_, {});
  }

 private:
  SpinLock lock_;
  std::vector<T> left_;
  atomic<bool> any_{false};
};

}  // namespace occ
