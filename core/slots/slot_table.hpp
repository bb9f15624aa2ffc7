#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/build/hash.hpp"
#include "core/memory/block_pool.hpp"
#include "core/slots/directory.hpp"
#include "core/slots/orphaned_work.hpp"
#include "core/slots/slot_arena.hpp"
#include "core/table/sharded_table.hpp"

namespace occ {

/// What every strategy that keeps its documents in slots has in common: the directory, the slots and the memory of
/// bodies. Such strategies differ in what a slot holds and how it is read and written, and in nothing else.
///
/// The slot of a deleted id goes to another id once its tombstone has expired, where the strategy can purge it
/// (StrategyInfo::reuses_slots): then memory follows the ids that are remembered at one time, whatever ids come and go.
template <class SlotType>
class SlotTable : public ShardedTable {
 public:
  using Slot = SlotType;
  using Place = typename Directory<Slot>::Place;

  /// Throws std::invalid_argument if an option is out of its range.
  explicit SlotTable(const TableOptions& options) : ShardedTable(options) {}

  [[nodiscard]] MemoryUse memory() const noexcept {
    return {.bodies = pool_.bytes(), .slots = arena_.bytes(), .directory = directory_.bytes()};
  }

  // For handles.

  [[nodiscard]] BlockPool& pool() noexcept { return pool_; }
  [[nodiscard]] Place find(std::uint64_t hash, std::string_view id) const noexcept { return directory_.find(hash, id); }
  void prefetch(std::uint64_t hash) const noexcept { directory_.prefetch(hash); }
  [[nodiscard]] Slot* candidate(std::uint64_t hash) const noexcept { return directory_.candidate(hash); }
  /// The place of an id that is there; if it is not, no place, and `publish(slot, word)` has given a slot of its own
  /// its first state, under the number `word`, unless numbers have run out. Blocking. Throws std::bad_alloc.
  template <class Publish>
  [[nodiscard]] Place find_or_insert(std::uint64_t hash, std::string_view id, Publish&& publish) {
    const std::uint32_t shard = route(hash, shards());
    const std::size_t segment = Directory<Slot>::segment_of(hash);
    SeqNoTerm word;
    const auto make = [&]() -> NumberedSlot<Slot> {
      const auto taken = arena_.take(id, segment, shard);
      // No lease: above any word that the slot had, and it is this thread's.
      word = this->shard(shard).draw();
      if (!word.vacant()) return taken;
      arena_.give(taken, id.size(), segment, shard);
      return {};
    };
    return directory_.find_or_insert(hash, id, make, [&](Slot& slot) { publish(slot, word); });
  }
  /// Takes a slot from its occupant, whose id and hash are given, if `vacate()`, which runs inside a lock, succeeds;
  /// after that nobody may be able to change the slot. Blocking.
  template <class Vacate>
  void purge(Slot& slot, std::uint64_t occupant, std::string_view id, std::uint64_t hash, Vacate&& vacate) noexcept {
    const auto leave = [&] { return slot.key.held_by(occupant) && vacate(); };
    const auto erased = directory_.erase(hash, &slot, leave);
    if (erased.slot != nullptr)
      arena_.give(erased, id.size(), Directory<Slot>::segment_of(hash), route(hash, shards()));
  }

  /// A slot that was deleted, and when, in ms of the table's clock.
  struct Deleted {
    Slot* slot;
    std::int64_t at_ms;
  };
  [[nodiscard]] OrphanedWork<Deleted>& orphaned_work() noexcept { return orphaned_work_; }

 private:
  Directory<Slot> directory_;
  SlotArena<Slot> arena_{Directory<Slot>::kSegments};
  BlockPool pool_;
  OrphanedWork<Deleted> orphaned_work_;
};

}  // namespace occ
