/// Stands in for core/build/fault_point.hpp where strategies are compiled for `occkit stall`. Found first on the include path
/// of occkit_stall_cell, and of nothing else: the two never meet in one program.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/build/fault_point_list.hpp"

namespace occ {

/// Stops one thread when it passes a point: the thread sleeps, inside whatever it is inside of, until it is released.
/// The thread that attaches it passes; any other may arm and release.
class FaultGate {
 public:
  FaultGate() = default;
  FaultGate(const FaultGate&) = delete;
  FaultGate& operator=(const FaultGate&) = delete;

  /// The calling thread passes through this gate from now on.
  void attach() noexcept { of_this_thread() = this; }

  /// Stops the thread at its next passage of `point`, once.
  void arm(FaultPoint point) noexcept { state_.store(kArmed | static_cast<std::uint32_t>(point)); }

  [[nodiscard]] bool armed() const noexcept { return (state_.load() & kArmed) != 0; }
  /// Where it is armed for.
  [[nodiscard]] FaultPoint point() const noexcept { return static_cast<FaultPoint>(state_.load() & kPoint); }
  [[nodiscard]] bool stopped() const noexcept { return state_.load() == kStopped; }

  /// Lets the thread go on, or not be stopped at all.
  void release() noexcept {
    state_.store(kOpen);
    state_.notify_all();
  }

  /// Bit i is set if the thread has passed point i.
  [[nodiscard]] std::uint32_t passed() const noexcept { return passed_.load(); }

  static void pass(FaultPoint point) noexcept {
    if (FaultGate* gate = of_this_thread()) gate->pass_here(point);
  }

  /// Null if the thread has none.
  static FaultGate*& of_this_thread() noexcept {
    thread_local FaultGate* gate = nullptr;
    return gate;
  }

 private:
  static constexpr std::uint32_t kPoint = 0xff;
  static constexpr std::uint32_t kOpen = 0x100;
  static constexpr std::uint32_t kArmed = 0x200;
  static constexpr std::uint32_t kStopped = 0x400;

  void pass_here(FaultPoint point) noexcept {
    passed_.fetch_or(std::uint32_t{1} << static_cast<unsigned>(point));
    std::uint32_t expected = kArmed | static_cast<std::uint32_t>(point);
    if (!state_.compare_exchange_strong(expected, kStopped)) return;
    while (stopped()) state_.wait(kStopped);
  }

  std::atomic<std::uint32_t> state_{kOpen};
  std::atomic<std::uint32_t> passed_{0};
};

inline void fault_point(FaultPoint point) noexcept {
  FaultGate::pass(point);
}

}  // namespace occ
