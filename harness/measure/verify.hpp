#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/build/function_ref.hpp"
#include "core/table/any_table.hpp"
#include "harness/history/history.hpp"
#include "harness/measure/operation_counts.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

/// Units of one product that acknowledged purchases took.
struct StockMoves {
  std::uint64_t sold = 0;
};

/// What the threads of a replicate say that they did, from the first document filled in to the last operation.
struct Claims {
  OperationCounts counts;
  Counters counters;
  /// Operations that ended in the window, conflicts too.
  std::uint64_t window_operations = 0;
  /// By document, in the stock workload; else empty.
  std::vector<StockMoves> stock;
  /// Numbers that a server drew for publications that failed are not told, so that there may be any number of them.
  bool gaps_untold = false;
  /// A tombstone may have outlived gc_deletes, so that versions may have begun again.
  bool tombstones_may_have_expired = false;
};

struct Verification {
  enum class Verified : std::uint8_t {
    yes,
    no,
    caught,          ///< failed as declared: a negative control, or `version_only` semantics where tombstones expire
    not_applicable,  ///< the strategy promises nothing: it stores nothing, or is a floor
    no_verdict,      ///< nothing wrong was found where there was nothing to judge
  };
  /// How much was compared; rows of different levels are never paired. `fill` is a history in which no operation of the
  /// workload was judged.
  enum class Level : std::uint8_t { none, numbers, bounds, live, sums, fill, history };
  Verified verified = Verified::not_applicable;
  Level level = Level::none;
  /// What was found wrong, in words, or why there is no verdict; empty if there is one and nothing was.
  std::string violation;
  /// Acknowledged writes whose loss the sums would show.
  std::uint64_t compared_writes = 0;
  /// Acknowledged increments (where other writes occur: acknowledged writes) that the table does not show. Negative
  /// if it shows more than were acknowledged.
  std::optional<std::int64_t> lost_updates;
  /// Units sold that were not in stock; stock workload only.
  std::optional<std::uint64_t> oversold;
};

std::string_view to_string(Verification::Verified verified);
std::string_view to_string(Verification::Level level);

/// Compares what the threads claim with what is in the table, in which nobody works any more:
///
/// - attempts = applied + noop + not_found + conflicts + publication failures, and the strategy counts as many applied
///   writes as its callers saw;
/// - every document is whole; with an incrementing mix, all that were filled in are there, their counters sum to the
///   acknowledged increments and each _version is one more than the counter (of documents without a body, versions
///   alone sum to them); with another mix, versions (tombstones' too, unless they may have expired) sum to the
///   acknowledged writes;
/// - words are distinct within a shard and below its next number; numbers used = acknowledged writes + gaps;
/// - no torn read, no word out of order, no rejected operation;
/// - stock: of each product, no more units were sold than its updates can have sold, and as many are there as follow.
///
/// Writes of unknown outcome (OperationCounts::unknown) may have happened or not: what counts writes may be so much more, and the
/// level is `bounds`. Where the table does not say to which of several shards an id goes, a number may occur as often as
/// there are shards.
///
/// Where tombstones may have expired, versions begin again, and do not add up. Those of live documents do still, since
/// what replaced one has the version after it: over all writes that left a document, the sum of their versions plus one
/// is that of what replaced them and of what is there at the end. So a live document's lost update shows, a lost write
/// onto a tombstone need not: the level is `live`; or `numbers`, which a lost update can pass, if there are writes of
/// unknown outcome besides.
///
/// Without an operation in the window there is no verdict, unless something is wrong.
///
/// Writes to the table when tombstones have to be looked at.
Verification verify(AnyTable& table, const Documents& documents, const Workload& workload, const Claims& claims);

/// Calls take(indices, items) for all documents, some at a time; items are gets, with room for what they find.
void for_each_batch(const Documents& documents,
                    FunctionRef<void(std::span<const std::uint32_t> indices, std::span<BulkItem> items)> take);

/// Neighbours that overlapped, below which a history shows nothing of races: where none of so many is wrong, fewer than
/// one in a hundred are, at 95 % confidence (the rule of three: 3 / 300).
inline constexpr std::uint64_t kLeastOverlapping = 300;

/// What a history can show of races, as a column says it.
std::string_view power_of(const HistoryReport& history, std::uint32_t threads);

/// Adds the verdict on the same replicate's history, of which so many operations are the workload's: where there are
/// none, or none was judged, there is no verdict. Lost updates, and nothing else, are what a `version_only` strategy
/// declares for tombstones that may have expired: they are `caught`. `id` names the first contradiction's document.
void add_history(Verification& verification, const HistoryReport& history, std::uint64_t workload_operations,
                 std::string_view id, Semantics semantics, bool tombstones_may_have_expired);

}  // namespace occ
