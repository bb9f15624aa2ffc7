#pragma once

#include <cstdint>
#include <cstring>

#include "core/fault_point.hpp"
#include "core/slot_handle.hpp"
#include "core/slot_table.hpp"

namespace occ {

/// A document whose word and body are protected by a lock outside the slot. Only the first word of an occupant is
/// stored without it, when nobody else can have got past the vacant one.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | new occupant to its first holder | L1 store of the word | L2 load of the word under the lock | the body |
struct alignas(64) LockedSlot {
  atomic<std::uint64_t> word{SeqNoTerm::never_written().bits()};
  Block* body = nullptr;
  SlotKey key;
};
static_assert(!kLayoutIsReal || sizeof(LockedSlot) == 64);

/// The guard of strategies whose operations run where nobody else can touch the document anyway.
class NothingToLock {
 public:
  template <class Locks>
  NothingToLock(Locks&, const void*, std::uint64_t) noexcept {}
};

/// The mutex-based family: everything that touches a document happens under a lock, `decide` included. A strategy of
/// the family only says which lock: `Locks` is the set of locks of one table, default-constructible, and
///
///   Locks::Guard(Locks&, const void* slot, std::uint64_t hash)     holds the lock of that slot for its lifetime
///
/// A source is overwritten in place while its size class stays the same. Blocking; linearization anywhere inside the
/// lock.
template <class Locks>
class LockedTable : public SlotTable<LockedSlot> {
 public:
  using SlotTable::SlotTable;
  [[nodiscard]] Locks& locks() noexcept { return locks_; }

 private:
  Locks locks_;
};

template <class Derived, class TableType, class Locks>
class LockedHandle : public SlotHandle<Derived, TableType> {
  using Base = SlotHandle<Derived, TableType>;

 protected:
  using typename Base::Target;
  using Guard = typename Locks::Guard;

  explicit LockedHandle(TableType& table) : Base(table) {}

 private:
  friend Base;
  friend Derived;

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

  Outcome write(const Target& target, const Write& write) {
    const Guard held(this->table_.locks(), target.slot, target.hash);
    fault_point(FaultPoint::holding_lock);
    if (is_gone(target)) return Base::kLeft;
    return write_locked(target, write);
  }

  Outcome update_in_place(const Target& target, Transform transform, const UpdateOptions& options) {
    const Guard held(this->table_.locks(), target.slot, target.hash);
    fault_point(FaultPoint::holding_lock);
    if (is_gone(target)) return Base::kLeft;
    State state = state_of(*target.slot);
    if (!state.live()) {
      if (options.upsert)
        return write_locked(target, {Operation::index, *options.upsert, Precondition::must_not_exist()});
      this->begin_attempt();
      return this->finish({.result = Result::not_found, .word = state.word, .decided_on = state.word});
    }
    Decision allowed = decide(state, Operation::keep, options.precondition, {});
    Transformed transformed = Transformed::keep;
    if (allowed.verdict != Decision::Verdict::conflict) {
      transformed = transform({state.version, state.word, source_of(*target.slot)}, this->next_);
    }
    if (transformed == Transformed::keep) {
      return this->refuse(allowed, state);
    }
    if (transformed == Transformed::remove) return write_locked(target, {Operation::remove, {}, options.precondition});
    if (this->next_.size() > kMaxSourceBytes) {
      ++this->counters_.rejected;
      return Outcome{.result = Result::rejected, .cause = Cause::source_too_large};
    }
    return write_locked(target, {Operation::index, this->next_.bytes(), options.precondition});
  }

  Block* make_body(const Write& write, Version version) {
    Block* const body = this->cache_.take(bytes_of(write));
    fill(*body, write, version);
    return body;
  }
  static Block* occupy(LockedSlot& slot, SeqNoTerm word, Block* body, const Write&) noexcept {
    slot.body = body;
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
      this->cache_.give(slot.body);
      slot.body = nullptr;
      slot.word.store(state.word.vacated().bits(), std::memory_order_relaxed);  // relaxed: under the lock
      return true;
    });
    return true;
  }

  /// Under the lock: nobody takes the slot from its occupant meanwhile.
  static bool is_gone(const Target& target) noexcept {
    const auto word = SeqNoTerm::from_bits(target.slot->word.load(std::memory_order_acquire));  // L2 with L1
    return word.vacant() || !target.slot->key.held_by(target.occupant);
  }

  // Under the lock the orders of a body's atomics do not matter; relaxed throughout.

  static constexpr std::uint64_t kTombstone = std::uint64_t{1} << 63;

  static State state_of(const LockedSlot& slot) noexcept {
    State state{.kind = State::Kind::live,
                .version = static_cast<Version>(slot.body->version.load(std::memory_order_relaxed)),
                .word = SeqNoTerm::from_bits(slot.word.load(std::memory_order_relaxed))};
    if (slot.body->meta.load(std::memory_order_relaxed) == kTombstone) {
      state.kind = State::Kind::tombstone;
      std::memcpy(&state.deleted_at_ms, slot.body->bytes(), sizeof state.deleted_at_ms);
    }
    return state;
  }

  static Bytes source_of(const LockedSlot& slot) noexcept {
    return {slot.body->bytes(), slot.body->meta.load(std::memory_order_relaxed)};
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
    if (SizeClass::of(sizeof(Block) + bytes) != slot.body->size_class) fresh = this->cache_.take(bytes);
    auto word = this->draw(target, state.word);
    if (word.vacant()) {
      if (fresh != nullptr) this->cache_.give(fresh);
      return this->reject_write(Cause::seq_no_exhausted, state);
    }
    this->begin_attempt();
    if (fresh != nullptr) {
      this->cache_.give(slot.body);
      slot.body = fresh;
    }
    fill(*slot.body, write, decision.version);
    slot.word.store(word.bits(), std::memory_order_relaxed);
    return this->finish(
        {.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
  }
};

}  // namespace occ
