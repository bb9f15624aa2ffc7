#pragma once

#include <sched.h>

#include <algorithm>
#include <cstdint>

namespace occ {

/// Tells the processor that this is a waiting loop (x86 `pause`).
inline void cpu_pause() noexcept {
  __builtin_ia32_pause();
}

/// The body of every waiting loop: pauses for doubling times, then gives the core away, since threads may outnumber
/// cores and the thread that is waited for may not be running.
class SpinWait {
 public:
  /// For those who then sleep: all the pauses.
  static constexpr int kRoundsBeforeSleep = 7;

  void pause() noexcept {
    if (rounds_ >= kRoundsBeforeYield) {
      sched_yield();
      return;
    }
    for (std::uint32_t i = 0; i < (1U << rounds_); ++i) cpu_pause();
    ++rounds_;
  }

 private:
  /// 2^7 - 1 pauses are 1 to 5 us, about what a context switch costs.
  static constexpr std::uint32_t kRoundsBeforeYield = 7;
  std::uint32_t rounds_ = 0;
};

}  // namespace occ
