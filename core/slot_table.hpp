#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atomic.hpp"
#include "core/block_pool.hpp"
#include "core/decide.hpp"
#include "core/directory.hpp"
#include "core/document_table.hpp"
#include "core/hash.hpp"
#include "core/shard.hpp"
#include "core/slot_arena.hpp"

namespace occ {

/// What every strategy that keeps its documents in slots has in common: shards, the directory, the slots and the memory
/// of bodies. Such strategies differ in what a slot holds and how it is read and written, and in nothing else.
///
/// The slot of a deleted id goes to another id once its tombstone has expired, where the strategy can purge it
/// (StrategyInfo::reuses_slots): then memory follows the ids that are remembered at one time, whatever ids come and go.
template <class SlotType>
class SlotTable {
 public:
  using Slot = SlotType;
  using Place = typename Directory<Slot>::Place;

  /// Throws std::invalid_argument if an option is out of its range.
  explicit SlotTable(const TableOptions& options)
      : shard_count_(check(options).shards),
        clock_(*options.clock),
        gc_deletes_ms_(options.gc_deletes_ms),
        arena_(options.shards) {
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
  [[nodiscard]] Place find(std::uint64_t hash, std::string_view id) const noexcept { return directory_.find(hash, id); }
  /// The place of an id that is there; if it is not, no place, and `publish(slot, word)` has given a slot of its own
  /// its first state, under the number `word`, unless numbers have run out. Blocking. Throws std::bad_alloc.
  template <class Publish>
  [[nodiscard]] Place find_or_insert(std::uint64_t hash, std::string_view id, Publish&& publish) {
    const std::uint32_t shard = route(hash, shard_count_);
    std::optional<SeqNoTerm> word;
    const auto make = [&]() -> Slot* {
      Slot& slot = arena_.take(id, shard);
      word = shards_[shard].draw();  // the slot is this thread's, so above the word that it had
      if (word) return &slot;
      arena_.give(slot, id.size(), shard);
      return nullptr;
    };
    return directory_.find_or_insert(hash, id, make, [&](Slot& slot) { publish(slot, *word); });
  }
  /// Takes a slot from its occupant, whose id and hash are given, if `vacate()`, which runs inside a lock, succeeds;
  /// after that nobody may be able to change the slot. Blocking.
  template <class Vacate>
  void purge(Slot& slot, std::uint64_t occupant, std::string_view id, std::uint64_t hash, Vacate&& vacate) noexcept {
    const auto leave = [&] { return slot.key.held_by(occupant) && vacate(); };
    if (directory_.erase(hash, &slot, leave)) arena_.give(slot, id.size(), route(hash, shard_count_));
  }

  /// A slot that was deleted, and when, in ms of the table's clock.
  struct Deleted {
    Slot* slot;
    std::int64_t at_ms;
  };
  /// What a handle leaves behind, for another one to take over. May throw std::bad_alloc.
  void leave(std::span<const Deleted> deleted) {
    const std::lock_guard held(left_lock_);
    left_.insert(left_.end(), deleted.begin(), deleted.end());
    any_left_.store(!left_.empty(), std::memory_order_relaxed);  // relaxed: a hint, the lock orders
  }
  [[nodiscard]] std::vector<Deleted> take_over() noexcept {
    if (!any_left_.load(std::memory_order_relaxed)) return {};  // relaxed: a hint
    const std::lock_guard held(left_lock_);
    any_left_.store(false, std::memory_order_relaxed);  // relaxed: as above
    return std::exchange(left_, {});
  }

  /// The clock is read only where a decision needs it.
  [[nodiscard]] Instant instant_for(const State& state) const noexcept {
    if (state.kind != State::Kind::tombstone) return {};
    return {.now_ms = clock_.now_ms(),
            .gc_deletes_ms = gc_deletes_ms_.load(std::memory_order_relaxed)};  // relaxed: as above
  }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return clock_.now_ms(); }
  /// A tombstone of that instant has outlived gc_deletes.
  [[nodiscard]] bool forgotten(std::int64_t deleted_at_ms) const noexcept {
    const State tombstone{.kind = State::Kind::tombstone, .deleted_at_ms = deleted_at_ms};
    return expired(tombstone, instant_for(tombstone));
  }

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
  SpinLock left_lock_;
  std::vector<Deleted> left_;
  atomic<bool> any_left_{false};
};

}  // namespace occ
