#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

#include "harness/support/random.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace occ {

/// Time in ticks: the processor's time stamp counter where it runs at a constant rate and the kernel trusts it, else
/// CLOCK_MONOTONIC in nanoseconds. Calibrated against CLOCK_MONOTONIC once per process, in 50 ms, to about one part in
/// a million. Thread-safe; ticks of different threads can be compared.
class CycleClock {
 public:
  static const CycleClock& instance() {
    static const CycleClock clock;
    return clock;
  }

  /// Not ordered with the memory accesses around it: for durations of whole operations, at the least cost.
  [[nodiscard]] std::uint64_t now() const noexcept {
#if defined(__x86_64__)
    if (is_tsc_) [[likely]]
      return __rdtsc();
#endif
    return steady_ns();
  }

  /// Taken before any later memory access: the invocation stamp of a history.
  [[nodiscard]] std::uint64_t begin() const noexcept {
    const std::uint64_t ticks = now();
    load_fence();
    return ticks;
  }
  /// Taken after every earlier load has its value: the response stamp of a history. A plain store may still wait in the
  /// store buffer; see end_after_store().
  [[nodiscard]] std::uint64_t end() const noexcept {
    load_fence();
    return now();
  }
  /// Like end(), and after every earlier store can be seen by other threads too: for strategies that publish with a
  /// plain store.
  [[nodiscard]] std::uint64_t end_after_store() const noexcept {
    full_fence();
    return end();
  }

  /// The stamps around an operation whose latency is measured. As begin(), and taken after every earlier load has its
  /// value; with `after_store`, after every earlier store has left the processor, too: what the operations before still
  /// wait for is not this one's.
  [[nodiscard]] std::uint64_t begin_sample(bool after_store) const noexcept {
    if (after_store) full_fence();
    load_fence();
    return begin();
  }
  /// end(), or end_after_store().
  [[nodiscard]] std::uint64_t end_sample(bool after_store) const noexcept {
    return after_store ? end_after_store() : end();
  }

  [[nodiscard]] std::uint64_t to_ns(std::uint64_t ticks) const noexcept {
    return static_cast<std::uint64_t>(Uint128{ticks} * ns_per_tick_scaled_ >> kScaleBits);
  }
  [[nodiscard]] std::uint64_t to_ticks(std::uint64_t ns) const noexcept {
    return static_cast<std::uint64_t>(static_cast<double>(ns) / 1e9 * ticks_per_second_);
  }

  [[nodiscard]] bool is_tsc() const noexcept {
    return is_tsc_;
  }
  [[nodiscard]] double ticks_per_second() const noexcept {
    return ticks_per_second_;
  }
  /// What one call of now() costs, in ns.
  [[nodiscard]] double cost_ns() const noexcept {
    return cost_ns_;
  }
  /// What lies between begin_sample() and end_sample() where nothing is done in between: the part of a latency that is
  /// the stamps' own.
  [[nodiscard]] double sample_cost_ns(bool after_store) const noexcept {
    return after_store ? sample_after_store_cost_ns_ : sample_cost_ns_;
  }

 private:
  static constexpr unsigned kScaleBits = 48;

  CycleClock() : is_tsc_{tsc_is_usable()} {
    if (is_tsc_) {
      const Reading first = read_both();
      while (steady_ns() - first.ns < 50'000'000) {
      }
      const Reading second = read_both();
      ticks_per_second_ =
          static_cast<double>(second.ticks - first.ticks) / static_cast<double>(second.ns - first.ns) * 1e9;
    }
    ns_per_tick_scaled_ = static_cast<std::uint64_t>(1e9 / ticks_per_second_ * 0x1p48);
    cost_ns_ = measure_cost_ns();
    sample_cost_ns_ = measure_sample_cost_ns(false);
    sample_after_store_cost_ns_ = measure_sample_cost_ns(true);
  }

  static std::uint64_t steady_ns() noexcept {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch()}.count());
  }

  /// Not the compiler's own fence, which the race detector refuses to build; these fences order stamps, not data.
  static void full_fence() noexcept {
#if defined(__x86_64__)
    _mm_mfence();
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
  }
  static void load_fence() noexcept {
#if defined(__x86_64__)
    _mm_lfence();
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
  }

  static bool tsc_is_usable() {
#if defined(__x86_64__)
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    constexpr unsigned kInvariantTsc = 1U << 8U;
    if (__get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) == 0 || (edx & kInvariantTsc) == 0) return false;
    // The kernel strikes the counter from this list when it finds that the cores disagree.
    std::ifstream file{"/sys/devices/system/clocksource/clocksource0/available_clocksource"};
    if (!file) return true;
    for (std::string source; file >> source;) {
      if (source == "tsc") return true;
    }
#endif
    return false;
  }

  struct Reading {
    std::uint64_t ticks;
    std::uint64_t ns;
  };
  /// Both clocks at one moment: the tightest of some tries, since an interrupt may come between.
  [[nodiscard]] Reading read_both() const noexcept {
    Reading best{};
    std::uint64_t narrowest = std::numeric_limits<std::uint64_t>::max();
    for (int attempt = 0; attempt < 50; ++attempt) {
      const std::uint64_t before = begin();
      const std::uint64_t ns = steady_ns();
      const std::uint64_t after = end();
      if (after - before >= narrowest) continue;
      narrowest = after - before;
      best = {before + narrowest / 2, ns};
    }
    return best;
  }

  [[nodiscard]] double measure_cost_ns() const noexcept {
    constexpr int kCalls = 1000;
    double least = std::numeric_limits<double>::max();
    for (int attempt = 0; attempt < 20; ++attempt) {
      const std::uint64_t before = steady_ns();
      std::uint64_t sum = 0;
      for (int call = 0; call < kCalls; ++call) sum += now();
      asm volatile("" : : "r"(sum));
      least = std::min(least, static_cast<double>(steady_ns() - before) / kCalls);
    }
    return least;
  }

  /// The median, since now and then something comes between.
  [[nodiscard]] double measure_sample_cost_ns(bool after_store) const noexcept {
    std::array<std::uint64_t, 1001> ticks{};
    for (std::uint64_t& one : ticks) {
      const std::uint64_t before = begin_sample(after_store);
      one = end_sample(after_store) - before;
    }
    std::nth_element(ticks.begin(), ticks.begin() + ticks.size() / 2, ticks.end());
    return static_cast<double>(ticks[ticks.size() / 2]) / ticks_per_second_ * 1e9;
  }

  bool is_tsc_;
  double ticks_per_second_ = 1e9;
  std::uint64_t ns_per_tick_scaled_;
  double cost_ns_;
  double sample_cost_ns_;
  double sample_after_store_cost_ns_;
};

}  // namespace occ
