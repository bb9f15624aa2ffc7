#pragma once

#include "core/fault_point.hpp"
#include "core/packed_handle.hpp"
#include "core/slot_table.hpp"

namespace occ {

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
class PackedCas : public SlotTable<PackedSlot> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "packed_cas",
      .summary = "lock-free: 16-byte compare-and-swap on {seq_no/term word, body}, readers validate by the word",
      .get = Progress::lock_free,
      .write = Progress::lock_free,
      .reclamation = Reclamation::word_validated,
      .reuses_slots = true,
      .backs_off = true,
  };

  using SlotTable::SlotTable;

  class Handle : public PackedHandle<Handle, PackedCas> {
   public:
    static constexpr const StrategyInfo& kInfo = PackedCas::kInfo;
    explicit Handle(PackedCas& table) : PackedHandle(table) {}
    ~Handle() {
      if (spare_ != nullptr) cache_.give(spare_);
    }

   private:
    friend SlotHandle<Handle, PackedCas>;

    static Precondition guard(const Document& read) noexcept { return Precondition::if_word(read.word); }

    /// What an index on condition of a word mostly is: that word is still there, and its body in the slot, so the
    /// exchange needs no look before. False if anything is otherwise, also if it is by the time of the exchange.
    OCCKIT_INLINE bool overwrite_by_word(const Target& target, Bytes source, const Precondition& word,
                                         Outcome& outcome) {
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
    OCCKIT_NOT_INLINE bool overtaken() noexcept {
      ++counters_.publication_failures;
      ++counters_.seq_no_gaps;
      stand_back();
      return false;
    }

    OCCKIT_INLINE Outcome write(const Target& target, const Write& write) {
      Block* body = nullptr;
      bool moves = fits_inline(write);
      for (;;) {
        PackedSnapshot seen = look(target, nullptr);
        Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (seen.gone || decision.verdict != Decision::Verdict::proceed) [[unlikely]] {
          if (body != nullptr) cache_.give(body);
          if (seen.gone) return kLeft;
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
        stand_back();
      }
    }

    /// For a body that goes through a block into the slot: most come back, so the next one goes through it too.
    Block* spare_ = nullptr;
  };

  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<PackedCas>);

}  // namespace occ
