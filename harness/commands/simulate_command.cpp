#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "harness/advise/retry_model.hpp"
#include "harness/advise/simulation.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/load_options.hpp"
#include "harness/commands/progress.hpp"
#include "harness/commands/simulated_row.hpp"
#include "harness/commands/validators.hpp"
#include "harness/report/columns.hpp"
#include "harness/report/environment.hpp"
#include "harness/report/results_folder.hpp"
#include "harness/support/process_usage.hpp"

namespace occ {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct SimulateOptions {
  LoadOptions load;
  std::uint32_t retries = 0;
  std::uint32_t workers = 0;
  std::string at = "client";
  std::string service = "0";
  std::uint64_t operations = 1'000'000;
  std::uint32_t replicates = 1;
  std::uint64_t seed = 1;
  std::string label;
  std::string out;
  std::string conflict_log;
};

/// Every simulation that is asked for, its seed but for the replicate.
std::vector<SimulationLoad> simulations_of(const SimulateOptions& options) {
  SimulationLoad load;
  load.popularity = popularity_of(options.load);
  load.retries = options.retries;
  load.at = options.at == "server" ? UpdateAt::server : UpdateAt::client;
  load.workers = options.workers;
  load.service = TimeDistribution::parse("--service", options.service, 0);
  load.operations = options.operations;
  if (load.at == UpdateAt::server && load.workers == 0)
    throw BadInput("--at server: --workers says how many of them the server has; accepted are 1 and more");
  if (load.service.mean_s() > 0 && (load.workers == 0 || load.at == UpdateAt::server))
    throw BadInput("--service: it is the time of a write at a worker; accepted with --workers and --at client");
  std::vector<SimulationLoad> simulations;
  for (const RetryLoad& each : loads_of(options.load)) {
    load.clients = static_cast<std::uint32_t>(each.clients);
    load.rate_per_s = each.rate_per_s;
    load.think = each.think;
    load.window = each.window;
    load.backoff = each.backoff;
    // Every client has begun and gone round a few times, and the hottest documents have met their load.
    load.warmup_operations = std::max<std::uint64_t>(options.operations / 5, 4 * each.clients);
    const double needed =
        2.5 * kBytesPerClient * load.clients + static_cast<double>(kBytesPerDocument * load.popularity.documents());
    const auto there = static_cast<double>(physical_memory_bytes());
    if (needed > there) {
      throw BadInput(fmt::format("--clients {} --docs {}: needs {:.1f} GiB, this machine has {:.1f}", load.clients,
                                 load.popularity.documents(), needed / (1 << 30), there / (1 << 30)));
    }
    simulations.push_back(load);
  }
  return simulations;
}

/// The model's figure for the same load; NaN where it has none: a queue at the server, no steady state.
double modelled_conflict(const SimulationLoad& load) {
  if (load.workers > 0) return std::nan("");
  const RetryModel model({.clients = load.clients,
                          .think = load.think,
                          .rate_per_s = load.rate_per_s,
                          .window = load.window,
                          .backoff = load.backoff},
                         load.popularity.classes());
  const auto prediction = model.predict(load.retries);
  return prediction ? prediction->conflict : std::nan("");
}

/// Elasticsearch's text of a conflict, after the time in seconds.
std::string log_line(const SimulatedConflict& conflict) {
  return fmt::format(
      "{:.9f} [{}]: version conflict, required seqNo [{}], primary term [1]. current document has seqNo [{}] and "
      "primary "
      "term [1]\n",
      conflict.time_s, conflict.document, conflict.required, conflict.current);
}

/// A new file that lines go to, once it is opened.
class ConflictLogFile {
 public:
  explicit ConflictLogFile(const std::string& file) : file_(file) {
    if (file.empty()) return;
    std::error_code unknown;
    if (std::filesystem::exists(file, unknown))
      throw BadInput(fmt::format("--conflict-log: '{}' is there already and is not overwritten", file));
  }
  void open() {
    if (!is_wanted()) return;
    out_.open(file_);
    if (!out_) throw BadInput(fmt::format("--conflict-log: cannot write '{}'", file_));
  }
  [[nodiscard]] bool is_wanted() const { return !file_.empty(); }
  void append(const SimulatedConflict& conflict) { out_ << log_line(conflict); }
  void close() {
    if (is_wanted() && !out_.flush()) throw CannotWrite(file_);
  }

 private:
  std::string file_;
  std::ofstream out_;
};

struct Simulated {
  SimulationResult result;
  LatencyHistogram latency;
};

Simulated simulate_replicate(const SimulationLoad& load, ConflictLogFile& log) {
  Simulated simulated;
  const auto on_operation = [&](double latency_s) {
    simulated.latency.record(static_cast<std::uint64_t>(std::llround(latency_s * 1e9)));
  };
  const auto on_conflict = [&](const SimulatedConflict& conflict) { log.append(conflict); };
  const auto is_interrupted = [] { return interrupted.load(std::memory_order_relaxed); };
  SimulationListener listener;
  listener.operation.emplace(on_operation);
  if (log.is_wanted()) listener.conflict.emplace(on_conflict);
  simulated.result = simulate(load, listener, FunctionRef<bool()>(is_interrupted));
  return simulated;
}

OrderedJson provenance_of(const SimulateOptions& options, const std::vector<SimulationLoad>& simulations) {
  OrderedJson workloads = OrderedJson::array();
  for (const SimulationLoad& load : simulations) {
    workloads.push_back({{"name", workload_name(load)}, {"clients", load.clients}, {"backoff", load.backoff.text()}});
  }
  return {{"simulated", workloads},    {"operations", options.operations}, {"replicates", options.replicates},
          {"seed", options.seed},      {"environment", environment()},     {"columns", meanings(result_columns())},
          {"started_utc", utc_stamp()}};
}

constexpr std::string_view kHeading =
    "clients   workload                                  conflict  model     exhausted  ops/s       p50       p99      "
    " M "
    "events/s\n";

std::string line_of(const SimulationLoad& load, const Simulated& simulated, double elapsed_s) {
  const SimulationResult& result = simulated.result;
  const double model = modelled_conflict(load);
  return fmt::format("{:<9} {:<41} {:<9.4f} {:<9} {:<10.3g} {:<11.4g} {:<9} {:<9} {:.2f}\n",
                     load.clients == 0 ? "open" : fmt::format("{}", load.clients), workload_name(load),
                     result.conflict(), std::isnan(model) ? "-" : fmt::format("{:.4f}", model),
                     result.exhausted_share(), static_cast<double>(result.committed) / result.window_s,
                     time_text(static_cast<double>(simulated.latency.percentile_ns(50)) * 1e-9),
                     time_text(static_cast<double>(simulated.latency.percentile_ns(99)) * 1e-9),
                     static_cast<double>(result.events) / elapsed_s / 1e6);
}

int simulate_all(const SimulateOptions& options) {
  const std::vector<SimulationLoad> simulations = simulations_of(options);
  if (!options.conflict_log.empty() && simulations.size() * options.replicates > 1)
    throw BadInput("--conflict-log: one simulation fits into a file; accepted are one load and one replicate");
  ConflictLogFile log(options.conflict_log);
  listen_for_interrupts();
  const std::filesystem::path folder = options.out.empty()
                                           ? std::filesystem::path("results") / ("simulation-" + utc_stamp())
                                           : std::filesystem::path(options.out);
  ResultsFolder files = ResultsFolder::create(folder);
  log.open();
  OrderedJson provenance = provenance_of(options, simulations);
  files.write_provenance(provenance);
  const std::vector<std::string> names = header(result_columns());

  ProgressLine progress(simulations.size() * options.replicates);
  std::string table(kHeading);
  int status = kExitOk;
  for (SimulationLoad load : simulations) {
    for (std::uint32_t replicate = 1; replicate <= options.replicates && status == kExitOk; ++replicate) {
      load.seed = stream_seed(options.seed, load.clients, replicate);
      progress.begin(workload_name(load));
      const auto began = std::chrono::steady_clock::now();
      const Simulated simulated = simulate_replicate(load, log);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
      if (interrupted) {
        status = kExitInterrupted;
        break;
      }
      files.append(fields({.load = load,
                           .result = simulated.result,
                           .latency = simulated.latency,
                           .label = options.label,
                           .replicate = replicate,
                           .seed = options.seed},
                          names));
      table += line_of(load, simulated, elapsed.count());
      progress.end(fmt::format("conflict {:.4f}", simulated.result.conflict()));
    }
  }
  log.close();
  provenance["ended_utc"] = utc_stamp();
  provenance["exit_status"] = status;
  files.write_provenance(provenance);
  fmt::print("{}{}\n", table, files.csv().string());
  return status;
}

}  // namespace

void add_simulate(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand(
      "simulate", "Simulate clients that update documents by optimistic retries; rows as those of `occkit run`");
  const auto options = std::make_shared<SimulateOptions>();
  add_load_options(*command, options->load);
  command->add_option("--retry-on-conflict", options->retries, "tries after the first (default: 0)")
      ->type_name("N")
      ->transform(whole_number(0, UINT32_MAX - 1));
  command
      ->add_option("--workers", options->workers, "of the server, with one queue; 0: nobody waits for one (default: 0)")
      ->type_name("K")
      ->transform(whole_number(0, 1'000'000));
  command
      ->add_option("--at", options->at,
                   "where an update's loop runs: client (the write waits for a worker) | server (the window is the "
                   "worker's, as of _update) (default: client)")
      ->type_name("WHERE")
      ->check(CLI::IsMember({"client", "server"}));
  command->add_option("--service", options->service, "time of a write at a worker; forms as --window (default: 0)")
      ->type_name("TIME");
  command->add_option("--operations", options->operations, "that are counted, after a warm-up (default: 1000000)")
      ->type_name("N")
      ->transform(whole_number(1, 1'000'000'000'000));
  command->add_option("--replicates", options->replicates, "of each load, with other seeds (default: 1)")
      ->type_name("N")
      ->transform(whole_number(1, 1'000'000));
  command->add_option("--seed", options->seed, "seed of everything random (default: 1)")->type_name("N");
  command->add_option("--label", options->label, "tells rows of several calls apart: the strategy is simulated:NAME")
      ->type_name("NAME");
  command->add_option("--out", options->out, "folder for the results (default: results/simulation-<UTC time>)")
      ->type_name("DIR");
  command
      ->add_option("--conflict-log", options->conflict_log,
                   "write a line for every conflict, as a server's log has them; `occkit advise --conflicts` reads it")
      ->type_name("FILE");
  command->callback([options, &exit_status] { exit_status = simulate_all(*options); });
}

}  // namespace occ
