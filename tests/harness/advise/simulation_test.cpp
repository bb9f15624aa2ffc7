// The simulation by itself; agreement_test holds it against the model.
#include "harness/advise/simulation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <queue>

#include "harness/support/bad_input.hpp"
#include "harness/support/event_queue.hpp"
#include "harness/support/statistics.hpp"

namespace occ {
namespace {

struct Timed {
  double time;
};

/// Pops in the order of time, whatever is pushed meanwhile.
void expect_ordered(std::size_t events, double spread, double odd_one_out) {
  EventQueue<Timed> queue;
  std::priority_queue<double, std::vector<double>, std::greater<>> expected;
  Random random(5);
  const auto push = [&](double time) {
    queue.push({time});
    expected.push(time);
  };
  for (std::size_t i = 0; i < events; ++i) push(random.uniform() * spread);
  push(odd_one_out);
  for (std::size_t i = 0; i < 5 * events; ++i) {
    const double now = queue.pop().time;
    ASSERT_EQ(now, expected.top());
    expected.pop();
    push(now - spread / 3 * std::log(random.uniform()));
    ASSERT_EQ(queue.size(), expected.size());
  }
}

TEST(EventQueue, events_come_in_the_order_of_their_times) {
  expect_ordered(1, 1, 2);
  expect_ordered(100, 1e-6, 0);
  expect_ordered(20'000, 1, 0.5);
  expect_ordered(20'000, 1, 1e6);
  expect_ordered(100, 0, 0);
}

SimulationLoad load_of(std::uint32_t clients, double think_s, TimeDistribution window = TimeDistribution::fixed(1)) {
  SimulationLoad load;
  load.clients = clients;
  load.think = think_s > 0 ? TimeDistribution::exponential(think_s) : TimeDistribution::fixed(0);
  load.window = std::move(window);
  load.retries = 1000;
  load.operations = 50'000;
  load.warmup_operations = 5'000;
  return load;
}

TEST(Simulation, one_client_takes_think_time_and_window_and_never_conflicts) {
  const SimulationResult result = simulate(load_of(1, 3));
  EXPECT_EQ(result.conflicts, 0U);
  EXPECT_EQ(result.committed, 50'000U);
  EXPECT_NEAR(static_cast<double>(result.committed) / result.window_s, 0.25, 0.003);
}

TEST(Simulation, counts_add_up) {
  SimulationLoad load = load_of(8, 5);
  load.retries = 2;
  const SimulationResult result = simulate(load);
  EXPECT_EQ(result.attempts, result.committed + result.conflicts);
  EXPECT_EQ(std::accumulate(result.retries.begin(), result.retries.end(), std::uint64_t{0}), result.operations());
  EXPECT_EQ(std::accumulate(result.client_commits.begin(), result.client_commits.end(), std::uint64_t{0}),
            result.committed);
  EXPECT_GT(result.exhausted, 0U);
  EXPECT_GE(result.retries[2], result.exhausted);
  EXPECT_EQ(result.retries[3], 0U);
}

TEST(Simulation, same_seed_gives_the_same_and_another_another) {
  SimulationLoad load = load_of(16, 5);
  const SimulationResult first = simulate(load);
  const SimulationResult second = simulate(load);
  EXPECT_EQ(first.conflicts, second.conflicts);
  EXPECT_EQ(first.window_s, second.window_s);
  EXPECT_EQ(first.client_commits, second.client_commits);
  load.seed = 2;
  EXPECT_NE(simulate(load).conflicts, first.conflicts);
}

// Fixed windows and no think time: who commits first reads first again, for ever.
TEST(Simulation, clients_in_lockstep_leave_everything_to_one) {
  const SimulationResult result = simulate(load_of(4, 0));
  EXPECT_NEAR(result.conflict(), 0.75, 0.001);
  EXPECT_NEAR(jain(std::vector<double>(result.client_commits.begin(), result.client_commits.end())), 0.25, 0.001);
}

// Exponential windows and no think time: Ramanujan's Q, 1.5 attempts for two and 3.245 for eight.
TEST(Simulation, clients_that_never_think_need_ramanujans_attempts) {
  for (const auto& [clients, attempts] : {std::pair(2U, 1.5), {8U, 3.245}}) {
    const SimulationResult result = simulate(load_of(clients, 0, TimeDistribution::exponential(1)));
    EXPECT_NEAR(static_cast<double>(result.attempts) / static_cast<double>(result.committed), attempts, 0.03);
  }
}

TEST(Simulation, one_worker_at_the_server_serves_without_conflicts) {
  SimulationLoad load = load_of(8, 1);
  load.at = UpdateAt::server;
  load.workers = 1;
  const SimulationResult result = simulate(load);
  EXPECT_EQ(result.conflicts, 0U);
  EXPECT_GT(result.longest_queue, 4U);
  // It is never idle for long: one update a window.
  EXPECT_NEAR(static_cast<double>(result.committed) / result.window_s, 1, 0.01);
}

TEST(Simulation, workers_bound_how_many_updates_run_at_once) {
  SimulationLoad load = load_of(64, 0, TimeDistribution::exponential(1));
  load.at = UpdateAt::server;
  load.workers = 2;
  // As two clients that never think, although there are 64.
  EXPECT_NEAR(1 / (1 - simulate(load).conflict()), 1.5, 0.02);
}

TEST(Simulation, queue_of_writes_makes_the_window_of_a_client_longer) {
  SimulationLoad load = load_of(16, 40);
  const double without = simulate(load).conflict();
  load.workers = 1;
  load.service = TimeDistribution::fixed(2);
  EXPECT_GT(simulate(load).conflict(), 1.5 * without);
}

TEST(Simulation, open_loop_runs_at_its_rate) {
  SimulationLoad load = load_of(0, 0);
  load.rate_per_s = 0.3;
  const SimulationResult result = simulate(load);
  EXPECT_NEAR(static_cast<double>(result.committed) / result.window_s, 0.3, 0.005);
  EXPECT_TRUE(result.client_commits.empty());
}

TEST(Simulation, operations_take_their_windows_and_waits) {
  SimulationLoad load = load_of(8, 5);
  load.backoff = BackoffPolicy::parse("exponential:10s..40s");
  double sum = 0;
  double longest = 0;
  const auto on_operation = [&](double latency_s) {
    sum += latency_s;
    longest = std::max(longest, latency_s);
  };
  load.warmup_operations = 0;
  SimulationListener listener;
  listener.operation.emplace(on_operation);
  const SimulationResult result = simulate(load, listener);
  EXPECT_GT(longest, 20);
  // What unfinished operations have waited already is not in the latencies.
  EXPECT_NEAR(sum, static_cast<double>(result.attempts) + result.backoff_s, 8 * 1000);
}

// Numbers ascend as a shard's do; the one that was required was there before the current one.
TEST(Simulation, conflicts_tell_the_numbers_of_their_document) {
  SimulationLoad load = load_of(16, 20);
  load.popularity = Popularity::of({}, 3);
  std::vector<SimulatedConflict> conflicts;
  const auto on_conflict = [&](const SimulatedConflict& conflict) { conflicts.push_back(conflict); };
  SimulationListener listener;
  listener.conflict.emplace(on_conflict);
  const SimulationResult with = simulate(load, listener);
  EXPECT_GE(conflicts.size(), with.conflicts);
  double before = 0;
  std::map<std::uint32_t, std::uint64_t> current;
  for (const SimulatedConflict& each : conflicts) {
    ASSERT_LT(each.required, each.current);
    ASSERT_LT(each.document, 3U);
    ASSERT_GE(each.time_s, before);
    ASSERT_GE(each.current, current[each.document]);
    current[each.document] = each.current;
    before = each.time_s;
  }
  EXPECT_NEAR(with.conflict(), simulate(load).conflict(), 0.01);
}

TEST(Simulation, stops_when_it_is_told_to) {
  const auto now = [] { return true; };
  EXPECT_EQ(simulate(load_of(2, 1), {}, FunctionRef<bool()>(now)).operations(), 0U);
}

}  // namespace
}  // namespace occ
