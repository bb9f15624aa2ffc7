#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/table/any_table.hpp"
#include "harness/history/history.hpp"
#include "harness/history/remote_outcome.hpp"
#include "harness/measure/disturbance.hpp"
#include "harness/measure/latency_histogram.hpp"
#include "harness/measure/operation_counts.hpp"
#include "harness/measure/perf_counters.hpp"
#include "harness/measure/verify.hpp"
#include "harness/support/process_usage.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

/// How long and under which conditions every cell of a run is measured.
struct Conditions {
  double window_s = 1;
  double warmup_s = 0.2;
  std::uint32_t shards = 1;
  std::int64_t gc_deletes_ms = 60'000;
  /// 0: never.
  std::int64_t fail_over_every_ms = 0;
  UpdateForm update_form = UpdateForm::strategy_default;
  BackoffKind backoff = BackoffKind::none;
  /// TableOptions::seq_no_lease.
  std::uint32_t seq_no_lease = 1;
  /// TableOptions::compatibility; of a server that of its version.
  Compatibility compatibility = Compatibility::v7;
  bool pinned = false;
  /// Some operations are timed.
  bool latency = true;
  std::uint64_t seed = 1;
  /// Where the processor time of the window is read; a test says what it wants.
  CpuTimes (*cpu_times)() = CpuTimes::now;
};

class RemoteServer;

/// One point of a comparison.
struct Cell {
  StrategyInfo strategy;
  const Workload* workload;
  const Documents* documents;
  std::uint32_t threads;
  /// What is measured through HTTP; null for a strategy of this process.
  const RemoteServer* server = nullptr;
};

/// What of a replicate is recorded, so that its history can be checked.
struct Recording {
  static constexpr std::uint64_t kDefaultOperations = 4'000'000;
  /// Recording takes so many bytes for each operation, and checking as many again (history.hpp).
  static constexpr std::uint64_t kBytesPerOperation = 2 * sizeof(HistoryEntry);

  /// Share of the documents whose operations are recorded: the hottest ones first, the others chosen by the seed.
  double percent = 100;
  /// At most, over all threads; those of the fill and the final look at every document are among them.
  std::uint64_t operations = kDefaultOperations;
  /// Where to write the history; empty: nowhere.
  std::filesystem::path file;

  /// How many of `documents` are recorded: at least one.
  [[nodiscard]] std::uint32_t chosen(std::uint32_t documents) const;
  /// How many of these are the hottest: where operations go to a fixed number of documents, as many of them as there is
  /// room for; under a skew half of the chosen ones, so that cold documents are seen too; none where all are alike.
  [[nodiscard]] std::uint32_t hottest(std::uint32_t documents, const Distribution& distribution) const;
  /// What the fill of so many documents, the final look at each and some operations of each thread take.
  [[nodiscard]] std::uint64_t least_operations(std::uint32_t documents, std::uint32_t threads,
                                               std::uint32_t batch) const;
};

/// A replicate's history, checked.
struct CheckedHistory {
  HistoryReport report;
  /// Of its operations those of the workload: neither of the fill nor of the last look.
  std::uint64_t workload_operations = 0;
  /// The first contradiction in full, for people; empty if there is none.
  std::string excerpt;
  /// What recording cost an operation.
  double recording_ns = 0;
  /// A thread had no room to record more, so the window may have ended before its time.
  bool full = false;
};

/// What one replicate of a cell gave.
struct Measurement {
  /// The time between the openings and the closing of the window, by the thread that announced them.
  double window_s = 0;
  OperationCounts window;
  /// Sources read that nobody can have written, from the fill to the end.
  std::uint64_t torn_reads = 0;
  /// Writes that were sent and never answered, likewise.
  std::uint64_t unknown_outcomes = 0;
  /// Writes of a document or tombstone, likewise.
  std::uint64_t acknowledged_writes = 0;
  ServerEvents server_events;
  Counters window_counters;
  Counters lifetime_counters;
  std::vector<std::uint64_t> thread_operations;
  /// Service times; and response times where operations have intended starts.
  LatencyHistogram latency;
  LatencyHistogram response;
  PaceCounts pace;
  /// What a latency sample of nothing says.
  double clock_cost_ns = 0;
  /// The longest time within the window in which some thread ended no operation, judged at its sampled operations.
  std::uint64_t longest_starvation_ns = 0;
  /// At a server: the longest one in which no thread's operation succeeded.
  std::optional<std::uint64_t> longest_outage_ns;
  PerfCounts events;
  WindowReadings readings;
  /// Judged by this replicate alone.
  Disturbance disturbance;
  MemoryUsage memory;
  MemoryUse table;
  double load_average = 0;
  /// Raises of the primary term, over all shards, from the warm-up to the end.
  std::uint64_t fail_overs = 0;
  Verification verification;
  /// If it was recorded.
  std::optional<CheckedHistory> history;
};

/// The processors that workers are pinned to: worker i to the (i mod size)-th.
std::vector<int> processors();

/// Makes a table, fills it, measures, verifies. Nothing if `interrupted` became true meanwhile. All threads of a
/// replicate draw from streams seeded by (seed, thread, replicate), the same for every strategy. Throws what a worker
/// threw.
///
/// With `recording`, the fill, every operation of every thread and a final get of every document are recorded and the
/// history is checked; there is no warm-up, and the window ends when a thread has no room left. The speed of such a
/// replicate is not the strategy's.
std::optional<Measurement> measure(const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                   const std::atomic<bool>& interrupted, const Recording* recording = nullptr);

}  // namespace occ
