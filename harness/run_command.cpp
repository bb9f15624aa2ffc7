#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/columns.hpp"
#include "harness/commands.hpp"
#include "harness/environment.hpp"
#include "harness/interrupt.hpp"
#include "harness/plan.hpp"
#include "harness/progress.hpp"
#include "harness/random.hpp"
#include "harness/recording_handle.hpp"
#include "harness/remote_server.hpp"
#include "harness/results_folder.hpp"
#include "harness/schedule.hpp"
#include "harness/statistics.hpp"

namespace occ {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// A finished measurement, as the file names it: workload, documents, their size, strategy, threads, replicate, whether
/// it was recorded.
using Key = std::tuple<std::string, std::string, std::string, std::string, std::string, std::string, bool>;

Key key_of(const Cell& cell, const Step& step) {
  return {cell.workload->name,
          std::to_string(cell.documents->size()),
          std::to_string(cell.documents->body_bytes()),
          std::string(cell.strategy.name),
          std::to_string(cell.threads),
          std::to_string(step.replicate),
          step.is_recorded};
}

std::set<Key> finished(const CsvTable& table) {
  std::set<Key> keys;
  const auto column = [&](std::string_view name) { return table.find_column(name).value(); };
  for (const auto& row : table.rows) {
    keys.emplace(row[column("workload")], row[column("docs")], row[column("body_bytes")], row[column("strategy")],
                 row[column("threads")], row[column("replicate")],
                 row[column("checked")] == to_string(Verification::Level::history));
  }
  return keys;
}

/// What was found wrong in rows of an earlier start.
bool any_void(const CsvTable& table) {
  return std::ranges::any_of(table.rows,
                             [&](const auto& row) { return row[table.find_column("verified").value()] == "no"; });
}

/// What says where to write and is no property of the experiment.
Options experiment(Options options) {
  for (const char* name : {"out", "resume", "config", "history"}) options.erase(name);
  return options;
}

/// The options of the run to be resumed. Throws BadInput if one of `given` says otherwise.
Options resumed_options(const std::filesystem::path& folder, const Options& given) {
  const OrderedJson provenance = read_provenance(folder);
  auto stored = provenance.value("options", Options{});
  std::vector<std::string> different;
  Options asked = experiment(given);
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
  OrderedJson meanings;
  for (const Column& column : columns()) meanings[column.name] = column.meaning;
  return {{"options", options},
          {"seed", plan.conditions.seed},
          {"replicates", plan.replicates},
          {"check_replicates", plan.check_replicates},
          {"check_percent", plan.check_replicates > 0 ? OrderedJson(plan.recording.percent) : OrderedJson(nullptr)},
          {"check_operations", plan.recording.operations},
          {"order", "complete blocks: every cell once in random order, then again in another; recorded ones first"},
          {"fill", "before each replicate, by one thread per processor, each creating a contiguous share"},
          {"pin", plan.conditions.pinned ? OrderedJson(processors()) : OrderedJson(nullptr)},
          {"strategies", strategies},
          {"columns", meanings}};
}

std::string rate(double per_second) {
  if (per_second >= 1e6) return fmt::format("{:.2f} M ops/s", per_second / 1e6);
  return fmt::format("{:.1f} k ops/s", per_second / 1e3);
}

/// What the checks of histories found and what recording cost, over all cells.
class HistorySummary {
 public:
  void add(const Cell& cell, const Measurement& measurement) {
    const double ops_per_s = static_cast<double>(measurement.window.total_operations()) / measurement.window_s;
    Speeds& speeds = speeds_[&cell];
    if (!measurement.history) {
      speeds.measured.push_back(ops_per_s);
      return;
    }
    speeds.recorded.push_back(ops_per_s);
    const HistoryReport& report = measurement.history->report;
    ++histories_;
    operations_ += report.operations;
    pairs_ += report.pairs;
    overlapping_ += report.overlapping;
    check_s_ += report.check_s * report.check_threads;
    wrong_ += report.wrong_documents > 0 ? 1 : 0;
  }

  /// Empty if nothing was checked.
  [[nodiscard]] std::string text() const {
    if (histories_ == 0) return "";
    std::string text = fmt::format(
        "histories checked: {}, {} operations, {:.1f} % of neighbours overlapped, {}; {:.1f} M operations per s and "
        "thread of the check\n",
        histories_, operations_,
        pairs_ == 0 ? 0 : 100 * static_cast<double>(overlapping_) / static_cast<double>(pairs_),
        wrong_ == 0 ? "no contradiction" : fmt::format("{} with contradictions", wrong_),
        static_cast<double>(operations_) / check_s_ / 1e6);
    std::vector<double> shares;
    for (const auto& [cell, speeds] : speeds_) {
      if (speeds.recorded.empty() || speeds.measured.empty()) continue;
      shares.push_back(100 * median(speeds.recorded) / median(speeds.measured));
    }
    if (!shares.empty()) {
      const auto [least, most] = std::ranges::minmax(shares);
      text += fmt::format(
          "recording: {:.0f} ns an operation; recorded replicates ran at {:.0f} % of the measured "
          "speed (median of the cells; {:.0f} to {:.0f} %)\n",
          recording_cost_ns(), median(shares), least, most);
    }
    return text;
  }

 private:
  struct Speeds {
    std::vector<double> recorded;
    std::vector<double> measured;
  };
  std::map<const Cell*, Speeds> speeds_;
  std::uint64_t histories_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t pairs_ = 0;
  std::uint64_t overlapping_ = 0;
  std::uint64_t wrong_ = 0;
  double check_s_ = 0;
};

/// Runs what is left of a plan, row by row.
class Run {
 public:
  Run(const Plan& plan, ResultsFolder& results) : plan_(plan), results_(results) {}

  int carry_out() {
    const auto done = finished(results_.rows());
    std::vector<Step> steps =
        make_schedule(plan_.cells.size(), plan_.check_replicates, plan_.replicates, plan_.conditions.seed);
    std::erase_if(steps, [&](const Step& step) {
      const Cell& cell = plan_.cells[step.cell];
      return (step.is_recorded && !plan_.is_checked(cell)) || done.contains(key_of(cell, step));
    });
    bool any_wrong = any_void(results_.rows());
    ProgressLine progress(steps.size());
    if (plan_.server) {
      plan_.server->on_fill = [&progress](std::uint64_t there, std::uint64_t wanted) {
        progress.note(fmt::format("filled {} of {} documents", there, wanted));
      };
    }
    for (const Step& step : steps) {
      const Cell& cell = plan_.cells[step.cell];
      const std::string what = fmt::format("{}{} {} {} thread{}, {} {}", cell.workload->name, size_text(*cell.workload),
                                           cell.strategy.name, cell.threads, cell.threads == 1 ? "" : "s",
                                           step.is_recorded ? "history" : "replicate", step.replicate);
      progress.begin(what);
      const auto measurement =
          measure(cell, plan_.conditions, step.replicate, interrupted, step.is_recorded ? &plan_.recording : nullptr);
      if (!measurement) return kExitInterrupted;
      results_.append(fields({.cell = cell,
                              .conditions = plan_.conditions,
                              .replicate = step.replicate,
                              .generator_p = test_generator(cell, step.replicate),
                              .collision_probability = meeting(cell),
                              .measurement = *measurement}));
      summary_.add(cell, *measurement);
      const Verification& verification = measurement->verification;
      if (verification.verified == Verification::Verified::no) {
        any_wrong = true;
        progress.say(fmt::format("VERIFICATION FAILED: {}: {}", what, verification.violation));
        if (measurement->history && !measurement->history->excerpt.empty()) progress.say(measurement->history->excerpt);
      }
      progress.end(result_text(*measurement) +
                   (verification.verified == Verification::Verified::caught ? ", caught, as it should be" : ""));
    }
    return any_wrong ? kExitVerificationFailed : kExitOk;
  }

  [[nodiscard]] std::string summary() const { return summary_.text(); }

 private:
  static std::string result_text(const Measurement& measurement) {
    if (!measurement.history)
      return rate(static_cast<double>(measurement.window.total_operations()) / measurement.window_s);
    const HistoryReport& report = measurement.history->report;
    return fmt::format("{:.2f} M operations checked, {:.1f} % overlapped", static_cast<double>(report.operations) / 1e6,
                       100 * report.overlap());
  }

  /// Where the workload is measured with several.
  [[nodiscard]] std::string size_text(const Workload& workload) const {
    if (std::ranges::count(plan_.workloads, workload.name, &Workload::name) == 1) return "";
    return fmt::format(" of {} x {} B", workload.documents, workload.body_bytes);
  }

  /// The same for every strategy and thread count, so tested once.
  double test_generator(const Cell& cell, std::uint32_t replicate) {
    const auto [at, is_new] = generator_p_.try_emplace({cell.workload, replicate});
    if (is_new) {
      const auto permutation_seed = stream_seed(plan_.conditions.seed, 0, replicate);
      const IndexRing ring(cell.workload->distribution, cell.documents->size(), permutation_seed,
                           stream_seed(plan_.conditions.seed, 1, replicate));
      at->second = generator_p(cell.workload->distribution, cell.documents->size(), permutation_seed, ring.sample());
    }
    return at->second;
  }

  double meeting(const Cell& cell) {
    const auto [at, is_new] = meeting_.try_emplace(cell.workload);
    if (is_new) at->second = collision_probability(cell.workload->distribution, cell.documents->size());
    return at->second;
  }

  const Plan& plan_;
  ResultsFolder& results_;
  std::map<std::pair<const Workload*, std::uint32_t>, double> generator_p_;
  std::map<const Workload*, double> meeting_;
  HistorySummary summary_;
};

int run(Options given) {
  if (const auto file = given.find("config"); file != given.end()) read_option_file(file->second, given);
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
  listen_for_interrupts();
  if (plan.server) plan.server->greet(plan.conditions.fail_over_every_ms > 0);
  ResultsFolder results = resumes ? ResultsFolder::reopen(folder) : ResultsFolder::create(folder);
  for (const std::string& note : plan.notes) fmt::print(stderr, "note: {}\n", note);

  OrderedJson provenance = resumes ? read_provenance(folder) : describe(plan, options);
  OrderedJson start{{"started_utc", utc_stamp()}, {"environment", environment()}};
  if (plan.server) start["server"] = {{"url", plan.server->address().url()}, {"name", plan.server->name()}};
  provenance["starts"].push_back(start);
  results.write_provenance(provenance);
  Run rest(plan, results);
  int status = kExitOk;
  try {
    status = rest.carry_out();
  } catch (const ServerGone& gone) {
    fmt::print(stderr, "occkit: {}\nfinished rows are in {}; occkit run --resume {} does the rest\n", gone.what(),
               results.csv().string(), folder.string());
    status = kExitBadInput;
  }
  auto& this_start = provenance["starts"].back();
  this_start["ended_utc"] = utc_stamp();
  this_start["exit_status"] = status;
  results.write_provenance(provenance);

  fmt::print(stderr, "{}", rest.summary());
  if (status == kExitBadInput) return status;
  if (status == kExitInterrupted) {
    fmt::print(stderr, "interrupted; finished rows are in {}; occkit run --resume {} does the rest\n",
               results.csv().string(), folder.string());
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
