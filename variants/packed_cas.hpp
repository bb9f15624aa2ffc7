#pragma once

#include "core/fault_point.hpp"
#include "core/packed_slot.hpp"
#include "core/slot_handle.hpp"
#include "core/slot_table.hpp"

namespace occ {

/// Compare-and-swap on the packed seq_no/term word: readers copy and validate, writers prepare a new body aside and
/// publish {word, body} by one 16-byte compare-and-swap. The document's last word is all the coordination there is.
///
/// Progress (of an existing id, while a block is at hand): get, conditional write, update and delete are lock-free; get
/// is not wait-free, it can starve under writers (read_retries_longest tells). Creating an id is blocking (the
/// directory's segment lock), so is new memory.
/// Memory: bounded, whatever thread is suspended wherever; see BlockPool.
/// Linearization: a write at its compare_exchange; a read, a conflict and a noop at the first load of the word in the
/// look that validated.
/// Memory orders: the edge table of PackedSlot.
/// Cost: dependent misses 3 (bucket, slot, body). Locked instructions: get 0; write 2 (draw of the seq_no,
/// publication).
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
  };

  using SlotTable::SlotTable;

  class Handle : public SlotHandle<Handle, PackedCas> {
   public:
    static constexpr const StrategyInfo& kInfo = PackedCas::kInfo;
    explicit Handle(PackedCas& table) : SlotHandle(table) {}

   private:
    friend SlotHandle<Handle, PackedCas>;

    State read(Target& target, Document* into) { return read_packed(target.slot, into, counters_).state; }

    static Precondition guard(const Document& read) noexcept { return Precondition::if_word(read.word); }

    Outcome write(Target& target, const Write& write) {
      Block* block = nullptr;
      for (;;) {
        const PackedSnapshot seen = read_packed(target.slot, nullptr, counters_);
        const Decision decision =
            decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (decision.verdict != Decision::Verdict::proceed) {
          if (block != nullptr) cache_.give(block);
          return refuse(decision, seen.state);
        }
        if (block == nullptr) block = prepare(write);
        if (write.operation == Operation::remove) PackedBody::store_tombstone(*block, table_.now_ms());
        PackedBody::store_version(*block, decision.version);
        const auto word = target.shard.draw();  // after the look, so above the word that it replaces
        if (!word) {
          cache_.give(block);
          return reject_write(Cause::seq_no_exhausted, seen.state);
        }
        fault_point(FaultPoint::before_publication);
        begin_attempt();
        if (target.slot.state.compare_exchange(seen.value, {word->bits(), block})) {  // B1
          if (seen.value.pointer != nullptr) cache_.give(seen.value.pointer);
          return finish(
              {.result = decision.result, .version = decision.version, .word = *word, .decided_on = seen.state.word});
        }
        ++counters_.publication_failures;
        ++counters_.seq_no_gaps;
      }
    }

    Block* prepare(const Write& write) {
      if (write.operation == Operation::remove) return cache_.take(sizeof(std::int64_t));
      Block* block = cache_.take(write.source.size());
      PackedBody::store_source(*block, write.source);
      return block;
    }
  };

  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<PackedCas>);

}  // namespace occ
