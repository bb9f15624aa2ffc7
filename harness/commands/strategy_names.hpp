#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/model/strategy_info.hpp"

namespace occ {

/// What --strategy names, in the order given: strategies of `known`, its `peers` or its `floors`; all of them if `names`
/// is empty or `all`. `remote`: accepted beside them; may be null. Peers that this build lacks become notes. Throws
/// BadInput for a name that is none of these, or that comes twice.
std::vector<StrategyInfo> named_strategies(const std::vector<std::string>& names, std::span<const StrategyInfo> known,
                                           const StrategyInfo* remote, std::vector<std::string>& notes);

}  // namespace occ
