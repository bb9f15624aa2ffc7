#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <map>
#include <span>
#include <vector>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/child_process.hpp"
#include "harness/commands.hpp"
#include "harness/environment.hpp"
#include "harness/interrupt.hpp"
#include "harness/progress.hpp"
#include "harness/results_folder.hpp"
#include "harness/stall_results.hpp"
#include "harness/stall_verdict.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

/// A machine that is busy with other things gets another chance. A thread that is stopped stops others every time, so
/// a fault has to show in every try.
constexpr int kMostTries = 3;
/// Beyond its own time a cell needs some to start, to stop its threads and to answer.
constexpr std::chrono::seconds kGrace{30};

struct StallOptions {
  std::vector<std::string> strategies{"all"};
  std::vector<std::string> points{"all"};
  unsigned threads = 1;
  double duration_s = 0.3;
  double park_s = 1;
  std::string out;
  std::string cell_program;
};

fs::path beside_this_program() {
  return fs::read_symlink("/proc/self/exe").parent_path() / "occkit_stall_cell";
}

fs::path cell_program_of(const StallOptions& options) {
  const fs::path program = options.cell_program.empty() ? beside_this_program() : fs::path(options.cell_program);
  std::error_code unknown;
  if (!fs::is_regular_file(program, unknown)) {
    throw BadInput(
        fmt::format("--cell-program: there is no program '{}'; occkit_stall_cell is built by the target of that name, "
                    "and installed beside occkit",
                    program.string()));
  }
  return program;
}

template <class Known, class Find>
auto choose(std::string_view option, const std::vector<std::string>& names, const Known& known, Find&& find) {
  std::vector<std::decay_t<decltype(*known.begin())>> chosen;
  if (names == std::vector<std::string>{"all"}) {
    chosen.assign(known.begin(), known.end());
    return chosen;
  }
  for (const std::string& name : names) {
    const auto at = std::ranges::find(known, name, find);
    if (at == known.end()) {
      std::vector<std::string_view> all;
      for (const auto& one : known) all.push_back(find(one));
      throw BadInput(fmt::format("--{}: unknown {} '{}'; accepted are all, or some of {}", option, option, name,
                                 fmt::join(all, ", ")));
    }
    if (std::ranges::find(chosen, name, find) != chosen.end()) {
      throw BadInput(fmt::format("--{}: '{}' is given twice", option, name));
    }
    chosen.push_back(*at);
  }
  return chosen;
}

std::string times(double ratio) {
  return ratio < 10 ? fmt::format("x{:.2f}", ratio) : fmt::format("x{:.0f}", ratio);
}

std::string megabytes_per_s(const StallRow& row) {
  const double rate = row.memory_growth_bytes / row.during_s / 1e6;
  return fmt::format("{:.1f}{}", rate < 0.05 ? 0.0 : rate, row.memory_grows ? " grows" : "");
}

std::string survival_text(const StallRow& row) {
  switch (row.survival) {
    case Survival::progressed:
      return times(row.during_per_s / row.before_per_s);
    case Survival::stalled:
      return row.judgement == Judgement::fault        ? "STALLED"
             : row.judgement == Judgement::new_memory ? "stops*"
                                                      : "stops";
    default:
      return row.unclear() ? "unclear" : "slow";
  }
}

constexpr std::string_view kDetailLine = "  {:<18} {:>6}  {:>9} {:>9}  {:>9} {:>9}  {:>9} {:>9}  {}\n";

void print_detail_header(const StrategyInfo& info) {
  fmt::print("\n{}\n", info.name);
  fmt::print(fmt::runtime(kDetailLine), "stopped at", "parked", "get same", "other", "upd. same", "other", "cre. same",
             "other", "memory, MB/s");
}

void print_details(const std::vector<StallRow>& rows) {
  for (std::size_t at = 0; at + kStallOperationCount <= rows.size(); at += kStallOperationCount) {
    const auto text = [&](StallOperation operation) {
      return survival_text(rows[at + static_cast<std::size_t>(operation)]);
    };
    fmt::print(fmt::runtime(kDetailLine), to_string(rows[at].point), rows[at].parked, text(StallOperation::get_same),
               text(StallOperation::get_other), text(StallOperation::update_same), text(StallOperation::update_other),
               text(StallOperation::create_same), text(StallOperation::create_other), megabytes_per_s(rows[at]));
  }
  std::fflush(stdout);
}

std::string measured_text(const MeasuredProgress& kind) {
  if (kind.measured == Progress::blocking) return fmt::format("blocking ({})", kind.reach);
  return "lock_free";
}

std::string declared_text(const MeasuredProgress& kind) {
  return std::string(to_string(kind.declared));
}

/// All that is to be said of a strategy in the end.
struct StrategyResult {
  StrategyInfo info;
  std::vector<StallRow> rows;
  std::vector<std::string> problems;

  [[nodiscard]] std::string verdict() const {
    const StallSummary summary = summarize(info, rows);
    std::vector<std::string> parts;
    const auto kinds = {std::pair{"get", summary.get}, std::pair{"write", summary.write},
                        std::pair{"create", summary.create}};
    for (const auto& [name, kind] : kinds) {
      if (kind.fault)
        parts.push_back(fmt::format("FAULT: {} is declared {} and stalls", name, to_string(kind.declared)));
    }
    if (summary.memory_fault) parts.emplace_back("FAULT: memory is declared bounded and grows");
    if (!problems.empty()) parts.push_back(fmt::format("FAULT: {} of its cells failed", problems.size()));
    if (summary.unclear) parts.emplace_back("unclear in part: the machine is too busy");
    if (!parts.empty()) return fmt::format("{}", fmt::join(parts, "; "));
    if (rows.empty()) return "no points";
    std::vector<std::string> unseen;
    for (const auto& [name, kind] : kinds) {
      if (kind.declared == Progress::blocking && kind.measured != Progress::blocking) unseen.emplace_back(name);
    }
    if (!info.memory_bounded && !summary.memory_grows) unseen.emplace_back("memory");
    if (unseen.empty()) return "as declared";
    return fmt::format("not seen: {}", fmt::join(unseen, ", "));
  }
  [[nodiscard]] bool fault() const { return !problems.empty() || summarize(info, rows).fault(); }
};

void print_summary(const std::vector<StrategyResult>& results) {
  constexpr std::string_view kLine = "{:<26} {:<10} {:<25} {:<10} {:<25} {:<10} {:<24} {:<9} {:<8} {}\n";
  fmt::print("\n");
  fmt::print(fmt::runtime(kLine), "", "get", "", "write", "", "create", "", "memory", "", "");
  fmt::print(fmt::runtime(kLine), "strategy", "declared", "measured", "declared", "measured", "declared", "measured",
             "declared", "measured", "verdict");
  bool new_memory = false;
  for (const StrategyResult& result : results) {
    const StallSummary summary = summarize(result.info, result.rows);
    new_memory = new_memory || summary.new_memory;
    const bool any = !result.rows.empty();
    const auto measured = [&](const MeasuredProgress& kind) { return any ? measured_text(kind) : "-"; };
    fmt::print(fmt::runtime(kLine), result.info.name, declared_text(summary.get), measured(summary.get),
               declared_text(summary.write), measured(summary.write) + (summary.new_memory ? " *" : ""),
               declared_text(summary.create), measured(summary.create),
               result.info.memory_bounded ? "bounded" : "unbounded",
               !any                   ? "-"
               : summary.memory_grows ? "grows"
                                      : "bounded",
               result.verdict());
  }
  fmt::print(
      "measured lock_free: nobody stops wherever others are stopped; wait_free looks the same. In brackets: whom a "
      "stopped "
      "thread stops at worst.\n");
  if (new_memory) {
    fmt::print(
        "* while a thread stands inside the pool's mutex, updates that need ever more memory stop too; new memory is "
        "declared apart.\n");
  }
}

void print_legend() {
  fmt::print(
      "Throughput of survivors while threads are stopped, as a multiple of what it was before; same: the document (for "
      "creations: the directory's segment) of the stopped thread.\n");
}

std::string stops_text(std::span<const StallRow> rows) {
  const auto stalled = std::ranges::count(rows, Survival::stalled, &StallRow::survival);
  if (rows.empty()) return "failed";
  return stalled == 0 ? "nobody stops" : fmt::format("{} of {} stop", stalled, rows.size());
}

bool doubtful(const StallRow& row) {
  return row.survival == Survival::unclear || row.judgement == Judgement::fault ||
         row.memory_judgement == Judgement::fault;
}

class Stalls {
 public:
  Stalls(const StallOptions& options, std::vector<StrategyInfo> infos, std::vector<FaultPointInfo> points)
      : options_(options), program_(cell_program_of(options)), points_(std::move(points)) {
    for (StrategyInfo& info : infos) results_.push_back({.info = info, .rows = {}, .problems = {}});
  }

  /// Asks every strategy which of the points it has. Throws BadInput if there is nothing to do.
  void plan() {
    std::size_t cells = 0;
    for (const StrategyResult& result : results_) {
      const ChildEnd end = run({.strategy = std::string(result.info.name)});
      if (interrupted) return;
      std::vector<FaultPoint>& chosen = plan_.emplace_back();
      const auto found = parse(end);
      if (!found) throw std::runtime_error(fmt::format("{}: {}", result.info.name, problem_of(end)));
      for (const FaultPointInfo& point : points_) {
        if (std::ranges::find(found->points, point.name) != found->points.end()) chosen.push_back(point.point);
      }
      cells += chosen.size();
    }
    if (cells == 0)
      throw BadInput("--point: none of the chosen strategies has any of the chosen points; see --point all");
    cells_ = cells;
  }

  int carry_out(StallResults& files) {
    ProgressLine progress(cells_);
    print_legend();
    for (std::size_t i = 0; i < plan_.size(); ++i) {
      StrategyResult& result = results_[i];
      if (!plan_[i].empty()) print_detail_header(result.info);
      for (const FaultPoint point : plan_[i]) {
        progress.begin(fmt::format("{} stopped at {}", result.info.name, to_string(point)));
        const std::size_t rows_before = result.rows.size();
        if (!measure(result, point, files)) return kExitInterrupted;
        progress.end(stops_text(std::span(result.rows).subspan(rows_before)));
      }
      for (const std::string& problem : result.problems) fmt::print("  FAILED: {}\n", problem);
    }
    print_summary(results_);
    return std::ranges::any_of(results_, &StrategyResult::fault) ? kExitVerificationFailed : kExitOk;
  }

  [[nodiscard]] OrderedJson describe() const {
    OrderedJson all = OrderedJson::array();
    for (const StrategyResult& result : results_) {
      const StallSummary summary = summarize(result.info, result.rows);
      const auto kind = [](const MeasuredProgress& progress) {
        return OrderedJson{{"declared", declared_text(progress)}, {"measured", measured_text(progress)}};
      };
      all.push_back({{"name", result.info.name},
                     {"get", kind(summary.get)},
                     {"write", kind(summary.write)},
                     {"create", kind(summary.create)},
                     {"memory",
                      {{"declared", result.info.memory_bounded ? "bounded" : "unbounded"},
                       {"measured", summary.memory_grows ? "grows" : "bounded"}}},
                     {"verdict", result.verdict()},
                     {"problems", result.problems}});
    }
    return all;
  }

 private:
  [[nodiscard]] ChildEnd run(const StallCell& cell) const {
    const double time_ms = cell.point.empty() ? 0 : 2 * cell.duration_ms + 1.5 * cell.park_ms;
    return run_child({program_.string(), cell.strategy, cell.point, fmt::format("{}", cell.threads),
                      fmt::format("{}", cell.duration_ms), fmt::format("{}", cell.park_ms)},
                     std::chrono::milliseconds(static_cast<std::int64_t>(time_ms)) + kGrace,
                     [] { return interrupted.load(std::memory_order_relaxed); });
  }

  static std::optional<StallRun> parse(const ChildEnd& end) {
    if (!end.problem.empty()) return std::nullopt;
    try {
      return nlohmann::json::parse(end.output).get<StallRun>();
    } catch (const nlohmann::json::exception&) {
      return std::nullopt;
    }
  }

  static std::string problem_of(const ChildEnd& end) {
    std::string_view errors = end.errors;
    while (!errors.empty() && errors.back() == '\n') errors.remove_suffix(1);
    return fmt::format("the cell's process {}{}{}", end.problem.empty() ? "gave no answer" : end.problem,
                       errors.empty() ? "" : ": ", errors);
  }

  /// False if the user wants to stop.
  bool measure(StrategyResult& result, FaultPoint point, StallResults& files) const {
    for (int tries = 1;; ++tries) {
      const ChildEnd end = run({.strategy = std::string(result.info.name),
                                .point = std::string(to_string(point)),
                                .threads = options_.threads,
                                .duration_ms = options_.duration_s * 1e3,
                                .park_ms = options_.park_s * 1e3});
      if (interrupted) return false;
      const auto run = parse(end);
      const bool again = tries < kMostTries;
      if (!run) {
        result.problems.push_back(fmt::format("{}: {}", to_string(point), problem_of(end)));
        return true;
      }
      if (run->parked == 0) {
        if (again) continue;
        result.problems.push_back(fmt::format("{}: no thread came to the point", to_string(point)));
        return true;
      }
      const auto rows = judge(result.info, point, *run);
      if (again && std::ranges::any_of(rows, doubtful)) continue;
      files.append(result.info, options_.threads, point, *run, rows);
      result.rows.insert(result.rows.end(), rows.begin(), rows.end());
      print_details(rows);
      return true;
    }
  }

  const StallOptions& options_;
  fs::path program_;
  std::vector<FaultPointInfo> points_;
  std::vector<StrategyResult> results_;
  std::vector<std::vector<FaultPoint>> plan_;
  std::size_t cells_ = 0;
};

OrderedJson provenance_of(const StallOptions& options) {
  OrderedJson columns;
  for (const StallColumn& column : stall_columns()) columns[column.name] = column.meaning;
  OrderedJson series;
  for (const auto& [name, meaning] : stall_series_columns()) series[name] = meaning;
  OrderedJson points;
  for (const FaultPointInfo& point : kFaultPoints) points[std::string(point.name)] = point.meaning;
  return {{"options",
           {{"strategy", options.strategies},
            {"point", options.points},
            {"threads", options.threads},
            {"duration_s", options.duration_s},
            {"park_s", options.park_s}}},
          {"environment", environment()},
          {"points", points},
          {"columns", columns},
          {"series_columns", series},
          {"started_utc", utc_stamp()}};
}

int stall(const StallOptions& options) {
  std::vector<StrategyInfo> known;
  std::ranges::copy_if(strategies(), std::back_inserter(known),
                       [](const StrategyInfo& info) { return info.semantics != Semantics::floor; });
  auto infos = choose("strategy", options.strategies, std::span<const StrategyInfo>(known),
                      [](const StrategyInfo& info) { return info.name; });
  auto points =
      choose("point", options.points, std::span(kFaultPoints), [](const FaultPointInfo& info) { return info.name; });
  Stalls stalls(options, std::move(infos), std::move(points));
  listen_for_interrupts();
  stalls.plan();
  if (interrupted) return kExitInterrupted;

  const fs::path folder = options.out.empty() ? fs::path("results") / ("stall-" + utc_stamp()) : fs::path(options.out);
  StallResults files(folder);
  OrderedJson provenance = provenance_of(options);
  files.write_provenance(provenance);
  const int status = stalls.carry_out(files);
  provenance["ended_utc"] = utc_stamp();
  provenance["exit_status"] = status;
  provenance["strategies"] = stalls.describe();
  files.write_provenance(provenance);
  if (status == kExitInterrupted) {
    fmt::print(stderr, "interrupted; finished rows are in {}\n", files.csv().string());
  } else {
    fmt::print("\n{}\n{}\n", files.csv().string(), files.series().string());
  }
  return status;
}

}  // namespace

void add_stall(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand(
      "stall", "Stop threads at every point of every strategy; who goes on is its progress, measured");
  const auto options = std::make_shared<StallOptions>();
  const CLI::AsNumberWithUnit time(std::map<std::string, double>{{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"min", 60}},
                                   CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME");
  command->add_option("--strategy", options->strategies, "strategies (default: all; see occkit list)")
      ->type_name("A,B,...|all")
      ->delimiter(',');
  command->add_option("--point", options->points, "points (default: all; see occkit list)")
      ->type_name("P,Q,...|all")
      ->delimiter(',');
  command->add_option("--threads", options->threads, "survivors for each kind of operation (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  command
      ->add_option("--park", options->park_s, "how long one thread is stopped; a second one half as long (default: 1s)")
      ->type_name("TIME")
      ->transform(time)
      ->check(CLI::Range(0.2, 3600.0));
  command->add_option("--duration", options->duration_s, "time before the stop, and after the release (default: 300ms)")
      ->type_name("TIME")
      ->transform(time)
      ->check(CLI::Range(0.05, 3600.0));
  command->add_option("--out", options->out, "folder for the results (default: results/stall-<UTC time>)")
      ->type_name("DIR");
  command
      ->add_option("--cell-program", options->cell_program,
                   "the program that runs one cell (default: occkit_stall_cell, beside this one)")
      ->type_name("FILE");
  command->callback([options, &exit_status] { exit_status = stall(*options); });
}

}  // namespace occ
