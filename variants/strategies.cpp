#include "variants/strategies.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/build/configuration.hpp"
#include "variants/strategy_tables.hpp"

namespace occ {
namespace {

std::span<const StrategyTables::Strategy> registered() {
  static const StrategyTables tables = [] {
    StrategyTables all;
    add_strategies(all);
    return all;
  }();
  return tables.all();
}

std::vector<MissingStrategy> and_not_for_this_machine(std::vector<MissingStrategy> missing) {
  for (const auto& strategy : registered()) {
    if (!strategy.lacks.empty())
      missing.push_back({.name = strategy.info->name, .needs = strategy.lacks, .peer = strategy.info->peer});
  }
  return missing;
}

}  // namespace

std::span<const StrategyInfo> strategies() {
  static const std::vector<StrategyInfo> infos = [] {
    std::vector<StrategyInfo> all;
    for (const auto& strategy : registered()) {
      if (strategy.lacks.empty()) all.push_back(*strategy.info);
    }
    return all;
  }();
  return infos;
}

std::span<const MissingStrategy> missing_strategies() {
  std::vector<MissingStrategy> not_built;
  if (OCCKIT_HAS_LIBCUCKOO == 0) not_built.push_back({"libcuckoo", "libcuckoo (Debian: libcuckoo-dev)"});
  if (OCCKIT_HAS_URCU_LFHT == 0)
    not_built.push_back({"urcu_lfht, urcu_lfht_copy", "liburcu's data structures (Debian: liburcu-dev)"});
  if (OCCKIT_HAS_BOOST_FLAT_MAP == 0)
    not_built.push_back({"boost_flat_map", "Boost 1.83 or newer (cmake -DOCCKIT_BOOST_INCLUDE=DIR)"});
  static const std::vector<MissingStrategy> missing = and_not_for_this_machine(not_built);
  return missing;
}

const StrategyInfo* find_strategy(std::string_view name) {
  const auto all = strategies();
  const auto at = std::ranges::find(all, name, &StrategyInfo::name);
  return at == all.end() ? nullptr : &*at;
}

std::unique_ptr<AnyTable> make_table(std::string_view strategy, const TableOptions& options) {
  for (const auto& each : registered()) {
    if (each.info->name == strategy && each.lacks.empty()) return each.make(options);
  }
  throw std::invalid_argument("unknown strategy '" + std::string(strategy) + "'");
}

}  // namespace occ
