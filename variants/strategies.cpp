#include "variants/strategies.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "variants/registry.hpp"

namespace occ {
namespace {

/// What this machine lacks for a strategy; empty if nothing.
template <class Table>
std::string_view lacks() {
  if constexpr (requires { Table::lacks(); }) {
    return Table::lacks();
  } else {
    return {};
  }
}

std::vector<MissingStrategy> and_not_for_this_machine(std::vector<MissingStrategy> missing) {
  for_each_strategy([&]<class Table>() {
    const std::string_view lack = lacks<Table>();
    if (!lack.empty()) missing.push_back({.name = Table::kInfo.name, .needs = lack, .peer = Table::kInfo.peer});
  });
  return missing;
}

}  // namespace

std::span<const StrategyInfo> strategies() {
  static const std::vector<StrategyInfo> infos = [] {
    std::vector<StrategyInfo> all;
    for_each_strategy([&]<class Table>() {
      if (lacks<Table>().empty()) all.push_back(Table::kInfo);
    });
    return all;
  }();
  return infos;
}

std::span<const MissingStrategy> missing_strategies() {
  const std::vector<MissingStrategy> not_built{
#ifndef OCCKIT_LIBCUCKOO
      {"libcuckoo", "libcuckoo (Debian: libcuckoo-dev)"},
#endif
#ifndef OCCKIT_URCU_LFHT
      {"urcu_lfht, urcu_lfht_copy", "liburcu's data structures (Debian: liburcu-dev)"},
#endif
#ifndef OCCKIT_BOOST_FLAT_MAP
      {"boost_flat_map", "Boost 1.83 or newer (cmake -DOCCKIT_BOOST_INCLUDE=DIR)"},
#endif
  };
  static const std::vector<MissingStrategy> missing = and_not_for_this_machine(not_built);
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
    if (Table::kInfo.name == strategy && lacks<Table>().empty()) table = std::make_unique<ErasedTable<Table>>(options);
  });
  if (!table) throw std::invalid_argument("unknown strategy '" + std::string(strategy) + "'");
  return table;
}

}  // namespace occ
