#pragma once

#include <algorithm>

#include "core/build/fault_point.hpp"
#include "core/build/inlining.hpp"
#include "core/build/prefetch.hpp"
#include "core/memory/block.hpp"
#include "core/model/decide.hpp"
#include "core/model/document.hpp"
#include "core/model/seq_no_term.hpp"
#include "core/slots/packed_body.hpp"
#include "core/slots/slot_handle.hpp"
#include "core/slots/slot_key.hpp"
#include "core/slots/slot_table.hpp"
#include "core/sync/atomic.hpp"
#include "core/table/counters.hpp"

namespace occ {

/// A document as {word, body}: the word that clients send back as if_seq_no and if_primary_term, and the block that
/// holds `_version` and source, changed together by one compare-and-swap. A body that is small enough then moves into
/// the slot, where it arrives with the slot's other lines, and its block is free again.
///
/// | pair | what it is |
/// |---|---|
/// | {w, block} | the document is in the block |
/// | {w + M, block} | the same; one thread, whose publication set M, copies a body into the slot |
/// | {w, null} | the document is in the slot |
/// | {w + V, null} | vacant |
///
/// Whoever publishes over M leaves it there and moves nothing; its owner takes it away, whatever the word is by then. So
/// one thread at a time writes the slot's body, and only while no pair says that the document is there. A thread that
/// stops for ever between the two leaves a document that stays in blocks.
///
/// The invariant that carries everything: a body never leaves the slot, nor changes its place, without the word
/// changing, and no word comes back. So the word is the conflict check, the guard against ABA, and the guard of
/// reclamation: a reader copies the body and reads the word again; unchanged means that the copy is whole, and a
/// replaced body may be reused at once by anybody.
///
/// The slot itself goes to another id in the same way. When an expired tombstone is purged the pair becomes
/// {the tombstone's word with the vacant flag, null}, and from there nobody's compare-and-swap can lead out: only who
/// takes the slot from the arena, where it belongs to nobody, sets the next pair, with a number above. So a slot that
/// is not vacant between two equal looks at its word was one id's throughout, and its key tells whose.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | publication to reader | B1 compare_exchange | B2 first load of the word | that B3 gets no older body, and its contents |
/// | publication to reader | B1 compare_exchange | B3 load of the pointer | if the body is a newer one, that B6 differs; its contents |
/// | reuse to stale reader | B4 stores into a body | B5 loads from a body | the replacing B1, so that B6 differs |
/// | publication to next number | B1 compare_exchange | B2 | that the next draw is above this word |
/// | new occupant to reader | B7 compare_exchange | B2 | the body, and that the key's occupant is another |
/// | purge to reader | B8 compare_exchange | B2 | that the id is absent |
/// | arrival to reader | B9 compare_exchange | B2 | the contents of the slot's body |
/// | end of a move to the next one | B9, B10 compare_exchange | B2 | that its stores into the slot's body come after |
///
/// B6, the second load of the word, is relaxed: the acquire loads B5 before it keep it behind them, and it only has to
/// see what B5 has shown.
///
/// Source of the idea to keep a copy beside the pointer: Anderson, Blelloch, Jayanti, Big Atomics, 2025. There the copy
/// is a cache with a word of its own and the block stays; here the document moves, by the flag in its word.
struct alignas(64) PackedSlot {
  WordPointer<Block> state{SeqNoTerm::never_written().bits()};
  SlotKey key;
  InlineBody body;
};
static_assert(!kLayoutIsReal || sizeof(PackedSlot) == 192);

/// One consistent look at a packed slot: the pair that a publication must expect, and the state that a decision is made
/// on.
struct PackedSnapshot {
  WordPointer<Block>::Value value;
  State state;
  /// The slot is no longer, or not at this moment, that occupant's: its id was absent then.
  bool gone = false;
};

/// Looks until nobody came between. `retries`: looks before this one that somebody came between.
OCCKIT_NOT_INLINE inline PackedSnapshot read_packed_again(const PackedSlot& slot, std::uint64_t occupant,
                                                          Document* into, Counters& counters, std::uint64_t retries) {
  PackedSnapshot snapshot;
  for (;; ++retries) {
    const std::uint64_t bits = slot.state.load_word(std::memory_order_acquire);  // B2 with B1, B7, B9
    const SeqNoTerm word = SeqNoTerm::from_bits(bits).without_moving();
    snapshot.gone = word.vacant();
    if (snapshot.gone) [[unlikely]]
      break;
    Block* const block = slot.state.load_pointer(std::memory_order_acquire);  // B3 with B1, B8, B9
    fault_point(FaultPoint::reading);
    snapshot.state = block == nullptr ? PackedBody::load(slot.body, word, into) : PackedBody::load(*block, word, into);
    // B6 relaxed: ordered behind B5
    if (slot.state.load_word(std::memory_order_relaxed) != bits) [[unlikely]]
      continue;
    snapshot.value = {bits, block};
    snapshot.gone = !slot.key.held_by(occupant);
    break;
  }
  if (snapshot.gone) [[unlikely]] {
    snapshot.value = {};
    snapshot.state = {};
  } else if (into != nullptr && snapshot.state.live()) {
    into->version = snapshot.state.version;
    into->word = snapshot.state.word;
  }
  counters.count_read_retries(retries);
  return snapshot;
}

/// Reads a slot until nobody came between; the source is copied out if `into` is set and a document lives.
/// Lock-free: each retry means that somebody published. No locked instruction, nothing shared is written.
///
/// Mostly nobody writes and the document is in the slot. What would be otherwise is asked for once before the copy and
/// once after it: every instruction that waits for the slot delays the next operation's misses.
OCCKIT_INLINE inline PackedSnapshot read_packed(const PackedSlot& slot, std::uint64_t occupant, Document* into,
                                                Counters& counters) {
  std::uint64_t bits = slot.state.load_word(std::memory_order_acquire);  // B2 with B1, B7, B9
  // relaxed: only null is gone on with, and the body in the slot changes only behind a B1 that set the flag, so B5 shows it
  const Block* const block = slot.state.load_pointer(std::memory_order_relaxed);
  const auto word = SeqNoTerm::from_bits(bits);
  if ((word.flags() | reinterpret_cast<std::uintptr_t>(block)) != 0) [[unlikely]]
    return read_packed_again(slot, occupant, into, counters, 0);
  fault_point(FaultPoint::reading);
  PackedSnapshot snapshot;
  snapshot.state = PackedBody::load(slot.body, word, into);
  // B6 relaxed: ordered behind B5
  const std::uint64_t changed = slot.state.load_word(std::memory_order_relaxed) ^ bits;
  if ((changed | slot.key.difference_to(occupant)) != 0) [[unlikely]]
    return read_packed_again(slot, occupant, into, counters, changed == 0 ? 0 : 1);
  snapshot.value = {bits, nullptr};
  if (into != nullptr && snapshot.state.live()) {
    into->version = snapshot.state.version;
    into->word = word;
  }
  return snapshot;
}

/// Compare-and-swap on the packed seq_no/term word: readers copy and validate, writers prepare a new body aside and
/// publish {word, body} by one 16-byte compare-and-swap. The document's last word is all the coordination there is.
///
/// Progress (of an existing id, while a block is at hand): get, conditional write, update and delete are lock-free; get
/// is not wait-free, it can starve under writers (read_retries_longest tells). Creating an id is blocking (the
/// directory's segment lock), so are new memory and the purge of an expired tombstone, which delete and create do.
/// Memory: bounded, whatever thread is suspended wherever; see BlockPool. Slots of forgotten ids are used again.
/// Linearization: a write at its compare_exchange; a read, a conflict and a noop at the first load of the word in the
/// look that validated, or where that shows another id, when the slot was taken from this one.
/// Memory orders: the edge table of PackedSlot.
/// Cost: dependent misses 2 (bucket, slot), and one more (block) for bodies of more than InlineBody::capacity bytes and
/// for those that writers fight for. Locked instructions: get 0; write 3 (draw of the seq_no, publication, arrival of the
/// body in the slot), 2 where it stays in its block.
/// When not: large sources under many readers, since a copy that a writer overtakes begins again.
/// Source: reuse guarded by a version, Sheffi, Herlihy and Petrank 2021 (VBR); the rest follows from Elasticsearch's
/// own word.
///
/// Without `checks` it is the negative control `unchecked`: it reads, computes and writes blindly. The publication expects
/// whatever is there instead of what was read, so it tears nothing and leaks nothing, and loses the updates that came
/// between. Every check of the kit must catch it.
template <bool checks>
class PackedTable : public SlotTable<PackedSlot> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = checks ? "packed_cas" : "unchecked",
      .summary = checks
                     ? "lock-free: 16-byte compare-and-swap on {seq_no/term word, body}, readers validate by the word"
                     : "negative control: read, compute, blind write; loses updates",
      .semantics = checks ? Semantics::full : Semantics::unchecked,
      .get = Progress::lock_free,
      .write = Progress::lock_free,
      .reclamation = Reclamation::word_validated,
      .reuses_slots = true,
      .overwrites_by_word = checks,
      .backs_off = checks,
  };

  using SlotTable::SlotTable;

  class Strategy : public SlotContext<PackedTable> {
    using Base = SlotContext<PackedTable>;

   public:
    using typename Base::Target;
    explicit Strategy(PackedTable& table) : Base(table) {}
    ~Strategy() {
      if (spare_ != nullptr) cache_.give(spare_);
    }

    State read(const Target& target, Document* into) { return look(target, into).state; }

    OCCKIT_INLINE Block* make_body(const Write& write, Version version) {
      Block* const body = cache_.take(PackedBody::bytes_of(write.operation, write.source));
      if (write.operation != Operation::remove) [[likely]]
        PackedBody::store_source(*body, write.source);
      refresh_body(*body, write, version);
      return body;
    }
    /// The condition of an optimistic update. The control leaves it out: that is its defect.
    static Precondition guard(const Document& read) noexcept {
      return checks ? Precondition::if_word(read.word) : Precondition::none();
    }

    OCCKIT_INLINE Outcome write(const Target& target, const Write& write) {
      if constexpr (checks) {
        if (write.operation == Operation::index && write.precondition.kind == Precondition::Kind::seq_no_term)
            [[likely]] {
          if (Outcome outcome; overwrite_by_word(target, write.source, write.precondition, outcome)) [[likely]]
            return outcome.by_member();
        }
        return write_after_look(target, write);
      } else {
        return write_blindly(target, write);
      }
    }

    /// What an index on condition of a word mostly is: that word is still there, and its body in the slot, so the
    /// exchange needs no look before. False if anything is otherwise, also if it is by the time of the exchange.
    OCCKIT_INLINE bool overwrite_by_word(const Target& target, Bytes source, const Precondition& word,
                                         Outcome& outcome) requires checks {
      PackedSlot& slot = *target.slot;
      auto condition = Precondition::if_word(word.word);
      if (source.size() > InlineBody::capacity || !condition.word.plain() ||
          slot.state.load_word(std::memory_order_acquire) != condition.word.bits() ||  // B2 with B1, B7, B9
          slot.state.load_pointer(std::memory_order_acquire) != nullptr) [[unlikely]]  // B3 with B1, B8, B9
        return false;
      fault_point(FaultPoint::reading);
      // The exchange tells whether it was whole.
      const State state = PackedBody::load(slot.body, condition.word, nullptr);
      Decision decision = decide(state, Operation::index, condition, {});
      if (decision.verdict != Decision::Verdict::proceed || !slot.key.held_by(target.occupant)) [[unlikely]]
        return false;
      if (spare_ == nullptr) [[unlikely]]
        spare_ = cache_.take(InlineBody::capacity);
      const Write write{Operation::index, source, condition};
      PackedBody::store_source(*spare_, source);
      PackedBody::store_version(*spare_, decision.version);
      auto drawn = draw(target, condition.word);  // after the look at the word, so above it
      if (drawn.vacant()) [[unlikely]]
        return false;
      begin_attempt();
      fault_point(FaultPoint::before_publication);
      if (!slot.state.compare_exchange({condition.word.bits(), nullptr}, {drawn.with_moving().bits(), spare_}))  // B1
          [[unlikely]]
        return overtaken();
      if (!move_in(slot, {drawn, decision.version, spare_}, write)) [[unlikely]]
        spare_ = nullptr;
      outcome =
          finish({.result = decision.result, .version = decision.version, .word = drawn, .decided_on = condition.word});
      return true;
    }

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
      table_.purge(*target.slot, target.occupant, target.id, target.hash, [&] {
        const PackedSnapshot seen = look(target, nullptr);
        if (!expired(seen.state, table_.instant_for(seen.state))) return false;
        moving = SeqNoTerm::from_bits(seen.value.word).moving();
        if (moving) return false;  // somebody writes into the slot, so it cannot be another id's
        if (!target.slot->state.compare_exchange(seen.value, {seen.state.word.vacated().bits(), nullptr}))
          return false;  // B8
        tombstone = seen.value.pointer;
        return true;
      });
      if (tombstone != nullptr) cache_.give(tombstone);
      return !moving;
    }

   protected:
    using Base::back_off, Base::begin_attempt, Base::cache_, Base::counters_, Base::draw, Base::finish;
    using Base::follows_a_read, Base::kSlotLost, Base::refuse, Base::reject_write, Base::table_;

   private:
    OCCKIT_INLINE PackedSnapshot look(const Target& target, Document* into) {
      return read_packed(*target.slot, target.occupant, into, counters_);
    }

    static bool fits_inline(const Write& write) noexcept {
      return PackedBody::bytes_of(write.operation, write.source) <= InlineBody::capacity;
    }
    /// What may be another between two tries of one write.
    OCCKIT_INLINE void refresh_body(Block& body, const Write& write, Version version) const noexcept {
      if (write.operation == Operation::remove) [[unlikely]]
        PackedBody::store_tombstone(body, table_.now_ms());
      PackedBody::store_version(body, version);
    }

    OCCKIT_NOT_INLINE Outcome write_after_look(Target target, Write write) {
      Block* body = nullptr;
      bool moves = fits_inline(write);
      for (;;) {
        PackedSnapshot seen = look(target, nullptr);
        Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (seen.gone || decision.verdict != Decision::Verdict::proceed) [[unlikely]] {
          if (body != nullptr) cache_.give(body);
          if (seen.gone) return kSlotLost;
          return refuse(decision, seen.state);
        }
        if (body == nullptr) [[likely]] {
          body = make_body(write, decision.version);
        } else {
          refresh_body(*body, write, decision.version);
        }
        auto word = draw(target, seen.state.word);  // after the look, so above the word that it replaces
        if (word.vacant()) [[unlikely]] {
          cache_.give(body);
          return reject_write(Cause::seq_no_exhausted, seen.state);
        }
        begin_attempt();
        fault_point(FaultPoint::before_publication);
        if (publish(target, seen, {word, decision.version, body}, write, moves)) [[likely]] {
          return finish(
              {.result = decision.result, .version = decision.version, .word = word, .decided_on = seen.state.word});
        }
        ++counters_.publication_failures;
        ++counters_.seq_no_gaps;
        moves = false;
        if (!follows_a_read(write.precondition)) back_off();  // otherwise the conflict that follows does
      }
    }

    /// Another write came between, so the condition no longer holds: the conflict that follows backs off, and once is
    /// enough.
    OCCKIT_NOT_INLINE bool overtaken() noexcept {
      ++counters_.publication_failures;
      ++counters_.seq_no_gaps;
      return false;
    }

    Outcome write_blindly(const Target& target, const Write& write) {
      PackedSnapshot decided = look(target, nullptr);
      if (decided.gone) return kSlotLost;
      Decision decision = decide(decided.state, write.operation, write.precondition, table_.instant_for(decided.state));
      if (decision.verdict != Decision::Verdict::proceed) return refuse(decision, decided.state);
      Block* const body = make_body(write, decision.version);
      auto word = draw(target, decided.state.word);
      if (word.vacant()) {
        cache_.give(body);
        return reject_write(Cause::seq_no_exhausted, decided.state);
      }
      fault_point(FaultPoint::before_publication);
      for (;;) {
        PackedSnapshot found = look(target, nullptr);
        if (found.gone) {
          cache_.give(body);
          ++counters_.seq_no_gaps;
          return kSlotLost;
        }
        if (!publish(target, found, {word, decision.version, body}, write, fits_inline(write))) continue;
        begin_attempt();
        return finish(
            {.result = decision.result, .version = decision.version, .word = word, .decided_on = decided.state.word});
      }
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
            cache_.give(expected.pointer);
          if (moves && !moving && move_in(slot, fresh, write)) [[likely]]
            cache_.give(fresh.body);
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

    /// Somebody published over the body that moved.
    OCCKIT_NOT_INLINE static void stop_moving(PackedSlot& slot) noexcept {
      for (;;) {
        // relaxed: the exchange checks them
        const auto seen = SeqNoTerm::from_bits(slot.state.load_word(std::memory_order_relaxed));
        Block* const block = slot.state.load_pointer(std::memory_order_relaxed);
        if (slot.state.compare_exchange({seen.bits(), block}, {seen.without_moving().bits(), block})) return;  // B10
      }
    }

    /// For a body that goes through a block into the slot: most come back, so the next one goes through it too.
    Block* spare_ = nullptr;
  };

  using Handle = SlotHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

using PackedCas = PackedTable<true>;
using Unchecked = PackedTable<false>;

static_assert(DocumentTable<PackedCas>);
static_assert(DocumentTable<Unchecked>);

}  // namespace occ
