#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/fault_point.hpp"
#include "core/spin_lock.hpp"

namespace occ {

/// The id of a slot. Written once, before the slot is published by the directory, and constant while the slot lives.
/// Ids of up to kInlineBytes lie in the slot itself, longer ones in memory that belongs to the table's SlotArena.
class SlotKey {
 public:
  static constexpr std::size_t kInlineBytes = 46;

  [[nodiscard]] std::string_view view() const noexcept { return {data(), size_}; }
  [[nodiscard]] bool matches(std::string_view id) const noexcept {
    return size_ == id.size() && std::memcmp(data(), id.data(), size_) == 0;
  }

  /// `external` must be storage for id.size() bytes if the id does not fit inline.
  void assign(std::string_view id, char* external) noexcept {
    size_ = static_cast<std::uint16_t>(id.size());
    if (id.size() <= kInlineBytes) {
      std::memcpy(inline_, id.data(), id.size());
    } else {
      std::memcpy(external, id.data(), id.size());
      std::memcpy(inline_, &external, sizeof external);
    }
  }

 private:
  [[nodiscard]] const char* data() const noexcept {
    if (size_ <= kInlineBytes) return inline_;
    const char* external;
    std::memcpy(&external, inline_, sizeof external);
    return external;
  }

  std::uint16_t size_ = 0;
  char inline_[kInlineBytes];
};
static_assert(sizeof(SlotKey) == 48);

/// Where a table's slots live: chunks whose addresses never change, freed with the arena. Blocking (one lock); only
/// inserts come here.
template <class Slot>
class SlotArena {
 public:
  Slot& make(std::string_view id) {
    const std::lock_guard held(lock_);
    fault_point(FaultPoint::making_slot);
    char* external = nullptr;
    if (id.size() > SlotKey::kInlineBytes) {
      long_ids_.push_back(std::make_unique_for_overwrite<char[]>(id.size()));
      long_id_bytes_ += id.size();
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

  [[nodiscard]] std::size_t bytes() const noexcept {
    const std::lock_guard held(lock_);
    return chunks_.size() * kSlotsPerChunk * sizeof(Slot) + long_id_bytes_;
  }

 private:
  /// 64 KiB of 64-byte slots: few calls to the allocator, little waste in a small table.
  static constexpr std::size_t kSlotsPerChunk = 1024;

  mutable SpinLock lock_;
  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::size_t used_ = kSlotsPerChunk;
  std::vector<std::unique_ptr<char[]>> long_ids_;
  std::size_t long_id_bytes_ = 0;
};

}  // namespace occ
