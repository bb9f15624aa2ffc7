/// What the programs of the contract suite share: the fixture that runs a test once per registered strategy, the
/// effort of a build, and the checks that hold after any race.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <barrier>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/build/hash.hpp"
#include "core/table/shard.hpp"
#include "tests/print.hpp"
#include "variants/strategies.hpp"

namespace occ {

namespace contract {

/// Share of the full work that races and growth do. Sanitizers slow a race down ten- to thirtyfold; OCCKIT_TEST_EFFORT
/// (a decimal number) overrides.
inline double effort() {
  static const double value = [] {
    if (const char* text = std::getenv("OCCKIT_TEST_EFFORT")) return std::max(0.001, std::atof(text));
#if defined(__SANITIZE_THREAD__)
    return 0.03;
#elif defined(__SANITIZE_ADDRESS__)
    return 0.1;
#else
    return 1.0;
#endif
  }();
  return value;
}
/// Of the strategy under test: where each operation is a hand-over between threads it takes fifty times as long.
inline double& share_of_strategy() {
  static double share = 1.0;
  return share;
}
inline std::uint64_t scaled(std::uint64_t full) {
  const double part = static_cast<double>(full) * effort() * share_of_strategy();
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(part));
}

/// `id` and something behind it, so that all ids made here are of one segment of a slot directory: slots pass between
/// ids of one segment only.
inline std::string in_one_segment(const std::string& id) {
  for (std::uint64_t i = 0;; ++i) {
    std::string tried = id + " " + std::to_string(i);
    if (hash_id(tried) >> 56 == 0) return tried;
  }
}

/// The registered strategies that `wanted` accepts.
template <class Wanted>
std::vector<StrategyInfo> strategies_that(Wanted wanted) {
  std::vector<StrategyInfo> chosen;
  for (const StrategyInfo& info : strategies()) {
    if (wanted(info)) chosen.push_back(info);
  }
  return chosen;
}
/// All that promise anything: `none` stores nothing, and floors are no tables.
inline std::vector<StrategyInfo> storing() {
  return strategies_that([](const StrategyInfo& info) { return info.is_verifiable(); });
}
/// All that promise not to lose updates (while no tombstone expires): `unchecked` is out as well.
inline std::vector<StrategyInfo> checking() {
  return strategies_that([](const StrategyInfo& info) {
    return info.semantics == Semantics::full || info.semantics == Semantics::version_only;
  });
}
inline std::string name_of(const ::testing::TestParamInfo<StrategyInfo>& info) {
  return std::string(info.param.name);
}

/// The forms that a strategy declares.
inline std::vector<UpdateForm> forms_of(const StrategyInfo& info) {
  std::vector<UpdateForm> forms;
  for (const UpdateForm form : {UpdateForm::in_place, UpdateForm::optimistic}) {
    if (info.supports(form)) forms.push_back(form);
  }
  return forms;
}

/// One strategy, one table with a clock that the test sets, one handle of the test's own thread.
class StrategyTest : public ::testing::TestWithParam<StrategyInfo> {
 protected:
  StrategyTest() { share_of_strategy() = GetParam().owns_threads ? 0.1 : 1.0; }
  ~StrategyTest() override { share_of_strategy() = 1.0; }

  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    // Every access under it would be reported (and each report, even a suppressed one, takes a while): TBB's library is
    // not instrumented, and what a transaction does comes without any lock being taken. Other locks have the same code.
    if (GetParam().name.ends_with("_tbb_speculative"))
      GTEST_SKIP() << "the race detector cannot see who holds this lock";
#endif
  }

  [[nodiscard]] TableOptions options() const {
    return {.clock = &clock_};
  }
  [[nodiscard]] std::unique_ptr<AnyTable> make(const TableOptions& options) const {
    return make_table(GetParam().name, options);
  }

  ManualClock clock_;
  std::unique_ptr<AnyTable> table_ = make(options());
  std::unique_ptr<AnyHandle> handle_ = table_->handle();
};

inline std::uint64_t to_number(Bytes source) {
  std::uint64_t number = 0;
  if (source.size() == sizeof number) std::memcpy(&number, source.data(), sizeof number);
  return number;
}
inline Bytes as_bytes(const std::uint64_t& number) {
  return std::as_bytes(std::span(&number, 1));
}
/// The transform of a counter: the source is one 64-bit number, which grows by 1.
inline constexpr auto add_one = [](const DocumentView& current, Source& next) {
  const std::uint64_t number = to_number(current.source) + 1;
  next.assign(as_bytes(number));
  return Transformed::write;
};

/// Runs `body(thread)` on `threads` threads that start together.
template <class Body>
void run_threads(std::size_t threads, Body body) {
  std::barrier start(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      start.arrive_and_wait();
      body(t);
    });
  }
}

/// Runs `body` on another thread and ends the program if it does not come back: what a lock left behind looks like.
/// The limit is far beyond any slowness and measures nothing.
template <class Body>
void expect_returns(const char* what, Body body) {
  auto done = std::async(std::launch::async, body);
  if (done.wait_for(std::chrono::seconds(120)) == std::future_status::timeout) {
    std::fprintf(stderr, "%s never returned: a lock was left behind\n", what);
    std::_Exit(1);
  }
  done.get();
}

/// A write as its caller saw it.
struct Write {
  SeqNoTerm word;
  SeqNoTerm decided_on;
  Version version;
  Result result;
};
/// One document's or one thread's writes.
using Writes = std::vector<Write>;

inline void record(Writes& writes, const Outcome& outcome) {
  if (outcome.wrote()) writes.push_back({outcome.word, outcome.decided_on, outcome.version, outcome.result});
}

/// All writes of one document from its birth on, whoever made them: each replaced exactly the one before it. This is
/// what "nothing was lost" means, and it holds for every strategy that promises it, as long as no tombstone expires and
/// no external version was given.
inline ::testing::AssertionResult form_a_chain(Writes writes) {
  std::ranges::sort(writes, {}, &Write::word);
  SeqNoTerm before;
  Version version = 0;
  bool live = false;
  for (const Write& write : writes) {
    const auto where = [&] {
      return ::testing::AssertionFailure()
             << "write " << ::testing::PrintToString(write.word) << " decided on "
             << ::testing::PrintToString(write.decided_on) << " after " << ::testing::PrintToString(before) << ": ";
    };
    if (write.word == before) return where() << "a number was given twice";
    if (before.vacant() ? !write.decided_on.vacant() : write.decided_on != before) return where() << "lost update";
    if (write.version != version + 1) return where() << "version " << write.version << " after " << version;
    const bool makes_live = write.result == Result::created || write.result == Result::updated;
    const bool needs_live = write.result == Result::updated || write.result == Result::deleted;
    if (needs_live != live) return where() << "result " << ::testing::PrintToString(write.result) << " contradicts it";
    before = write.word;
    version = write.version;
    live = makes_live;
  }
  return ::testing::AssertionSuccess();
}

/// The equation of the counters of any set of handles.
inline ::testing::AssertionResult balance(const Counters& c) {
  const auto ends = c.applied + c.noop + c.not_found + c.conflicts() + c.publication_failures;
  if (c.attempts == ends) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "attempts " << c.attempts << " != applied " << c.applied << " + noop "
                                       << c.noop << " + not_found " << c.not_found << " + conflicts " << c.conflicts()
                                       << " + publication_failures " << c.publication_failures;
}

}  // namespace contract
}  // namespace occ
