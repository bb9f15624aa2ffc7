#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/commands/carry_out.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/plan.hpp"
#include "harness/measure/cell.hpp"
#include "harness/measure/schedule.hpp"
#include "harness/report/columns.hpp"
#include "harness/report/comparison.hpp"
#include "harness/report/results_folder.hpp"
#include "harness/workload/counter_source.hpp"
#include "tests/print.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;
using Verified = Verification::Verified;

const std::atomic<bool> kNotInterrupted{false};

/// One replicate of the only cell of a plan. Where it is not as wanted it is measured again, in a longer window: nothing
/// hangs on what comes about in one.
template <class Wanted>
Measurement measure_until(Options options, Wanted&& wanted) {
  options.try_emplace("docs", "64");
  options.try_emplace("threads", "2");
  options.try_emplace("duration", "100ms");
  options.try_emplace("warmup", "10ms");
  Plan plan = make_plan(options);
  EXPECT_EQ(plan.cells.size(), 1U);
  for (;; plan.conditions.window_s *= 4) {
    Measurement measurement = measure(plan.cells.front(), plan.conditions, 1, kNotInterrupted).value();
    if (wanted(measurement)) return measurement;
  }
}
bool has_operations(const Measurement& measurement) {
  return measurement.window.total_operations() > 0;
}
/// On a busy machine a fair lock is handed to threads that have no processor, so that one batch can take 100 ms.
Measurement measure_with(const Options& options) {
  return measure_until(options, has_operations);
}

class EveryStrategy : public testing::TestWithParam<StrategyInfo> {
 protected:
  /// What a run on this strategy must end with, if the harness is right and the strategy is what it claims to be.
  void expect_verified(Options options) {
    options["strategy"] = GetParam().name;
    const Measurement measurement = measure_with(options);
    const Verification& verification = measurement.verification;
    switch (GetParam().semantics) {
      case Semantics::none:
        EXPECT_EQ(verification.verified, Verified::not_applicable) << verification.violation;
        break;
      case Semantics::unchecked:
        EXPECT_NE(verification.verified, Verified::no) << verification.violation;
        break;
      default:
        EXPECT_EQ(verification.verified, Verified::yes) << verification.violation;
    }
    EXPECT_GT(measurement.window.total_operations(), 0U);
    EXPECT_GT(measurement.latency.count(), 0U);
    EXPECT_EQ(measurement.thread_operations.size(), 2U);
  }
};

TEST_P(EveryStrategy, measure_updates_of_hot_document_verifies) {
  expect_verified({{"workload", "hot"}});
}
TEST_P(EveryStrategy, measure_stock_verifies) {
  expect_verified({{"workload", "stock"}});
}
TEST_P(EveryStrategy, measure_json_verifies) {
  expect_verified({{"transform", "json"}, {"workload", "zipf"}});
}
TEST_P(EveryStrategy, measure_clients_loop_on_seq_no_verifies) {
  expect_verified({{"workload", "hot"}, {"client", "if_seq_no"}});
}
TEST_P(EveryStrategy, measure_clients_loop_on_version_verifies) {
  expect_verified({{"workload", "hot"}, {"client", "version"}});
}
TEST_P(EveryStrategy, measure_every_operation_with_fail_overs_verifies) {
  expect_verified({{"mix", "get=20,index=20,create=15,delete=15,update=15,cond=15"},
                   {"shards", "4"},
                   {"fail-over-every", "5ms"},
                   {"retry-on-conflict", "3"}});
}
TEST_P(EveryStrategy, measure_every_operation_in_batches_verifies) {
  expect_verified({{"mix", "get=20,index=20,create=15,delete=15,update=15,cond=15"},
                   {"batch", "20"},
                   {"shards", "4"},
                   {"fail-over-every", "5ms"},
                   {"retry-on-conflict", "3"}});
}
TEST_P(EveryStrategy, measure_with_expiring_tombstones_verifies) {
  expect_verified({{"mix", "get=25,index=25,delete=25,create=25"}, {"gc-deletes", "0"}});
}
TEST_P(EveryStrategy, measure_clients_that_think_and_back_off_verifies) {
  expect_verified({{"workload", "hot"},
                   {"client", "if_seq_no"},
                   {"clients", "9"},
                   {"think-between", "exponential:100us"},
                   {"think-within", "gamma:4:20us"},
                   {"backoff", "full-jitter:20us..1ms"}});
}
TEST_P(EveryStrategy, measure_every_operation_in_an_open_loop_verifies) {
  expect_verified({{"mix", "get=20,index=20,create=15,delete=15,update=15,cond=15"},
                   {"rate", "20000"},
                   {"think-within", "20us"},
                   {"retry-on-conflict", "3"}});
}
TEST_P(EveryStrategy, measure_sources_of_8_bytes_verifies) {
  expect_verified({{"body", "8"}, {"docs", "3"}});
}
TEST_P(EveryStrategy, measure_empty_sources_verifies) {
  expect_verified({{"body", "0"}, {"docs", "3"}, {"mix", "get=40,update=30,cond=30"}});
}

/// Floors promise nothing and are no tables; what they have to do is floor_test's matter.
std::vector<StrategyInfo> all_but_floors() {
  std::vector<StrategyInfo> all;
  std::ranges::copy_if(strategies(), std::back_inserter(all),
                       [](const StrategyInfo& info) { return info.semantics != Semantics::floor; });
  return all;
}
INSTANTIATE_TEST_SUITE_P(Registered, EveryStrategy, testing::ValuesIn(all_but_floors()),
                         [](const auto& strategy) { return std::string(strategy.param.name); });

TEST(Measure, operations_are_of_the_kinds_of_the_mix) {
  for (const char* batch : {"1", "8"}) {
    // So that fewer of three are more than those of one below once in 10^12 runs, batches counted as one.
    const auto enough = [](const Measurement& measurement) { return measurement.window.total_operations() > 2000; };
    const auto ended = measure_until({{"strategy", "packed_cas"}, {"mix", "get=25,index=75"}, {"batch", batch}}, enough)
                           .window.operations;
    const auto of = [&](OperationKind kind) { return ended[static_cast<std::size_t>(kind)]; };
    EXPECT_GT(of(OperationKind::get), 0U);
    EXPECT_GT(of(OperationKind::index), of(OperationKind::get));
    EXPECT_EQ(of(OperationKind::update) + of(OperationKind::cond), 0U);
  }
}

TEST(Measure, each_operation_of_a_batch_counts_as_one) {
  // In 63 % of batches no document is there twice.
  const Measurement cond =
      measure_until({{"strategy", "mutex_global"}, {"mix", "cond=100"}, {"batch", "8"}, {"threads", "1"}},
                    [](const Measurement& measurement) { return measurement.window_counters.gets_found > 8 * 100; });
  const Counters& counters = cond.window_counters;
  EXPECT_EQ(cond.window.total_operations() + counters.conflicts(), counters.gets_found);
  EXPECT_EQ(cond.window.total_operations(), counters.applied);
  EXPECT_GT(counters.conflicts(), 0U) << "of 64 documents, no batch of 8 ever had one twice";
  const Measurement stock = measure_with({{"strategy", "packed_cas"}, {"workload", "stock"}, {"batch", "8"}});
  EXPECT_EQ(stock.verification.verified, Verified::yes) << stock.verification.violation;
}

// What a bulk call looked ahead at goes to other ids meanwhile.
TEST(Measure, batches_over_slots_that_are_used_again_verify) {
  for (const char* strategy : {"packed_cas", "packed_claim"}) {
    const Measurement measurement = measure_with({{"strategy", strategy},
                                                  {"mix", "get=25,index=25,delete=25,create=25"},
                                                  {"gc-deletes", "0"},
                                                  {"docs", "200"},
                                                  {"batch", "100"}});
    EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
  }
}

TEST(Measure, unchecked_with_racing_threads_is_caught) {
  // The think time makes it race on one core, too: a thread is preempted between read and write.
  const Measurement measurement = measure_until(
      {{"strategy", "unchecked"}, {"workload", "hot"}, {"threads", "4"}, {"duration", "200ms"}, {"think-ns", "2000"}},
      [](const Measurement& made) { return made.verification.lost_updates.value() > 0; });
  EXPECT_EQ(measurement.verification.verified, Verified::caught);
  EXPECT_GT(measurement.verification.lost_updates.value(), 0);
  EXPECT_THAT(measurement.verification.violation, HasSubstr("sum of counters"));
}

TEST(Measure, unchecked_whose_tombstones_expire_is_caught_by_the_versions_of_live_documents) {
  const Measurement measurement =
      measure_until({{"strategy", "unchecked"},
                     {"mix", "update=98,delete=1,create=1"},
                     {"gc-deletes", "0"},
                     {"docs", "4"},
                     {"threads", "4"},
                     {"think-ns", "2000"}},
                    [](const Measurement& made) { return made.verification.lost_updates.value_or(0) != 0; });
  EXPECT_EQ(measurement.verification.level, Verification::Level::live);
  EXPECT_EQ(measurement.verification.verified, Verified::caught);
  EXPECT_THAT(measurement.verification.violation, HasSubstr("sum of versions of live documents"));
  EXPECT_GT(measurement.verification.compared_writes, 0U);
  EXPECT_LE(measurement.verification.compared_writes, measurement.acknowledged_writes);
}

TEST(Measure, in_place_update_never_conflicts) {
  const Measurement measurement =
      measure_with({{"strategy", "mutex_striped"}, {"update", "in_place"}, {"workload", "hot"}, {"threads", "4"}});
  EXPECT_EQ(measurement.lifetime_counters.conflicts(), 0U);
}

TEST_P(EveryStrategy, measure_of_a_table_that_fills_meanwhile_verifies) {
  expect_verified({{"mix", "get=20,index=20,create=20,delete=10,update=15,cond=15"}, {"fill", "5"}, {"docs", "500"}});
}
TEST_P(EveryStrategy, measure_of_increments_of_absent_documents_verifies) {
  expect_verified({{"mix", "get=40,update=30,cond=30"}, {"fill", "50"}});
}

TEST(Measure, interrupted_gives_nothing) {
  const std::atomic<bool> interrupted{true};
  const Plan plan = make_plan({{"strategy", "null"}, {"threads", "2"}, {"docs", "10"}, {"duration", "1h"}});
  EXPECT_FALSE(measure(plan.cells.front(), plan.conditions, 1, interrupted));
}

/// A table with two documents that were updated once and twice, and claims that fit it.
class Verify : public testing::Test {
 protected:
  Verify() {
    const auto handle = table_->handle();
    DocId id;
    Source source;
    for (std::uint32_t index = 0; index < documents_.size(); ++index) {
      documents_.write_initial(index, source);
      handle->create(documents_.id(index, id), source.bytes());
      for (std::uint32_t i = 0; i <= index; ++i) update(*handle, index);
    }
    claims_.counters = handle->counters();
    claims_.counts.writes = claims_.counts.applied = 5;
    claims_.counts.created = claims_.counts.created_versions = documents_.size();
    claims_.counts.increments = 3;
    claims_.window_operations = 3;
  }

  void update(AnyHandle& handle, std::uint32_t index) {
    DocId id;
    Document document;
    Source next;
    handle.get(documents_.id(index, id), document);
    next.assign(document.source.bytes());
    CounterSource::set_counter(next, CounterSource::counter(next.bytes()) + 1);
    handle.index(documents_.id(index, id), next.bytes(), {});
  }

  [[nodiscard]] Verification verification() { return verify(*table_, documents_, workload_, claims_); }

  std::unique_ptr<AnyTable> table_ = make_table("mutex_global");
  Documents documents_ = Documents::generated(SourceLayout::counter, 2, 64, "");
  Workload workload_ = custom_workload();
  Claims claims_;
};

TEST_F(Verify, true_claims_pass) {
  EXPECT_EQ(verification().verified, Verified::yes) << verification().violation;
  EXPECT_EQ(verification().lost_updates, 0);
}
TEST_F(Verify, an_increment_too_many_is_a_lost_update) {
  ++claims_.counts.increments;
  EXPECT_EQ(verification().verified, Verified::no);
  EXPECT_EQ(verification().lost_updates, 1);
}
TEST_F(Verify, a_write_too_many_is_found_by_the_numbers) {
  ++claims_.counts.writes;
  EXPECT_THAT(verification().violation, HasSubstr("numbers used"));
}
TEST_F(Verify, an_applied_write_that_the_strategy_did_not_count_is_found) {
  ++claims_.counts.applied;
  EXPECT_THAT(verification().violation, HasSubstr("applied writes"));
}
TEST_F(Verify, attempts_that_do_not_add_up_are_found) {
  ++claims_.counters.attempts;
  EXPECT_THAT(verification().violation, HasSubstr("attempts"));
}
TEST_F(Verify, torn_reads_disorder_and_rejections_are_found) {
  claims_.counts.torn_reads = claims_.counts.disorder = claims_.counts.rejected = 1;
  EXPECT_THAT(verification().violation, testing::AllOf(HasSubstr("torn"), HasSubstr("order"), HasSubstr("rejected")));
}
TEST_F(Verify, an_idle_window_is_no_verdict_and_no_contradiction) {
  claims_.window_operations = 0;
  EXPECT_THAT(verification().violation, HasSubstr("no operation ended in the window"));
  EXPECT_EQ(verification().verified, Verified::no_verdict);
  ++claims_.counts.writes;
  EXPECT_EQ(verification().verified, Verified::no);
  EXPECT_THAT(verification().violation, testing::Not(HasSubstr("no operation")));
}
TEST_F(Verify, a_version_without_its_increment_is_found) {
  DocId id;
  Source source;
  const auto handle = table_->handle();
  documents_.write_initial(0, source);
  handle->index(documents_.id(0, id), source.bytes(), {});
  EXPECT_THAT(verification().violation, HasSubstr("_version"));
}
TEST_F(Verify, a_changed_byte_of_the_filler_is_found) {
  DocId id;
  Document document;
  const auto handle = table_->handle();
  handle->get(documents_.id(1, id), document);
  document.source.data()[40] ^= std::byte{1};
  handle->index(documents_.id(1, id), document.source.bytes(), {});
  EXPECT_THAT(verification().violation, HasSubstr("nobody wrote"));
}
TEST_F(Verify, a_missing_document_is_found) {
  DocId id;
  table_->handle()->remove(documents_.id(1, id), {});
  EXPECT_THAT(verification().violation, HasSubstr("documents: 1 instead of 2"));
}
TEST_F(Verify, versions_of_tombstones_are_counted) {
  workload_.mix = Mix::parse("update=50,delete=50");
  DocId id;
  table_->handle()->remove(documents_.id(1, id), {});
  ++claims_.counts.writes;
  EXPECT_EQ(verification().verified, Verified::yes) << verification().violation;
}
TEST_F(Verify, a_lost_delete_is_found_by_the_versions) {
  workload_.mix = Mix::parse("update=50,delete=50");
  ++claims_.counts.writes;
  EXPECT_THAT(verification().violation, HasSubstr("sum of versions: 5 instead of 6"));
}

TEST(VerifyOfEmptySources, increments_are_those_of_the_versions) {
  const Documents documents = Documents::generated(SourceLayout::counter, 1, 0, "");
  const auto table = make_table("mutex_global");
  const auto handle = table->handle();
  DocId id;
  handle->create(documents.id(0, id), {});
  handle->index(documents.id(0, id), {}, {});
  Claims claims{.counters = handle->counters(), .window_operations = 2};
  claims.counts.writes = claims.counts.applied = 2;
  claims.counts.increments = 1;
  const auto verification = [&] { return verify(*table, documents, custom_workload(), claims); };
  EXPECT_EQ(verification().verified, Verified::yes) << verification().violation;
  ++claims.counts.increments;
  EXPECT_EQ(verification().lost_updates, 1);
  EXPECT_EQ(verification().verified, Verified::no);
  handle->index(documents.id(0, id), as_bytes("x"), {});
  EXPECT_THAT(verification().violation, HasSubstr("nobody wrote"));
}

TEST_F(Verify, expired_tombstones_lower_the_level) {
  workload_.mix = Mix::parse("update=50,delete=50");
  EXPECT_EQ(verification().level, Verification::Level::sums);
  EXPECT_EQ(verification().compared_writes, 5U);
  claims_.tombstones_may_have_expired = true;
  EXPECT_EQ(verification().level, Verification::Level::live);
  EXPECT_EQ(verification().compared_writes, 5U);
  claims_.counts.unknown = 1;
  EXPECT_EQ(verification().level, Verification::Level::numbers);
  EXPECT_EQ(verification().compared_writes, 0U);
}
/// The first document is deleted and created again, its tombstone forgotten in between or not.
class VerifyLives : public Verify, public testing::WithParamInterface<bool> {
 protected:
  VerifyLives() {
    workload_.mix = Mix::parse("update=80,create=10,delete=10");
    claims_.tombstones_may_have_expired = true;
    const auto handle = table_->handle();
    DocId id;
    Source source;
    if (GetParam()) table_->set_gc_deletes(-1);
    count(handle->remove(documents_.id(0, id), {}));
    documents_.write_initial(0, source);
    count(handle->create(documents_.id(0, id), source.bytes()));
    table_->set_gc_deletes(1'000'000);
    claims_.counters.merge(handle->counters());
  }
  void count(const Outcome& outcome) {
    outcome.result == Result::created ? claims_.counts.count_created(outcome.version)
                                      : claims_.counts.count_deleted(outcome.version);
    ++claims_.counts.writes;
    ++claims_.counts.applied;
  }
};
INSTANTIATE_TEST_SUITE_P(Forgotten, VerifyLives, testing::Bool());

TEST_P(VerifyLives, true_claims_pass) {
  EXPECT_EQ(verification().verified, Verified::yes) << verification().violation;
  EXPECT_EQ(verification().lost_updates, 0);
  EXPECT_EQ(verification().level, Verification::Level::live);
}
TEST_P(VerifyLives, an_update_that_the_versions_do_not_show_is_lost) {
  ++claims_.counts.writes;
  ++claims_.counts.applied;
  ++claims_.counters.applied;
  ++claims_.counters.attempts;
  EXPECT_EQ(verification().lost_updates, 1);
  EXPECT_THAT(verification().violation, HasSubstr("sum of versions of live documents"));
}
TEST_P(VerifyLives, a_delete_whose_document_is_still_there_is_lost) {
  count({.result = Result::deleted, .version = 4});
  EXPECT_EQ(verification().lost_updates, -4);
}

TEST_F(Verify, a_gap_too_many_is_found_by_the_numbers) {
  ++claims_.counters.seq_no_gaps;
  EXPECT_THAT(verification().violation, HasSubstr("numbers used"));
}

/// Another table's documents under words that cannot be: every document has that of the first, or nobody has drawn any.
class FalseNumbers final : public AnyTable {
 public:
  enum class Lie : std::uint8_t { one_number_for_all, none_drawn };

  FalseNumbers(AnyTable& truth, Lie lie) : truth_(truth), lie_(lie) {}
  [[nodiscard]] const StrategyInfo& info() const override { return truth_.info(); }
  [[nodiscard]] std::unique_ptr<AnyHandle> handle() override {
    return std::make_unique<FalseHandle>(truth_.handle(), lie_);
  }
  bool fail_over(std::uint32_t shard) override { return truth_.fail_over(shard); }
  void set_gc_deletes(std::int64_t ms) override { truth_.set_gc_deletes(ms); }
  [[nodiscard]] std::uint32_t shards() const override { return truth_.shards(); }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const override { return truth_.shard_of(id); }
  [[nodiscard]] SeqNoTerm next(std::uint32_t shard) const override {
    return lie_ == Lie::none_drawn ? SeqNoTerm(0, 1) : truth_.next(shard);
  }
  [[nodiscard]] MemoryUse memory() const override { return truth_.memory(); }

 private:
  class FalseHandle final : public AnyHandle {
   public:
    FalseHandle(std::unique_ptr<AnyHandle> truth, Lie lie) : truth_(std::move(truth)), lie_(lie) {}
    Outcome get(std::string_view id, Document& into) override { return truth_->get(id, into); }
    Outcome index(std::string_view id, Bytes source, const Precondition& precondition) override {
      return truth_->index(id, source, precondition);
    }
    Outcome create(std::string_view id, Bytes source) override { return truth_->create(id, source); }
    Outcome remove(std::string_view id, const Precondition& precondition) override {
      return truth_->remove(id, precondition);
    }
    Outcome update(std::string_view id, Transform transform, const UpdateOptions& options) override {
      return truth_->update(id, transform, options);
    }
    void bulk(std::span<BulkItem> items) override {
      truth_->bulk(items);
      if (lie_ != Lie::one_number_for_all) return;
      for (BulkItem& item : items) {
        if (item.document != nullptr) item.document->word = items.front().document->word;
      }
    }
    [[nodiscard]] const Counters& counters() const override { return truth_->counters(); }

   private:
    std::unique_ptr<AnyHandle> truth_;
    Lie lie_;
  };

  AnyTable& truth_;
  Lie lie_;
};

TEST_F(Verify, two_documents_with_one_number_are_found) {
  FalseNumbers table(*table_, FalseNumbers::Lie::one_number_for_all);
  EXPECT_THAT(verify(table, documents_, workload_, claims_).violation, HasSubstr("two documents with _seq_no"));
}
TEST_F(Verify, a_number_that_nobody_drew_is_found) {
  FalseNumbers table(*table_, FalseNumbers::Lie::none_drawn);
  EXPECT_THAT(verify(table, documents_, workload_, claims_).violation, HasSubstr("the next is 0"));
}

TEST(Verification, names_of_levels) {
  using enum Verification::Level;
  const std::pair<Verification::Level, std::string_view> names[] = {
      {none, "none"}, {numbers, "numbers"}, {bounds, "bounds"},  {live, "live"},
      {sums, "sums"}, {fill, "fill"},       {history, "history"}};
  for (const auto& [level, name] : names) EXPECT_EQ(to_string(level), name);
}

/// One product, of which one unit was sold.
class Stock : public testing::Test {
 protected:
  Stock() {
    workload_.layout = SourceLayout::stock;
    sell(CounterSource::kUnits - 1);
    claims_.counts.writes = claims_.counts.applied = 2;
    claims_.counts.increments = 1;
    claims_.window_operations = 1;
    claims_.stock = {{.sold = 1}};
  }
  void sell(std::uint64_t units_left) {
    DocId id;
    Source source;
    table_ = make_table("mutex_global");
    const auto handle = table_->handle();
    documents_.write_initial(0, source);
    handle->create(documents_.id(0, id), source.bytes());
    CounterSource::set_counter(source, 1);
    CounterSource::set_units(source, units_left);
    handle->index(documents_.id(0, id), source.bytes());
    claims_.counters = handle->counters();
  }
  [[nodiscard]] Verification verification() { return verify(*table_, documents_, workload_, claims_); }

  std::unique_ptr<AnyTable> table_;
  Documents documents_ = Documents::generated(SourceLayout::stock, 1, 64, "");
  Workload workload_ = custom_workload();
  Claims claims_;
};

TEST_F(Stock, a_unit_sold_twice_is_oversold) {
  EXPECT_EQ(verification().verified, Verified::yes);
  claims_.stock = {{.sold = 2}};
  EXPECT_EQ(verification().oversold, 1U);
  EXPECT_EQ(verification().verified, Verified::no);
}
TEST_F(Stock, a_unit_that_is_missing_is_found) {
  sell(CounterSource::kUnits - 2);
  EXPECT_THAT(verification().violation, HasSubstr("stock does not follow"));
}

TEST(CounterSource, whole_with_different_ends_is_torn) {
  Source source;
  CounterSource::write(7, 64, false, source);
  EXPECT_TRUE(CounterSource::whole(7, source.bytes()));
  EXPECT_FALSE(CounterSource::whole(8, source.bytes()));
  source.data()[0] ^= std::byte{1};
  EXPECT_FALSE(CounterSource::whole(7, source.bytes()));
}

TEST(Schedule, every_replicate_of_every_cell_comes_once_in_blocks) {
  const auto steps = make_schedule(7, 0, 3, 1);
  ASSERT_EQ(steps.size(), 21U);
  for (std::uint32_t block = 0; block < 3; ++block) {
    std::set<std::size_t> cells;
    for (std::size_t i = 0; i < 7; ++i) {
      EXPECT_EQ(steps[block * 7 + i].replicate, block + 1);
      cells.insert(steps[block * 7 + i].cell);
    }
    EXPECT_EQ(cells.size(), 7U);
  }
}

TEST(Schedule, recorded_replicates_come_first_and_are_counted_apart) {
  const auto steps = make_schedule(3, 2, 1, 1);
  ASSERT_EQ(steps.size(), 9U);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].is_recorded, i < 6);
    EXPECT_EQ(steps[i].replicate, i < 6 ? 1 + i / 3 : 1);
  }
}

TEST(Schedule, order_depends_on_the_seed_only) {
  const auto order = [](std::uint64_t seed) {
    std::vector<std::size_t> cells;
    for (const Step& step : make_schedule(50, 0, 1, seed)) cells.push_back(step.cell);
    return cells;
  };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
}

/// Carries out a course with answers to whether a step is disturbed, and what its speed is.
template <class IsDisturbed>
std::vector<Step> carry_out_course(Course& course, IsDisturbed is_disturbed, double speed = 100) {
  std::vector<Step> steps;
  while (const auto step = course.next()) {
    steps.push_back(*step);
    course.ended(*step, is_disturbed(*step), speed);
  }
  return steps;
}

Agenda agenda(std::size_t cells, std::uint32_t replicates, std::uint32_t repeats) {
  return {.cells = std::vector<Agenda::Cell>(cells), .recorded = 1, .replicates = replicates, .repeats = repeats};
}

TEST(Course, undisturbed_is_the_schedule) {
  Course course(agenda(5, 3, 2));
  const auto steps = carry_out_course(course, [](const Step&) { return false; });
  const auto schedule = make_schedule(5, 1, 3, 1);
  ASSERT_EQ(steps.size(), schedule.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].cell, schedule[i].cell);
    EXPECT_EQ(steps[i].replicate, schedule[i].replicate);
    EXPECT_EQ(steps[i].attempt, 1U);
  }
  EXPECT_EQ(course.still_disturbed(), 0U);
}

TEST(Course, disturbed_replicates_come_again_at_the_end_so_often_at_most) {
  Course course(agenda(5, 3, 2));
  // Two stay disturbed, one is disturbed once; that a recorded one is does not matter.
  const auto steps = carry_out_course(course, [](const Step& step) {
    return step.is_recorded || (step.replicate == 2 && (step.cell < 2 || (step.cell == 2 && step.attempt == 1)));
  });
  ASSERT_EQ(steps.size(), 5U + 15 + 3 + 2);
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i].attempt, i < 20 ? 1U : i < 23 ? 2U : 3U);
  for (std::size_t i = 20; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].replicate, 2U);
    EXPECT_LT(steps[i].cell, i < 23 ? 3U : 2U);
    EXPECT_FALSE(steps[i].is_recorded);
  }
  EXPECT_EQ(course.still_disturbed(), 2U);
}

TEST(Course, machine_that_stays_disturbed_gets_one_round_of_repetitions) {
  Course course(agenda(5, 3, 2));
  EXPECT_EQ(carry_out_course(course, [](const Step&) { return true; }).size(), 5U + 15 + 15);
  EXPECT_EQ(course.still_disturbed(), 15U);
}

TEST(Course, machine_that_stays_disturbed_gets_no_more_replicates) {
  Agenda wanted = agenda(1, 2, 0);
  wanted.until_percent = 1;
  Course course(wanted);
  EXPECT_EQ(carry_out_course(course, [](const Step&) { return true; }).size(), 1U + 2 + Course::kManySteps);
}

TEST(Course, what_was_measured_before_is_left_out_and_its_repetitions_are_counted_on) {
  Course course(agenda(2, 2, 2));
  course.know({.cell = 0, .replicate = 1, .is_recorded = true}, false, 100);
  course.know({.cell = 0, .replicate = 1, .is_recorded = false}, false, 100);
  course.know({.cell = 1, .replicate = 1, .is_recorded = false}, true, 100);
  course.know({.cell = 1, .replicate = 1, .is_recorded = false, .attempt = 2}, true, 100);
  const auto steps = carry_out_course(course, [](const Step&) { return false; });
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_TRUE(steps[0].is_recorded);
  EXPECT_EQ(steps[0].cell, 1U);
  EXPECT_EQ(steps[3].cell, 1U);
  EXPECT_EQ(steps[3].replicate, 1U);
  EXPECT_EQ(steps[3].attempt, 3U);
}

TEST(Course, more_replicates_come_for_groups_with_a_wide_interval_until_it_is_narrow) {
  Agenda wanted = agenda(4, 2, 0);
  wanted.until_percent = 5;
  wanted.cells[0].group = wanted.cells[1].group = 1;
  wanted.cells[2].group = wanted.cells[3].group = 2;
  wanted.cells[3].is_ranked = false;
  Course course(wanted);
  std::array<std::uint32_t, 4> measured{};
  while (const auto step = course.next()) {
    if (!step->is_recorded) measured.at(step->cell) = std::max(measured.at(step->cell), step->replicate);
    // Cell 0 settles after its ninth replicate; cell 3 never does, but nobody asks.
    const bool is_wild = (step->cell == 0 && step->replicate <= 9) || step->cell == 3;
    course.ended(*step, false, is_wild ? 100.0 + 20 * (step->replicate % 2) : 110);
  }
  EXPECT_EQ(measured[2], 6U) << "an interval takes six";
  EXPECT_EQ(measured[3], 6U) << "as many as those that it is compared with";
  EXPECT_GT(measured[0], 9U);
  EXPECT_LT(measured[0], Course::kMostReplicates);
  EXPECT_EQ(measured[1], measured[0]);
  EXPECT_EQ(course.too_wide(), 0U);
}

TEST(Course, more_replicates_end_at_the_stated_most) {
  Agenda wanted = agenda(1, 2, 0);
  wanted.until_percent = 1;
  Course course(wanted);
  std::uint32_t last = 0;
  while (const auto step = course.next()) {
    last = step->replicate;
    course.ended(*step, false, 100.0 + 50 * (step->replicate % 2));
  }
  EXPECT_EQ(last, Course::kMostReplicates);
  EXPECT_EQ(course.too_wide(), 1U);
}

/// A run of two strategies into a folder of its own, with the processor time that `cpu_times` says.
class CarryOut : public testing::Test {
 protected:
  CarryOut() {
    std::string pattern = (std::filesystem::temp_directory_path() / "occkit-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    calls_ = 0;
  }
  ~CarryOut() override { std::filesystem::remove_all(folder_); }

  /// What is said meanwhile.
  std::string run(CpuTimes (*cpu_times)()) {
    Plan plan = make_plan({{"strategy", "mutex_global,packed_cas"},
                           {"workload", "hot"},
                           {"threads", "2"},
                           {"docs", "10"},
                           {"duration", "200ms"},
                           {"warmup", "5ms"},
                           {"replicates", "6"},
                           {"check", "none"}});
    plan.conditions.cpu_times = cpu_times;
    ResultsFolder results = ResultsFolder::create(folder_);
    testing::internal::CaptureStderr();
    const CarriedOut ended = carry_out(plan, results);
    EXPECT_EQ(ended.exit_status, kExitOk);
    return testing::internal::GetCapturedStderr() + ended.summary;
  }

  /// How many rows say so.
  [[nodiscard]] std::ptrdiff_t rows(std::string_view column, std::string_view value) const {
    const CsvTable table = read_csv(folder_ / "results.csv");
    return std::ranges::count_if(table.rows,
                                 [&](const auto& row) { return row[table.find_column(column).value()] == value; });
  }

  [[nodiscard]] Comparison compared() const {
    const ResultFile file{"results.csv", read_csv(folder_ / "results.csv")};
    return compare({&file, 1}, {});
  }

  std::filesystem::path folder_;
  static inline int calls_ = 0;
};

TEST_F(CarryOut, busy_machine_is_said_and_repeated_and_nobody_wins) {
  // Read twice in a replicate: in between, others took 10 s.
  const std::string said = run([] { return CpuTimes{.machine_s = 10.0 * ++calls_}; });
  EXPECT_EQ(rows("disturbed", "yes"), 24);
  EXPECT_EQ(rows("disturbed_by", "cpu_other"), 24);
  EXPECT_EQ(rows("attempt", "2"), 12);
  EXPECT_THAT(said, AllOf(HasSubstr("DISTURBED: others took"), HasSubstr("replicate 6 again"),
                          HasSubstr("12 replicates stayed disturbed")));
  const Comparison comparison = compared();
  EXPECT_THAT(describe_winners(comparison, TableStyle::text), HasSubstr("none named"));
  for (const Entry& entry : comparison.cells.at(0).entries) {
    EXPECT_TRUE(entry.all_disturbed);
    EXPECT_NE(entry.standing, Standing::winner);
  }
}

TEST_F(CarryOut, machine_that_calms_down_leaves_no_disturbed_replicate) {
  const std::string said = run([] {
    ++calls_;
    return CpuTimes{.machine_s = 10.0 * std::min(calls_, 13)};
  });
  EXPECT_EQ(rows("disturbed", "yes"), 6);
  EXPECT_EQ(rows("attempt", "2"), 6);
  EXPECT_THAT(said, Not(HasSubstr("stayed disturbed")));
  const Comparison comparison = compared();
  for (const Entry& entry : comparison.cells.at(0).entries) EXPECT_EQ(entry.replicates, 6U);
}

TEST_F(CarryOut, quiet_machine_has_nothing_to_repeat) {
  const std::string said = run([] { return CpuTimes{}; });
  EXPECT_EQ(rows("disturbed", "no"), 12);
  EXPECT_EQ(rows("disturbed_by", ""), 12);
  EXPECT_THAT(said, Not(HasSubstr("DISTURBED")));
}

TEST(ResultsFolder, second_writer_is_refused_until_the_first_one_is_gone) {
  std::string pattern = (std::filesystem::temp_directory_path() / "occkit-test-XXXXXX").string();
  const std::filesystem::path folder = mkdtemp(pattern.data());
  {
    const ResultsFolder first = ResultsFolder::create(folder);
    EXPECT_THAT([&] { ResultsFolder::reopen(folder); }, ThrowsMessage<BadInput>(HasSubstr("by another run")));
  }
  EXPECT_NO_THROW(ResultsFolder::reopen(folder));
  std::filesystem::remove_all(folder);
}

TEST(ResultsFolder, full_disk_is_named) {
  std::string pattern = (std::filesystem::temp_directory_path() / "occkit-test-XXXXXX").string();
  const std::filesystem::path folder = mkdtemp(pattern.data());
  {
    ResultsFolder results = ResultsFolder::create(folder);
    std::filesystem::create_symlink("/dev/full", folder / "results.json.new");
    EXPECT_THAT(
        [&] {
          results.write_provenance({{"a", 1}});
        },
        ThrowsMessage<CannotWrite>(AllOf(HasSubstr("results.json.new"), HasSubstr("No space left"))));
  }
  std::filesystem::remove_all(folder);
}

TEST(Plan, fail_overs_beyond_the_last_term_are_refused) {
  EXPECT_THAT(
      [] {
        make_plan({{"fail-over-every", "1ms"}, {"duration", "17s"}});
      },
      ThrowsMessage<BadInput>(AllOf(HasSubstr("16383"), HasSubstr("2 ms and more"))));
  EXPECT_NO_THROW(make_plan({{"fail-over-every", "1ms"}, {"duration", "16s"}}));
  EXPECT_NO_THROW(make_plan({{"fail-over-every", "2ms"}, {"duration", "17s"}}));
}

TEST(Measure, latency_none_times_nothing) {
  const Measurement measurement = measure_with({{"strategy", "packed_cas"}, {"latency", "none"}});
  EXPECT_EQ(measurement.latency.count(), 0U);
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
  const Plan plan = make_plan({{"strategy", "packed_cas"}, {"threads", "2"}, {"docs", "64"}});
  const auto names = header(result_columns());
  const auto values = fields(result_columns(), {plan.cells.front(), plan.conditions, 1, 1, 0.5, 0.1, measurement});
  for (const char* column : {"latency_p50_ns", "latency_p999_ns", "latency_max_ns", "longest_starvation_ns"})
    EXPECT_EQ(values.at(static_cast<std::size_t>(std::ranges::find(names, column) - names.begin())), "") << column;
}

TEST(Measure, fail_overs_are_counted) {
  const Measurement measurement =
      measure_with({{"strategy", "packed_cas"}, {"fail-over-every", "5ms"}, {"shards", "3"}});
  EXPECT_GT(measurement.fail_overs, 0U);
  EXPECT_EQ(measurement.fail_overs % 3, 0U);
}

TEST(Plan, until_takes_percentages) {
  EXPECT_EQ(make_plan({{"until", "2%"}}).until_percent, 2);
  EXPECT_EQ(make_plan({{"until", "0.5"}}).until_percent, 0.5);
  EXPECT_FALSE(make_plan({}).until_percent);
  for (const char* text : {"0", "-1", "101", "2 %", "narrow", "nan", ""}) {
    EXPECT_THAT([&] { make_plan({{"until", text}}); }, ThrowsMessage<BadInput>(HasSubstr("--until"))) << text;
  }
  EXPECT_THAT([] { make_plan({{"until", "2"}, {"replicates", "0"}}); }, ThrowsMessage<BadInput>(HasSubstr("--until")));
}

TEST(Plan, estimate_grows_with_what_is_asked_for) {
  const auto estimate = [](const char* replicates, const char* check) {
    return make_plan({{"strategy", "packed_cas"},
                      {"duration", "1s"},
                      {"warmup", "0"},
                      {"threads", "1,2"},
                      {"docs", "10"},
                      {"replicates", replicates},
                      {"check", check}})
        .estimated_s();
  };
  EXPECT_NEAR(estimate("8", "none"), 16, 1);
  EXPECT_NEAR(estimate("16", "none"), 32, 2);
  EXPECT_GT(estimate("8", "all"), estimate("8", "none") + 2);
}

TEST(Columns, header_begins_and_ends_as_agreed_without_repeats) {
  const auto names = header(result_columns());
  EXPECT_EQ(names.front(), "workload");
  EXPECT_EQ(names[1], "strategy");
  EXPECT_EQ(names.back(), "violation");
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  for (const Counters::Field& field : Counters::fields()) {
    EXPECT_THAT(names, testing::Contains(std::string(field.name)));
    EXPECT_THAT(names, testing::Contains("life_" + std::string(field.name)));
  }
  for (const auto& column : result_columns()) EXPECT_FALSE(column.meaning.empty()) << column.name;
}

TEST(Columns, row_has_a_field_for_each_column) {
  const Plan plan = make_plan({{"strategy", "mutex_global"}, {"threads", "2"}, {"docs", "10"}, {"duration", "100ms"}});
  const auto measurement = measure(plan.cells.front(), plan.conditions, 1, kNotInterrupted);
  const auto values = fields(result_columns(), {plan.cells.front(), plan.conditions, 1, 1, 0.5, 0.1, *measurement});
  ASSERT_EQ(values.size(), result_columns().size());
  EXPECT_EQ(values[1], "mutex_global");
  const auto names = header(result_columns());
  const auto at = static_cast<std::size_t>(std::ranges::find(names, "attempts") - names.begin());
  EXPECT_EQ(values.at(at), std::to_string(measurement->window_counters.attempts));
}

TEST(Columns, history_is_told_where_there_is_one_and_empty_elsewhere) {
  const Plan plan = make_plan({{"strategy", "mutex_global"}, {"threads", "2"}, {"docs", "10"}, {"duration", "100ms"}});
  const auto field = [&](const Measurement& measurement, std::string_view name) {
    const auto names = header(result_columns());
    return fields(result_columns(), {plan.cells.front(), plan.conditions, 1, 1, 0.5, 0.1, measurement})
        .at(static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()));
  };
  const auto measured = measure(plan.cells.front(), plan.conditions, 1, kNotInterrupted);
  std::optional<Measurement> recorded;
  do {
    recorded = measure(plan.cells.front(), plan.conditions, 1, kNotInterrupted, &plan.recording);
  } while (recorded->history.value().workload_operations == 0);
  EXPECT_EQ(field(*recorded, "history_operations"), std::to_string(recorded->history.value().report.operations));
  EXPECT_EQ(field(*recorded, "history_documents"), "10");
  EXPECT_EQ(field(*recorded, "history_workload_operations"), std::to_string(recorded->history->workload_operations));
  EXPECT_EQ(recorded->history->workload_operations + 10 + 10, recorded->history->report.operations);
  EXPECT_EQ(field(*recorded, "history_overlapping"), std::to_string(recorded->history->report.overlapping));
  EXPECT_EQ(field(*recorded, "history_power"),
            recorded->history->report.overlapping < kLeastOverlapping ? "too_few" : "enough");
  EXPECT_EQ(field(*recorded, "checked"), "history");
  EXPECT_EQ(field(*recorded, "warmup_s"), "0");
  EXPECT_EQ(field(*measured, "history_operations"), "");
  EXPECT_EQ(field(*measured, "checked"), "sums");
}

TEST(Plan, explicit_options_override_the_bundle) {
  const Plan plan = make_plan({{"workload", "hot"}, {"docs", "77"}, {"retry-on-conflict", "2"}});
  EXPECT_EQ(plan.workloads.front().documents, 77U);
  EXPECT_EQ(plan.workloads.front().retry_on_conflict, 2U);
  EXPECT_EQ(plan.workloads.front().distribution.text(), "hot:1");
}
TEST(Plan, bulk_workloads_have_a_batch) {
  const Plan plan = make_plan({{"workload", "get,get-bulk,cond-bulk"}});
  EXPECT_EQ(plan.workloads[0].batch, 1U);
  EXPECT_EQ(plan.workloads[1].batch, 64U);
  EXPECT_EQ(plan.workloads[2].batch, 64U);
  EXPECT_EQ(make_plan({{"workload", "get-bulk"}, {"batch", "1"}}).workloads.front().batch, 1U);
}
TEST(Plan, retry_on_conflict_is_0_unless_a_workload_is_named) {
  EXPECT_EQ(make_plan({}).workloads.front().retry_on_conflict, 0U);
  EXPECT_EQ(make_plan({{"workload", "hot"}}).workloads.front().retry_on_conflict, 1000U);
}
TEST(Plan, strategy_without_the_form_is_left_out_with_a_note) {
  const Plan plan = make_plan({{"update", "in_place"}});
  for (const StrategyInfo& info : plan.strategies) EXPECT_TRUE(info.updates_in_place);
  EXPECT_THAT(plan.notes, testing::Contains(HasSubstr("packed_cas is left out")));
}
TEST(Plan, peers_stand_for_all_maps_of_other_libraries) {
  const Plan plan = make_plan({{"strategy", "packed_cas,peers"}});
  ASSERT_GE(plan.strategies.size(), 4U);
  EXPECT_EQ(plan.strategies.front().name, "packed_cas");
  for (std::size_t i = 1; i < plan.strategies.size(); ++i) EXPECT_TRUE(plan.strategies[i].peer);
  for (const MissingStrategy& missing : missing_strategies()) {
    if (!missing.peer) continue;
    EXPECT_THAT(plan.notes, testing::Contains(testing::HasSubstr(std::string(missing.name))));
  }
}
TEST(Plan, floors_stand_for_what_the_machine_can_do) {
  const Plan plan = make_plan({{"strategy", "packed_cas,floors"}, {"threads", "2"}});
  ASSERT_EQ(plan.cells.size(), 6U);
  EXPECT_TRUE(plan.is_checked(plan.cells.front()));
  for (std::size_t i = 1; i < plan.cells.size(); ++i) {
    EXPECT_EQ(plan.cells[i].strategy.semantics, Semantics::floor);
    EXPECT_FALSE(plan.is_checked(plan.cells[i]));
  }
}
TEST(Plan, floors_are_left_out_of_json_documents_with_a_note) {
  const Plan plan = make_plan({{"strategy", "packed_cas,floors"}, {"threads", "2"}, {"transform", "json"}});
  ASSERT_EQ(plan.cells.size(), 1U);
  EXPECT_EQ(plan.cells.front().strategy.name, "packed_cas");
  EXPECT_THAT(plan.notes, testing::Contains(HasSubstr("floors are left out of custom")));
  EXPECT_THROW(make_plan({{"strategy", "floors"}, {"transform", "json"}}), BadInput);
}
TEST(Measure, floor_is_verified_as_not_applicable) {
  for (const char* const floor : {"floor_plain", "floor_word", "floor_cas", "floor_fetch_add", "floor_shard_counter"}) {
    const Measurement measurement = measure_with({{"strategy", floor}, {"workload", "hot"}, {"threads", "1"}});
    EXPECT_EQ(measurement.verification.verified, Verified::not_applicable) << measurement.verification.violation;
    EXPECT_GT(measurement.window.total_operations(), 0U) << floor;
  }
}
TEST(Plan, lease_is_a_condition_of_every_cell) {
  EXPECT_EQ(make_plan({}).conditions.seq_no_lease, 1U);
  EXPECT_EQ(make_plan({{"lease", "64"}}).conditions.seq_no_lease, 64U);
  EXPECT_THROW(make_plan({{"lease", "0"}}), BadInput);
  EXPECT_THROW(make_plan({{"lease", "513"}}), BadInput);
  EXPECT_THROW(make_plan({{"lease", "2"}, {"strategy", "elasticsearch"}, {"url", "http://localhost:9"}}), BadInput);
}
TEST(Measure, leased_numbers_are_accounted_for) {
  for (const char* const strategy : {"packed_cas", "packed_claim", "version_retry", "mutex_keyed", "tbb_hash_map"}) {
    const Measurement measurement = measure_with({{"strategy", strategy}, {"workload", "hot"}, {"lease", "64"}});
    EXPECT_EQ(measurement.verification.verified, Verified::yes) << strategy << measurement.verification.violation;
  }
}
TEST(Plan, peer_named_beside_the_peers_is_bad_input) {
  EXPECT_THROW(make_plan({{"strategy", "peers,tbb_hash_map"}}), BadInput);
}
TEST(Plan, no_strategy_with_the_form_is_bad_input) {
  EXPECT_THROW(make_plan({{"update", "in_place"}, {"strategy", "packed_cas"}}), BadInput);
}
TEST(Plan, gc_deletes_of_minus_1_is_accepted) {
  EXPECT_EQ(make_plan({{"gc-deletes", "-1"}}).conditions.gc_deletes_ms, -1);
  EXPECT_EQ(make_plan({{"gc-deletes", "0"}}).conditions.gc_deletes_ms, 0);
  EXPECT_EQ(make_plan({{"gc-deletes", "1min"}}).conditions.gc_deletes_ms, 60'000);
}

TEST(Plan, every_strategy_that_stores_something_has_a_checked_replicate) {
  const Plan plan = make_plan({{"strategy", "null,mutex_global"}, {"threads", "1"}});
  EXPECT_EQ(plan.check_replicates, 1U);
  EXPECT_EQ(plan.recording.percent, 100);
  EXPECT_FALSE(plan.is_checked(plan.cells.at(0)));
  EXPECT_TRUE(plan.is_checked(plan.cells.at(1)));
  EXPECT_FALSE(make_plan({{"strategy", "mutex_global"}, {"check", "none"}}).is_checked(plan.cells.at(1)));
}
TEST(Plan, check_takes_a_share) {
  EXPECT_EQ(make_plan({{"check", "2.5%"}}).recording.percent, 2.5);
  EXPECT_EQ(make_plan({{"check", "all"}}).recording.percent, 100);
  EXPECT_EQ(make_plan({{"check", ""}}).recording.percent, 100);
  EXPECT_EQ(make_plan({{"check", "all"}, {"check-replicates", "3"}}).check_replicates, 3U);
  EXPECT_EQ(make_plan({{"replicates", "0"}}).replicates, 0U);
}
TEST(Plan, check_of_a_large_table_takes_the_share_that_fits_and_says_so) {
  const Plan plan = make_plan({{"docs", "1000000"}, {"check-operations", "400000"}});
  EXPECT_EQ(plan.recording.percent, 10);
  EXPECT_THAT(plan.notes, testing::Contains(HasSubstr("10.0 %")));
  EXPECT_THAT(
      [] {
        make_plan({{"docs", "1000000"}, {"check-operations", "400000"}, {"check", "all"}});
      },
      ThrowsMessage<BadInput>(HasSubstr("smaller share")));
}
TEST(Plan, fill_of_a_part_is_rounded_up) {
  Workload workload = make_plan({{"fill", "10"}}).workloads.front();
  EXPECT_EQ(workload.filled(100), 10U);
  EXPECT_EQ(workload.filled(1), 1U);
  workload.fill_percent = 0;
  EXPECT_EQ(workload.filled(100), 0U);
}

TEST(Progress, mix_takes_the_weakest) {
  const StrategyInfo info{
      .get = Progress::lock_free, .write = Progress::obstruction_free, .create = Progress::blocking};
  EXPECT_EQ(weakest_progress(info, Mix::parse("get=100")), Progress::lock_free);
  EXPECT_EQ(weakest_progress(info, Mix::parse("get=50,update=50")), Progress::obstruction_free);
  EXPECT_EQ(weakest_progress(info, Mix::parse("get=50,create=50")), Progress::blocking);
}

}  // namespace
}  // namespace occ
