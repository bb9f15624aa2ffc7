#pragma once

#include "core/fault_point.hpp"
#include "core/packed_handle.hpp"
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
      .reuses_slots = true,
  };

  using SlotTable::SlotTable;

  class Handle : public PackedHandle<Handle, Unchecked> {
   public:
    static constexpr const StrategyInfo& kInfo = Unchecked::kInfo;
    explicit Handle(Unchecked& table) : PackedHandle(table) {}

   private:
    friend SlotHandle<Handle, Unchecked>;

    /// The optimistic update's condition, left out: this is the defect.
    static Precondition guard(const Document&) noexcept { return Precondition::none(); }

    Outcome write(const Target& target, const Write& write) {
      PackedSnapshot decided = look(target, nullptr);
      if (decided.gone) return kLeft;
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
          return kLeft;
        }
        if (!publish(target, found, {word, decision.version, body}, write, fits_inline(write))) continue;
        begin_attempt();
        return finish(
            {.result = decision.result, .version = decision.version, .word = word, .decided_on = decided.state.word});
      }
    }
  };

  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<Unchecked>);

}  // namespace occ
