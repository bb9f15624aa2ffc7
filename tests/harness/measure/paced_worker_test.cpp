// Operations with intended starts, under a clock that strategies and waits move: no verdict hangs on the machine.
#include "harness/measure/paced_worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "tests/variants/reference_table.hpp"

namespace occ {
namespace {

constexpr std::uint64_t kUs = 1'000;
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kS = 1'000'000'000;

/// Announces the phases at their times.
class TestClock final : public PaceClock {
 public:
  TestClock(PhaseWord& phases, std::uint64_t warmup_ns, std::uint64_t window_ns)
      : phases_(phases), bounds_{warmup_ns, warmup_ns + window_ns, warmup_ns + window_ns + 1} {}

  std::uint64_t now_ns() override { return now_ns_; }
  void wait_until(std::uint64_t due_ns) override {
    const std::uint64_t bound = at_ < bounds_.size() ? bounds_[at_] : due_ns;
    if (due_ns > now_ns_) pass(std::min(due_ns, bound) - now_ns_);
  }
  void pass(std::uint64_t ns) {
    now_ns_ += ns;
    constexpr Phase kPhases[] = {Phase::window, Phase::tail, Phase::stopped};
    for (; at_ < bounds_.size() && now_ns_ >= bounds_[at_]; ++at_) phases_.announce(kPhases[at_]);
  }

 private:
  PhaseWord& phases_;
  std::vector<std::uint64_t> bounds_;
  std::size_t at_ = 0;
  std::uint64_t now_ns_ = 0;
};

/// Every call takes as long as it is told; writes may conflict though nothing came between.
class TimedHandle {
 public:
  using Inner = ReferenceTable::Handle;
  TimedHandle(ReferenceTable& table, TestClock& clock, std::function<std::uint64_t(std::uint64_t now_ns)> takes_ns,
              bool conflicts)
      : inner_(table), clock_(clock), takes_ns_(std::move(takes_ns)), conflicts_(conflicts) {}

  Outcome get(std::string_view id, Document& into) {
    return timed([&] { return inner_.get(id, into); });
  }
  Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    return timed([&] {
      if (conflicts_) return Outcome{.result = Result::conflict, .cause = Cause::seq_no_mismatch};
      return inner_.index(id, source, precondition);
    });
  }
  Outcome create(std::string_view id, Bytes source) {
    return timed([&] { return inner_.create(id, source); });
  }
  Outcome remove(std::string_view id, const Precondition& precondition = {}) {
    return timed([&] { return inner_.remove(id, precondition); });
  }
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    return timed([&] { return inner_.update(id, transform, options); });
  }
  void bulk(std::span<BulkItem> items) { inner_.bulk(items); }
  [[nodiscard]] const Counters& counters() const { return inner_.counters(); }

 private:
  template <class Call>
  Outcome timed(Call&& call) {
    clock_.pass(takes_ns_(clock_.now_ns()));
    return call();
  }

  Inner inner_;
  TestClock& clock_;
  std::function<std::uint64_t(std::uint64_t)> takes_ns_;
  bool conflicts_;
};

struct Setup {
  Pace pace;
  Client client = Client::update;
  std::uint64_t documents = 100;
  std::uint32_t retries = 0;
  std::uint32_t thread = 0;
  std::uint32_t threads = 1;
  std::uint64_t warmup_ns = kS;
  std::uint64_t window_ns = 10 * kS;
  bool conflicts = false;
  std::function<std::uint64_t(std::uint64_t)> takes_ns = [](std::uint64_t) { return kUs; };
};

Report work(const Setup& setup) {
  Workload workload = custom_workload();
  workload.documents = setup.documents;
  workload.client = setup.client;
  workload.retry_on_conflict = setup.retries;
  workload.pace = setup.pace;
  const Documents documents =
      Documents::generated(SourceLayout::counter, workload.documents, workload.body_bytes, "counter");
  ReferenceTable table(TableOptions{});
  ReferenceTable::Handle filler(table);
  Source source;
  DocId id;
  for (std::uint32_t i = 0; i < documents.size(); ++i) {
    documents.write_initial(i, source);
    EXPECT_EQ(filler.create(documents.id(i, id), source.bytes()).result, Result::created);
  }
  PhaseWord phases;
  TestClock clock(phases, setup.warmup_ns, setup.window_ns);
  TimedHandle handle(table, clock, setup.takes_ns, setup.conflicts);
  const Task task{.workload = workload,
                  .documents = documents,
                  .form = UpdateForm::strategy_default,
                  .permutation_seed = 1,
                  .stream_seed = stream_seed(1, setup.thread, 1),
                  .publishes_with_store = false,
                  .thread = setup.thread,
                  .threads = setup.threads};
  PacedWorker<TimedHandle> worker(handle, task, clock);
  phases.announce(Phase::warmup);
  Report report;
  worker.run(phases, report);
  return report;
}

Pace open_loop(double rate_per_s, Arrivals arrivals = Arrivals::constant) {
  Pace pace;
  pace.rate_per_s = rate_per_s;
  pace.arrivals = arrivals;
  return pace;
}
Pace closed_loop(std::uint64_t clients, double think_s) {
  Pace pace;
  pace.clients = clients;
  pace.think_between = TimeDistribution::fixed(think_s);
  return pace;
}

/// Stands still for 100 ms once a second.
std::function<std::uint64_t(std::uint64_t)> stalling() {
  return [stalled_in = std::uint64_t{0}](std::uint64_t now_ns) mutable {
    const std::uint64_t second = now_ns / kS;
    if (second == stalled_in) return kUs;
    stalled_in = second;
    return 100 * kMs;
  };
}

// Coordinated omission: the stall delays a tenth of the operations that were to begin, and only one of them is in
// service time.
TEST(OpenLoop, stalls_are_in_the_response_times_of_all_who_waited) {
  const Report report = work({.pace = open_loop(1000), .takes_ns = stalling()});
  EXPECT_LT(report.latency.percentile_ns(99), 2 * kUs);
  // 100 of 1,000 wait for 1 to 100 ms: the slowest hundredth for 90 ms and more.
  EXPECT_GE(report.response.percentile_ns(99), 89 * kMs);
  EXPECT_LE(report.response.percentile_ns(99), 92 * kMs);
  EXPECT_GE(report.response.percentile_ns(95), 49 * kMs);
  EXPECT_LT(report.response.percentile_ns(85), 2 * kUs);
  EXPECT_NEAR(report.pace.offered_per_s, 1000, 1);
  EXPECT_NEAR(report.pace.achieved_per_s, 1000, 1);
  EXPECT_LE(report.pace.queued, 1U);
}

// The same strategy, asked by one who waits for it: that is what a closed loop does not show.
TEST(ClosedLoop, stalls_delay_nobody_else_who_would_have_come) {
  const Report report = work({.pace = closed_loop(1, 0.001), .takes_ns = stalling()});
  EXPECT_LT(report.response.percentile_ns(99), 2 * kUs);
  EXPECT_GE(report.response.max_ns(), 100 * kMs);
}

TEST(OpenLoop, more_than_can_be_done_waits_in_a_queue) {
  const Report report = work({.pace = open_loop(1000), .takes_ns = [](std::uint64_t) { return 2 * kMs; }});
  EXPECT_NEAR(report.pace.offered_per_s, 1000, 2);
  EXPECT_NEAR(report.pace.achieved_per_s, 500, 2);
  // Of the warm-up too.
  EXPECT_NEAR(static_cast<double>(report.pace.queued), 500 * 11, 10);
  EXPECT_NEAR(static_cast<double>(report.latency.percentile_ns(99)), 2 * kMs, 0.02 * kMs);
  // Who has ended waited for 5.5 s at most, who has not for as long as that.
  EXPECT_EQ(report.response.count(), report.window.ended + report.pace.queued);
  EXPECT_GE(report.response.max_ns(), 5'400 * kMs);
}

TEST(OpenLoop, operations_that_have_begun_and_not_ended_are_told) {
  Pace pace = open_loop(100);
  pace.think_within = TimeDistribution::fixed(3600);
  const Report report = work({.pace = pace, .client = Client::if_seq_no});
  EXPECT_EQ(report.window.ended, 0U);
  EXPECT_LE(report.pace.queued, 1U);
  EXPECT_NEAR(static_cast<double>(report.response.count()), 1100, 2);
  EXPECT_GE(report.response.max_ns(), 10'900 * kMs);
}

TEST(ClosedLoop, whoever_thinks_or_waits_holds_no_thread) {
  Pace pace = closed_loop(10, 0.010);
  pace.think_within = TimeDistribution::fixed(0.010);
  const Report report = work({.pace = pace, .client = Client::if_seq_no, .documents = 100'000, .retries = 100});
  // Of 20 ms and two calls each; one who holds the thread would end 100 a second at most.
  EXPECT_NEAR(report.pace.achieved_per_s, 500, 2);
  EXPECT_NEAR(static_cast<double>(report.latency.percentile_ns(50)), 10 * kMs, 0.1 * kMs);
}

TEST(ClosedLoop, clients_without_think_time_take_turns) {
  const Report report = work({.pace = closed_loop(10, 0), .warmup_ns = kMs, .window_ns = 100 * kMs});
  EXPECT_NEAR(report.pace.achieved_per_s, 1e6, 1e3);
  // Nine others come between.
  EXPECT_EQ(report.response.percentile_ns(50), 10 * kUs);
}

TEST(ClosedLoop, backoff_doubles_between_the_tries_of_an_operation) {
  Pace pace = closed_loop(1, 0);
  pace.backoff = BackoffPolicy::parse("exponential:4ms..10ms");
  const Report report = work({.pace = pace, .client = Client::if_seq_no, .retries = 3, .conflicts = true});
  const std::uint64_t waited_ns = (4 + 8 + 10) * kMs;
  EXPECT_GT(report.window.exhausted, 400U);
  EXPECT_EQ(report.window.retries[3], report.window.exhausted);
  EXPECT_EQ(report.window.total_operations(), 0U);
  EXPECT_NEAR(static_cast<double>(report.latency.percentile_ns(50)), static_cast<double>(waited_ns + 8 * kUs),
              0.01 * static_cast<double>(waited_ns));
  EXPECT_NEAR(report.pace.backoff_ns, static_cast<double>(report.window.exhausted * waited_ns), 22.0 * kMs);
}

TEST(ClosedLoop, full_jitter_waits_half_as_long) {
  Pace pace = closed_loop(1, 0);
  pace.backoff = BackoffPolicy::parse("full-jitter:4ms..10ms");
  const Report report = work({.pace = pace, .client = Client::if_seq_no, .retries = 3, .conflicts = true});
  EXPECT_NEAR(report.pace.backoff_ns / static_cast<double>(report.window.exhausted), 11.0 * kMs, 0.5 * kMs);
}

TEST(ClosedLoop, clients_are_shared_out_over_the_threads) {
  double all_per_s = 0;
  for (std::uint32_t thread = 0; thread < 4; ++thread) {
    const Report report = work({.pace = closed_loop(10, 0.1), .thread = thread, .threads = 4, .window_ns = 100 * kS});
    EXPECT_NEAR(report.pace.achieved_per_s, thread < 2 ? 30 : 20, 0.1);
    all_per_s += report.pace.achieved_per_s;
  }
  EXPECT_NEAR(all_per_s, 100, 0.1);
}

TEST(ClosedLoop, waiting_for_a_busy_thread_is_in_the_response_time) {
  const Report report =
      work({.pace = closed_loop(20, 1), .window_ns = 100 * kS, .takes_ns = [](std::uint64_t) { return 100 * kMs; }});
  // Twenty operations of 100 ms take two seconds, in one of which whoever asks has thought.
  EXPECT_EQ(report.latency.max_ns(), 100 * kMs);
  EXPECT_NEAR(static_cast<double>(report.response.percentile_ns(50)), kS, 0.02 * kS);
}

std::vector<double> starts(const Pace& pace, std::uint32_t threads, double until_ns) {
  std::vector<double> all;
  for (std::uint32_t thread = 0; thread < threads; ++thread) {
    for (ArrivalStream stream(pace, thread, threads, stream_seed(1, thread, 1)); stream.next_ns() <= until_ns;
         stream.advance())
      all.push_back(stream.next_ns());
  }
  std::ranges::sort(all);
  return all;
}

TEST(ArrivalStream, constant_shares_make_one_constant_stream) {
  const std::vector<double> all = starts(open_loop(1000), 4, 1e9 + 1);
  ASSERT_EQ(all.size(), 1000U);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_NEAR(all[i], 1e6 * static_cast<double>(i + 1), 1);
}

TEST(ArrivalStream, poisson_shares_make_one_poisson_stream) {
  const std::vector<double> all = starts(open_loop(1000, Arrivals::poisson), 4, 1e11);
  // 100,000 on average, so +-1,300 is four standard deviations; the seed is fixed.
  EXPECT_NEAR(static_cast<double>(all.size()), 100'000, 1'300);
  double shorter = 0;
  for (std::size_t i = 1; i < all.size(); ++i) shorter += all[i] - all[i - 1] < 1e6 ? 1 : 0;
  EXPECT_NEAR(shorter / static_cast<double>(all.size()), 1 - std::exp(-1), 0.01);
}

}  // namespace
}  // namespace occ
