/// Stands in for Boost's stack, whose own atomics a model cannot see. Its contract: push and pop take effect at one
/// instant each, in one order with all sequentially consistent operations (on x86-64 both are locked instructions, or
/// loads that follow one), and a pop happens after the push of what it returns. One fits, so that it is full often.
#pragma once

#include <cstdint>
#include <memory>

#include "core/sync/atomic.hpp"

namespace occ {

template <class T>
class RequestQueue {
 public:
  [[nodiscard]] bool push(T* request) {
    rl::ctx().sched();
    const rl::preemption_disabler at_once(rl::ctx());
    if (full_) return false;
    request_ = request;
    full_ = true;
    pushed_.store(1, std::memory_order_release);
    return true;
  }
  [[nodiscard]] bool pop(T*& request) {
    rl::ctx().sched();
    const rl::preemption_disabler at_once(rl::ctx());
    if (!full_) return false;
    pushed_.exchange(0, std::memory_order_acquire);
    request = request_;
    full_ = false;
    return true;
  }

 private:
  bool full_ = false;
  T* request_ = nullptr;
  atomic<std::uint64_t> pushed_{0};
};

}  // namespace occ
