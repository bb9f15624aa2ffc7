#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "CLI/App.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/carry_out.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/experiment_files.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/plan.hpp"
#include "harness/commands/progress.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/report/columns.hpp"
#include "harness/report/environment.hpp"
#include "harness/report/results_folder.hpp"
#include "harness/support/terminal.hpp"

namespace occ {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// What says where to write and is no property of the experiment.
Options experiment(Options options) {
  for (const char* name : {"out", "resume", "config", "history", "dry-run", "quiet"}) options.erase(name);
  return options;
}

/// The options of the run to be resumed. Throws BadInput if one of `given` says otherwise.
Options resumed_options(const std::filesystem::path& folder, const Options& given) {
  const OrderedJson provenance = read_provenance(folder);
  auto stored = provenance.value("options", Options{});
  std::vector<std::string> different;
  Options asked = experiment(given);
  // More of the same; see add_to.
  for (const char* name : {"replicates", "repeats", "until"}) {
    if (const auto at = asked.find(name); at != asked.end()) {
      stored[name] = at->second;
      asked.erase(at);
    }
  }
  if (asked.contains("strategy")) name_strategies(asked);
  for (const auto& [name, text] : asked) {
    const auto at = stored.find(name);
    if (at == stored.end()) {
      different.push_back(fmt::format("--{} {} was not given then", name, text));
    } else if (at->second != text) {
      different.push_back(fmt::format("--{} was {}, is {}", name, at->second, text));
    }
  }
  if (!different.empty()) {
    throw BadInput(fmt::format("--resume: the run in '{}' had other options: {}; leave them out to go on with it",
                               folder.string(), fmt::join(different, "; ")));
  }
  return stored;
}

/// The provenance of a run that is resumed, perhaps with more replicates. Throws BadInput where fewer are asked for.
OrderedJson add_to(OrderedJson provenance, const Plan& plan, const Options& options) {
  const auto before = provenance.value("replicates", std::uint32_t{0});
  if (plan.replicates < before) {
    throw BadInput(
        fmt::format("--resume --replicates {}: the run has {}; accepted are as many and more, which adds to it",
                    plan.replicates, before));
  }
  provenance["options"] = options;
  provenance["replicates"] = plan.replicates;
  provenance["repeats"] = plan.repeats;
  return provenance;
}

OrderedJson describe(const Plan& plan, const Options& options) {
  OrderedJson strategies = OrderedJson::array();
  for (const StrategyInfo& info : plan.strategies) {
    strategies.push_back(
        {{"name", info.name},
         {"summary", info.summary},
         {"semantics", to_string(info.semantics)},
         {"progress",
          {{"get", to_string(info.get)}, {"write", to_string(info.write)}, {"create", to_string(info.create)}}},
         {"reclamation", to_string(info.reclamation)},
         {"memory_bounded", info.memory_bounded}});
  }
  return {
      {"options", options},
      {"seed", plan.conditions.seed},
      {"replicates", plan.replicates},
      {"repeats", plan.repeats},
      {"disturbed", describe(DisturbanceLimits{})},
      {"check_replicates", plan.check_replicates},
      {"check_percent", plan.check_replicates > 0 ? OrderedJson(plan.recording.percent) : OrderedJson(nullptr)},
      {"check_operations", plan.recording.operations},
      {"order",
       "complete blocks: every cell once in random order, then again in another; recorded ones first; disturbed ones "
       "again at the end"},
      {"fill", "before each replicate, by one thread per processor, each creating a contiguous share"},
      {"pin", plan.conditions.pinned ? OrderedJson(processors()) : OrderedJson(nullptr)},
      {"strategies", strategies},
      {"columns", meanings(result_columns())}};
}

/// Conditions on the internal version ended with 6.x.
void check_clients(const Plan& plan) {
  if (plan.server->compatibility() == Compatibility::v6) return;
  if (std::ranges::find(plan.workloads, Client::version, &Workload::client) == plan.workloads.end()) return;
  throw BadInput(
      fmt::format("--client version: {} does not take it, as it ended with 6.8; accepted are update and if_seq_no",
                  plan.server->name()));
}

std::string time_text(double seconds) {
  return seconds < 100 ? fmt::format("{:.0f} s", std::max(seconds, 1.0))
                       : fmt::format("{:.0f} min", std::ceil(seconds / 60));
}

/// What will be measured, how long it takes where all of it is still to come, and where it goes; in one line.
std::string plan_line(const Plan& plan, const std::filesystem::path& folder, bool resumes) {
  const std::size_t cells = plan.cells.size();
  const std::size_t histories = plan.histories();
  const std::string time = resumes ? ", what is left of them"
                                   : fmt::format(": about {} if nothing disturbs it", time_text(plan.estimated_s()));
  return fmt::format("{} cell{}, {} replicate{} each{}{}; rows go to {}\n", cells, cells == 1 ? "" : "s",
                     plan.replicates, plan.replicates == 1 ? "" : "s",
                     histories == 0 ? "" : fmt::format(", {} histor{}", histories, histories == 1 ? "y" : "ies"), time,
                     (folder / "results.csv").string());
}

/// What --dry-run says.
std::string whole_plan(const Plan& plan, const std::filesystem::path& folder, bool resumes) {
  std::vector<std::string_view> strategies;
  for (const StrategyInfo& info : plan.strategies) strategies.push_back(info.name);
  std::vector<std::string> workloads;
  for (const Workload& workload : plan.workloads) {
    workloads.push_back(fmt::format("{} ({} documents of {} B, {}, {})", workload.name, workload.documents,
                                    workload.body_bytes, workload.distribution.text(), workload.mix.text()));
  }
  return fmt::format("strategies: {}\nworkloads: {}\nthreads: {}\nwindows: {:g} s after {:g} s of warm-up\n{}",
                     fmt::join(strategies, ", "), fmt::join(workloads, "; "), fmt::join(plan.threads, ", "),
                     plan.conditions.window_s, plan.conditions.warmup_s, plan_line(plan, folder, resumes));
}

int run(Options given) {
  if (const auto file = given.find("config"); file != given.end())
    read_option_file(find_experiment(file->second), given);
  const bool resumes = given.contains("resume");
  std::filesystem::path folder = given.contains("out") ? given["out"] : "";
  if (resumes && !given["resume"].empty()) folder = given["resume"];
  if (resumes && folder.empty())
    throw BadInput("--resume: which run? Accepted are --resume DIR, or --out DIR --resume");
  if (folder.empty()) folder = std::filesystem::path("results") / ("run-" + utc_stamp());

  Options options = resumes ? resumed_options(folder, given) : experiment(given);
  name_strategies(options);
  Options planned = options;
  if (given.contains("history")) planned["history"] = given["history"];
  const Plan plan = make_plan(planned);
  if (given.contains("dry-run")) {
    if (!resumes) ResultsFolder::check_new(folder);
    for (const std::string& note : plan.notes) fmt::print(stderr, "note: {}\n", note);
    fmt::print("{}", whole_plan(plan, folder, resumes));
    return kExitOk;
  }
  const bool quiet = given.contains("quiet");
  listen_for_interrupts();
  if (plan.server) {
    plan.server->greet(plan.conditions.fail_over_every_ms > 0);
    check_clients(plan);
  }
  ResultsFolder results = resumes ? ResultsFolder::reopen(folder) : ResultsFolder::create(folder);
  OrderedJson provenance = resumes ? add_to(read_provenance(folder), plan, options) : describe(plan, options);
  for (const std::string& note : plan.notes) fmt::print(stderr, "note: {}\n", note);
  const std::vector<std::string> warnings = machine_warnings(look_at_machine(), std::ranges::max(plan.threads));
  for (const std::string& warning : warnings) {
    fmt::print(stderr, "{}\n", coloured("machine: " + warning, Colour::warning, shows_colour(STDERR_FILENO)));
  }
  if (!quiet) fmt::print(stderr, "{}", plan_line(plan, folder, resumes));

  OrderedJson start{{"started_utc", utc_stamp()}, {"environment", environment()}, {"machine_warnings", warnings}};
  if (plan.server) start["server"] = {{"url", plan.server->urls()}, {"name", plan.server->name()}};
  provenance["starts"].push_back(start);
  results.write_provenance(provenance);
  const std::string rest = fmt::format("finished rows are in {}; occkit run --resume {} does the rest\n",
                                       results.csv().string(), folder.string());
  CarriedOut ended;
  try {
    ended = carry_out(plan, results, quiet);
  } catch (const CannotWrite&) {
    fmt::print(stderr, "{}", rest);
    throw;
  }
  if (!ended.server_gone.empty()) fmt::print(stderr, "occkit: {}\n{}", ended.server_gone, rest);
  const int status = ended.exit_status;
  auto& this_start = provenance["starts"].back();
  this_start["ended_utc"] = utc_stamp();
  this_start["exit_status"] = status;
  results.write_provenance(provenance);

  if (!quiet || status != kExitOk) fmt::print(stderr, "{}", ended.summary);
  if (!ended.server_gone.empty()) return status;
  if (status == kExitInterrupted) {
    fmt::print(stderr, "interrupted; {}", rest);
  } else {
    fmt::print("{}\n", results.csv().string());
  }
  return status;
}

}  // namespace

void add_run(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand("run", "Measure strategies under workloads; one CSV row per replicate");
  const auto given = std::make_shared<Options>();
  add_options(*command, *given);
  command->callback([given, &exit_status] { exit_status = run(*given); });
}

}  // namespace occ
