#pragma once

#include <cstdint>

#include "core/table/any_table.hpp"
#include "harness/measure/latency_histogram.hpp"
#include "harness/measure/pace_clock.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/time_distribution.hpp"

namespace occ {

/// Windows of attempts, measured from the client's side. What a server does within a call cannot be seen, so a window
/// runs from the middle of the read to the middle of the write; it is no shorter than from the read's end to the
/// write's beginning (`shortest`), and no longer than both calls together (`longest`).
struct MeasuredWindows {
  LatencyHistogram middle;
  double shortest_mean_s = 0;
  double longest_mean_s = 0;

  /// What the retry model and the simulation take. `text` is what it is called.
  [[nodiscard]] TimeDistribution distribution(std::string text) const;
};

/// Fills `documents` into a table and reads, changes and conditionally writes one after the other, as one client does,
/// for `seconds` or kMostAttempts, and for one attempt at least. Throws what the handle throws.
MeasuredWindows measure_windows(AnyHandle& handle, const Documents& documents, double seconds, PaceClock& clock);

inline constexpr std::uint64_t kMostAttempts = 200'000;

}  // namespace occ
