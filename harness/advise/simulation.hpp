#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/build/function_ref.hpp"
#include "harness/advise/popularity.hpp"
#include "harness/workload/backoff_policy.hpp"
#include "harness/workload/time_distribution.hpp"

namespace occ {

/// Where the loop of an update runs.
enum class UpdateAt : std::uint8_t {
  /// Reads, takes a window, sends the write. With workers, the write then waits for one and takes its service.
  client,
  /// Sends the update; a worker reads and takes the window. After a conflict it goes to the end of the queue, as
  /// Elasticsearch's `_update` with `retry_on_conflict`.
  server,
};

/// What is simulated. Times are seconds of the simulation.
struct SimulationLoad {
  /// Closed loop of so many clients; 0: open loop, in which operations begin as a Poisson process.
  std::uint32_t clients = 1;
  double rate_per_s = 0;
  TimeDistribution think = TimeDistribution::fixed(0);
  TimeDistribution window = TimeDistribution::fixed(1e-3);
  Popularity popularity = Popularity::of({}, 1);
  std::uint32_t retries = 0;
  BackoffPolicy backoff;
  UpdateAt at = UpdateAt::client;
  /// Of the server; they share one queue. 0: nobody waits, and `service` is nothing.
  std::uint32_t workers = 0;
  TimeDistribution service = TimeDistribution::fixed(0);
  /// Operations that end before anything is counted, and then.
  std::uint64_t warmup_operations = 100'000;
  std::uint64_t operations = 1'000'000;
  std::uint64_t seed = 1;
};

/// A conflict as a server tells it: the number that was required, and the one that the document has by now.
struct SimulatedConflict {
  double time_s;
  std::uint32_t document;
  std::uint64_t required;
  std::uint64_t current;
  /// The operation is exhausted.
  bool is_last;
};

/// Who wants to know every operation that ends, and every conflict. Numbers of writes cost an event more for each attempt,
/// so they are drawn only if somebody asks.
struct SimulationListener {
  std::optional<FunctionRef<void(double latency_s)>> operation;
  std::optional<FunctionRef<void(const SimulatedConflict&)>> conflict;
};

/// What was counted after the warm-up.
struct SimulationResult {
  static constexpr std::size_t kRetryBins = 65;

  double window_s = 0;
  std::uint64_t events = 0;
  std::uint64_t committed = 0;
  std::uint64_t exhausted = 0;
  std::uint64_t attempts = 0;
  std::uint64_t conflicts = 0;
  /// Operations that ended after so many retries; the last bin holds those with more too.
  std::array<std::uint64_t, kRetryBins> retries{};
  double backoff_s = 0;
  /// Commits of each client; empty in an open loop.
  std::vector<std::uint32_t> client_commits;
  /// Requests that waited for a worker at once, at most.
  std::uint64_t longest_queue = 0;

  [[nodiscard]] std::uint64_t operations() const noexcept { return committed + exhausted; }
  /// By attempts; 0 without any.
  [[nodiscard]] double conflict() const noexcept;
  /// Of operations those that ended without a commit.
  [[nodiscard]] double exhausted_share() const noexcept;
};

/// Bytes that the simulation keeps for each client (an event and its count), without the room that vectors have ahead, and
/// for each document.
inline constexpr std::size_t kBytesPerClient = 52;
inline constexpr std::size_t kBytesPerDocument = 8;

/// Operations in an open loop that have begun and not ended, at most: more than that are no steady state.
inline constexpr std::uint64_t kMostOutstanding = 10'000'000;

/// Simulates by discrete events; the same load gives the same result. Throws BadInput where an open loop has no steady
/// state. `should_stop` is asked now and then; then what was counted so far is given.
SimulationResult simulate(const SimulationLoad& load, const SimulationListener& listener = {},
                          std::optional<FunctionRef<bool()>> should_stop = std::nullopt);

}  // namespace occ
