#pragma once

#include "core/fault_point.hpp"
#include "core/packed_slot.hpp"
#include "core/slot_handle.hpp"
#include "core/slot_table.hpp"

namespace occ {

/// Negative control: reads, computes and writes blindly. The publication expects whatever is there instead of what was
/// read, so it tears nothing and leaks nothing, and loses the updates that came between. Every check of the kit must
/// catch it.
///
/// Progress, memory and cost as packed_cas.
class Unchecked : public SlotTable<PackedSlot> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "unchecked",
      .summary = "negative control: read, compute, blind write; loses updates",
      .semantics = Semantics::unchecked,
      .get = Progress::lock_free,
      .write = Progress::lock_free,
      .reclamation = Reclamation::word_validated,
  };

  using SlotTable::SlotTable;

  class Handle : public SlotHandle<Handle, Unchecked> {
   public:
    static constexpr const StrategyInfo& kInfo = Unchecked::kInfo;
    explicit Handle(Unchecked& table) : SlotHandle(table) {}

   private:
    friend SlotHandle<Handle, Unchecked>;

    State read(Target& target, Document* into) { return read_packed(target.slot, into, counters_).state; }

    /// The optimistic update's condition, left out: this is the defect.
    static Precondition guard(const Document&) noexcept { return Precondition::none(); }

    Outcome write(Target& target, const Write& write) {
      const PackedSnapshot decided = read_packed(target.slot, nullptr, counters_);
      const Decision decision =
          decide(decided.state, write.operation, write.precondition, table_.instant_for(decided.state));
      if (decision.verdict != Decision::Verdict::proceed) return refuse(decision, decided.state);
      Block* block = cache_.take(std::max(write.source.size(), sizeof(std::uint64_t)));
      if (write.operation == Operation::remove) {
        PackedBody::store_tombstone(*block, table_.now_ms());
      } else {
        PackedBody::store_source(*block, write.source);
      }
      PackedBody::store_version(*block, decision.version);
      const auto word = target.shard.draw();
      if (!word) {
        cache_.give(block);
        return reject_write(Cause::seq_no_exhausted, decided.state);
      }
      fault_point(FaultPoint::before_publication);
      begin_attempt();
      for (;;) {
        const PackedSnapshot found = read_packed(target.slot, nullptr, counters_);
        if (!target.slot.state.compare_exchange(found.value, {word->bits(), block})) continue;
        if (found.value.pointer != nullptr) cache_.give(found.value.pointer);
        return finish(
            {.result = decision.result, .version = decision.version, .word = *word, .decided_on = decided.state.word});
      }
    }
  };

  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<Unchecked>);

}  // namespace occ
