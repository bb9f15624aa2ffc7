#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/build/fault_point.hpp"
#include "core/memory/arena.hpp"
#include "core/slots/slot_key.hpp"
#include "core/slots/slot_number.hpp"
#include "core/sync/spin_lock.hpp"

namespace occ {

/// Where a table's slots live: memory whose addresses never change, freed with the table. A slot that is given back
/// goes to the next id of its segment, whose number it has, and of its shard, since only the numbers of one shard can be
/// compared. Blocking (one lock); only inserts and purges come here.
template <class Slot>
class SlotArena {
 public:
  explicit SlotArena(std::size_t segments) : segments_(segments) {}

  /// A slot whose key is `id`; otherwise as its last occupant left it. Its number is at most one above the highest so
  /// far. Throws std::bad_alloc.
  NumberedSlot<Slot> take(std::string_view id, std::size_t segment, std::uint32_t shard) {
    const std::lock_guard held(lock_);
    fault_point(FaultPoint::making_slot);
    const std::size_t external_bytes = SlotKey::external_bytes(id.size());
    Segment& in = segments_[segment];
    std::uint64_t& idle = in.idle.try_emplace(shard).first->second[kind_of(external_bytes)];
    if (idle != 0) {
      const auto number = static_cast<std::uint32_t>(idle - 1);
      Slot& slot = in.slot(number);
      idle = reinterpret_cast<std::uint64_t>(slot.key.next());
      slot.key.assign(id, slot.key.external());
      return {&slot, number};
    }
    if (in.slots == in.room) {
      // A run, or as many as there are: each further one then costs fewer allocations.
      const std::uint32_t more = std::clamp(in.slots, kShortRun, kLongRun);
      in.runs.reserve(run_of(in.slots + more - 1) + 1);
      Slot* const first = arena_.template make_array<Slot>(more);
      for (std::uint32_t at = 0; at < more; at += run_length(in.slots)) in.runs.push_back(first + at);
      in.room += more;
    }
    SlotKey::Words* external = nullptr;
    if (external_bytes != 0) external = arena_.template make_array<SlotKey::Words>(external_bytes / 8);
    const std::uint32_t number = in.slots++;
    Slot& slot = in.slot(number);
    slot.key.assign(id, external);
    return {&slot, number};
  }

  /// Takes a slot back that no longer belongs to an id and that nobody will find any more. `id_bytes`: of its last id.
  void give(NumberedSlot<Slot> given, std::size_t id_bytes, std::size_t segment, std::uint32_t shard) noexcept {
    const std::lock_guard held(lock_);
    std::uint64_t& idle = segments_[segment].idle.find(shard)->second[kind_of(SlotKey::external_bytes(id_bytes))];
    given.slot->key.detach(reinterpret_cast<void*>(idle));
    idle = std::uint64_t{given.number} + 1;
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return arena_.bytes(); }

 private:
  /// Slots with storage of one size: a slot keeps what it has, so that whoever still compares its id reads what is
  /// there.
  static constexpr std::size_t kKinds = 3;
  static constexpr std::size_t kind_of(std::size_t external_bytes) noexcept {
    return external_bytes == 0 ? 0 : external_bytes < kMaxIdBytes ? 1 : 2;
  }

  struct Segment {
    std::vector<Slot*> runs;
    std::uint32_t slots = 0;
    std::uint32_t room = 0;
    /// By shard and kind, the number of a slot plus one; its key has the next one's.
    std::map<std::uint32_t, std::array<std::uint64_t, kKinds>> idle;

    [[nodiscard]] Slot& slot(std::uint32_t number) const noexcept {
      return runs[run_of(number)][number % run_length(number)];
    }
  };

  mutable SpinLock lock_;
  Arena arena_;
  std::vector<Segment> segments_;
};

}  // namespace occ
