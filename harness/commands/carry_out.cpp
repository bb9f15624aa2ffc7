#include "harness/commands/carry_out.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/progress.hpp"
#include "harness/commands/run_summary.hpp"
#include "harness/commands/time_left.hpp"
#include "harness/measure/schedule.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/report/columns.hpp"
#include "harness/support/random.hpp"
#include "harness/support/statistics.hpp"

namespace occ {
namespace {

/// A cell, as the file names it.
struct CellName {
  std::string workload;
  std::string documents;
  std::string body_bytes;
  std::string strategy;
  std::string threads;
  auto operator<=>(const CellName&) const = default;
};

CellName name_of(const Cell& cell) {
  return {cell.workload->name, number(cell.documents->size()), number(cell.documents->body_bytes()),
          std::string(cell.strategy.name), number(cell.threads)};
}

/// A row of an earlier start.
struct FinishedRow {
  CellName cell;
  std::uint32_t replicate = 0;
  std::uint32_t attempt = 0;
  bool is_recorded = false;
  bool is_disturbed = false;
  double ops_per_s = 0;
  std::string verified;
};

/// Those of a run that is resumed; none of a new one.
std::vector<FinishedRow> finished_rows(const ResultsFolder& results) {
  using Row = FinishedRow;
  const auto whole = [](std::uint32_t Row::*member) {
    return [member](const Field& field, Row& row) {
      row.*member = static_cast<std::uint32_t>(field.whole_number(0, UINT32_MAX));
    };
  };
  const auto text = [](std::string CellName::*member) {
    return [member](const Field& field, Row& row) { row.cell.*member = field.text(); };
  };
  static const std::vector<ReadColumn<Row>> columns{
      {"workload", text(&CellName::workload)},
      {"docs", text(&CellName::documents)},
      {"body_bytes", text(&CellName::body_bytes)},
      {"strategy", text(&CellName::strategy)},
      {"threads", text(&CellName::threads)},
      {"replicate", whole(&Row::replicate)},
      {"attempt", whole(&Row::attempt)},
      {"checked",
       [](const Field& field, Row& row) {
         row.is_recorded = field.text() == to_string(Verification::Level::history) ||
                           field.text() == to_string(Verification::Level::fill);
       }},
      {"disturbed", [](const Field& field, Row& row) { row.is_disturbed = field.text() == "yes"; }},
      {"ops_per_s", [](const Field& field, Row& row) { row.ops_per_s = field.count(); }},
      {"verified", [](const Field& field, Row& row) { row.verified = field.text(); }},
  };
  if (results.rows().rows.empty()) return {};
  return read_rows(results.rows(), results.csv().string(), columns);
}

/// Tells the course what they say.
void know_finished(const std::vector<FinishedRow>& rows, const std::vector<Cell>& cells, Course& course) {
  std::map<CellName, std::size_t> places;
  for (std::size_t cell = 0; cell < cells.size(); ++cell) places.emplace(name_of(cells[cell]), cell);
  for (const FinishedRow& row : rows) {
    const auto place = places.find(row.cell);
    if (place == places.end()) continue;
    course.know(
        {.cell = place->second, .replicate = row.replicate, .is_recorded = row.is_recorded, .attempt = row.attempt},
        row.is_disturbed, row.ops_per_s);
  }
}

/// Whether one of them was judged so.
bool any_row(const std::vector<FinishedRow>& rows, Verification::Verified verdict) {
  return std::ranges::find(rows, to_string(verdict), &FinishedRow::verified) != rows.end();
}

Agenda agenda_of(const Plan& plan) {
  Agenda agenda{.cells = {},
                .recorded = plan.check_replicates,
                .replicates = plan.replicates,
                .seed = plan.conditions.seed,
                .repeats = plan.repeats,
                .until_percent = plan.until_percent};
  std::map<std::pair<const Workload*, std::uint32_t>, std::size_t> groups;
  for (const Cell& cell : plan.cells) {
    const Semantics semantics = cell.strategy.semantics;
    agenda.cells.push_back({.is_checked = plan.is_checked(cell),
                            .is_ranked = semantics == Semantics::full || semantics == Semantics::version_only,
                            .group = groups.try_emplace({cell.workload, cell.threads}, groups.size()).first->second});
  }
  return agenda;
}

std::string rate(double per_second) {
  if (per_second >= 1e6) return fmt::format("{:.2f} M ops/s", per_second / 1e6);
  return fmt::format("{:.1f} k ops/s", per_second / 1e3);
}

/// Runs what is left of a plan, row by row.
class Run {
 public:
  Run(const Plan& plan, ResultsFolder& results, bool quiet) : plan_(plan), results_(results), quiet_(quiet) {}

  /// The exit status: of a contradiction first, then of replicates without a verdict, which a longer window or another
  /// sample gives.
  int carry_out() {
    const std::vector<FinishedRow> finished = finished_rows(results_);
    know_finished(finished, plan_.cells, course_);
    bool any_wrong = any_row(finished, Verification::Verified::no);
    bool any_without_verdict = any_row(finished, Verification::Verified::no_verdict);
    ProgressLine progress(0, quiet_);
    if (plan_.server) {
      plan_.server->on_fill = [&progress](std::uint64_t there, std::uint64_t wanted) {
        progress.note(fmt::format("filled {} of {} documents", there, wanted));
      };
    }
    while (const auto next = course_.next()) {
      const Step& step = *next;
      const Cell& cell = plan_.cells[step.cell];
      const std::string what =
          fmt::format("{}{} {} {} thread{}, {} {}{}", cell.workload->name, size_text(*cell.workload),
                      cell.strategy.name, cell.threads, cell.threads == 1 ? "" : "s",
                      step.is_recorded ? "history" : "replicate", step.replicate, step.attempt > 1 ? " again" : "");
      progress.expect(course_.ahead().size() + 1);
      progress.expect_s(time_left_.left_s(course_, &step));
      progress.begin(what);
      const auto began = std::chrono::steady_clock::now();
      auto measurement =
          measure(cell, plan_.conditions, step.replicate, interrupted, step.is_recorded ? &plan_.recording : nullptr);
      if (!measurement) return kExitInterrupted;
      judge_again(step, *measurement);
      results_.append(fields(result_columns(), {.cell = cell,
                                                .conditions = plan_.conditions,
                                                .replicate = step.replicate,
                                                .attempt = step.attempt,
                                                .generator_p = test_generator(cell, step.replicate),
                                                .collision_probability = meeting(cell),
                                                .measurement = *measurement}));
      summary_.add(what, cell, *measurement);
      course_.ended(step, measurement->disturbance.is_disturbed(), speed(*measurement));
      time_left_.ended(step, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
      progress.expect_s(time_left_.left_s(course_));
      const Verification& verification = measurement->verification;
      if (verification.verified == Verification::Verified::no) {
        any_wrong = true;
        progress.say(fmt::format("VERIFICATION FAILED: {}: {}", what, verification.violation), Colour::bad);
        if (measurement->history && !measurement->history->excerpt.empty()) progress.say(measurement->history->excerpt);
      }
      if (verification.verified == Verification::Verified::no_verdict) {
        any_without_verdict = true;
        progress.say(fmt::format("NO VERDICT: {}: {}; {}", what, verification.violation,
                                 verification.level == Verification::Level::fill
                                     ? "a longer --duration, more --check-operations or a larger --check judges some"
                                     : "a longer --duration lets some end"),
                     Colour::warning);
      }
      progress.end(result_text(*measurement) +
                   (verification.verified == Verification::Verified::caught ? ", caught, as it should be" : "") +
                   disturbance_text(*measurement));
    }
    at_end_ = true;
    return any_wrong ? kExitVerificationFailed : any_without_verdict ? kExitBadInput : kExitOk;
  }

  [[nodiscard]] std::string summary() const {
    std::string text = summary_.text();
    if (const std::size_t disturbed = course_.still_disturbed(); at_end_ && disturbed > 0) {
      text += fmt::format(
          "{} replicate{} stayed disturbed: they are marked in the rows (disturbed=yes, disturbed_by), compared with "
          "nothing, and no winner is named from them; occkit run --resume DIR --repeats {} measures them again\n",
          disturbed, disturbed == 1 ? "" : "s", plan_.repeats + 1);
    }
    if (const std::size_t wide = course_.too_wide(); at_end_ && wide > 0) {
      text +=
          fmt::format("--until {}: {} cell{} still wider\n", *plan_.until_percent, wide, wide == 1 ? " is" : "s are");
    }
    return text;
  }

 private:
  static double speed(const Measurement& measurement) {
    return static_cast<double>(measurement.window.total_operations()) / measurement.window_s;
  }

  static std::string result_text(const Measurement& measurement) {
    if (!measurement.history) return rate(speed(measurement));
    const HistoryReport& report = measurement.history->report;
    return fmt::format("{:.2f} M operations checked, {:.1f} % overlapped", static_cast<double>(report.operations) / 1e6,
                       100 * report.overlap());
  }

  /// The speed of a recorded replicate is compared with nothing.
  static std::string disturbance_text(const Measurement& measurement) {
    if (measurement.history || !measurement.disturbance.is_disturbed()) return "";
    return ", DISTURBED: " + measurement.disturbance.text();
  }

  /// By the frequency that the cell's earlier replicates had, too.
  void judge_again(const Step& step, Measurement& measurement) {
    if (!measurement.readings.mhz || step.is_recorded) return;
    std::vector<double>& earlier = mhz_[step.cell];
    if (earlier.size() >= 2) measurement.disturbance = judge(measurement.readings, median(earlier));
    earlier.push_back(*measurement.readings.mhz);
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
  bool quiet_;
  TimeLeft time_left_{plan_};
  Course course_{agenda_of(plan_)};
  /// Nothing is left to be measured.
  bool at_end_ = false;
  std::map<std::size_t, std::vector<double>> mhz_;
  std::map<std::pair<const Workload*, std::uint32_t>, double> generator_p_;
  std::map<const Workload*, double> meeting_;
  RunSummary summary_;
};

}  // namespace

CarriedOut carry_out(const Plan& plan, ResultsFolder& results, bool quiet) {
  Run run(plan, results, quiet);
  CarriedOut ended;
  try {
    ended.exit_status = run.carry_out();
  } catch (const ServerGone& gone) {
    ended.exit_status = kExitBadInput;
    ended.server_gone = gone.what();
  }
  ended.summary = run.summary();
  return ended;
}

}  // namespace occ
