#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "harness/support/process_usage.hpp"

namespace occ {

/// What went on beside a replicate, from the opening of its window to the closing.
struct WindowReadings {
  double window_s = 0;
  CpuTimes cpu;
  std::uint32_t threads = 0;
  /// Those that the process may use.
  std::size_t processors = 0;
  /// See processor_mhz.
  std::optional<double> mhz;
  /// A process that is not this one does part of the work: a server that is measured through HTTP.
  bool is_remote = false;
};

/// From here on a replicate is disturbed.
struct DisturbanceLimits {
  /// Processor time of other processes, and stolen time, each as a share of the window: 1 is one processor all the time.
  double share = 0.05;
  /// The kernel counts both in steps of 10 ms, which on each processor begin anywhere: this much may be added per square
  /// root of the processors.
  double resolution_s = 0.02;
  /// Involuntary switches per second of the window and thread, beyond one for each time that a thread of this process
  /// went to sleep: when it wakes up, it may take the processor of another one.
  double switches_per_s = 50;
  /// A few happen in any window.
  double few_switches = 20;
  /// Below this share of the median frequency of the cell's earlier replicates.
  double frequency = 0.9;
};

/// What disturbed a replicate.
struct Disturbance {
  double cpu_other_share = 0;
  double steal_share = 0;
  std::uint64_t involuntary_switches = 0;
  std::optional<double> mhz;
  /// What was beyond its limit: cpu_other, steal, switches, frequency, joined by '+'; empty if nothing was.
  std::string by;

  [[nodiscard]] bool is_disturbed() const noexcept { return !by.empty(); }
  /// "others took 85 % of a processor, 312 involuntary switches"; empty if nothing disturbed it.
  [[nodiscard]] std::string text() const;
};

/// Judges the readings. With more threads than processors, threads take each other's place, so that switches convict
/// nobody; where a server does part of the work, neither do switches nor processor time of others. `usual_mhz`: the
/// median frequency of earlier replicates of the cell, if there is one.
Disturbance judge(const WindowReadings& readings, std::optional<double> usual_mhz = std::nullopt,
                  const DisturbanceLimits& limits = {});

/// The limits in a sentence.
std::string describe(const DisturbanceLimits& limits);

}  // namespace occ
