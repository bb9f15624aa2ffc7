#pragma once

#include <cstdint>
#include <cstring>

#include "core/build/fault_point.hpp"
#include "core/slots/slot_handle.hpp"
#include "core/slots/slot_table.hpp"

namespace occ {

/// A document whose word and body are protected by a lock outside the slot. Only the first word of an occupant is
/// stored without it, when nobody else can have got past the vacant one.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | new occupant to its first holder | L1 store of the word | L2 load of the word under the lock | the body |
struct alignas(64) LockedSlot {
  atomic<std::uint64_t> word{SeqNoTerm::never_written().bits()};
  /// Atomic only so that a model sees what L1 carries.
  atomic<Block*> block{nullptr};
  SlotKey key;

  // relaxed: under the lock, or L1 carries it
  [[nodiscard]] Block* body() const noexcept { return block.load(std::memory_order_relaxed); }
  void set_body(Block* to) noexcept { block.store(to, std::memory_order_relaxed); }
};
static_assert(!kLayoutIsReal || sizeof(LockedSlot) == 64);

/// The guard of strategies whose operations run where nobody else can touch the document anyway.
class NothingToLock {
 public:
  template <class Locks>
  NothingToLock(Locks&, const void*, std::uint64_t) noexcept {}
};

/// The mutex-based family: everything that touches a document happens under a lock, `decide` included. `TableType` is a
/// LockedTable or derives from one. A source is overwritten in place while its size class stays the same. Blocking;
/// linearization anywhere inside the lock.
template <class TableType>
class LockedStrategy : public SlotContext<TableType> {
  using Base = SlotContext<TableType>;
  using Guard = typename TableType::Locks::Guard;

 public:
  using typename Base::Target;
  explicit LockedStrategy(TableType& table) : Base(table) {}

  State read(const Target& target, Document* into) {
    const Guard held(this->table_.locks(), target.slot, target.hash);
    fault_point(FaultPoint::holding_lock);
    if (is_gone(target)) return {};
    State state = state_of(*target.slot);
    if (into != nullptr && state.live()) {
      into->version = state.version;
      into->word = state.word;
      into->source.assign(source_of(*target.slot));
    }
    return state;
  }

  static Precondition guard(const Document& read) noexcept { return Precondition::if_word(read.word); }

  OCCKIT_INLINE Outcome write(const Target& target, const Write& write) {
    const Guard held(this->table_.locks(), target.slot, target.hash);
    fault_point(FaultPoint::holding_lock);
    if (is_gone(target)) return Base::kSlotLost;
    return write_locked(target, write);
  }

  Outcome update_in_place(const Target& target, Transform transform, const UpdateOptions& options) {
    const Guard held(this->table_.locks(), target.slot, target.hash);
    fault_point(FaultPoint::holding_lock);
    if (is_gone(target)) return Base::kSlotLost;
    State state = state_of(*target.slot);
    return this->update_seen(
        state, options,
        [&]() OCCKIT_INLINE_LAMBDA {
          return transform({state.version, state.word, source_of(*target.slot)}, this->next_);
        },
        [&](const Write& write) OCCKIT_INLINE_LAMBDA { return write_locked(target, write); });
  }

  Block* make_body(const Write& write, Version version) {
    Block* const body = this->cache_.take(bytes_of(write));
    fill(*body, write, version);
    return body;
  }
  static Block* occupy(LockedSlot& slot, SeqNoTerm word, Block* body, const Write&) noexcept {
    slot.set_body(body);
    slot.word.store(word.bits(), std::memory_order_release);  // L1 with L2
    return nullptr;
  }
  /// The lock of the document comes before that of the directory's segment, here as everywhere. May throw what taking a
  /// lock throws.
  bool vacate(const Target& target) {
    const Guard held(this->table_.locks(), target.slot, target.hash);
    if (is_gone(target)) return true;
    LockedSlot& slot = *target.slot;
    State state = state_of(slot);
    if (!expired(state, this->table_.instant_for(state))) return true;
    this->table_.purge(slot, target.occupant, target.id, target.hash, [&] {
      this->cache_.give(slot.body());
      slot.set_body(nullptr);
      slot.word.store(state.word.vacated().bits(), std::memory_order_relaxed);  // relaxed: under the lock
      return true;
    });
    return true;
  }

  /// Nothing: only under its lock is it known where a body is.
  static void prefetch_body(const LockedSlot&) noexcept {}

 private:
  /// Under the lock: nobody takes the slot from its occupant meanwhile.
  static bool is_gone(const Target& target) noexcept {
    const auto word = SeqNoTerm::from_bits(target.slot->word.load(std::memory_order_acquire));  // L2 with L1
    return word.vacant() || !target.slot->key.held_by(target.occupant);
  }

  // Under the lock the orders of a body's atomics do not matter; relaxed throughout.

  static constexpr std::uint64_t kTombstone = std::uint64_t{1} << 63;

  static State state_of(const LockedSlot& slot) noexcept {
    const Block& body = *slot.body();
    State state{.kind = State::Kind::live,
                .version = static_cast<Version>(body.version.load(std::memory_order_relaxed)),
                .word = SeqNoTerm::from_bits(slot.word.load(std::memory_order_relaxed))};
    if (body.meta.load(std::memory_order_relaxed) == kTombstone) {
      state.kind = State::Kind::tombstone;
      std::memcpy(&state.deleted_at_ms, body.bytes(), sizeof state.deleted_at_ms);
    }
    return state;
  }

  static Bytes source_of(const LockedSlot& slot) noexcept {
    const Block& body = *slot.body();
    return {body.bytes(), body.meta.load(std::memory_order_relaxed)};
  }

  static std::size_t bytes_of(const Write& write) noexcept {
    return write.operation == Operation::remove ? sizeof(std::int64_t) : write.source.size();
  }

  void fill(Block& body, const Write& write, Version version) const noexcept {
    const bool remove = write.operation == Operation::remove;
    if (remove) {
      const std::int64_t now_ms = this->table_.now_ms();
      std::memcpy(body.bytes(), &now_ms, sizeof now_ms);
    } else if (!write.source.empty()) {
      std::memcpy(body.bytes(), write.source.data(), write.source.size());
    }
    body.meta.store(remove ? kTombstone : write.source.size(), std::memory_order_relaxed);
    body.version.store(static_cast<std::uint64_t>(version), std::memory_order_relaxed);
  }

  Outcome write_locked(const Target& target, const Write& write) {
    LockedSlot& slot = *target.slot;
    State state = state_of(slot);
    Decision decision = decide(state, write.operation, write.precondition, this->table_.instant_for(state));
    if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, state);
    const std::size_t bytes = bytes_of(write);
    Block* fresh = nullptr;
    if (SizeClass::of(sizeof(Block) + bytes) != slot.body()->size_class) fresh = this->cache_.take(bytes);
    auto word = this->draw(target, state.word);
    if (word.vacant()) {
      if (fresh != nullptr) this->cache_.give(fresh);
      return this->reject_write(Cause::seq_no_exhausted, state);
    }
    this->begin_attempt();
    if (fresh != nullptr) {
      this->cache_.give(slot.body());
      slot.set_body(fresh);
    }
    fill(*slot.body(), write, decision.version);
    slot.word.store(word.bits(), std::memory_order_relaxed);
    return this->finish(
        {.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
  }
};

/// The table of a strategy of the family, which only says which lock: `LocksType` is the set of locks of one table,
/// default-constructible, with
///
///   LocksType::kInfo                                                 what the strategy declares about itself
///   LocksType::Guard(LocksType&, const void* slot, std::uint64_t hash)     holds the lock of that slot for its lifetime
template <class LocksType>
class LockedTable : public SlotTable<LockedSlot> {
 public:
  using Locks = LocksType;
  static constexpr const StrategyInfo& kInfo = Locks::kInfo;

  using SlotTable::SlotTable;
  [[nodiscard]] Locks& locks() noexcept { return locks_; }

  using Handle = SlotHandle<LockedStrategy<LockedTable>>;
  [[nodiscard]] Handle handle() { return Handle(*this); }

 private:
  Locks locks_;
};

}  // namespace occ
