// Logs of conflicts: how they are read, and what is estimated from logs whose truth is known because a simulation wrote
// them.
#include "harness/advise/conflict_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "fmt/format.h"
#include "harness/advise/log_estimate.hpp"
#include "harness/advise/retry_model.hpp"
#include "harness/advise/simulation.hpp"
#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string line(std::string_view time, std::string_view id, std::uint64_t required, std::uint64_t current) {
  return fmt::format(
      "{} [{}]: version conflict, required seqNo [{}], primary term [1]. current document has seqNo [{}] and primary "
      "term "
      "[1]\n",
      time, id, required, current);
}

TEST(ConflictLog, lines_are_read_with_time_id_and_numbers) {
  const ConflictLog log = parse_conflict_log(line("2.5", "a", 3, 7) + line("1", "b", 1, 2) + "something else\n", "x");
  ASSERT_EQ(log.conflicts.size(), 2U);
  EXPECT_EQ(log.ids[log.conflicts[0].document], "b");
  EXPECT_DOUBLE_EQ(log.conflicts[1].time_s, 2.5);
  EXPECT_EQ(log.conflicts[1].required, 3U);
  EXPECT_EQ(log.conflicts[1].current, 7U);
  EXPECT_EQ(log.other_lines, 1U);
}

TEST(ConflictLog, times_are_read_in_all_forms) {
  for (const char* time : {"1764419696.789", "1764419696789", "2025-11-29T12:34:56,789", "[2025-11-29T12:34:56.789Z]",
                           "2025-11-29 12:34:56.789"}) {
    EXPECT_NEAR(parse_conflict_log(line(time, "a", 1, 2), "x").conflicts.front().time_s, 1764419696.789, 1e-6) << time;
  }
}

TEST(ConflictLog, time_stands_anywhere_before_the_text) {
  for (const char* before : {"WARN 2025-11-29 12:34:56.789 [pool-1] 7-up",
                             R"({"type": "server", "timestamp": "2025-11-29T12:34:56,789Z",)"}) {
    EXPECT_NEAR(parse_conflict_log(line(before, "a", 1, 2), "x").conflicts.front().time_s, 1764419696.789, 1e-6)
        << before;
  }
}

TEST(ConflictLog, lines_without_a_time_belong_to_the_entry_before) {
  const std::string entry =
      "[2025-11-29T12:34:56,789][DEBUG][o.e.a.b.TransportShardBulkAction] [node] [idx][0] failed to execute bulk item\n"
      "org.elasticsearch.index.engine.VersionConflictEngineException:" +
      line("", "a", 1, 2) + "\tat java.lang.Thread.run(Thread.java:833)\nCaused by:" + line("", "a", 1, 2);
  const std::string bulk =
      "[2025-11-29T12:34:57,789] errors:\n[0]:" + line("", "a", 1, 2) + "[1]:" + line("", "b", 3, 4);
  const ConflictLog log = parse_conflict_log(entry + bulk, "x");
  // What caused another exception is the same conflict, and the next entry has one of its own.
  ASSERT_EQ(log.conflicts.size(), 3U);
  EXPECT_EQ(log.seen[static_cast<std::size_t>(ConflictText::seq_no)], 3U);
  EXPECT_NEAR(log.conflicts[0].time_s, 1764419696.789, 1e-6);
  EXPECT_NEAR(log.conflicts[2].time_s, 1764419697.789, 1e-6);
  EXPECT_EQ(log.ids[log.conflicts[2].document], "b");
}

TEST(ConflictLog, line_with_several_conflicts_has_all_of_them) {
  std::string text = line("1", "a", 1, 2) + line("", "b", 3, 4);
  text.erase(text.find('\n'), 1);
  const ConflictLog log = parse_conflict_log(text, "x");
  ASSERT_EQ(log.conflicts.size(), 2U);
  EXPECT_EQ(log.ids[log.conflicts[1].document], "b");
  EXPECT_EQ(log.conflicts[1].current, 4U);
}

TEST(ConflictLog, other_texts_are_told_apart_and_explained) {
  const std::string text =
      line("1", "a", 1, 2) +
      "1 [_doc][a]: version conflict, required seqNo [1], primary term [1]. but no document was found\n"
      "1 [a]: version conflict, document already exists (current version [4])\n"
      "1 [a]: version conflict, document does not exist (expected version [4])\n"
      "1 [a]: version conflict, current version [4] is different than the one provided [3]\n"
      "1 [a]: version conflict, current version [4] is higher or equal to the one provided [4]\n"
      "1 [a]: version conflict, current version [4] is higher than the one provided [3]\n";
  const ConflictLog log = parse_conflict_log(text, "x");
  EXPECT_THAT(log.seen, testing::Each(1U));
  EXPECT_EQ(log.conflicts.size(), 1U);
  std::set<std::string_view> explanations;
  for (std::size_t i = 0; i < kConflictTexts; ++i) explanations.insert(explain(static_cast<ConflictText>(i)));
  EXPECT_EQ(explanations.size(), kConflictTexts);
}

TEST(ConflictLog, numbers_across_a_change_of_primary_are_left_out) {
  const ConflictLog log = parse_conflict_log(
      "1 [a]: version conflict, required seqNo [5], primary term [1]. current document has seqNo [9] and primary term "
      "[2]\n",
      "x");
  EXPECT_EQ(log.other_terms, 1U);
  EXPECT_TRUE(log.conflicts.empty());
}

TEST(ConflictLog, what_is_no_log_is_refused) {
  const auto refused = [](const std::string& text, const char* message) {
    EXPECT_THAT([&] { (void)parse_conflict_log(text, "'x'"); }, ThrowsMessage<BadInput>(HasSubstr(message))) << text;
  };
  refused("", "no version conflict");
  refused("all is well\n", "no version conflict");
  refused("\n" + line("yesterday", "a", 1, 2), ":2: no time");
  refused(line("2025-13-29T12:34:56", "a", 1, 2), ":1: no time at its beginning");
  refused("1 [a]: version conflict, required seqNo [x]. current document has seqNo [2]\n", "no numbers");
}

struct Truth {
  ConflictLog log;
  double conflict;
  double hottest_commits_per_s;
};

/// What 64 clients write over Zipf 0.99 of 100,000 documents, window 4 ms, and all their conflicts.
Truth simulate_log(const TimeDistribution& window, std::uint64_t operations, std::uint32_t server_retries = 0) {
  SimulationLoad load;
  load.clients = 64;
  load.think = TimeDistribution::exponential(0.05);
  load.window = window;
  load.popularity = Popularity::of(Distribution::parse("zipf:0.99"), 100'000);
  load.retries = server_retries == 0 ? 1000 : server_retries;
  load.warmup_operations = 1000;
  load.operations = operations;
  std::string text;
  const auto on_conflict = [&](const SimulatedConflict& each) {
    if (server_retries > 0 && !each.is_last) return;
    text += line(fmt::format("{:.9f}", each.time_s), fmt::format("{}", each.document), each.required, each.current);
  };
  SimulationListener listener;
  listener.conflict.emplace(on_conflict);
  const SimulationResult result = simulate(load, listener);
  return {parse_conflict_log(text, "x"), result.conflict(),
          static_cast<double>(result.committed) / result.window_s * load.popularity.classes().front().probability};
}

TEST(LogEstimate, window_and_rates_of_a_simulated_log_are_found) {
  for (const auto& window :
       {TimeDistribution::fixed(0.004), TimeDistribution::gamma(4, 0.004), TimeDistribution::exponential(0.004)}) {
    const Truth truth = simulate_log(window, 300'000);
    const LogEstimate found = estimate(truth.log, {.shape = window});
    EXPECT_NEAR(found.window_s.median, 0.004, 0.0005) << window.text();
    EXPECT_LT(found.window_s.low, found.window_s.median);
    EXPECT_LT(found.window_s.median, found.window_s.high);
    EXPECT_LT(found.window_s.high, 1.5 * found.window_s.low) << window.text();
    EXPECT_EQ(found.hot.front().id, "0");
    EXPECT_NEAR(found.hot.front().commits_per_s / truth.hottest_commits_per_s, 1, 0.12) << window.text();
    EXPECT_LT(found.lower_bound_s, found.upper_bound_s);
  }
}

bool covers(const Interval& interval, double truth) {
  return interval.low <= truth && truth <= interval.high;
}

/// Sixteen clients of one document, few enough that each is missed as a rival.
ConflictLog simulate_few(const TimeDistribution& window, std::uint64_t operations, std::uint64_t seed) {
  SimulationLoad load{.clients = 16,
                      .think = TimeDistribution::exponential(0.1),
                      .window = window,
                      .popularity = Popularity::of(Distribution::parse("hot:1"), 1),
                      .retries = 1000,
                      .warmup_operations = 1000,
                      .operations = operations,
                      .seed = seed};
  ConflictLog log;
  log.ids.emplace_back("0");
  const auto on_conflict = [&](const SimulatedConflict& each) {
    log.conflicts.push_back({each.time_s, each.document, each.required, each.current});
  };
  SimulationListener listener;
  listener.conflict.emplace(on_conflict);
  (void)simulate(load, listener);
  return log;
}

// An interval that holds for 95 % of logs misses more than 2 of 12 once in fifty.
TEST(LogEstimate, interval_has_the_truth_where_shape_and_clients_are_known) {
  const auto window = TimeDistribution::gamma(4, 0.002);
  int covered = 0;
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const LogEstimate found = estimate(simulate_few(window, 5000, seed), {.shape = window, .clients = 16});
    covered += covers(found.window_s, 0.002) ? 1 : 0;
    sum += found.window_s.median;
    EXPECT_LT(found.window_s.high, 1.15 * found.window_s.low);
  }
  EXPECT_GE(covered, 10);
  EXPECT_NEAR(sum / 12, 0.002, 0.00004);
}

TEST(LogEstimate, interval_has_the_truth_of_clients_that_nobody_counted) {
  const auto window = TimeDistribution::gamma(4, 0.002);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const LogEstimate found = estimate(simulate_few(window, 50'000, seed), {.shape = window});
    EXPECT_TRUE(covers(found.window_s, 0.002));
    EXPECT_LT(found.window_s.median, 0.00195) << "as if of many clients";
    EXPECT_GT(found.least_clients, 4U);
    EXPECT_LE(found.least_clients, 16U);
  }
}

TEST(LogEstimate, interval_has_the_truth_of_every_shape_that_nobody_knows) {
  for (const auto& window :
       {TimeDistribution::fixed(0.004), TimeDistribution::gamma(4, 0.004), TimeDistribution::exponential(0.004)}) {
    const LogEstimate found = estimate(simulate_log(window, 100'000).log, {.clients = 64});
    EXPECT_TRUE(covers(found.window_s, 0.004)) << window.text();
    EXPECT_LT(found.window_s.high, 1.7 * found.window_s.low) << window.text();
  }
}

TEST(LogEstimate, numbers_of_two_shards_are_refused) {
  ConflictLog log = simulate_log(TimeDistribution::fixed(0.004), 100'000).log;
  for (LoggedConflict& each : log.conflicts) {
    if (each.document % 2 == 0) continue;
    each.required /= 3;
    each.current /= 3;
  }
  EXPECT_THAT([&] { (void)estimate(log, {}); }, ThrowsMessage<BadInput>(HasSubstr("accepted is the log of one shard")));
}

TEST(LogEstimate, load_of_a_simulated_log_conflicts_as_often_as_it_did) {
  const Truth truth = simulate_log(TimeDistribution::fixed(0.004), 300'000);
  const LogEstimate found = estimate(truth.log, {.shape = TimeDistribution::fixed(1)});
  const RetryModel model({.rate_per_s = found.writes_per_s, .window = TimeDistribution::fixed(found.window_s.median)},
                         found.classes());
  EXPECT_NEAR(model.predict(1000)->conflict / truth.conflict, 1, 0.15);
}

TEST(LogEstimate, window_is_found_where_the_server_told_only_of_the_last_try) {
  const Truth truth = simulate_log(TimeDistribution::gamma(4, 0.004), 600'000, 1);
  const LogEstimate found = estimate(truth.log, {.shape = TimeDistribution::gamma(4, 1), .retries = 1});
  EXPECT_NEAR(found.window_s.median, 0.004, 0.0006);
}

TEST(LogEstimate, log_with_few_conflicts_is_called_too_thin) {
  const auto thin = [](const ConflictLog& log) {
    EXPECT_THAT([&] { (void)estimate(log, {.shape = TimeDistribution::fixed(1)}); },
                ThrowsMessage<BadInput>(HasSubstr("too thin")));
  };
  thin(simulate_log(TimeDistribution::fixed(0.004), 1000).log);
  thin(parse_conflict_log(line("1", "a", 1, 2), "x"));
  std::string still;
  for (int i = 0; i < 1000; ++i) still += line("1", "a", 1, 2);
  thin(parse_conflict_log(still, "x"));
}

}  // namespace
}  // namespace occ
