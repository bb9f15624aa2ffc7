#pragma once

#include <atomic>
#include <exception>
#include <mutex>

namespace occ {

/// The first exception of several threads.
class FirstError {
 public:
  /// Calls `work`, keeping what it throws.
  template <class F>
  void guard(F&& work) noexcept {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      any_.store(true, std::memory_order_relaxed);
    }
  }
  /// Somebody threw.
  [[nodiscard]] bool any() const { return any_.load(std::memory_order_relaxed); }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::atomic<bool> any_{false};
};

}  // namespace occ
