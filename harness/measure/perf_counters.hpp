#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace occ {

/// Processor events in user space; nullopt is "not available".
struct PerfCounts {
  std::optional<std::uint64_t> cycles = 0;
  std::optional<std::uint64_t> instructions = 0;
  std::optional<std::uint64_t> cache_misses = 0;

  /// Sums; what one side lacks, the sum lacks.
  void merge(const PerfCounts& other) noexcept;
};

/// The processor's event counters for the calling thread, through perf_event_open. Made, started and stopped by the
/// thread that is counted, outside the timed loop; nothing is done inside it. Where the kernel or the machine refuses
/// (perf_event_paranoid, containers, most virtual machines) everything works and counts nothing.
class PerfCounters {
 public:
  PerfCounters() noexcept;
  ~PerfCounters();
  PerfCounters(const PerfCounters&) = delete;
  PerfCounters& operator=(const PerfCounters&) = delete;

  /// From zero.
  void start() noexcept;
  void stop() noexcept;
  /// What happened between start() and stop(), scaled up where the kernel had to share the counters out; nullopt for
  /// an event that could not be counted.
  [[nodiscard]] PerfCounts read() const noexcept;

  /// Why an event is not available, for the provenance; empty if all are.
  [[nodiscard]] std::string why_not() const;

 private:
  static constexpr std::size_t kEvents = 3;
  std::array<int, kEvents> files_;
  std::array<int, kEvents> errors_{};
};

}  // namespace occ
