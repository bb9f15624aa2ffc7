/// Random sequences of operations by one thread, on a strategy and on the sequential model, outcome by outcome.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "tests/contract.hpp"
#include "tests/reference_table.hpp"

namespace occ {
namespace {

class ModelTest : public ::testing::TestWithParam<StrategyInfo> {};

/// A strategy and its model, given the same operations.
class Pair {
 public:
  Pair(std::string_view strategy, std::uint64_t seed)
      : random_(seed),
        options_{.shards = pick<std::uint32_t>({1, 3}),
                 .gc_deletes_ms = pick<std::int64_t>({-1, 0, 10, 60'000}),
                 .clock = &clock_,
                 .first_seq_no = pick<std::uint64_t>({0, 1'000'000'007})},
        table_(make_table(strategy, options_)),
        model_(options_),
        handle_(table_->handle()),
        model_handle_(model_.handle()),
        ids_{
            "a", "b", "c", std::string(23, 'x'), std::string(kMaxIdBytes, 'y'), "", std::string(kMaxIdBytes + 1, 'z')} {
  }

  void step() {
    // Ids that are refused are rare.
    id_ = ids_[chance(50) ? below(ids_.size()) : below(5)];
    switch (below(12)) {
      case 0:
      case 1:
        return get();
      case 2:
      case 3:
      case 4: {
        const auto precondition = random_precondition();
        const auto source = random_source();
        return compare(handle_->index(id_, as_bytes(source), precondition),
                       model_handle_.index(id_, as_bytes(source), precondition));
      }
      case 5:
        return compare(handle_->create(id_, {}), model_handle_.create(id_, {}));
      case 6: {
        const auto precondition = random_precondition();
        return compare(handle_->remove(id_, precondition), model_handle_.remove(id_, precondition));
      }
      case 7:
      case 8:
      case 9:
        return update();
      case 10:
        return bulk();
      default:
        return environment();
    }
  }

  void finish() const {
    const Counters& counters = handle_->counters();
    const Counters& expected = model_handle_.counters();
    for (const Counters::Field& field : Counters::fields()) {
      EXPECT_EQ(counters.*field.member, expected.*field.member) << field.name;
    }
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[below(from.size())];
  }
  std::string random_source() {
    return std::string(pick<std::size_t>({0, 1, 8, 60, 300, 5'000}), static_cast<char>('a' + below(26)));
  }

  /// Near the truth as often as far from it.
  Precondition random_precondition() {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    Document now;
    const bool live = model_handle_.get(id_, now).result == Result::found;
    (void)handle_->get(id_, now);  // counted on both sides
    const auto seq_no = live ? static_cast<std::int64_t>(now.word.seq_no()) : 0;
    const auto term = live ? static_cast<std::int64_t>(now.word.term()) : 1;
    const Version version = live ? now.version : pick<Version>({1, 2, 3, 4});
    switch (below(8)) {
      case 0:
        return Precondition::if_seq_no(seq_no, term);
      case 1:
        return Precondition::if_seq_no(seq_no + pick<std::int64_t>({-1, 0, 1, std::int64_t{1} << 48}),
                                       term + pick<std::int64_t>({-1, 0, 1, 1 << 15}));
      case 2:
        return Precondition::if_version(version + pick<Version>({-1, 0, 0, 1}));
      case 3:
        return Precondition::external(chance(100) ? kMost : version + pick<Version>({-2, -1, 0, 1, 5}));
      case 4:
        return Precondition::external_gte(version + pick<Version>({-2, -1, 0, 1, 5}));
      case 5:
        return Precondition::must_not_exist();
      default:
        return Precondition::none();
    }
  }

  void get() {
    Document mine;
    Document expected;
    compare(handle_->get(id_, mine), model_handle_.get(id_, expected), true);
    if (expected.version == kVersionNotFound) return;
    EXPECT_EQ(mine.version, expected.version);
    EXPECT_EQ(mine.word, expected.word);
    EXPECT_EQ(mine.source.text(), expected.source.text());
  }

  void update() {
    UpdateOptions options{.retry_on_conflict = static_cast<std::uint32_t>(below(3)),
                          .form = pick({UpdateForm::strategy_default, UpdateForm::in_place, UpdateForm::optimistic})};
    if (!table_->info().supports(options.form)) options.form = UpdateForm::strategy_default;
    const Precondition precondition = random_precondition();
    if (precondition.kind == Precondition::Kind::seq_no_term) options.precondition = precondition;
    const std::string upsert = random_source();
    if (options.precondition.kind == Precondition::Kind::none && chance(2)) options.upsert = as_bytes(upsert);
    const auto wanted = pick({Transformed::write, Transformed::write, Transformed::keep, Transformed::remove});
    const auto transform = [&](const DocumentView& current, Source& next) {
      std::string text(as_text(current.source).substr(0, 4'000));
      next.assign(as_bytes(text.append("+")));
      return wanted;
    };
    compare(handle_->update(id_, transform, options), model_handle_.update(id_, transform, options));
  }

  void bulk() {
    std::array<std::string, 4> sources;
    std::array<BulkItem, 4> mine;
    const auto append = [](const DocumentView& current, Source& next) {
      next.assign(current.source);
      return current.source.empty() ? Transformed::remove : Transformed::write;
    };
    const Transform transform(append);
    for (std::size_t i = 0; i < mine.size(); ++i) {
      sources[i] = random_source();
      mine[i] = {.kind = pick({BulkItem::Kind::index, BulkItem::Kind::remove, BulkItem::Kind::update}),
                 .id = ids_[below(3)],
                 .source = as_bytes(sources[i]),
                 .transform = &transform};
      if (mine[i].kind != BulkItem::Kind::update && chance(2)) mine[i].precondition = Precondition::must_not_exist();
    }
    auto expected = mine;
    handle_->bulk(mine);
    model_handle_.bulk(expected);
    for (std::size_t i = 0; i < mine.size(); ++i) compare(mine[i].outcome, expected[i].outcome);
  }

  void environment() {
    switch (below(3)) {
      case 0:
        clock_.advance_ms(pick<std::int64_t>({1, 10, 11, 60'000, 60'001}));
        break;
      case 1: {
        const auto shard = static_cast<std::uint32_t>(below(options_.shards));
        EXPECT_EQ(table_->fail_over(shard), model_.fail_over(shard));
        break;
      }
      default: {
        const auto ms = pick<std::int64_t>({-1, 0, 10, 60'000});
        table_->set_gc_deletes(ms);
        model_.set_gc_deletes(ms);
      }
    }
  }

  /// Where nothing was written, the words of what is not live are the strategy's own affair: a tombstone may have been
  /// purged.
  void compare(const Outcome& mine, const Outcome& expected, bool read = false) {
    EXPECT_EQ(mine.result, expected.result);
    EXPECT_EQ(mine.cause, expected.cause);
    EXPECT_EQ(mine.retries, 0U);
    if (expected.result == Result::rejected) return;
    if (!read || expected.result != Result::not_found) {
      EXPECT_EQ(mine.version, expected.version);
    }
    if (expected.wrote()) {
      EXPECT_EQ(mine.word, expected.word);
    }
    const bool was_live = expected.result == Result::found || expected.result == Result::updated ||
                          expected.result == Result::deleted || expected.result == Result::noop ||
                          expected.cause == Cause::seq_no_mismatch || expected.cause == Cause::already_exists;
    if (was_live) {
      EXPECT_EQ(mine.decided_on, expected.decided_on);
    }
    for (std::uint32_t shard = 0; shard < options_.shards; ++shard) EXPECT_EQ(table_->next(shard), model_.next(shard));
  }

  std::mt19937_64 random_;
  ManualClock clock_;
  TableOptions options_;
  std::unique_ptr<AnyTable> table_;
  ReferenceTable model_;
  std::unique_ptr<AnyHandle> handle_;
  ReferenceTable::Handle model_handle_;
  std::array<std::string, 7> ids_;
  std::string id_;
};

TEST_P(ModelTest, random_operations_of_one_thread_have_the_outcomes_of_the_model) {
  const std::uint64_t seeds = contract::scaled(60);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    Pair pair(GetParam().name, seed);
    for (int step = 0; step < 1'000 && !HasFailure(); ++step) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
      pair.step();
    }
    pair.finish();
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, ModelTest, ::testing::ValuesIn(contract::checking()), contract::name_of);

}  // namespace
}  // namespace occ
