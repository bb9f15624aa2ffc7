#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/table/any_table.hpp"

namespace occ {

/// Every registered strategy, in the order of variants/registry.hpp.
std::span<const StrategyInfo> strategies();

/// A strategy that this build does not have, or that this machine cannot run, and what it would need.
struct MissingStrategy {
  std::string_view name;
  std::string_view needs;
  bool peer = true;
};
std::span<const MissingStrategy> missing_strategies();

/// Null if there is none of that name.
const StrategyInfo* find_strategy(std::string_view name);

/// A new table under the named strategy. Throws std::invalid_argument if there is none of that name or an option is out
/// of its range.
std::unique_ptr<AnyTable> make_table(std::string_view strategy, const TableOptions& options = {});

}  // namespace occ
