#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "core/model/document.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/progress.hpp"
#include "harness/commands/strategy_names.hpp"
#include "harness/commands/validators.hpp"
#include "harness/memory/memory_results.hpp"
#include "harness/report/environment.hpp"
#include "harness/report/results_folder.hpp"
#include "harness/support/child_process.hpp"
#include "harness/support/process_usage.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kMostDocuments = 0xffff'ffff;
/// Far beyond what any fill takes.
constexpr std::chrono::hours kLimit{24};

struct MemoryOptions {
  std::vector<std::string> strategies{"all"};
  std::vector<std::uint64_t> points{500'000, 700'000, 900'000, 1'000'000, 1'300'000};
  std::uint64_t body_bytes = 100;
  std::uint64_t churn_ids = 50'000;
  std::string out;
  /// This process is one that a strategy is measured in: while it fills, or under churn.
  bool is_cell = false;
  bool is_churn_cell = false;
};

void check(const MemoryOptions& options) {
  for (std::size_t i = 1; i < options.points.size(); ++i) {
    if (options.points[i] <= options.points[i - 1]) {
      throw BadInput(fmt::format("--docs {}: {} after {}; accepted are numbers that ascend",
                                 fmt::join(options.points, ","), options.points[i], options.points[i - 1]));
    }
  }
  const auto needed =
      static_cast<double>(options.points.back()) * static_cast<double>(payload_bytes(options.body_bytes));
  const auto there = static_cast<double>(physical_memory_bytes());
  if (needed > there) {
    throw BadInput(fmt::format("--docs {} --body {}: needs {:.1f} GiB at least, this machine has {:.1f}",
                               options.points.back(), options.body_bytes, needed / (1 << 30), there / (1 << 30)));
  }
}

/// Those that store documents under their ids.
std::vector<StrategyInfo> storing() {
  std::vector<StrategyInfo> known;
  std::ranges::copy_if(strategies(), std::back_inserter(known), &StrategyInfo::is_verifiable);
  return known;
}

int measure_here(const MemoryOptions& options, const std::vector<StrategyInfo>& infos) {
  const auto make = [&] { return make_table(infos.front().name); };
  const nlohmann::json found = options.is_churn_cell
                                   ? nlohmann::json(measure_churn(make, options.churn_ids, options.body_bytes))
                                   : nlohmann::json(measure_memory(make, options.points, options.body_bytes));
  fmt::print("{}", found.dump());
  return kExitOk;
}

/// What the process answers that is started by that option. Throws std::runtime_error, which says how the process ended.
template <class Found>
Found measure_in_a_process(const char* cell, const MemoryOptions& options, const StrategyInfo& info) {
  const ChildEnd end =
      run_child({fs::read_symlink("/proc/self/exe").string(), "memory", cell, "--strategy", std::string(info.name),
                 "--docs", fmt::format("{}", fmt::join(options.points, ",")), "--body",
                 fmt::format("{}", options.body_bytes), "--churn", fmt::format("{}", options.churn_ids)},
                kLimit, [] { return interrupted.load(std::memory_order_relaxed); });
  try {
    if (end.problem.empty()) return nlohmann::json::parse(end.output).get<Found>();
  } catch (const nlohmann::json::exception&) {
    throw std::runtime_error("its process gave no answer");
  }
  throw std::runtime_error(fmt::format("its process {}{}{}", end.problem, end.errors.empty() ? "" : ": ", end.errors));
}

OrderedJson provenance_of(const MemoryOptions& options, const std::vector<StrategyInfo>& infos) {
  OrderedJson names = OrderedJson::array();
  for (const StrategyInfo& info : infos) names.push_back(info.name);
  return {{"options",
           {{"strategy", names}, {"docs", options.points}, {"body", options.body_bytes}, {"churn", options.churn_ids}}},
          {"fill", "one thread, one document at a time; each strategy in a process of its own"},
          {"environment", environment()},
          {"columns", meanings(memory_columns())},
          {"started_utc", utc_stamp()}};
}

int measure_all(const MemoryOptions& options, const std::vector<StrategyInfo>& infos, ResultsFolder& files,
                std::vector<StrategyMemory>& found) {
  ProgressLine progress(infos.size());
  int status = kExitOk;
  for (const StrategyInfo& info : infos) {
    progress.begin(std::string(info.name));
    try {
      StrategyMemory one{info.name, options.body_bytes,
                         measure_in_a_process<std::vector<MemoryPoint>>("--cell", options, info), std::nullopt};
      if (options.churn_ids > 0) one.churn = measure_in_a_process<ChurnMemory>("--churn-cell", options, info);
      found.push_back(std::move(one));
    } catch (const std::runtime_error& failure) {
      if (interrupted) return kExitInterrupted;
      progress.say(fmt::format("FAILED: {}: {}", info.name, failure.what()));
      progress.end("failed");
      status = kExitVerificationFailed;
      continue;
    }
    for (const MemoryPoint& point : found.back().points) files.append(fields(memory_columns(), {found.back(), point}));
    if (info.reuses_slots && found.back().churn && found.back().churn->grows()) {
      progress.say(
          fmt::format("FAULT: {}: declares that the memory of deleted ids is used again, and grows by {:.1f} "
                      "bytes for each id that came and went",
                      info.name, found.back().churn->bytes_per_id()));
      status = kExitVerificationFailed;
    }
    const MemoryPoint& last = found.back().points.back();
    progress.end(fmt::format("{:.0f} bytes per document",
                             static_cast<double>(last.resident_bytes) / static_cast<double>(last.documents)));
  }
  return status;
}

int memory(const MemoryOptions& options) {
  check(options);
  std::vector<std::string> notes;
  const std::vector<StrategyInfo> known = storing();
  const std::vector<StrategyInfo> infos = named_strategies(options.strategies, known, nullptr, notes);
  if (options.is_cell || options.is_churn_cell) return measure_here(options, infos);

  listen_for_interrupts();
  const fs::path folder = options.out.empty() ? fs::path("results") / ("memory-" + utc_stamp()) : fs::path(options.out);
  ResultsFolder files = ResultsFolder::create(folder, {{"memory", header(memory_columns())}});
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  OrderedJson provenance = provenance_of(options, infos);
  files.write_provenance(provenance);

  std::vector<StrategyMemory> found;
  const int status = measure_all(options, infos, files, found);
  provenance["ended_utc"] = utc_stamp();
  provenance["exit_status"] = status;
  files.write_provenance(provenance);
  fmt::print("{}", memory_text(found));
  if (status == kExitInterrupted) {
    fmt::print(stderr, "interrupted; finished rows are in {}\n", files.csv().string());
  } else {
    fmt::print("{}\n", files.csv().string());
  }
  return status;
}

}  // namespace

void add_memory(CLI::App& app, int& exit_status) {
  CLI::App* command =
      app.add_subcommand("memory", "Fill a table of each strategy; bytes per document, and peaks while it grows");
  const auto options = std::make_shared<MemoryOptions>();
  command
      ->add_option(
          "--strategy", options->strategies,
          "strategies that store documents; peers: the maps of other libraries (default: all; see occkit list)")
      ->type_name("A,B,...|all")
      ->delimiter(',');
  command
      ->add_option("--docs", options->points,
                   "where to look, ascending (default: 500000,700000,900000,1000000,1300000)")
      ->type_name("N,M,...")
      ->delimiter(',')
      ->transform(whole_number(1, kMostDocuments));
  command->add_option("--body", options->body_bytes, "bytes of a source (default: 100)")
      ->type_name("BYTES")
      ->transform(whole_number(0, kMaxSourceBytes));
  command
      ->add_option("--churn", options->churn_ids,
                   "ids created and deleted in each of 20 rounds, to see what they leave behind; 0: none "
                   "(default: 50000)")
      ->type_name("N")
      ->transform(whole_number(0, kMostDocuments / kChurnRounds));
  command->add_option("--out", options->out, "folder for the results (default: results/memory-<UTC time>)")
      ->type_name("DIR");
  command->add_flag("--cell", options->is_cell, "measure in this process and answer in JSON")->group("");
  command->add_flag("--churn-cell", options->is_churn_cell, "the same, under churn")->group("");
  command->callback([options, &exit_status] { exit_status = memory(*options); });
}

}  // namespace occ
