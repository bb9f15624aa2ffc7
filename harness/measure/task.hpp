#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/sync/atomic.hpp"
#include "core/table/counters.hpp"
#include "harness/measure/latency_histogram.hpp"
#include "harness/measure/operation_counts.hpp"
#include "harness/measure/perf_counters.hpp"
#include "harness/measure/verify.hpp"
#include "harness/remote/server_window.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

enum class Phase : std::uint32_t { filled, warmup, window, tail, stopped };

/// What all workers of a cell read in the timed loop; written once per phase.
struct alignas(kFalseSharingRange) PhaseWord {
  std::atomic<Phase> value{Phase::filled};
  /// CycleClock ticks; written before the window is announced.
  std::uint64_t window_opened = 0;
  static_assert(std::atomic<Phase>::is_always_lock_free);

  void announce(Phase phase) {
    value.store(phase, std::memory_order_release);
    value.notify_all();
  }
};

/// What a worker is told.
struct Task {
  const Workload& workload;
  const Documents& documents;
  UpdateForm form;
  std::uint64_t permutation_seed;
  std::uint64_t stream_seed;
  /// See RecordingHandle.
  bool publishes_with_store;
  /// A client that finds a tombstone writes on condition of its number.
  bool names_tombstones = false;
  /// Some operations are timed.
  bool latency = true;
  /// Which of the workers this is, of how many: each has its share of the clients, or of the arrivals.
  std::uint32_t thread = 0;
  std::uint32_t threads = 1;
  /// Of all clients of a server; null where there is none.
  ServerWindow* window = nullptr;
};

/// What a worker tells, once it has stopped.
struct alignas(kFalseSharingRange) Report {
  OperationCounts lifetime;
  OperationCounts window;
  Counters lifetime_counters;
  Counters window_counters;
  std::vector<StockMoves> stock;
  /// Service times, and response times where operations have intended starts.
  LatencyHistogram latency;
  LatencyHistogram response;
  std::uint64_t longest_starvation_ns = 0;
  PerfCounts events;
  /// In the window, where operations have intended starts.
  PaceCounts pace;
};

}  // namespace occ
