#pragma once

#include "core/packed_slot.hpp"
#include "core/slot_handle.hpp"

namespace occ {

/// What strategies on packed slots have in common: everything but how a write is published.
template <class Derived, class TableType>
class PackedHandle : public SlotHandle<Derived, TableType> {
  using Base = SlotHandle<Derived, TableType>;

 protected:
  using typename Base::Target;

  explicit PackedHandle(TableType& table) : Base(table) {}

  PackedSnapshot look(const Target& target, Document* into) {
    return read_packed(*target.slot, target.occupant, into, this->counters_);
  }

  Block* make_body(const Write& write, Version version) {
    Block* const body = this->cache_.take(PackedBody::bytes_of(write.operation, write.source));
    if (write.operation != Operation::remove) PackedBody::store_source(*body, write.source);
    refresh_body(*body, write, version);
    return body;
  }
  /// What may be another between two tries of one write.
  void refresh_body(Block& body, const Write& write, Version version) const noexcept {
    if (write.operation == Operation::remove) PackedBody::store_tombstone(body, this->table_.now_ms());
    PackedBody::store_version(body, version);
  }

 private:
  friend Base;

  State read(Target& target, Document* into) { return look(target, into).state; }

  static void occupy(PackedSlot& slot, SeqNoTerm word, Block* body) noexcept {
    // relaxed: nobody else changes a vacant slot
    const std::uint64_t vacant = slot.state.load_word(std::memory_order_relaxed);
    slot.state.compare_exchange({vacant, nullptr}, {word.bits(), body});  // B7
  }

  void vacate(Target& target) noexcept {
    Block* tombstone = nullptr;
    this->table_.purge(*target.slot, target.occupant, target.id, target.hash, [&] {
      const PackedSnapshot seen = look(target, nullptr);
      if (!expired(seen.state, this->table_.instant_for(seen.state))) return false;
      if (!target.slot->state.compare_exchange(seen.value, {seen.state.word.vacated().bits(), nullptr}))
        return false;  // B8
      tombstone = seen.value.pointer;
      return true;
    });
    if (tombstone != nullptr) this->cache_.give(tombstone);
  }
};

}  // namespace occ
