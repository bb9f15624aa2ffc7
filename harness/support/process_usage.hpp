#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace occ {

/// Processor time up to one moment, in seconds since some beginning. Only differences have a meaning.
struct CpuTimes {
  /// This process, all its threads.
  double user_s = 0;
  double sys_s = 0;
  /// All processes of the machine; idle and waiting for devices not. Counted by the kernel in steps of 10 ms per core.
  double machine_s = 0;
  /// What a hypervisor gave to others while something here could have run, likewise.
  double steal_s = 0;
  /// How often a thread of this process was taken off its processor though it could have run on, and how often one
  /// went to sleep.
  std::uint64_t involuntary_switches = 0;
  std::uint64_t voluntary_switches = 0;

  static CpuTimes now();

  [[nodiscard]] CpuTimes since(const CpuTimes& earlier) const noexcept;
  /// Processor time of every process but this one, on a difference; never negative.
  [[nodiscard]] double other_s() const noexcept;
};

struct MemoryUsage {
  /// Resident bytes, now and at their peak since the start of the process or the last reset.
  std::uint64_t rss_bytes = 0;
  std::uint64_t rss_peak_bytes = 0;

  /// Zeros where the system does not tell.
  static MemoryUsage now();
};

/// Lets the peak begin anew at the current resident size; false where the kernel does not allow it, the peak then being
/// that of the whole process.
bool reset_peak_rss();

/// Resident bytes of this process in huge pages; 0 where the system does not tell.
std::uint64_t huge_page_bytes();

/// Of the machine.
std::uint64_t physical_memory_bytes();

/// The system's load average over one minute; negative where it is unknown.
double load_average();

/// The mean frequency of these processors in MHz, as cpufreq tells it; nothing where it does not, as in most virtual
/// machines.
std::optional<double> processor_mhz(std::span<const int> processors);

}  // namespace occ
