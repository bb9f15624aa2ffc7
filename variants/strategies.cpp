#include "variants/strategies.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "variants/registry.hpp"

namespace occ {

std::span<const StrategyInfo> strategies() {
  static const std::vector<StrategyInfo> infos = [] {
    std::vector<StrategyInfo> all;
    for_each_strategy([&]<class Table>() { all.push_back(Table::kInfo); });
    return all;
  }();
  return infos;
}

std::span<const MissingStrategy> missing_strategies() {
  static const std::vector<MissingStrategy> missing{
#ifndef OCCKIT_LIBCUCKOO
      {"libcuckoo", "libcuckoo (Debian: libcuckoo-dev)"},
#endif
#ifndef OCCKIT_BOOST_FLAT_MAP
      {"boost_flat_map", "Boost 1.83 or newer (cmake -DOCCKIT_BOOST_INCLUDE=DIR)"},
#endif
  };
  return missing;
}

const StrategyInfo* find_strategy(std::string_view name) {
  const auto all = strategies();
  const auto at = std::ranges::find(all, name, &StrategyInfo::name);
  return at == all.end() ? nullptr : &*at;
}

std::unique_ptr<AnyTable> make_table(std::string_view strategy, const TableOptions& options) {
  std::unique_ptr<AnyTable> table;
  for_each_strategy([&]<class Table>() {
    if (Table::kInfo.name == strategy) table = std::make_unique<ErasedTable<Table>>(options);
  });
  if (!table) throw std::invalid_argument("unknown strategy '" + std::string(strategy) + "'");
  return table;
}

}  // namespace occ
