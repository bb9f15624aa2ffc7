#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/progress.hpp"
#include "harness/commands/validators.hpp"
#include "harness/faults/fault_results.hpp"
#include "harness/faults/fault_run.hpp"
#include "harness/faults/send_lines.hpp"
#include "harness/http/server_address.hpp"
#include "harness/report/environment.hpp"
#include "harness/report/results_folder.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

struct FaultsOptions {
  FaultOptions run;
  std::string url;
  std::string route = "turn";
  std::string preference;
  double request_timeout_s = 10;
  double patience_s = 60;
  std::uint32_t replicas = 0;
  std::vector<std::string> index_settings;
  std::vector<std::string> faults;
  std::vector<std::string> heals;
  double reads_percent = 50;
  std::string contract = "auto";
  std::string out;
  bool keep_index = false;
  bool keep_history = false;
  bool dry_run = false;
};

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(std::llround(seconds * 1e3));
}

RemoteOptions remote_options(const FaultsOptions& options) {
  RemoteOptions remote{.route = options.route == "first" ? Route::first : Route::turn,
                       .preference = options.preference,
                       .request_timeout = milliseconds(options.request_timeout_s),
                       .patience = milliseconds(options.patience_s),
                       .replicas = options.replicas,
                       .keep_index = options.keep_index};
  // A password can have a comma in it: refused as a whole, a part of it might be repeated by a message.
  if (options.url.find('@') != std::string::npos) (void)read_server_address(options.url);
  for (const std::string& each : CLI::detail::split(options.url, ','))
    remote.addresses.push_back(read_server_address(each));
  for (const std::string& each : options.index_settings) {
    const auto equals = each.find('=');
    if (equals == std::string::npos || equals == 0)
      throw BadInput(fmt::format("--index-setting '{}': accepted is NAME=VALUE, a setting of an index", each));
    remote.index_settings.emplace_back(each.substr(0, equals), each.substr(equals + 1));
  }
  return remote;
}

void read_commands(FaultsOptions& options) {
  for (const std::string& each : options.faults) options.run.commands.push_back(read_fault("--fault", each, false));
  for (const std::string& each : options.heals) options.run.commands.push_back(read_fault("--heal", each, true));
  std::ranges::stable_sort(options.run.commands, {}, &FaultCommand::at_s);
  for (const FaultCommand& each : options.run.commands) {
    if (each.at_s < options.run.duration_s) continue;
    throw BadInput(
        fmt::format("--{} '{:g}s: {}': after the end of the window; accepted are times below --duration "
                    "({:g}s)",
                    each.heals ? "heal" : "fault", each.at_s, each.command, options.run.duration_s));
  }
  options.run.read_share = options.reads_percent / 100;
}

/// What will be run, shown before anything is.
std::string plan_text(const FaultsOptions& options, const fs::path& folder) {
  std::string text = fmt::format("{} clients append to {} documents at {} for {:g} s, {:g} % reads; {} replicas\n",
                                 options.run.clients, options.run.documents, options.url, options.run.duration_s,
                                 options.reads_percent, options.replicas);
  for (const FaultCommand& each : options.run.commands)
    text += fmt::format("{:6.2f} s: {}{}\n", each.at_s, each.heals ? "(heals) " : "", each.command);
  return text + fmt::format("rows go to {}\n", (folder / "faults.csv").string());
}

Contract contract_of(const FaultsOptions& options, const RemoteServer& server) {
  if (options.contract == "atomic") return Contract::atomic;
  if (options.contract == "replicated") return Contract::replicated;
  // One copy that is in memory: it is there, or nothing is.
  return options.replicas == 0 && server.name().starts_with("occkit") ? Contract::atomic : Contract::replicated;
}

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  if (!(out << text).flush()) throw CannotWrite(fmt::format("to {}", file.string()));
}

void write_history(const fs::path& file, const ReplicatedHistory& history) {
  std::ofstream out(file);
  try {
    write_sends(out, history);
  } catch (const std::runtime_error&) {
    throw CannotWrite(fmt::format("to {}", file.string()));
  }
}

OrderedJson provenance_of(const FaultsOptions& options, const RemoteServer& server) {
  OrderedJson commands = OrderedJson::array();
  for (const FaultCommand& each : options.run.commands)
    commands.push_back({{"at_s", each.at_s}, {"heals", each.heals}, {"command", each.command}});
  return {{"server", {{"url", server.urls()}, {"name", server.name()}}},
          {"commands", commands},
          {"options",
           {{"duration_s", options.run.duration_s},
            {"clients", options.run.clients},
            {"docs", options.run.documents},
            {"reads_percent", options.reads_percent},
            {"replicas", options.replicas},
            {"request_timeout_s", options.request_timeout_s},
            {"stay", options.run.stay},
            {"preference", options.preference},
            {"index_settings", options.index_settings},
            {"seed", options.run.seed}}},
          {"environment", environment()},
          {"columns", meanings(fault_columns())},
          {"timeline_columns", meanings(timeline_columns())},
          {"started_utc", utc_stamp()}};
}

/// How it ended, as an exit status; says what has to be said.
int status_of(const FaultObservation& seen, const Judgement& judgement) {
  if (!seen.gone.empty()) fmt::print(stderr, "occkit: {}\n", seen.gone);
  if (judgement.impossible() > 0) return kExitVerificationFailed;
  if (seen.interrupted) {
    fmt::print(stderr, "interrupted; what was seen until then is kept\n");
    return kExitInterrupted;
  }
  const bool failed = std::ranges::any_of(seen.commands, [](const FaultEnd& end) { return !end.problem.empty(); });
  return failed || !seen.gone.empty() ? kExitBadInput : kExitOk;
}

int faults(FaultsOptions& options) {
  read_commands(options);
  RemoteServer server(remote_options(options));
  const fs::path folder = options.out.empty() ? fs::path("results") / ("faults-" + utc_stamp()) : fs::path(options.out);
  fmt::print(stderr, "{}", plan_text(options, folder));
  if (options.dry_run) return kExitOk;
  listen_for_interrupts();
  server.greet(false);
  ResultsFolder files =
      ResultsFolder::create(folder, {{"faults", header(fault_columns())}, {"timeline", header(timeline_columns())}});
  OrderedJson provenance = provenance_of(options, server);
  files.write_provenance(provenance);

  ProgressLine progress;
  const FaultObservation seen = run_with_faults(
      server, options.run, [] { return interrupted.load(std::memory_order_relaxed); },
      [&](const std::string& line) { progress.say(line); });
  const Judgement judgement = judge(seen.history, contract_of(options, server));
  const FaultRow row{server, options.run, seen, judgement};
  files.append(fields(fault_columns(), row));
  for (const TimelineStep& step : timeline_of(seen, judgement)) files.append(fields(timeline_columns(), step), 1);
  const std::string text = fault_text(row) + judgement_text(judgement, seen.history);
  write_text(folder / "judgement.txt", text);
  if (options.keep_history || judgement.impossible() > 0) {
    write_history(folder / "history.jsonl", seen.history);
    fmt::print(stderr, "the history is kept in {}\n", (folder / "history.jsonl").string());
  }
  const int status = status_of(seen, judgement);
  provenance["ended_utc"] = utc_stamp();
  provenance["exit_status"] = status;
  files.write_provenance(provenance);
  fmt::print("{}{}\n", text, files.csv().string());
  return status;
}

void add_workload_options(CLI::App& command, FaultsOptions& options) {
  const auto add_time = [&command](const std::string& name, double& into_s, double least_s, const std::string& help) {
    command.add_option(name, into_s, help)
        ->type_name("TIME")
        ->transform(seconds(least_s, kLongestTimeS))
        ->default_str(fmt::format("{}s", into_s));
  };
  add_time("--duration", options.run.duration_s, 0.1, "how long clients work");
  add_time("--request-timeout", options.request_timeout_s, 0.1,
           "how long a client waits for one answer; then the outcome is unknown");
  add_time("--url-patience", options.patience_s, 0.1, "how long to go on while the server answers nobody");
  add_time("--settle", options.run.settle_s, 0, "how long to wait at the end for all copies");
  command.add_option("--clients", options.run.clients, "each sends one request at a time")
      ->type_name("N")
      ->transform(whole_number(1, 1'000))
      ->capture_default_str();
  command.add_option("--docs", options.run.documents, "documents at a time")
      ->type_name("N")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str();
  command
      .add_option("--list", options.run.longest_list, "appends to a document, after which another one takes its place")
      ->type_name("N")
      ->transform(whole_number(1, 100'000))
      ->capture_default_str();
  command.add_option("--reads", options.reads_percent, "share of reads that no write follows")
      ->type_name("PERCENT")
      ->transform(share("the operations"))
      ->default_str("50%");
  command.add_option("--seed", options.run.seed, "of what clients choose")->type_name("N")->capture_default_str();
  command.add_flag("--stay", options.run.stay,
                   "clients stay at their address whatever happens there (default: they go on to the next)");
}

}  // namespace

void add_faults(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand(
      "faults", "Work on a server or a cluster while commands break it; every answer is judged by what it promises");
  const auto options = std::make_shared<FaultsOptions>();
  command->add_option("--url", options->url, "the server, or the nodes of a cluster: http://HOST:PORT,...")
      ->type_name("URL,...")
      ->required();
  command
      ->add_option("--fault", options->faults,
                   "a command of the shell that harms, and when: '2s: kill -STOP 4711'; may be repeated. It finds the "
                   "index's name in OCCKIT_INDEX")
      ->type_name("TIME: COMMAND")
      ->allow_extra_args(false);
  command->add_option("--heal", options->heals, "the same of one that heals; after Ctrl-C it is carried out at once")
      ->type_name("TIME: COMMAND")
      ->allow_extra_args(false);
  add_workload_options(*command, *options);
  command->add_option("--url-route", options->route, "at which address a client begins: turn, or first for all")
      ->check(CLI::IsMember({"turn", "first"}))
      ->capture_default_str();
  command->add_option("--preference", options->preference, "which copy answers reads, as Elasticsearch's parameter")
      ->type_name("COPY");
  command->add_option("--replicas", options->replicas, "copies of the index beside the primary")
      ->type_name("N")
      ->transform(whole_number(0, 100))
      ->capture_default_str();
  command->add_option("--index-setting", options->index_settings, "a further setting of the index; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--keep-index", options->keep_index, "leave the index there");
  command
      ->add_option("--contract", options->contract,
                   "what answers are held against: atomic, replicated, or auto: atomic for one copy of occkit serve")
      ->check(CLI::IsMember({"auto", "atomic", "replicated"}))
      ->capture_default_str();
  command->add_flag("--keep-history", options->keep_history,
                    "write history.jsonl in any case (default: if something impossible is found)");
  command->add_option("--out", options->out, "folder for the results (default: results/faults-<UTC time>)")
      ->type_name("DIR");
  command->add_flag("--dry-run", options->dry_run, "show what will be run, and run nothing");
  command->callback([options, &exit_status] { exit_status = faults(*options); });
}

}  // namespace occ
