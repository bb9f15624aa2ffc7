#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/table/any_table.hpp"

namespace occ {

/// Every registered strategy: what it declares, what this machine lacks for it, and how to make its table. Each is added
/// by a source file of its own (variants/strategy_units.cmake).
class StrategyTables {
 public:
  struct Strategy {
    const StrategyInfo* info;
    /// Empty if nothing.
    std::string_view lacks;
    std::unique_ptr<AnyTable> (*make)(const TableOptions& options);
  };

  template <DocumentTable Table>
  void add() {
    all_.push_back({.info = &Table::kInfo, .lacks = Table::kInfo.lacks(), .make = [](const TableOptions& options) {
                      return std::unique_ptr<AnyTable>(std::make_unique<ErasedTable<Table>>(options));
                    }});
  }
  [[nodiscard]] std::span<const Strategy> all() const noexcept { return all_; }

 private:
  std::vector<Strategy> all_;
};

/// All of them, in the order of the registry. Defined by a file that CMake writes.
void add_strategies(StrategyTables& tables);

}  // namespace occ
