#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "harness/measure/cell.hpp"

namespace occ {

struct VerifySettings {
  std::uint32_t threads = 4;
  std::uint64_t seed = 1;
  /// TableOptions::seq_no_lease.
  std::uint32_t seq_no_lease = 1;
  /// TableOptions::compatibility; under v6 clients write on condition of tombstones' numbers too.
  Compatibility compatibility = Compatibility::v7;
  /// Time for one strategy; one round of all workloads is made even if it takes longer, some 5 s.
  double seconds = 0;
  /// So long a negative control, or a strategy with a declared weakness, may take to show it.
  double patience_s = 10;
};

/// What hostile workloads, whose histories were all recorded and checked, showed of one strategy.
struct StrategyVerdict {
  enum class Kind : std::uint8_t {
    correct,
    wrong,
    caught,         ///< a negative control failed, as it should
    not_caught,     ///< it did not: the check, or the workload, is too weak
    as_declared,    ///< `version_only`: updates were lost where tombstones expired, as declared
    not_convicted,  ///< they should have been and were not
    unfinished      ///< it was interrupted, and nothing wrong was found until then
  };
  Kind kind = Kind::correct;
  std::uint64_t operations = 0;
  /// Share of neighbouring operations of different threads that overlapped.
  double overlap = 0;
  /// Per thread of the check.
  double checked_per_s = 0;
  /// How much longer an operation took because it was recorded; absent if that was not measured.
  std::optional<double> recording_percent;
  /// Where something was found: in which workload, what, and the operations that show it.
  std::string workload;
  std::string violation;
  std::string excerpt;

  [[nodiscard]] bool as_it_should_be() const {
    return kind == Kind::correct || kind == Kind::caught || kind == Kind::as_declared;
  }
};

std::string_view to_string(StrategyVerdict::Kind kind);

/// measure(), or the same for a table that is not registered; nothing if it was interrupted.
using MeasureCell = std::function<std::optional<Measurement>(const Cell& cell, const Conditions& conditions,
                                                             std::uint32_t replicate, const Recording* recording)>;

/// Six workloads, with few documents for many threads and the processor taken away at any point:
///
/// - hot: 4 documents, updates, conditional writes, gets;
/// - everything: 48 documents, every kind of operation, the primary term raised every 2 ms, 0 to 3 retries, sources
///   of 8 to 5,000 bytes, tombstones that expire at once or within milliseconds (`version_only`: never), the
///   optimistic form of update where there is one;
/// - sizes: 8 documents whose sources change their length with every update, mostly across the border between what
///   fits into a slot and what needs a block, in single calls, and then in batches of 4;
/// - batches: 48 documents, every kind of operation in bulk calls of 24, tombstones that expire within milliseconds
///   (`version_only`: never);
/// - leases: 4 documents in 2 shards, writes of every kind, numbers taken 64 at once;
/// - growth: 50,000 ids of which a tenth is there, so that the directory grows under readers and writers.
///
/// Where `settings` has a lease, all of them take so many numbers at once.
///
/// Ends with the first thing found. Of a negative control, goes on for some seconds until it is caught.
StrategyVerdict verify_strategy(const StrategyInfo& strategy, const VerifySettings& settings,
                                const MeasureCell& measure_cell);

/// Of a `version_only` strategy: documents that are deleted, forgotten and created again while updates think, for some
/// seconds or until an update is lost.
StrategyVerdict verify_expiry(const StrategyInfo& strategy, const VerifySettings& settings,
                              const MeasureCell& measure_cell);

}  // namespace occ
