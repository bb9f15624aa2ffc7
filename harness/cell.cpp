#include "harness/cell.hpp"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <exception>
#include <latch>
#include <limits>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "fmt/format.h"
#include "harness/commands.hpp"
#include "harness/random.hpp"
#include "harness/worker.hpp"
#include "variants/registry.hpp"

namespace occ {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

double seconds_between(SteadyTime begin, SteadyTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

/// The first exception of several threads.
class FirstError {
 public:
  /// Calls `work`, keeping what it throws.
  template <class F>
  void guard(F&& work) noexcept {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
};

void pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// Creates every document, on as many threads as there are processors, each of which touches the memory of its share
/// first.
void fill(AnyTable& table, const Documents& documents, Claims& claims, FirstError& error) {
  const auto fillers =
      static_cast<std::uint32_t>(std::min<std::size_t>(processors().size(), (documents.size() + 4095) / 4096));
  std::mutex mutex;
  std::vector<std::jthread> threads;
  for (std::uint32_t filler = 0; filler < fillers; ++filler) {
    threads.emplace_back([&, filler] {
      error.guard([&] {
        const auto handle = table.handle();
        const auto share = [&](std::uint64_t part) {
          return static_cast<std::uint32_t>(documents.size() * part / fillers);
        };
        Tally tally;
        DocId id;
        Source source;
        for (std::uint32_t index = share(filler); index < share(filler + 1); ++index) {
          documents.write_initial(index, source);
          const Outcome outcome = handle->create(documents.id(index, id), source.bytes());
          if (outcome.result != Result::created) {
            throw std::runtime_error(fmt::format("filling the table: document {} was not created", index));
          }
          ++tally.applied;
          ++tally.writes;
        }
        const std::lock_guard lock(mutex);
        claims.tally += tally;
        claims.counters.merge(handle->counters());
      });
    });
  }
}

/// Announces the phases at their times, and fails shards over in between.
class Conductor {
 public:
  Conductor(AnyTable& table, const Conditions& conditions, PhaseWord& phases, const std::atomic<bool>& interrupted)
      : table_(table), conditions_(conditions), phases_(phases), interrupted_(interrupted) {
    next_fail_over_ = steady_now() + std::chrono::milliseconds(conditions_.fail_over_every_ms);
  }

  /// False if it was interrupted.
  bool conduct(Measurement& measurement) {
    phases_.announce(Phase::warmup);
    bool finished = wait(conditions_.warmup_s);
    const CpuTimes cpu = CpuTimes::now();
    phases_.window_opened = CycleClock::instance().now();
    phases_.announce(Phase::window);
    const SteadyTime begin = steady_now();
    finished = finished && wait(conditions_.window_s);
    phases_.announce(Phase::tail);
    measurement.window_s = seconds_between(begin, steady_now());
    measurement.cpu = CpuTimes::now().since(cpu);
    measurement.memory = MemoryUsage::now();
    measurement.load_average = load_average();
    // So that no thread runs alone before every other one has noticed that the window is closed.
    finished = finished && wait(kTailS);
    phases_.announce(Phase::stopped);
    return finished;
  }

 private:
  static constexpr double kTailS = 0.01;
  static constexpr std::chrono::milliseconds kInterruptNoticed{50};

  bool wait(double seconds) {
    const SteadyTime end =
        steady_now() + std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
    for (SteadyTime now = steady_now(); now < end; now = steady_now()) {
      if (interrupted_.load(std::memory_order_relaxed)) return false;
      SteadyTime wake = std::min(end, now + kInterruptNoticed);
      if (conditions_.fail_over_every_ms > 0) {
        if (now >= next_fail_over_) fail_over();
        wake = std::min(wake, next_fail_over_);
      }
      std::this_thread::sleep_until(wake);
    }
    return true;
  }

  void fail_over() {
    for (std::uint32_t shard = 0; shard < table_.shards(); ++shard) table_.fail_over(shard);
    next_fail_over_ += std::chrono::milliseconds(conditions_.fail_over_every_ms);
  }

  AnyTable& table_;
  const Conditions& conditions_;
  PhaseWord& phases_;
  const std::atomic<bool>& interrupted_;
  SteadyTime next_fail_over_;
};

void add(const Report& report, Measurement& measurement, Claims& claims) {
  measurement.window += report.window;
  measurement.window_counters.merge(report.window_counters);
  measurement.thread_operations.push_back(report.window.total_operations());
  measurement.latency.merge(report.latency);
  measurement.longest_starvation_ns = std::max(measurement.longest_starvation_ns, report.longest_starvation_ns);
  measurement.events.merge(report.events);
  claims.tally += report.lifetime;
  claims.counters.merge(report.lifetime_counters);
  for (std::size_t i = 0; i < report.stock.size(); ++i) {
    claims.stock[i].sold += report.stock[i].sold;
  }
}

template <DocumentTable Table>
std::optional<Measurement> measure_on(const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                      const std::atomic<bool>& interrupted) {
  malloc_trim(0);
  reset_peak_rss();
  const SteadyTime began = steady_now();
  ErasedTable<Table> table({.shards = conditions.shards, .gc_deletes_ms = conditions.gc_deletes_ms});
  Claims claims;
  FirstError error;
  fill(table, *cell.documents, claims, error);
  error.rethrow();

  Measurement measurement;
  std::vector<Report> reports(cell.threads);
  PhaseWord phases;
  std::latch ready(cell.threads);
  const std::vector<int> cpus = processors();
  bool finished = false;
  {
    std::vector<std::jthread> threads;
    const auto begin_worker = [&](std::uint32_t thread) {
      threads.emplace_back([&, thread] {
        bool waited_for = true;
        error.guard([&] {
          if (conditions.pinned) pin_to(cpus[thread % cpus.size()]);
          auto handle = table.concrete().handle();
          Worker<typename Table::Handle> worker(handle,
                                                {.workload = *cell.workload,
                                                 .documents = *cell.documents,
                                                 .form = conditions.update_form,
                                                 .permutation_seed = stream_seed(conditions.seed, 0, replicate),
                                                 .stream_seed = stream_seed(conditions.seed, thread + 1, replicate)});
          ready.count_down();
          waited_for = false;
          worker.run(phases, reports[thread]);
        });
        if (waited_for) ready.count_down();
      });
    };
    try {
      for (std::uint32_t thread = 0; thread < cell.threads; ++thread) begin_worker(thread);
    } catch (const std::system_error& refused) {
      phases.announce(Phase::stopped);
      throw BadInput(fmt::format("--threads {}: the system refuses thread {}: {}", cell.threads, threads.size() + 1,
                                 refused.what()));
    }
    ready.wait();
    finished = Conductor(table, conditions, phases, interrupted).conduct(measurement);
  }
  error.rethrow();
  if (!finished) return std::nullopt;

  if (cell.workload->layout == SourceLayout::stock) claims.stock.resize(cell.documents->size());
  for (const Report& report : reports) add(report, measurement, claims);
  measurement.lifetime_counters = claims.counters;
  measurement.torn_reads = claims.tally.torn_reads;
  measurement.clock_cost_ns = CycleClock::instance().cost_ns();
  measurement.table = table.memory();
  claims.window_operations = measurement.window.total_operations();
  // Verification takes its time; tombstones that are still there now stay for it.
  table.set_gc_deletes(std::numeric_limits<std::int64_t>::max());
  claims.tombstones_may_have_expired =
      cell.workload->mix.has(OperationKind::remove) &&
      seconds_between(began, steady_now()) * 1e3 + 1 >= static_cast<double>(conditions.gc_deletes_ms);
  measurement.verification = verify(table, *cell.documents, *cell.workload, claims);
  return measurement;
}

}  // namespace

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
                                   const std::atomic<bool>& interrupted) {
  std::optional<Measurement> result;
  for_each_strategy([&]<class Table>() {
    if (Table::kInfo.name == cell.strategy.name) result = measure_on<Table>(cell, conditions, replicate, interrupted);
  });
  return result;
}

}  // namespace occ
