#include "harness/commands/node_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <string_view>
#include <vector>

#include "harness/commands/commands.hpp"
#include "harness/commands/validators.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

std::string default_strategy() {
  if (find_strategy("packed_cas")) return "packed_cas";
  for (const StrategyInfo& info : strategies()) {
    if (info.semantics == Semantics::full) return std::string(info.name);
  }
  return {};
}

void check_strategy(const std::string& name, bool anything) {
  const auto fits = [anything](const StrategyInfo& info) {
    return info.is_verifiable() || (anything && info.semantics == Semantics::none);
  };
  const StrategyInfo* info = find_strategy(name);
  if (info && fits(*info)) return;
  std::vector<std::string_view> known;
  for (const StrategyInfo& each : strategies()) {
    if (fits(each)) known.push_back(each.name);
  }
  throw BadInput(fmt::format("{} strategy '{}': accepted are {}", info ? "nothing is promised by the" : "unknown", name,
                             fmt::join(known, ", ")));
}

}  // namespace

void add_compat_option(CLI::App& command, int& into) {
  command.add_option("--compat", into, "Which Elasticsearch to imitate: 6, 7 or 8")
      ->check(CLI::IsMember({6, 7, 8}))
      ->capture_default_str();
}

Compatibility compatibility_of(int compat) {
  return compat == 6 ? Compatibility::v6 : compat == 8 ? Compatibility::v8 : Compatibility::v7;
}

void add_node_options(CLI::App& command, NodeChoice& into) {
  command.add_option("--strategy", into.strategy, "The strategy of every index (packed_cas)");
  add_compat_option(command, into.compat);
  command.add_option("--shards", into.shards, "Shards of an index that does not say")
      ->transform(whole_number(1, 1024))
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--lease",
          [](const std::string& text) {
            throw BadInput(
                fmt::format("--lease {}: refused here: Elasticsearch numbers the writes of a shard in their "
                            "order, and leases only those of a document; occkit run and verify take it",
                            text));
          })
      ->group("");
  command
      .add_option("--gc-deletes", into.gc_deletes_s, "How long a tombstone keeps its version: -1, 0, 500ms, 60s, ...")
      ->type_name("TIME")
      ->transform(seconds_or_minus_one(kLongestTimeS))
      ->default_str("60s");
}

NodeOptions to_node_options(NodeChoice& choice, bool anything) {
  if (choice.strategy.empty()) choice.strategy = default_strategy();
  check_strategy(choice.strategy, anything);
  NodeOptions options{
      .make_table = [strategy = choice.strategy](const TableOptions& table) { return make_table(strategy, table); },
      .compatibility = compatibility_of(choice.compat),
      .shards = choice.shards};
  options.gc_deletes_ms = choice.gc_deletes_s < 0 ? -1 : std::llround(choice.gc_deletes_s * 1e3);
  return options;
}

}  // namespace occ
