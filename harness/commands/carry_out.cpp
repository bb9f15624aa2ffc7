#include "harness/commands/carry_out.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
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
  /// Clients, think time and rate, of which a run has several.
  std::string clients;
  std::string think_between;
  std::string rate_per_s;
  auto operator<=>(const CellName&) const = default;
};

CellName name_of(const Cell& cell) {
  const Pace& pace = cell.workload->pace;
  const TimeDistribution& think = pace.think_between;
  return {.workload = cell.workload->name,
          .documents = number(cell.documents->size()),
          .body_bytes = number(cell.documents->body_bytes()),
          .strategy = std::string(cell.strategy.name),
          .threads = number(cell.threads),
          .clients = pace.clients > 0 ? number(pace.clients) : "",
          .think_between = think.mean_s() > 0 ? think.text() : "0",
          .rate_per_s = pace.is_open() ? number(pace.rate_per_s) : ""};
}

/// A row of an earlier start.
struct FinishedRow {
  CellName cell;
  std::uint32_t replicate = 0;
  std::uint32_t attempt = 0;
  bool is_recorded = false;
  bool is_disturbed = false;
  double ops_per_s = 0;
  /// Of an open loop.
  double response_p99_ns = 0;
  double queue_at_end = 0;
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
      {"clients", text(&CellName::clients)},
      {"think_between", text(&CellName::think_between)},
      {"rate_per_s", text(&CellName::rate_per_s)},
      {"replicate", whole(&Row::replicate)},
      {"attempt", whole(&Row::attempt)},
      {"checked",
       [](const Field& field, Row& row) {
         row.is_recorded = field.text() == to_string(Verification::Level::history) ||
                           field.text() == to_string(Verification::Level::fill);
       }},
      {"disturbed", [](const Field& field, Row& row) { row.is_disturbed = field.text() == "yes"; }},
      {"ops_per_s", [](const Field& field, Row& row) { row.ops_per_s = field.count(); }},
      {"response_p99_ns", [](const Field& field, Row& row) { row.response_p99_ns = field.count(); }},
      {"queue_at_end", [](const Field& field, Row& row) { row.queue_at_end = field.count(); }},
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
                .replicates = plan.rate_search ? 0 : plan.replicates,
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
    finished_ = finished_rows(results_);
    know_finished(finished_, plan_.cells, course_);
    any_wrong_ = any_row(finished_, Verification::Verified::no);
    any_without_verdict_ = any_row(finished_, Verification::Verified::no_verdict);
    ProgressLine progress(0, quiet_);
    if (plan_.server) {
      plan_.server->on_fill = [&progress](std::uint64_t there, std::uint64_t wanted) {
        progress.note(fmt::format("filled {} of {} documents", there, wanted));
      };
    }
    while (const auto next = course_.next()) {
      const Step& step = *next;
      progress.expect(course_.ahead().size() + 1);
      progress.expect_s(time_left_.left_s(course_, &step));
      const auto began = std::chrono::steady_clock::now();
      const auto measurement = measure_step(plan_.cells[step.cell], step, progress);
      if (!measurement) return kExitInterrupted;
      course_.ended(step, measurement->disturbance.is_disturbed(), speed(*measurement));
      time_left_.ended(step, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
      progress.expect_s(time_left_.left_s(course_));
    }
    if (plan_.rate_search && !search_rates(progress)) return kExitInterrupted;
    at_end_ = true;
    return any_wrong_ ? kExitVerificationFailed : any_without_verdict_ ? kExitBadInput : kExitOk;
  }

  [[nodiscard]] std::string summary() const {
    std::string text = summary_.text() + highest_text();
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
  /// Measures one replicate and writes its row; nothing if it was interrupted.
  std::optional<Measurement> measure_step(const Cell& cell, const Step& step, ProgressLine& progress) {
    const std::string what =
        fmt::format("{}{} {} {} thread{}, {} {}{}", cell.workload->name, variant_text(*cell.workload),
                    cell.strategy.name, cell.threads, cell.threads == 1 ? "" : "s",
                    step.is_recorded ? "history" : "replicate", step.replicate, step.attempt > 1 ? " again" : "");
    progress.begin(what);
    auto measurement =
        measure(cell, plan_.conditions, step.replicate, interrupted, step.is_recorded ? &plan_.recording : nullptr);
    if (!measurement) return std::nullopt;
    judge_again(step, *measurement);
    results_.append(fields(result_columns(), {.cell = cell,
                                              .conditions = plan_.conditions,
                                              .replicate = step.replicate,
                                              .attempt = step.attempt,
                                              .generator_p = test_generator(plan_.cells[step.cell], step.replicate),
                                              .collision_probability = meeting(plan_.cells[step.cell]),
                                              .measurement = *measurement}));
    summary_.add(what, cell, *measurement);
    const Verification& verification = measurement->verification;
    if (verification.verified == Verification::Verified::no) {
      any_wrong_ = true;
      progress.say(fmt::format("VERIFICATION FAILED: {}: {}", what, verification.violation), Colour::bad);
      if (measurement->history && !measurement->history->excerpt.empty()) progress.say(measurement->history->excerpt);
    }
    if (verification.verified == Verification::Verified::no_verdict) {
      any_without_verdict_ = true;
      progress.say(fmt::format("NO VERDICT: {}: {}; {}", what, verification.violation,
                               verification.level == Verification::Level::fill
                                   ? "a longer --duration, more --check-operations or a larger --check judges some"
                                   : "a longer --duration lets some end"),
                   Colour::warning);
    }
    progress.end(result_text(*measurement) +
                 (verification.verified == Verification::Verified::caught ? ", caught, as it should be" : "") +
                 disturbance_text(*measurement));
    return measurement;
  }

  /// Every cell's highest rate, once a replicate. False if it was interrupted.
  bool search_rates(ProgressLine& progress) {
    for (std::uint32_t replicate = 1; replicate <= plan_.replicates; ++replicate) {
      for (std::size_t i = 0; i < plan_.cells.size(); ++i) {
        RateSearch search = *plan_.rate_search;
        while (const auto rate = search.next()) {
          const auto holds = try_rate(cell_at(plan_.cells[i], *rate), i, replicate, search.p99_below_s(), progress);
          if (!holds) return false;
          search.tell(*holds);
        }
        highest_[i].push_back(search.highest().value_or(0));
      }
    }
    return true;
  }

  /// The cell at another rate; kept, since the summary points to it.
  const Cell& cell_at(const Cell& cell, double rate_per_s) {
    Workload& workload = searched_workloads_.emplace_back(*cell.workload);
    workload.pace.rate_per_s = rate_per_s;
    Cell& searched = searched_cells_.emplace_back(cell);
    searched.workload = &workload;
    return searched;
  }

  /// What waits at the window's end must not wait for longer either, or a queue that has only begun to grow would not
  /// be seen.
  static bool is_kept(double p99_below_s, double response_p99_ns, double queue_at_end, const Cell& cell) {
    return response_p99_ns < 1e9 * p99_below_s && queue_at_end <= cell.workload->pace.rate_per_s * p99_below_s;
  }

  /// Whether the limit is kept, by the first undisturbed measurement or the last one, at an earlier start or now;
  /// nothing if it was interrupted.
  std::optional<bool> try_rate(const Cell& cell, std::size_t index, std::uint32_t replicate, double p99_below_s,
                               ProgressLine& progress) {
    std::uint32_t attempts = 0;
    for (const FinishedRow& row : finished_) {
      if (row.is_recorded || row.replicate != replicate || row.cell != name_of(cell)) continue;
      attempts = std::max(attempts, row.attempt);
      if (!row.is_disturbed || row.attempt > plan_.repeats)
        return is_kept(p99_below_s, row.response_p99_ns, row.queue_at_end, cell);
    }
    for (;;) {
      const Step step{.cell = index, .replicate = replicate, .is_recorded = false, .attempt = ++attempts};
      progress.expect(1);
      const auto measurement = measure_step(cell, step, progress);
      if (!measurement) return std::nullopt;
      if (measurement->disturbance.is_disturbed() && attempts <= plan_.repeats) continue;
      return is_kept(p99_below_s, static_cast<double>(measurement->response.percentile_ns(99)),
                     static_cast<double>(measurement->pace.queued), cell);
    }
  }

  /// What the searches found.
  [[nodiscard]] std::string highest_text() const {
    std::string text;
    for (const auto& [index, rates] : highest_) {
      const Cell& cell = plan_.cells[index];
      const std::string limit = time_text(plan_.rate_search->p99_below_s());
      text += fmt::format("{} {} {} thread{}: ", cell.workload->name, cell.strategy.name, cell.threads,
                          cell.threads == 1 ? "" : "s");
      if (const double middle = median(rates); middle == 0) {
        text += fmt::format("p99 is not below {} at any rate that was tried\n", limit);
      } else {
        text +=
            fmt::format("p99 below {} up to {:.6g} operations/s ({} search{}: {:.6g} to {:.6g})\n", limit, middle,
                        rates.size(), rates.size() == 1 ? "" : "es", std::ranges::min(rates), std::ranges::max(rates));
      }
    }
    return text;
  }

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

  /// What tells it from others of its name: its size, its clients or its rate.
  [[nodiscard]] std::string variant_text(const Workload& workload) const {
    const Pace& pace = workload.pace;
    std::string text = pace.text();
    if (pace.think_between.mean_s() > 0) text += fmt::format(" think {}", pace.think_between.text());
    if (!text.empty()) text.insert(0, " ");
    const bool several = std::ranges::any_of(plan_.workloads, [&](const Workload& other) {
      return other.name == workload.name &&
             (other.documents != workload.documents || other.body_bytes != workload.body_bytes);
    });
    return several ? fmt::format(" of {} x {} B{}", workload.documents, workload.body_bytes, text) : text;
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
  bool any_wrong_ = false;
  bool any_without_verdict_ = false;
  std::vector<FinishedRow> finished_;
  /// At the rates that were tried.
  std::deque<Workload> searched_workloads_;
  std::deque<Cell> searched_cells_;
  /// What each cell's searches found; 0 for no rate.
  std::map<std::size_t, std::vector<double>> highest_;
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
