#include "harness/commands/stall.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <span>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/progress.hpp"
#include "harness/commands/stall_text.hpp"
#include "harness/report/environment.hpp"
#include "harness/report/results_folder.hpp"
#include "harness/stall/stall_columns.hpp"
#include "harness/stall/stall_verdict.hpp"
#include "harness/support/child_process.hpp"
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
/// The two files of rows: what was judged, and how it went over time.
constexpr std::size_t kJudgements = 0;
constexpr std::size_t kSeries = 1;

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

template <class Lookup, class Find>
auto choose(std::string_view option, const std::vector<std::string>& names, const Lookup& known, Find&& find) {
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

  int carry_out(ResultsFolder& files) {
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
  bool measure(StrategyResult& result, FaultPoint point, ResultsFolder& files) const {
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
      for (const StallRow& row : rows) {
        files.append(fields(stall_columns(), {result.info, options_.threads, row}), kJudgements);
      }
      for (const StallSlice& slice : run->slices) {
        for (std::size_t i = 0; i < kStallOperationCount; ++i) {
          const auto operation = static_cast<StallOperation>(i);
          files.append(fields(stall_series_columns(), {result.info, point, operation, slice}), kSeries);
        }
      }
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
          {"columns", meanings(stall_columns())},
          {"series_columns", meanings(stall_series_columns())},
          {"started_utc", utc_stamp()}};
}

}  // namespace

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
  ResultsFolder files = ResultsFolder::create(
      folder, {{"stall", header(stall_columns())}, {"stall_series", header(stall_series_columns())}});
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
    fmt::print("\n{}\n{}\n", files.csv(kJudgements).string(), files.csv(kSeries).string());
  }
  return status;
}

}  // namespace occ
