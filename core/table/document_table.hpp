#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/model/clock.hpp"
#include "core/model/compatibility.hpp"
#include "core/model/document.hpp"
#include "core/model/outcome.hpp"
#include "core/model/precondition.hpp"
#include "core/model/strategy_info.hpp"
#include "core/model/update.hpp"
#include "core/table/backoff.hpp"
#include "core/table/counters.hpp"

namespace occ {

struct TableOptions {
  /// Ids are routed to shards by hash; each shard has its own seq_no counter and primary term. 1 to 1024.
  std::uint32_t shards = 1;
  /// How long a tombstone keeps its version, in milliseconds; 0 and -1 are allowed (see Instant).
  std::int64_t gc_deletes_ms = 60'000;
  /// Must outlive the table.
  const Clock* clock = &SteadyClock::instance();
  /// The first number of every shard.
  std::uint64_t first_seq_no = 0;
  /// How many numbers a handle draws at once from a shard (core/table/shard.hpp), 1 to Shard::kMostAtOnce; 1: each
  /// when it is needed. With more, numbers follow the order of writes within a document only.
  std::uint32_t seq_no_lease = 1;
  /// What handles do after a failure, where the strategy backs off (StrategyInfo::backs_off).
  BackoffKind backoff = BackoffKind::none;
  /// The rules that differ: under v6 a condition may name a tombstone's number (Instant::tombstones_match).
  Compatibility compatibility = Compatibility::v7;
};

/// Bytes of one table, as asked of the system; pages never touched are counted too.
struct MemoryUse {
  std::size_t bodies = 0;
  std::size_t slots = 0;
  std::size_t directory = 0;
  [[nodiscard]] std::size_t total() const noexcept { return bodies + slots + directory; }
};

/// One thread's way into a table: its caches and its counters. Made, used and destroyed by one thread, before the table
/// is destroyed; a thread may have several.
///
/// Semantics, for every operation: it takes effect at one instant between call and return (linearizable per document),
/// and what it does there is what `decide` says of the state at that instant. Ids are 1 to kMaxIdBytes bytes, sources
/// at most kMaxSourceBytes; anything else is `rejected` and changes nothing. A conflict, a noop and a rejection consume
/// no seq_no; every write, a delete of a missing id included, consumes exactly one. Ids and sources are read during the
/// call only.
///
/// - get: `found` and the document copied into `into`; or `not_found`, `into` then unspecified.
/// - index, create, remove: one conditional write. create is index with Precondition::must_not_exist().
/// - update: see Transform and UpdateOptions. Where the strategy lacks the requested form: rejected,
/// update_form_unsupported.
/// - bulk: each item as if called alone, in order within a shard; no atomicity across items.
///
/// The caller cannot tell where a transform runs: on this thread, at an owner, in a combiner or inside a transaction.
template <class H>
concept TableHandle = requires(H handle, std::string_view id, Bytes source, Document& into, Precondition precondition,
                               Transform transform, const UpdateOptions& options, std::span<BulkItem> items) {
  { handle.get(id, into) } -> std::same_as<Outcome>;
  { handle.index(id, source, precondition) } -> std::same_as<Outcome>;
  { handle.create(id, source) } -> std::same_as<Outcome>;
  { handle.remove(id, precondition) } -> std::same_as<Outcome>;
  { handle.update(id, transform, options) } -> std::same_as<Outcome>;
  { handle.bulk(items) } -> std::same_as<void>;
  { handle.counters() } -> std::same_as<const Counters&>;
};

/// A table of documents under one update strategy. Everything here but construction and destruction is thread-safe.
///
/// - handle(): a new handle for the calling thread. Handles need not be movable.
/// - fail_over(shard): raises the shard's primary term while writers run; false if the terms have run out. Documents
/// keep the word of the write
///   that made them.
/// - next(shard): the number that the next write, or lease, would get, and the term in force.
/// - shard_of(id): where an id is routed to.
/// - set_gc_deletes(ms): takes effect for decisions from now on. Whether a longer time brings a tombstone back that had
/// expired, depends on whether it has been purged.
/// - memory(): a report, exact while nobody writes.
template <class T>
concept DocumentTable = requires(T table, const T& constant, std::uint32_t shard, std::string_view id,
                                 std::int64_t ms) {
  requires std::constructible_from<T, const TableOptions&>;
  requires TableHandle<typename T::Handle>;
  { T::kInfo } -> std::convertible_to<StrategyInfo>;
  { table.handle() } -> std::same_as<typename T::Handle>;
  { table.fail_over(shard) } -> std::same_as<bool>;
  { table.set_gc_deletes(ms) } -> std::same_as<void>;
  { constant.shards() } -> std::same_as<std::uint32_t>;
  { constant.shard_of(id) } -> std::same_as<std::uint32_t>;
  { constant.next(shard) } -> std::same_as<SeqNoTerm>;
  { constant.memory() } -> std::same_as<MemoryUse>;
};

}  // namespace occ
