#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/App.hpp"
#include "core/build/fault_point_list.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/validators.hpp"
#include "harness/memory/memory_results.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/report/columns.hpp"
#include "harness/stall/stall_columns.hpp"
#include "harness/workload/workload.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

std::string_view update_forms(const StrategyInfo& info) {
  if (!info.updates_in_place) return "optimistic";
  if (!info.updates_optimistically) return "in_place";
  return info.default_form == UpdateForm::in_place ? "in_place*, optimistic" : "optimistic*, in_place";
}

void list_strategies() {
  constexpr std::string_view kLine = "  {:<26} {:<12} {:<17} {:<17} {:<17} {:<15} {:<8} {:<8} {}\n";
  fmt::print("STRATEGIES (--strategy)\n");
  fmt::print(fmt::runtime(kLine), "name", "semantics", "get", "write", "create", "reclamation", "bounded", "back-off",
             "update");
  std::vector<StrategyInfo> all(strategies().begin(), strategies().end());
  all.push_back(kRemoteStrategy);
  for (const StrategyInfo& info : all) {
    fmt::print(fmt::runtime(kLine), info.name, to_string(info.semantics), to_string(info.get), to_string(info.write),
               to_string(info.create), to_string(info.reclamation), info.memory_bounded ? "yes" : "no",
               info.backs_off ? "yes" : "no", update_forms(info));
    fmt::print("      {}\n", info.summary);
  }
  for (const MissingStrategy& missing : missing_strategies()) {
    fmt::print("  {:<26} not here; needs {}\n", missing.name, missing.needs);
  }
  fmt::print(
      "  get, write, create: the progress claimed. bounded: memory stays below a bound even if a thread is suspended\n"
      "  for ever. back-off: obeys --backoff. *: the form that --update default takes.\n\n");
}

void list_workloads() {
  fmt::print("WORKLOADS (--workload); any option given beside one overrides what it bundles\n");
  for (const Workload& workload : named_workloads()) {
    fmt::print("  {:<12} {}\n", workload.name, workload.summary);
    fmt::print("      --docs {} --body {} --dist {} --mix {} --client {} --retry-on-conflict {}{}\n",
               workload.documents, workload.body_bytes, workload.distribution.text(), workload.mix.text(),
               kClients[static_cast<std::size_t>(workload.client)], workload.retry_on_conflict,
               workload.batch > 1 ? fmt::format(" --batch {}", workload.batch) : "");
  }
  fmt::print("\n");
}

void list_points() {
  fmt::print("POINTS (--point of occkit stall), where threads are stopped\n");
  for (const FaultPointInfo& point : kFaultPoints) fmt::print("  {:<28} {}\n", point.name, point.meaning);
  fmt::print("\n");
}

template <class Row>
void list_columns(std::string_view file, std::string_view rows, const Columns<Row>& columns) {
  fmt::print("COLUMNS of {}, {}\n", file, rows);
  for (const Column<Row>& column : columns) fmt::print("  {:<28} {}\n", column.name, column.meaning);
  fmt::print("\n");
}

void list_all_columns() {
  list_columns("results.csv", "one row per replicate", result_columns());
  list_columns("stall.csv", "one row for each strategy, point, number of threads stopped and operation",
               stall_columns());
  list_columns("stall_series.csv", "one row for each operation and slice of time", stall_series_columns());
  list_columns("memory.csv", "one row for each strategy and number of documents", memory_columns());
}

}  // namespace

void add_list(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand("list", "Show strategies, workloads, points and columns");
  static const std::vector<std::pair<std::string, void (*)()>> kLists{{"strategies", list_strategies},
                                                                      {"workloads", list_workloads},
                                                                      {"points", list_points},
                                                                      {"columns", list_all_columns}};
  std::vector<std::string> names;
  for (const auto& [name, list] : kLists) names.push_back(name);
  const auto what = std::make_shared<std::string>();
  command->add_option("WHAT", *what, fmt::format("{} (default: all of them)", fmt::join(names, ", ")))
      ->check(one_of(names));
  command->callback([what, &exit_status] {
    for (const auto& [name, list] : kLists) {
      if (what->empty() || *what == name) list();
    }
    exit_status = kExitOk;
  });
}

}  // namespace occ
