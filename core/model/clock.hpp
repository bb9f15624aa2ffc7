#pragma once

#include <chrono>
#include <cstdint>

#include "core/sync/atomic.hpp"

namespace occ {

/// Where a table takes the time of deletes from. Milliseconds that never go back; thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::int64_t now_ms() const noexcept = 0;
};

class SteadyClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override {
    using std::chrono::steady_clock;
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch()).count();
  }
  static const SteadyClock& instance() noexcept {
    static const SteadyClock clock;
    return clock;
  }
};

/// A clock that a test sets.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override {
    return now_ms_.load(std::memory_order_relaxed);  // relaxed: time carries no data
  }
  void advance_ms(std::int64_t by) noexcept { now_ms_.fetch_add(by, std::memory_order_relaxed); }  // relaxed: as above

 private:
  atomic<std::int64_t> now_ms_{0};
};

}  // namespace occ
