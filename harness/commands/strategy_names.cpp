#include "harness/commands/strategy_names.hpp"

#include <algorithm>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/commands.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/support/near_name.hpp"
#include "variants/strategies.hpp"

namespace occ {

std::vector<StrategyInfo> named_strategies(const std::vector<std::string>& names, std::span<const StrategyInfo> known,
                                           const StrategyInfo* remote, std::vector<std::string>& notes) {
  std::vector<StrategyInfo> chosen;
  if (names.empty() || names == std::vector<std::string>{"all"}) {
    chosen.assign(known.begin(), known.end());
    return chosen;
  }
  const auto add = [&](const StrategyInfo& info) {
    if (std::ranges::find(chosen, info.name, &StrategyInfo::name) != chosen.end()) {
      throw BadInput(fmt::format("--strategy: '{}' is given twice, by its name or by that of its group", info.name));
    }
    chosen.push_back(info);
  };
  const bool any_floor = std::ranges::find(known, Semantics::floor, &StrategyInfo::semantics) != known.end();
  for (const std::string& name : names) {
    if (name == "peers") {
      for (const StrategyInfo& info : known) {
        if (info.peer) add(info);
      }
      for (const MissingStrategy& missing : missing_strategies()) {
        if (missing.peer)
          notes.push_back(fmt::format("{} is not in this build: it needs {}", missing.name, missing.needs));
      }
      continue;
    }
    if (name == "floors" && any_floor) {
      for (const StrategyInfo& info : known) {
        if (info.semantics == Semantics::floor) add(info);
      }
      continue;
    }
    if (remote != nullptr && name == kRemoteStrategy.name) {
      add(*remote);
      continue;
    }
    const auto at = std::ranges::find(known, name, &StrategyInfo::name);
    if (at == known.end()) {
      std::vector<std::string> all;
      for (const StrategyInfo& info : known) all.emplace_back(info.name);
      throw BadInput(fmt::format("--strategy: unknown strategy '{}'{}; accepted are all, or some of {}, peers{}", name,
                                 did_you_mean(name, all), fmt::join(all, ", "),
                                 any_floor ? fmt::format(", floors, {} (with --url)", kRemoteStrategy.name) : ""));
    }
    add(*at);
  }
  return chosen;
}

}  // namespace occ
