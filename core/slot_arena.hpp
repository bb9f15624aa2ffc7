#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/fault_point.hpp"
#include "core/slot_key.hpp"
#include "core/spin_lock.hpp"

namespace occ {

/// Where a table's slots live: chunks whose addresses never change, freed with the arena. A slot that is given back
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
      long_ids_.push_back(std::make_unique<SlotKey::Words[]>(external_bytes / 8));
      long_id_bytes_ += external_bytes;
      external = long_ids_.back().get();
    }
    if (used_ == kSlotsPerChunk) {
      chunks_.push_back(std::make_unique<Slot[]>(kSlotsPerChunk));
      used_ = 0;
    }
    Slot& slot = chunks_.back()[used_++];
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

  [[nodiscard]] std::size_t bytes() const noexcept {
    const std::lock_guard held(lock_);
    return chunks_.size() * kSlotsPerChunk * sizeof(Slot) + long_id_bytes_;
  }

 private:
  /// 64 KiB of 64-byte slots: few calls to the allocator, little waste in a small table.
  static constexpr std::size_t kSlotsPerChunk = 1024;

  /// Slots with storage of one size: a slot keeps what it has, so that whoever still compares its id reads what is
  /// there.
  static constexpr std::size_t kKinds = 3;
  static constexpr std::size_t kind_of(std::size_t external_bytes) noexcept {
    return external_bytes == 0 ? 0 : external_bytes < kMaxIdBytes ? 1 : 2;
  }

  mutable SpinLock lock_;
  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::size_t used_ = kSlotsPerChunk;
  std::vector<std::array<Slot*, kKinds>> idle_;
  std::vector<std::unique_ptr<SlotKey::Words[]>> long_ids_;
  std::size_t long_id_bytes_ = 0;
};

}  // namespace occ
