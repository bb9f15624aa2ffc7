#pragma once

#include "core/packed_slot.hpp"
#include "core/prefetch.hpp"
#include "core/slot_handle.hpp"

namespace occ {

/// What strategies on packed slots have in common: everything but how a write is published.
template <class Derived, class TableType>
class PackedHandle : public SlotHandle<Derived, TableType> {
  using Base = SlotHandle<Derived, TableType>;

 protected:
  using typename Base::Target;

  explicit PackedHandle(TableType& table) : Base(table) {}

  OCCKIT_INLINE PackedSnapshot look(const Target& target, Document* into) {
    return read_packed(*target.slot, target.occupant, into, this->counters_);
  }

  OCCKIT_INLINE Block* make_body(const Write& write, Version version) {
    Block* const body = this->cache_.take(PackedBody::bytes_of(write.operation, write.source));
    if (write.operation != Operation::remove) [[likely]]
      PackedBody::store_source(*body, write.source);
    refresh_body(*body, write, version);
    return body;
  }
  static bool fits_inline(const Write& write) noexcept {
    return PackedBody::bytes_of(write.operation, write.source) <= InlineBody::capacity;
  }
  /// What may be another between two tries of one write.
  OCCKIT_INLINE void refresh_body(Block& body, const Write& write, Version version) const noexcept {
    if (write.operation == Operation::remove) [[unlikely]]
      PackedBody::store_tombstone(body, this->table_.now_ms());
    PackedBody::store_version(body, version);
  }

  /// What a write publishes.
  struct Fresh {
    SeqNoTerm word;
    Version version;
    Block* body;
  };

  /// Puts {word, body} where `seen` is, and takes the block that was there. False if anybody wrote since. If the body
  /// `moves` the source of `write` goes into the slot; not where documents are fought for, since it is a second change
  /// of the word.
  OCCKIT_INLINE bool publish(const Target& target, const PackedSnapshot& seen, const Fresh& fresh, const Write& write,
                             bool moves) noexcept {
    PackedSlot& slot = *target.slot;
    auto expected = seen.value;
    for (;;) {
      const bool moving = SeqNoTerm::from_bits(expected.word).moving();
      const SeqNoTerm next = moving || moves ? fresh.word.with_moving() : fresh.word;
      if (slot.state.compare_exchange(expected, {next.bits(), fresh.body})) [[likely]] {  // B1
        if (expected.pointer != nullptr) [[unlikely]]
          this->cache_.give(expected.pointer);
        if (moves && !moving && move_in(slot, fresh, write)) [[likely]]
          this->cache_.give(fresh.body);
        return true;
      }
      if (!moving) return false;
      // The move under way may have ended meanwhile, which is nobody's write.
      expected.word = seen.state.word.bits();
      expected.pointer = slot.state.load_pointer(std::memory_order_relaxed);  // relaxed: the exchange checks it
    }
  }

  /// By whoever published `fresh`, with the moving flag, over a pair without it. True if its block is free again.
  OCCKIT_INLINE bool move_in(PackedSlot& slot, const Fresh& fresh, const Write& write) noexcept {
    fault_point(FaultPoint::moving_in);
    if (write.operation == Operation::remove) [[unlikely]] {
      PackedBody::copy(*fresh.body, slot.body);
    } else {
      PackedBody::store_source(slot.body, write.source);
      PackedBody::store_version(slot.body, fresh.version);
    }
    const WordPointer<Block>::Value moved{fresh.word.bits(), nullptr};
    if (slot.state.compare_exchange({fresh.word.with_moving().bits(), fresh.body}, moved)) [[likely]]  // B9
      return true;
    stop_moving(slot);
    return false;
  }

 private:
  friend Base;

  /// Somebody published over the body that moved.
  OCCKIT_NOT_INLINE static void stop_moving(PackedSlot& slot) noexcept {
    for (;;) {
      // relaxed: the exchange checks them
      const auto seen = SeqNoTerm::from_bits(slot.state.load_word(std::memory_order_relaxed));
      Block* const block = slot.state.load_pointer(std::memory_order_relaxed);
      if (slot.state.compare_exchange({seen.bits(), block}, {seen.without_moving().bits(), block})) return;  // B10
    }
  }

  State read(const Target& target, Document* into) { return look(target, into).state; }

  static void prefetch_body(const PackedSlot& slot) noexcept {
    // relaxed: only an address
    prefetch_bytes(slot.state.load_pointer(std::memory_order_relaxed), kSmallBlockBytes);
  }

  static Block* occupy(PackedSlot& slot, SeqNoTerm word, Block* body, const Write& write) noexcept {
    // relaxed: nobody else changes a vacant slot
    const std::uint64_t vacant = slot.state.load_word(std::memory_order_relaxed);
    const bool moves = fits_inline(write);
    if (moves) PackedBody::copy(*body, slot.body);
    slot.state.compare_exchange({vacant, nullptr}, {word.bits(), moves ? nullptr : body});  // B7
    return moves ? body : nullptr;
  }

  bool vacate(const Target& target) noexcept {
    Block* tombstone = nullptr;
    bool moving = false;
    this->table_.purge(*target.slot, target.occupant, target.id, target.hash, [&] {
      const PackedSnapshot seen = look(target, nullptr);
      if (!expired(seen.state, this->table_.instant_for(seen.state))) return false;
      moving = SeqNoTerm::from_bits(seen.value.word).moving();
      if (moving) return false;  // somebody writes into the slot, so it cannot be another id's
      if (!target.slot->state.compare_exchange(seen.value, {seen.state.word.vacated().bits(), nullptr}))
        return false;  // B8
      tombstone = seen.value.pointer;
      return true;
    });
    if (tombstone != nullptr) this->cache_.give(tombstone);
    return !moving;
  }
};

}  // namespace occ
