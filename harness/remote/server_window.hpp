#pragma once

#include <atomic>
#include <cstdint>

namespace occ {

/// The window of a replicate, as all clients of a server see it together; they share it, which costs nothing beside a
/// request. Times are ticks of CycleClock.
class ServerWindow {
 public:
  // relaxed, all of them: times and numbers, which carry no other data.

  void open(std::uint64_t now) noexcept {
    last_success_.store(now, std::memory_order_relaxed);
    longest_outage_.store(0, std::memory_order_relaxed);
    is_open_.store(true, std::memory_order_relaxed);
  }
  void close(std::uint64_t now) noexcept {
    note_success(now);  // whoever waits until then has waited so long at least
    is_open_.store(false, std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_open() const noexcept { return is_open_.load(std::memory_order_relaxed); }

  /// Somebody's operation succeeded, at a time that was looked at after it.
  void note_success(std::uint64_t now) noexcept {
    if (!is_open()) return;
    std::uint64_t last = last_success_.load(std::memory_order_relaxed);
    do {
      if (now <= last) return;  // somebody else's was later, and has the gap
    } while (!last_success_.compare_exchange_weak(last, now, std::memory_order_relaxed, std::memory_order_relaxed));
    std::uint64_t longest = longest_outage_.load(std::memory_order_relaxed);
    while (longest < now - last && !longest_outage_.compare_exchange_weak(
                                       longest, now - last, std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
  }

  /// The longest time for which nobody's operation succeeded, after close().
  [[nodiscard]] std::uint64_t longest_outage() const noexcept {
    return longest_outage_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<bool> is_open_{false};
  std::atomic<std::uint64_t> last_success_{0};
  std::atomic<std::uint64_t> longest_outage_{0};
};

}  // namespace occ
