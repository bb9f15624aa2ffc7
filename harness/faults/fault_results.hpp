#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/faults/fault_run.hpp"
#include "harness/replicated/judgement.hpp"
#include "harness/support/column.hpp"

namespace occ {

/// What the row of faults.csv is made from.
struct FaultRow {
  const RemoteServer& server;
  const FaultOptions& options;
  const FaultObservation& seen;
  const Judgement& judgement;
};

/// The columns of faults.csv.
const Columns<FaultRow>& fault_columns();

/// A step of the time line: what ended in it, and what was seen then.
struct TimelineStep {
  std::uint64_t at_ms = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t refused = 0;
  /// By their begins, since they have no end.
  std::uint64_t unknown = 0;
  std::uint64_t stale = 0;
  std::uint64_t inverted = 0;
  std::uint64_t dirty = 0;
  /// The highest term acknowledged until its end; 0 before the first.
  std::uint64_t term = 0;
  bool is_fault = false;
  /// Commands that began in it.
  std::string commands;
};
inline constexpr std::uint64_t kStepMs = 100;

/// From the window's begin until the last answer.
std::vector<TimelineStep> timeline_of(const FaultObservation& seen, const Judgement& judgement);
/// The columns of timeline.csv.
const Columns<TimelineStep>& timeline_columns();

/// For people: what happened, in some lines.
std::string fault_text(const FaultRow& row);

}  // namespace occ
