#pragma once

#include "core/floors/storeless_table.hpp"

namespace occ {

/// Does nothing and says that it did: what a run costs in which the table costs nothing. Reads find an empty document,
/// writes are applied and stored nowhere, so there is nothing to verify.
class NullTable : public StorelessTable {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "null",
      .summary = "stores nothing; shows what the harness itself costs",
      .semantics = Semantics::none,
      .get = Progress::wait_free,
      .write = Progress::wait_free,
      .create = Progress::wait_free,
      .updates_in_place = true,
  };

  using StorelessTable::StorelessTable;

  class Handle : public StorelessHandle<Handle> {
   public:
    static SeqNoTerm look() noexcept { return {0, 1}; }
    static SeqNoTerm change() noexcept { return {0, 1}; }
  };

  Handle handle() { return {}; }
};

static_assert(DocumentTable<NullTable>);

}  // namespace occ
