#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "harness/measure/measure_table.hpp"

namespace occ {

/// What of a measurement depends on the type of a strategy's table, for every registered strategy. Each is added by a
/// source file of its own (variants/strategy_units.cmake), so that the code that is measured does not depend on what else
/// its compiler has to inline.
class StrategyUnits {
 public:
  template <DocumentTable Table>
  void add() {
    units_.push_back({Table::kInfo.name, table_type<Table>()});
  }
  /// Null if there is none of that name.
  [[nodiscard]] const TableType* find(std::string_view strategy) const noexcept {
    for (const Unit& unit : units_) {
      if (unit.name == strategy) return &unit.type;
    }
    return nullptr;
  }

 private:
  struct Unit {
    std::string_view name;
    TableType type;
  };
  std::vector<Unit> units_;
};

/// All of them, in the order of the registry. Defined by a file that CMake writes.
void add_strategies(StrategyUnits& units);

}  // namespace occ
