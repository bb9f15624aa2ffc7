/// A table of two slots for models: the strategies' real headers, the real keys and the real shard on top of it; in
/// place of the directory (which has models of its own) two lanes under one lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/build/hash.hpp"
#include "core/memory/block_pool.hpp"
#include "core/model/decide.hpp"
#include "core/slots/slot_key.hpp"
#include "core/sync/spin_lock.hpp"
#include "core/table/document_table.hpp"
#include "core/table/shard.hpp"

namespace occ {

template <class SlotType>
class SlotTable {
 public:
  using Slot = SlotType;
  struct Place {
    Slot* slot = nullptr;
    std::uint64_t occupant = 0;
  };
  struct Deleted {
    Slot* slot;
    std::int64_t at_ms;
  };

  explicit SlotTable(const TableOptions& options)
      : gc_deletes_ms_(options.gc_deletes_ms), seq_no_lease_(options.seq_no_lease) {}

  bool fail_over(std::uint32_t) { return shard_.fail_over(); }
  void set_gc_deletes(std::int64_t ms) { gc_deletes_ms_ = ms; }
  [[nodiscard]] std::uint32_t shards() const { return 1; }
  [[nodiscard]] std::uint32_t shard_of(std::string_view) const { return 0; }
  [[nodiscard]] SeqNoTerm next(std::uint32_t) const { return shard_.next(); }
  [[nodiscard]] MemoryUse memory() const { return {}; }

  BlockPool& pool() { return pool_; }
  [[nodiscard]] BackoffKind backoff() const { return BackoffKind::none; }
  [[nodiscard]] SeqNoLeases leases() const { return {&shard_, 1, seq_no_lease_}; }
  Shard& shard_for(std::uint64_t) { return shard_; }

  Place find(std::uint64_t, std::string_view id) const {
    for (const auto& lane : lanes_) {
      Slot* const slot = lane.load(std::memory_order_acquire);  // A6 with A5
      if (slot == nullptr) continue;
      if (const std::uint64_t occupant = slot->key.occupant_if(id)) return {slot, occupant};
    }
    return {};
  }
  template <class Publish>
  Place find_or_insert(std::uint64_t hash, std::string_view id, Publish&& publish) {
    const std::lock_guard held(lock_);
    if (const Place place = find(hash, id); place.slot != nullptr) return place;
    Slot* slot = idle_;
    if (slot != nullptr) {
      idle_ = static_cast<Slot*>(slot->key.next());
    } else {
      RL_ASSERT(used_ < 2);
      slot = &slots_[used_++];
    }
    slot->key.assign(id, nullptr);
    const SeqNoTerm word = shard_.draw();
    for (auto& lane : lanes_) {
      if (lane.load(std::memory_order_relaxed) != nullptr) continue;
      lane.store(slot, std::memory_order_release);  // A5 with A6
      break;
    }
    publish(*slot, word);
    return {};
  }
  template <class Vacate>
  void purge(Slot& slot, std::uint64_t occupant, std::string_view, std::uint64_t, Vacate&& vacate) {
    {
      const std::lock_guard held(lock_);
      if (!slot.key.held_by(occupant) || !vacate()) return;
      for (auto& lane : lanes_) {
        if (lane.load(std::memory_order_relaxed) == &slot) lane.store(nullptr, std::memory_order_release);
      }
    }
    const std::lock_guard held(lock_);
    slot.key.detach(idle_);
    idle_ = &slot;
  }

  struct OrphanedWork {
    void leave(std::span<const Deleted>) {}
    [[nodiscard]] std::vector<Deleted> take_over() { return {}; }
  };
  [[nodiscard]] OrphanedWork orphaned_work() { return {}; }
  [[nodiscard]] Instant instant_for(const State&) const { return {.now_ms = 0, .gc_deletes_ms = gc_deletes_ms_}; }
  [[nodiscard]] bool forgotten(std::int64_t) const { return gc_deletes_ms_ < 0; }
  static std::int64_t now_ms() { return 0; }

  /// After the threads: no move and no claim was left behind.
  [[nodiscard]] bool at_rest() const {
    return std::ranges::all_of(slots_, [](const Slot& slot) {
      if constexpr (requires { slot.state; }) {
        return !SeqNoTerm::from_bits(slot.state.load_word(std::memory_order_relaxed)).moving();
      } else if constexpr (requires { Slot::kClaimed; }) {
        const bool claimed = (slot.word.load(std::memory_order_relaxed) & Slot::kClaimed) != 0;
        return claimed == SlotKey::is_nobody(slot.key.occupant());
      } else {
        return true;
      }
    });
  }

 private:
  /// Set before the threads begin.
  std::int64_t gc_deletes_ms_;
  std::uint32_t seq_no_lease_;
  BlockPool pool_;
  Shard shard_;
  SpinLock lock_;
  atomic<Slot*> lanes_[2]{nullptr, nullptr};
  Slot slots_[2];
  Slot* idle_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace occ
