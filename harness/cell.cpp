#include "harness/cell.hpp"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <exception>
#include <fstream>
#include <latch>
#include <limits>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "fmt/format.h"
#include "harness/commands.hpp"
#include "harness/history_file.hpp"
#include "harness/measure_table.hpp"
#include "harness/random.hpp"
#include "harness/remote_table.hpp"
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
      any_.store(true, std::memory_order_relaxed);
    }
  }
  /// Somebody threw.
  [[nodiscard]] bool any() const { return any_.load(std::memory_order_relaxed); }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::atomic<bool> any_{false};
};

void pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// The share of the filled documents that one of the threads that fill the table creates.
struct Share {
  std::uint32_t first;
  std::uint32_t end;
};

std::vector<Share> shares(std::uint32_t filled) {
  const auto fillers = static_cast<std::uint32_t>(std::min<std::size_t>(processors().size(), (filled + 4095) / 4096));
  const auto border = [&](std::uint64_t filler) { return static_cast<std::uint32_t>(filled * filler / fillers); };
  std::vector<Share> all;
  for (std::uint32_t filler = 0; filler < fillers; ++filler) all.push_back({border(filler), border(filler + 1)});
  return all;
}

/// The buffers of a recorded replicate: the workers', then the fillers', then that of the last look.
class Recorder {
 public:
  Recorder(const Recording& recording, const Cell& cell, const std::vector<Share>& fillers, std::uint64_t seed)
      : documents_(cell.documents->size(), recording.chosen(cell.documents->size()), seed), workers_(cell.threads) {
    std::vector<std::uint64_t> fill;
    std::uint64_t fixed = recording.chosen(cell.documents->size());
    for (const Share& share : fillers) {
      std::uint64_t recorded = 0;
      for (std::uint32_t index = share.first; index < share.end; ++index)
        recorded += documents_.contains(index) ? 1 : 0;
      fill.push_back(recorded);
      fixed += recorded;
    }
    const std::uint64_t left = recording.operations > fixed ? recording.operations - fixed : 0;
    for (std::uint32_t worker = 0; worker < workers_; ++worker) add(left / workers_);
    for (const std::uint64_t recorded : fill) add(recorded);
    add(recording.chosen(cell.documents->size()));
  }

  [[nodiscard]] RecordInto worker(std::uint32_t i) { return {buffers_[i], documents_}; }
  [[nodiscard]] RecordInto filler(std::size_t i) { return {buffers_[workers_ + i], documents_}; }
  [[nodiscard]] RecordInto last_look() { return {buffers_.back(), documents_}; }

  /// A worker has no room left.
  [[nodiscard]] bool full() const {
    return std::any_of(buffers_.begin(), buffers_.begin() + workers_,
                       [](const HistoryBuffer& buffer) { return buffer.full(); });
  }
  [[nodiscard]] std::vector<std::span<const HistoryEntry>> threads() const {
    std::vector<std::span<const HistoryEntry>> all;
    for (const HistoryBuffer& buffer : buffers_) all.push_back(buffer.entries());
    return all;
  }

 private:
  void add(std::uint64_t capacity) { buffers_.emplace_back(capacity, static_cast<std::uint16_t>(buffers_.size())); }

  RecordedDocuments documents_;
  std::uint32_t workers_;
  std::deque<HistoryBuffer> buffers_;
};

/// Creates the share's documents.
template <class Handle>
Tally fill_share(Handle& handle, const Documents& documents, Share share) {
  Tally tally;
  DocId id;
  Source source;
  for (std::uint32_t index = share.first; index < share.end; ++index) {
    documents.write_initial(index, source);
    if constexpr (requires { handle.aim(index); }) handle.aim(index);
    const Outcome outcome = handle.create(documents.id(index, id), source.bytes());
    if (outcome.result != Result::created) {
      throw std::runtime_error(fmt::format("filling the table: document {} was not created", index));
    }
    ++tally.applied;
    ++tally.writes;
  }
  return tally;
}

/// Creates the share's documents, `batch` of them by one call of `bulk`. Ends early if it is interrupted.
Tally fill_share_in_batches(AnyHandle& handle, RecordingHandle<AnyHandle>* recording, const Documents& documents,
                            Share share, std::size_t batch, const std::atomic<bool>& interrupted,
                            FunctionRef<void(std::size_t)> created) {
  Tally tally;
  std::vector<DocId> ids(batch);
  std::vector<Source> sources(batch);
  std::vector<BulkItem> items;
  std::vector<std::uint32_t> indices;
  for (std::uint32_t first = share.first; first < share.end && !interrupted.load(std::memory_order_relaxed);
       first += static_cast<std::uint32_t>(items.size())) {
    items.clear();
    indices.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(batch, share.end - first); ++i) {
      const std::uint32_t index = first + static_cast<std::uint32_t>(i);
      documents.write_initial(index, sources[i]);
      indices.push_back(index);
      items.push_back({.kind = BulkItem::Kind::index,
                       .id = documents.id(index, ids[i]),
                       .source = sources[i].bytes(),
                       .precondition = Precondition::must_not_exist()});
    }
    recording != nullptr ? recording->bulk(indices, items) : handle.bulk(items);
    if (std::ranges::any_of(items, [](const BulkItem& item) { return item.outcome.result != Result::created; })) {
      throw std::runtime_error(fmt::format("filling the table: not all documents from {} on were created", first));
    }
    tally.applied += items.size();
    tally.writes += items.size();
    created(items.size());
  }
  return tally;
}

/// Creates the documents, on as many threads as there are processors, each of which touches the memory of its share
/// first.
void fill(const TableType& type, AnyTable& table, const Documents& documents, const std::vector<Share>& fillers,
          Recorder* recorder, Claims& claims, FirstError& error, const std::atomic<bool>& interrupted) {
  std::mutex mutex;
  std::uint64_t there = 0;
  const std::uint64_t wanted = fillers.empty() ? 0 : fillers.back().end;
  const auto created = [&](std::size_t count) {
    const std::lock_guard lock(mutex);
    there += count;
    if (type.on_fill) type.on_fill(there, wanted);
  };
  std::vector<std::jthread> threads;
  for (std::size_t filler = 0; filler < fillers.size(); ++filler) {
    threads.emplace_back([&, filler] {
      error.guard([&] {
        const auto handle = table.handle();
        Tally tally;
        std::optional<RecordingHandle<AnyHandle>> recording;
        if (recorder != nullptr) {
          const RecordInto record = recorder->filler(filler);
          recording.emplace(*handle, record.buffer, record.documents, publishes_with_store(table.info()));
        }
        if (type.fill_batch > 1) {
          tally = fill_share_in_batches(*handle, recording ? &*recording : nullptr, documents, fillers[filler],
                                        type.fill_batch, interrupted, created);
        } else if (recording) {
          tally = fill_share(*recording, documents, fillers[filler]);
        } else {
          tally = fill_share(*handle, documents, fillers[filler]);
        }
        const std::lock_guard lock(mutex);
        claims.tally += tally;
        claims.counters.merge(handle->counters());
      });
    });
  }
}

/// Reads every recorded document once, so that a write that was lost at the end is missed.
void look_at_all(AnyTable& table, const Documents& documents, RecordInto record) {
  const auto handle = table.handle();
  RecordingHandle recording(*handle, record.buffer, record.documents, publishes_with_store(table.info()));
  for_each_batch(documents, [&](std::span<const std::uint32_t> indices, std::span<BulkItem> items) {
    recording.bulk(indices, items);
  });
}

/// Announces the phases at their times, and fails shards over in between.
class Conductor {
 public:
  /// `recorder` may be null.
  Conductor(AnyTable& table, const Conditions& conditions, PhaseWord& phases, const Recorder* recorder,
            const FirstError& error, const std::atomic<bool>& interrupted)
      : table_(table),
        conditions_(conditions),
        phases_(phases),
        recorder_(recorder),
        error_(error),
        interrupted_(interrupted) {
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
  static constexpr std::chrono::milliseconds kFullNoticed{1};

  /// False if it was interrupted. Ends early if there is no room to record more, or a worker failed.
  bool wait(double seconds) {
    const SteadyTime end =
        steady_now() + std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
    for (SteadyTime now = steady_now(); now < end; now = steady_now()) {
      if (interrupted_.load(std::memory_order_relaxed)) return false;
      if (error_.any() || (recorder_ != nullptr && recorder_->full())) return true;
      SteadyTime wake = std::min(end, now + (recorder_ != nullptr ? kFullNoticed : kInterruptNoticed));
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
  const Recorder* recorder_;
  const FirstError& error_;
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

void export_history(const std::filesystem::path& file, const Cell& cell, const Conditions& conditions,
                    std::uint32_t replicate, const std::vector<std::span<const HistoryEntry>>& threads,
                    const HistoryRules& rules) {
  std::ofstream out(file, std::ios::binary);
  if (!out) throw BadInput(fmt::format("--history: cannot write to '{}'", file.string()));
  const Workload& workload = *cell.workload;
  write_history(out,
                {{"strategy", cell.strategy.name},
                 {"workload", workload.name},
                 {"threads", cell.threads},
                 {"replicate", replicate},
                 {"seed", conditions.seed},
                 {"docs", cell.documents->size()},
                 {"fill_percent", workload.fill_percent},
                 {"batch", workload.batch},
                 {"dist", workload.distribution.text()},
                 {"mix", workload.mix.text()},
                 {"shards", conditions.shards},
                 {"seq_no_lease", conditions.seq_no_lease},
                 {"fail_over_every_ms", conditions.fail_over_every_ms}},
                threads, rules);
}

CheckedHistory check(const Recorder& recorder, const Recording& recording, const Cell& cell,
                     const Conditions& conditions, std::uint32_t replicate) {
  const HistoryRules rules{.gc_deletes_ms = conditions.gc_deletes_ms,
                           .ticks_per_ms = CycleClock::instance().ticks_per_second() / 1e3,
                           .documents = cell.documents->size()};
  const auto threads = recorder.threads();
  CheckedHistory checked{.report = check_history(threads, rules, static_cast<unsigned>(processors().size())),
                         .recording_ns = recording_cost_ns(),
                         .full = recorder.full()};
  if (!checked.report.contradictions.empty()) {
    const Contradiction& first = checked.report.contradictions.front();
    DocId id;
    checked.excerpt = describe(first, cell.documents->id(first.document, id), rules);
  }
  if (!recording.file.empty()) export_history(recording.file, cell, conditions, replicate, threads, rules);
  return checked;
}

}  // namespace

std::uint32_t Recording::chosen(std::uint32_t documents) const {
  const auto part = static_cast<std::uint32_t>(std::llround(static_cast<double>(documents) * percent / 100));
  return std::clamp(part, 1U, documents);
}

std::uint64_t Recording::least_operations(std::uint32_t documents, std::uint32_t threads, std::uint32_t batch) const {
  constexpr std::uint64_t kAFewCalls = 16;
  return 2 * std::uint64_t{chosen(documents)} + kAFewCalls * batch * threads;
}

std::optional<Measurement> measure_table(const TableType& type, const Cell& cell, const Conditions& given,
                                         std::uint32_t replicate, const std::atomic<bool>& interrupted,
                                         const Recording* recording) {
  Conditions conditions = given;
  if (recording != nullptr) conditions.warmup_s = 0;
  const std::vector<Share> fillers = shares(cell.workload->filled(cell.documents->size()));
  std::optional<Recorder> recorder;
  if (recording != nullptr) recorder.emplace(*recording, cell, fillers, mix64(conditions.seed + replicate));
  Recorder* const record = recorder ? &*recorder : nullptr;

  malloc_trim(0);
  reset_peak_rss();
  const SteadyTime began = steady_now();
  const std::unique_ptr<AnyTable> made = type.make({.shards = conditions.shards,
                                                    .gc_deletes_ms = conditions.gc_deletes_ms,
                                                    .seq_no_lease = conditions.seq_no_lease,
                                                    .backoff = conditions.backoff});
  AnyTable& table = *made;
  Claims claims;
  FirstError error;
  fill(type, table, *cell.documents, fillers, record, claims, error, interrupted);
  error.rethrow();
  if (interrupted.load(std::memory_order_relaxed)) return std::nullopt;

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
          const Task task{.workload = *cell.workload,
                          .documents = *cell.documents,
                          .form = conditions.update_form,
                          .permutation_seed = stream_seed(conditions.seed, 0, replicate),
                          .stream_seed = stream_seed(conditions.seed, thread + 1, replicate)};
          const auto begin = [&] {
            ready.count_down();
            waited_for = false;
          };
          if (record == nullptr) {
            type.work(table, task, begin, phases, reports[thread]);
          } else {
            type.recorded_work(table, task, record->worker(thread), begin, phases, reports[thread]);
          }
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
    finished = Conductor(table, conditions, phases, record, error, interrupted).conduct(measurement);
  }
  error.rethrow();
  if (!finished) return std::nullopt;

  if (cell.workload->layout == SourceLayout::stock) claims.stock.resize(cell.documents->size());
  for (const Report& report : reports) add(report, measurement, claims);
  measurement.lifetime_counters = claims.counters;
  measurement.torn_reads = claims.tally.torn_reads;
  measurement.unknown_outcomes = claims.tally.unknown;
  if (type.events != nullptr) {
    measurement.server_events = type.events(table);
    claims.gaps_untold = true;
  }
  measurement.clock_cost_ns = CycleClock::instance().cost_ns();
  measurement.table = table.memory();
  // Whether a recorded replicate's operations fell into the window does not matter: its speed is not a measurement.
  claims.window_operations = (record != nullptr ? claims.tally : measurement.window).total_operations();
  if (record != nullptr) look_at_all(table, *cell.documents, record->last_look());
  // Verification takes its time; tombstones that are still there now stay for it.
  table.set_gc_deletes(std::numeric_limits<std::int64_t>::max());
  claims.tombstones_may_have_expired =
      cell.workload->mix.has(OperationKind::remove) &&
      seconds_between(began, steady_now()) * 1e3 + 1 >= static_cast<double>(conditions.gc_deletes_ms);
  measurement.verification = verify(table, *cell.documents, *cell.workload, claims);
  if (record != nullptr) {
    measurement.history = check(*record, *recording, cell, conditions, replicate);
    const HistoryReport& history = measurement.history->report;
    DocId id;
    add_history(measurement.verification, history,
                history.contradictions.empty() ? "" : cell.documents->id(history.contradictions.front().document, id),
                table.info().semantics, claims.tombstones_may_have_expired);
  }
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
  if (cell.server != nullptr)
    return measure_table(remote_table_type(*cell.server), cell, conditions, replicate, interrupted, recording);
  std::optional<Measurement> result;
  for_each_strategy([&]<class Table>() {
    if (Table::kInfo.name == cell.strategy.name) {
      const TableType type{
          .make = make_erased<Table>, .work = work_on<Table>, .recorded_work = find_recorded_work(Table::kInfo.name)};
      result = measure_table(type, cell, conditions, replicate, interrupted, recording);
    }
  });
  return result;
}

}  // namespace occ
