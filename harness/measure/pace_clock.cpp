#include "harness/measure/pace_clock.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <ctime>

#include "core/sync/spin_wait.hpp"

namespace occ {
namespace {

/// A sleep ends late by about so much where the timer is exact.
constexpr std::uint64_t kSleepLatenessNs = 60'000;
/// Nobody sleeps for longer without a look at the phase.
constexpr std::uint64_t kGlanceNs = 4'000'000;

}  // namespace

ProcessorPaceClock::ProcessorPaceClock(bool publishes_with_store)
    : publishes_with_store_(publishes_with_store), began_(clock_.begin()) {
  // Of this thread: by default a sleep may end 50 us later still, so that timers can be put together.
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

std::uint64_t ProcessorPaceClock::now_ns() {
  return clock_.to_ns(clock_.begin_sample(publishes_with_store_) - began_);
}

void ProcessorPaceClock::wait_until(std::uint64_t due_ns) {
  SpinWait spin;
  for (std::uint64_t now = now_ns(); now < due_ns; now = now_ns()) {
    const std::uint64_t left = due_ns - now;
    if (left <= kSleepLatenessNs) {
      spin.pause();
      continue;
    }
    const std::uint64_t sleep_ns = std::min(left - kSleepLatenessNs, kGlanceNs);
    const timespec sleep{.tv_sec = 0, .tv_nsec = static_cast<long>(sleep_ns)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &sleep, nullptr);
    if (sleep_ns == kGlanceNs) return;
  }
}

}  // namespace occ
