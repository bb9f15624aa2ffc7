/// A slot strategy that says everything that it has to say. Compiled as it stands, and with one of its functions misspelled,
/// which is an error that names the function (slot_strategy_* in tests/CMakeLists.txt). Never linked.
#include "core/slots/slot_handle.hpp"
#include "core/slots/slot_table.hpp"

#ifndef GUARD
#define GUARD guard
#endif
#ifndef VACATE
#define VACATE vacate
#endif

namespace occ {

struct SomeSlot {
  SlotKey key;
};

class SomeTable : public SlotTable<SomeSlot> {
 public:
  static constexpr StrategyInfo kInfo{.name = "some", .summary = "some slot strategy", .reuses_slots = true};

  using SlotTable::SlotTable;

  class Strategy : public SlotContext<SomeTable> {
   public:
    explicit Strategy(SomeTable& table) : SlotContext(table) {}
    State read(const Target&, Document*);
    Outcome write(const Target&, const Write&);
    static Precondition GUARD(const Document&);
    Block* make_body(const Write&, Version);
    static Block* occupy(SomeSlot&, SeqNoTerm, Block*, const Write&);
    bool VACATE(const Target&);
    static void prefetch_body(const SomeSlot&) {}
  };

  using Handle = SlotHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<SomeTable>);

}  // namespace occ
