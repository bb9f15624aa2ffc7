#include "harness/measure/cell.hpp"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <latch>
#include <limits>
#include <memory>
#include <system_error>
#include <thread>

#include "fmt/format.h"
#include "harness/measure/conductor.hpp"
#include "harness/measure/fill.hpp"
#include "harness/measure/first_error.hpp"
#include "harness/measure/measure_table.hpp"
#include "harness/measure/recorder.hpp"
#include "harness/measure/strategy_units.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/random.hpp"

namespace occ {
namespace {

void pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void add(const Report& report, Measurement& measurement, Claims& claims) {
  measurement.window += report.window;
  measurement.window_counters.merge(report.window_counters);
  measurement.thread_operations.push_back(report.window.total_operations());
  measurement.latency.merge(report.latency);
  measurement.response.merge(report.response);
  measurement.pace += report.pace;
  measurement.longest_starvation_ns = std::max(measurement.longest_starvation_ns, report.longest_starvation_ns);
  measurement.events.merge(report.events);
  claims.counts += report.lifetime;
  claims.counters.merge(report.lifetime_counters);
  for (std::size_t i = 0; i < report.stock.size(); ++i) {
    claims.stock[i].sold += report.stock[i].sold;
  }
}

/// What the parts of one measurement have in common.
struct Replicate {
  const TableType& type;
  const Cell& cell;
  const Conditions& conditions;
  std::uint32_t number;
  std::uint64_t permutation_seed;
  AnyTable& table;
  /// Null where no server is.
  ServerWindow* window;
  /// Null if nothing is recorded.
  Recorder* recorder;
  const std::atomic<bool>& interrupted;

  [[nodiscard]] Task task_of(std::uint32_t thread) const {
    return {.workload = *cell.workload,
            .documents = *cell.documents,
            .form = conditions.update_form,
            .permutation_seed = permutation_seed,
            .stream_seed = stream_seed(conditions.seed, thread + 1, number),
            .publishes_with_store = publishes_with_store(table.info()),
            .names_tombstones = conditions.compatibility == Compatibility::v6,
            .latency = conditions.latency,
            .thread = thread,
            .threads = cell.threads,
            .window = window};
  }

  /// All that one thread does.
  void work(std::uint32_t thread, FunctionRef<void()> ready, const PhaseWord& phases, Report& report) const {
    const bool is_paced = cell.workload->pace.is_set();
    if (recorder == nullptr) {
      (is_paced ? work_paced : type.work)(table, task_of(thread), ready, phases, report);
    } else {
      (is_paced ? recorded_work_paced : type.recorded_work)(table, task_of(thread), recorder->worker(thread), ready,
                                                            phases, report);
    }
  }
};

/// All threads, from the warm-up to the end. False if it was interrupted.
bool work(const Replicate& replicate, FirstError& error, std::vector<Report>& reports, Measurement& measurement) {
  const Cell& cell = replicate.cell;
  PhaseWord phases;
  std::latch ready(cell.threads);
  const std::vector<int> cpus = processors();
  std::vector<std::jthread> threads;
  const StopOnExit stop{phases};
  const auto begin_worker = [&](std::uint32_t thread) {
    threads.emplace_back([&, thread] {
      bool waited_for = true;
      error.guard([&] {
        if (replicate.conditions.pinned) pin_to(cpus[thread % cpus.size()]);
        const auto begin = [&] {
          ready.count_down();
          waited_for = false;
        };
        replicate.work(thread, FunctionRef<void()>(begin), phases, reports[thread]);
      });
      if (waited_for) ready.count_down();
    });
  };
  try {
    for (std::uint32_t thread = 0; thread < cell.threads; ++thread) begin_worker(thread);
  } catch (const std::system_error& refused) {
    throw BadInput(fmt::format("--threads {}: the system refuses thread {}: {}", cell.threads, threads.size() + 1,
                               refused.what()));
  }
  ready.wait();
  return Conductor(replicate.table, replicate.conditions, phases, replicate.window, replicate.recorder, error,
                   replicate.interrupted)
      .conduct(measurement);
}

/// What the threads did, and the circumstances.
void add_all(const Replicate& replicate, const std::vector<Report>& reports, Measurement& measurement, Claims& claims) {
  const std::vector<int> cpus = processors();
  measurement.readings.threads = replicate.cell.threads;
  measurement.readings.processors = cpus.size();
  measurement.readings.mhz = processor_mhz(cpus);
  measurement.readings.is_remote = replicate.cell.server != nullptr;
  measurement.disturbance = judge(measurement.readings);
  if (replicate.cell.workload->layout == SourceLayout::stock) claims.stock.resize(replicate.cell.documents->size());
  for (const Report& report : reports) add(report, measurement, claims);
  measurement.lifetime_counters = claims.counters;
  measurement.torn_reads = claims.counts.torn_reads;
  measurement.unknown_outcomes = claims.counts.unknown;
  measurement.acknowledged_writes = claims.counts.writes;
  if (replicate.window != nullptr)
    measurement.longest_outage_ns = CycleClock::instance().to_ns(replicate.window->longest_outage());
  if (replicate.type.events != nullptr) {
    measurement.server_events = replicate.type.events(replicate.table);
    claims.gaps_untold = true;
    // Where copies are on several nodes a conflict may be the write's own: a node that lost its connection to the
    // primary's sends the write again, which then meets itself. The server's own update tries again after that: what it
    // acknowledges may have happened twice.
    if (replicate.cell.server != nullptr && replicate.cell.server->options().replicas > 0) {
      claims.counts.unknown += claims.counters.conflicts();
      if (replicate.cell.workload->client == Client::server) claims.counts.unknown += claims.counts.increments;
    }
  }
  measurement.clock_cost_ns = CycleClock::instance().sample_cost_ns(publishes_with_store(replicate.table.info()));
  measurement.table = replicate.table.memory();
  // Whether a recorded replicate's operations fell into the window does not matter: its speed is not a measurement.
  claims.window_operations = (replicate.recorder != nullptr ? claims.counts : measurement.window).ended;
}

/// The verdict: by sums, and by the history if it was recorded.
void verify_all(const Replicate& replicate, SteadyTime began, const Recording* recording, Claims& claims,
                Measurement& measurement) {
  const auto& [type, cell, conditions, number, permutation_seed, table, window, recorder, interrupted] = replicate;
  if (recorder != nullptr) look_at_all(table, *cell.documents, recorder->last_look());
  // Verification takes its time; tombstones that are still there now stay for it.
  table.set_gc_deletes(std::numeric_limits<std::int64_t>::max());
  claims.tombstones_may_have_expired =
      cell.workload->mix.has(OperationKind::remove) &&
      seconds_between(began, steady_now()) * 1e3 + 1 >= static_cast<double>(conditions.gc_deletes_ms);
  measurement.verification = verify(table, *cell.documents, *cell.workload, claims);
  if (recorder == nullptr) return;
  measurement.history = check_recorded(table, *recorder, *recording, cell, conditions, number);
  const HistoryReport& history = measurement.history->report;
  DocId id;
  add_history(measurement.verification, history, measurement.history->workload_operations,
              history.contradictions.empty() ? "" : cell.documents->id(history.contradictions.front().document, id),
              table.info().semantics, claims.tombstones_may_have_expired);
}

}  // namespace

std::optional<Measurement> measure_table(const TableType& type, const Cell& cell, const Conditions& given,
                                         std::uint32_t replicate, const std::atomic<bool>& interrupted,
                                         const Recording* recording) {
  Conditions conditions = given;
  if (recording != nullptr) conditions.warmup_s = 0;
  const std::vector<Share> fillers = shares(cell.workload->filled(cell.documents->size()));
  const std::uint64_t permutation_seed = stream_seed(conditions.seed, 0, replicate);
  std::optional<Recorder> recorder;
  if (recording != nullptr)
    recorder.emplace(*recording, cell, fillers, mix64(conditions.seed + replicate), permutation_seed);

  malloc_trim(0);
  reset_peak_rss();
  const SteadyTime began = steady_now();
  const std::unique_ptr<AnyTable> table = type.make({.shards = conditions.shards,
                                                     .gc_deletes_ms = conditions.gc_deletes_ms,
                                                     .seq_no_lease = conditions.seq_no_lease,
                                                     .backoff = conditions.backoff,
                                                     .compatibility = conditions.compatibility});
  Replicate parts{.type = type,
                  .cell = cell,
                  .conditions = conditions,
                  .number = replicate,
                  .permutation_seed = permutation_seed,
                  .table = *table,
                  .window = nullptr,
                  .recorder = recorder ? &*recorder : nullptr,
                  .interrupted = interrupted};
  Claims claims;
  FirstError error;
  fill(type, *table, *cell.documents, fillers, parts.recorder, claims, error, interrupted);
  error.rethrow();
  if (interrupted.load(std::memory_order_relaxed)) return std::nullopt;

  if (type.begin_window != nullptr) parts.window = &type.begin_window(*table);
  Measurement measurement;
  std::vector<Report> reports(cell.threads);
  const bool finished = work(parts, error, reports, measurement);
  error.rethrow();
  if (!finished) return std::nullopt;
  add_all(parts, reports, measurement, claims);
  verify_all(parts, began, recording, claims, measurement);
  return measurement;
}

std::vector<int> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<int> allowed;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(static_cast<std::size_t>(processor), &set)) allowed.push_back(processor);
  }
  return allowed;
}

std::optional<Measurement> measure(const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                   const std::atomic<bool>& interrupted, const Recording* recording) {
  if (cell.server != nullptr) {
    Conditions of_server = conditions;
    of_server.compatibility = cell.server->compatibility();
    return measure_table(remote_table_type(*cell.server), cell, of_server, replicate, interrupted, recording);
  }
  static const StrategyUnits units = [] {
    StrategyUnits all;
    add_strategies(all);
    return all;
  }();
  const TableType* const type = units.find(cell.strategy.name);
  if (type == nullptr) return {};
  return measure_table(*type, cell, conditions, replicate, interrupted, recording);
}

}  // namespace occ
