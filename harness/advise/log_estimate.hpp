#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/advise/conflict_log.hpp"
#include "harness/advise/popularity.hpp"
#include "harness/support/statistics.hpp"
#include "harness/workload/time_distribution.hpp"

namespace occ {

/// A document of a log, hot enough to be known.
struct HotDocument {
  std::string id;
  std::uint64_t conflicts;
  double commits_per_s;
  /// Commits in one mean window.
  double rho;
};

/// What is known of a log beside its lines.
struct LogQuestion {
  /// How windows are distributed; its mean does not matter. Nothing: somewhere between always the same and exponential.
  std::optional<TimeDistribution> shape = std::nullopt;
  /// Where a server tried again up to so often, it told only of the updates that it gave up.
  std::uint32_t retries = 0;
  /// That wrote then; 0: nobody knows.
  std::uint64_t clients = 0;
};

/// What a log of conflicts says of the load behind it.
struct LogEstimate {
  double seconds = 0;
  /// Numbers that the shard gave out per second.
  double writes_per_s = 0;
  /// Mean window by `shape`, and of many clients where their number is not known. Its 95 % interval holds for every
  /// shape and number of clients that the question and the log leave open.
  Interval window_s{};
  TimeDistribution shape = TimeDistribution::fixed(1);
  /// So many were at one document at once.
  std::uint64_t least_clients = 0;
  /// Documents with enough conflicts for the window, and the conflicts that they have.
  std::size_t documents_used = 0;
  std::uint64_t conflicts_used = 0;
  /// Bounds of single windows, medians over the conflicts: the shard gave `required` before the window began, and the
  /// document's next number that the log has after it.
  double upper_bound_s = 0;
  double lower_bound_s = 0;
  /// By their rate, the hottest first.
  std::vector<HotDocument> hot;

  /// Documents by their rates, for the model: those of `hot`, and the shard's other writes far apart.
  [[nodiscard]] std::vector<DocumentClass> classes() const;
};

/// A document tells something of windows from so many conflicts on, and all such documents together need so many.
inline constexpr std::uint64_t kLeastConflictsOfDocument = 30;
inline constexpr std::uint64_t kLeastConflicts = 200;

/// Estimates mean window and rates; see README.md for the equations. The log has to be complete: a line for every conflict
/// of its documents, or for every update that the server gave up. Throws BadInput where the log is too thin, which says
/// what is missing.
LogEstimate estimate(const ConflictLog& log, const LogQuestion& question);

}  // namespace occ
