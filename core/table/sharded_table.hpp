#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/build/hash.hpp"
#include "core/model/decide.hpp"
#include "core/sync/atomic.hpp"
#include "core/table/document_table.hpp"
#include "core/table/shard.hpp"

namespace occ {

/// What every table has, wherever its documents are: shards, to which ids are routed by hash and which number the
/// writes, and the time that tombstones are kept.
class ShardedTable {
 public:
  /// Throws std::invalid_argument if an option is out of its range.
  explicit ShardedTable(const TableOptions& options)
      : shard_count_(check(options).shards),
        clock_(*options.clock),
        gc_deletes_ms_(options.gc_deletes_ms),
        tombstones_match_(options.compatibility == Compatibility::v6),
        backoff_(options.backoff),
        seq_no_lease_(options.seq_no_lease) {
    shards_ = std::make_unique<Shard[]>(shard_count_);
    for (std::uint32_t i = 0; i < shard_count_; ++i) shards_[i].start_at(options.first_seq_no);
  }

  bool fail_over(std::uint32_t shard) noexcept { return shards_[shard].fail_over(); }
  void set_gc_deletes(std::int64_t ms) noexcept {
    gc_deletes_ms_.store(ms, std::memory_order_relaxed);  // relaxed: a setting, it orders nothing
  }
  [[nodiscard]] std::uint32_t shards() const noexcept { return shard_count_; }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const noexcept { return route(hash_id(id), shard_count_); }
  [[nodiscard]] SeqNoTerm next(std::uint32_t shard) const noexcept { return shards_[shard].next(); }

  // For handles.

  [[nodiscard]] BackoffKind backoff() const noexcept { return backoff_; }
  [[nodiscard]] Shard& shard_for(std::uint64_t hash) noexcept { return shards_[route(hash, shard_count_)]; }
  /// The same by the id, which is not hashed if there is but one.
  [[nodiscard]] Shard& shard_for(std::string_view id) noexcept {
    return shard_count_ == 1 ? shards_[0] : shard_for(hash_id(id));
  }
  /// For one handle.
  [[nodiscard]] SeqNoLeases leases() const { return {shards_.get(), shard_count_, seq_no_lease_}; }
  /// The clock is read, and the table's rules are asked for, only where a decision needs it.
  [[nodiscard]] Instant instant_for(const State& state) const noexcept {
    if (state.kind != State::Kind::tombstone) return {};
    return {.now_ms = clock_.now_ms(),
            .gc_deletes_ms = gc_deletes_ms_.load(std::memory_order_relaxed),  // relaxed: as above
            .tombstones_match = tombstones_match_};
  }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return clock_.now_ms(); }
  /// A tombstone of that instant has outlived gc_deletes.
  [[nodiscard]] bool forgotten(std::int64_t deleted_at_ms) const noexcept {
    const State tombstone{.kind = State::Kind::tombstone, .deleted_at_ms = deleted_at_ms};
    return expired(tombstone, instant_for(tombstone));
  }

 protected:
  [[nodiscard]] Shard& shard(std::uint32_t number) noexcept { return shards_[number]; }

 private:
  static const TableOptions& check(const TableOptions& options) {
    if (options.shards < 1 || options.shards > 1024)
      throw std::invalid_argument("shards must be 1 to 1024, not " + std::to_string(options.shards));
    if (options.gc_deletes_ms < -1)
      throw std::invalid_argument("gc_deletes must be -1 or more, in ms, not " + std::to_string(options.gc_deletes_ms));
    if (options.seq_no_lease < 1 || options.seq_no_lease > Shard::kMostAtOnce)
      throw std::invalid_argument("seq_no_lease must be 1 to " + std::to_string(Shard::kMostAtOnce) + ", not " +
                                  std::to_string(options.seq_no_lease));
    if (options.first_seq_no > Shard::kSeqNoLimit) throw std::invalid_argument("first_seq_no is above the last number");
    return options;
  }

  std::uint32_t shard_count_;
  const Clock& clock_;
  atomic<std::int64_t> gc_deletes_ms_;
  bool tombstones_match_;
  BackoffKind backoff_;
  std::uint32_t seq_no_lease_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace occ
