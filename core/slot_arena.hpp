#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/arena.hpp"
#include "core/fault_point.hpp"
#include "core/slot_key.hpp"
#include "core/spin_lock.hpp"

namespace occ {

/// Where a table's slots live: memory whose addresses never change, freed with the table. A slot that is given back
/// goes to the next id of its shard, since only the numbers of one shard can be compared. Blocking (one lock); only
/// inserts and purges come here.
template <class Slot>
class SlotArena {
 public:
  explicit SlotArena(std::uint32_t shards) : idle_(shards) {}

  /// A slot whose key is `id`; otherwise as its last occupant left it. Throws std::bad_alloc.
  Slot& take(std::string_view id, std::uint32_t shard) {
    const std::lock_guard held(lock_);
    fault_point(FaultPoint::making_slot);
    const std::size_t external_bytes = SlotKey::external_bytes(id.size());
    Slot*& idle = idle_[shard][kind_of(external_bytes)];
    if (idle != nullptr) {
      Slot& slot = *idle;
      idle = static_cast<Slot*>(slot.key.next());
      slot.key.assign(id, slot.key.external());
      return slot;
    }
    SlotKey::Words* external = nullptr;
    if (external_bytes != 0) {
      external = arena_.template make_array<SlotKey::Words>(external_bytes / 8);
    }
    if (unused_ == 0) {
      next_ = arena_.template make_array<Slot>(kSlotsPerChunk);
      unused_ = kSlotsPerChunk;
    }
    --unused_;
    Slot& slot = *next_++;
    slot.key.assign(id, external);
    return slot;
  }

  /// Takes a slot back that no longer belongs to an id and that nobody will find any more. `id_bytes`: of its last id.
  void give(Slot& slot, std::size_t id_bytes, std::uint32_t shard) noexcept {
    const std::lock_guard held(lock_);
    Slot*& idle = idle_[shard][kind_of(SlotKey::external_bytes(id_bytes))];
    slot.key.detach(idle);
    idle = &slot;
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return arena_.bytes(); }

 private:
  static constexpr std::size_t kSlotsPerChunk = std::max<std::size_t>(1, 4096 / sizeof(Slot));

  /// Slots with storage of one size: a slot keeps what it has, so that whoever still compares its id reads what is
  /// there.
  static constexpr std::size_t kKinds = 3;
  static constexpr std::size_t kind_of(std::size_t external_bytes) noexcept {
    return external_bytes == 0 ? 0 : external_bytes < kMaxIdBytes ? 1 : 2;
  }

  mutable SpinLock lock_;
  Arena arena_;
  Slot* next_ = nullptr;
  std::size_t unused_ = 0;
  std::vector<std::array<Slot*, kKinds>> idle_;
};

}  // namespace occ
