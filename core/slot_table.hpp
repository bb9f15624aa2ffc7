#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/atomic.hpp"
#include "core/block_pool.hpp"
#include "core/decide.hpp"
#include "core/directory.hpp"
#include "core/document_table.hpp"
#include "core/hash.hpp"
#include "core/shard.hpp"
#include "core/slot_key.hpp"

namespace occ {

/// What every strategy that keeps its documents in slots has in common: shards, the directory, the slots and the memory
/// of bodies. Such strategies differ in what a slot holds and how it is read and written, and in nothing else.
///
/// A slot is its id's for the life of the table: memory grows with the ids ever written, deleted ones included
/// (gc_deletes says how long a tombstone is remembered, not how long its memory is kept). Where a strategy calls its
/// memory bounded, that is beside this.
template <class SlotType>
class SlotTable {
 public:
  using Slot = SlotType;

  /// Throws std::invalid_argument if an option is out of its range.
  explicit SlotTable(const TableOptions& options)
      : shard_count_(check(options).shards), clock_(*options.clock), gc_deletes_ms_(options.gc_deletes_ms) {
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
  [[nodiscard]] MemoryUse memory() const noexcept {
    return {.bodies = pool_.bytes(), .slots = arena_.bytes(), .directory = directory_.bytes()};
  }

  // For handles.

  [[nodiscard]] BlockPool& pool() noexcept { return pool_; }
  [[nodiscard]] Shard& shard_for(std::uint64_t hash) noexcept { return shards_[route(hash, shard_count_)]; }
  [[nodiscard]] Slot* find(std::uint64_t hash, std::string_view id) const noexcept { return directory_.find(hash, id); }
  /// Blocking. Throws std::bad_alloc.
  [[nodiscard]] Slot& find_or_insert(std::uint64_t hash, std::string_view id) {
    return directory_.find_or_insert(hash, id, [&]() -> Slot& { return arena_.make(id); });
  }
  /// The clock is read only where a decision needs it.
  [[nodiscard]] Instant instant_for(const State& state) const noexcept {
    if (state.kind != State::Kind::tombstone) return {};
    return {.now_ms = clock_.now_ms(),
            .gc_deletes_ms = gc_deletes_ms_.load(std::memory_order_relaxed)};  // relaxed: as above
  }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return clock_.now_ms(); }

 private:
  static const TableOptions& check(const TableOptions& options) {
    if (options.shards < 1 || options.shards > 1024)
      throw std::invalid_argument("shards must be 1 to 1024, not " + std::to_string(options.shards));
    if (options.gc_deletes_ms < -1)
      throw std::invalid_argument("gc_deletes must be -1 or more, in ms, not " + std::to_string(options.gc_deletes_ms));
    if (options.first_seq_no > Shard::kSeqNoLimit) throw std::invalid_argument("first_seq_no is above the last number");
    return options;
  }

  std::uint32_t shard_count_;
  const Clock& clock_;
  atomic<std::int64_t> gc_deletes_ms_;
  std::unique_ptr<Shard[]> shards_;
  Directory<Slot> directory_;
  SlotArena<Slot> arena_;
  BlockPool pool_;
};

}  // namespace occ
