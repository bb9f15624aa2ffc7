#include "core/model/decide.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/print.hpp"

namespace occ {
namespace {

using Verdict = Decision::Verdict;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kDeletedAt = 1'000;
constexpr Instant kSoon{.now_ms = kDeletedAt + 1, .gc_deletes_ms = 60'000};
constexpr Instant kLate{.now_ms = kDeletedAt + 60'001, .gc_deletes_ms = 60'000};

constexpr State absent() {
  return {};
}
constexpr State live(Version version = 5, SeqNoTerm word = {7, 2}) {
  return {.kind = State::Kind::live, .version = version, .word = word};
}
constexpr State tombstone(Version version = 5, SeqNoTerm word = {7, 2}) {
  return {.kind = State::Kind::tombstone, .version = version, .word = word, .deleted_at_ms = kDeletedAt};
}

/// One line of a table: a write and what must come of it.
struct Case {
  const char* what;
  State state;
  Precondition precondition;
  Decision index;
  Decision remove;
  Instant at = kSoon;
};

constexpr Decision proceed(Result result, Version version) {
  return {Verdict::proceed, result, Cause::none, version};
}
constexpr Decision conflict(Cause cause, Version current) {
  return {Verdict::conflict, Result::conflict, cause, current};
}

void check(const std::vector<Case>& cases) {
  const auto expect_same = [](const Decision& got, const Decision& expected) {
    EXPECT_EQ(got.verdict, expected.verdict);
    EXPECT_EQ(got.result, expected.result);
    EXPECT_EQ(got.cause, expected.cause);
    EXPECT_EQ(got.version, expected.version);
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    {
      SCOPED_TRACE("index");
      expect_same(decide(c.state, Operation::index, c.precondition, c.at), c.index);
    }
    SCOPED_TRACE("remove");
    expect_same(decide(c.state, Operation::remove, c.precondition, c.at), c.remove);
  }
}

/// A refusal is the same for every write.
Case refused(const char* what, const State& state, const Precondition& precondition, Cause cause, Version current,
             Instant at = kSoon) {
  return {what, state, precondition, conflict(cause, current), conflict(cause, current), at};
}

TEST(DecideTest, write_without_precondition_proceeds_and_counts) {
  check({
      {"absent", absent(), {}, proceed(Result::created, 1), proceed(Result::not_found, 1)},
      {"live", live(), {}, proceed(Result::updated, 6), proceed(Result::deleted, 6)},
      {"live at external 0", live(0), {}, proceed(Result::updated, 1), proceed(Result::deleted, 1)},
      {"tombstone continues", tombstone(), {}, proceed(Result::created, 6), proceed(Result::not_found, 6)},
      {"expired starts again", tombstone(), {}, proceed(Result::created, 1), proceed(Result::not_found, 1), kLate},
  });
}

TEST(DecideTest, write_if_seq_no_needs_both_numbers_of_a_live_document) {
  const auto at = [](std::int64_t seq_no, std::int64_t term) { return Precondition::if_seq_no(seq_no, term); };
  check({
      {"both match", live(), at(7, 2), proceed(Result::updated, 6), proceed(Result::deleted, 6)},
      refused("seq_no below", live(), at(6, 2), Cause::seq_no_mismatch, 5),
      refused("seq_no above", live(), at(8, 2), Cause::seq_no_mismatch, 5),
      refused("term below", live(), at(7, 1), Cause::seq_no_mismatch, 5),
      refused("term above", live(), at(7, 3), Cause::seq_no_mismatch, 5),
      refused("swapped", live(), at(2, 7), Cause::seq_no_mismatch, 5),
      refused("absent", absent(), at(0, 1), Cause::document_missing, kVersionNotFound),
      refused("absent, the numbers of nothing", absent(), at(0, 0), Cause::document_missing, kVersionNotFound),
      refused("tombstone, its own numbers", tombstone(), at(7, 2), Cause::document_missing, 5),
      refused("expired, its own numbers", tombstone(), at(7, 2), Cause::document_missing, kVersionNotFound, kLate),
  });
}

TEST(DecideTest, write_if_seq_no_of_a_tombstone_goes_ahead_where_tombstones_match) {
  const auto at = [](std::int64_t seq_no, std::int64_t term) { return Precondition::if_seq_no(seq_no, term); };
  constexpr Instant kSoonMatching{
      .now_ms = kSoon.now_ms, .gc_deletes_ms = kSoon.gc_deletes_ms, .tombstones_match = true};
  constexpr Instant kLateMatching{
      .now_ms = kLate.now_ms, .gc_deletes_ms = kLate.gc_deletes_ms, .tombstones_match = true};
  check({
      {"its own numbers", tombstone(), at(7, 2), proceed(Result::created, 6), proceed(Result::not_found, 6),
       kSoonMatching},
      refused("another seq_no", tombstone(), at(6, 2), Cause::seq_no_mismatch, 5, kSoonMatching),
      refused("another term", tombstone(), at(7, 1), Cause::seq_no_mismatch, 5, kSoonMatching),
      refused("beyond the fields", tombstone(), at(7 + (std::int64_t{1} << 48), 2), Cause::seq_no_mismatch, 5,
              kSoonMatching),
      refused("expired", tombstone(), at(7, 2), Cause::document_missing, kVersionNotFound, kLateMatching),
      refused("absent", absent(), at(0, 1), Cause::document_missing, kVersionNotFound, kSoonMatching),
      refused("absent, the numbers of nothing", absent(), at(0, 0), Cause::document_missing, kVersionNotFound,
              kSoonMatching),
      {"live", live(), at(7, 2), proceed(Result::updated, 6), proceed(Result::deleted, 6), kSoonMatching},
      refused("a create", live(), Precondition::must_not_exist(), Cause::already_exists, 5, kSoonMatching),
  });
}

TEST(DecideTest, write_if_seq_no_with_numbers_beyond_the_fields_conflicts) {
  const auto at = [](std::int64_t seq_no, std::int64_t term) { return Precondition::if_seq_no(seq_no, term); };
  // Cut to 48 and 14 bits, each of these would match.
  check({
      refused("seq_no + 2^48", live(), at(7 + (std::int64_t{1} << 48), 2), Cause::seq_no_mismatch, 5),
      refused("term + 2^14", live(), at(7, 2 + (1 << 14)), Cause::seq_no_mismatch, 5),
      refused("seq_no - 2^48", live(), at(7 - (std::int64_t{1} << 48), 2), Cause::seq_no_mismatch, 5),
      refused("negative", live(1, {0, 1}), at(-1, 1), Cause::seq_no_mismatch, 1),
      refused("least", live(1, {0, 1}), at(kLeast, kLeast), Cause::seq_no_mismatch, 1),
      refused("most", live(), at(kMost, kMost), Cause::seq_no_mismatch, 5),
      {"the largest that fit", live(1, {SeqNoTerm::kMaxSeqNo, SeqNoTerm::kMaxTerm}),
       at(static_cast<std::int64_t>(SeqNoTerm::kMaxSeqNo), static_cast<std::int64_t>(SeqNoTerm::kMaxTerm)),
       proceed(Result::updated, 2), proceed(Result::deleted, 2)},
  });
}

TEST(DecideTest, write_if_version_never_matches_what_is_not_there) {
  for (const Version version : {Version{-1}, Version{0}, Version{1}}) {
    EXPECT_EQ(decide({}, Operation::index, Precondition::if_version(version), {}).verdict, Decision::Verdict::conflict);
  }
}

TEST(DecideTest, write_if_version_compares_with_the_tombstone_too) {
  const auto at = [](Version version) { return Precondition::if_version(version); };
  check({
      {"equal", live(), at(5), proceed(Result::updated, 6), proceed(Result::deleted, 6)},
      refused("below", live(), at(4), Cause::version_mismatch, 5),
      refused("above", live(), at(6), Cause::version_mismatch, 5),
      refused("least", live(), at(kLeast), Cause::version_mismatch, 5),
      refused("most", live(), at(kMost), Cause::version_mismatch, 5),
      refused("absent", absent(), at(1), Cause::version_mismatch, kVersionNotFound),
      {"tombstone, equal", tombstone(), at(5), proceed(Result::created, 6), proceed(Result::not_found, 6)},
      refused("tombstone, other", tombstone(), at(4), Cause::version_mismatch, 5),
      refused("expired, equal", tombstone(), at(5), Cause::version_mismatch, kVersionNotFound, kLate),
  });
}

TEST(DecideTest, write_external_needs_a_higher_version_and_stores_it) {
  const auto at = [](Version version) { return Precondition::external(version); };
  check({
      {"absent", absent(), at(9), proceed(Result::created, 9), proceed(Result::not_found, 9)},
      {"absent, 0", absent(), at(0), proceed(Result::created, 0), proceed(Result::not_found, 0)},
      {"higher", live(), at(6), proceed(Result::updated, 6), proceed(Result::deleted, 6)},
      {"most", live(), at(kMost), proceed(Result::updated, kMost), proceed(Result::deleted, kMost)},
      refused("equal", live(), at(5), Cause::version_not_higher, 5),
      refused("lower", live(), at(4), Cause::version_not_higher, 5),
      refused("equal to most", live(kMost), at(kMost), Cause::version_not_higher, kMost),
      {"tombstone, higher", tombstone(), at(6), proceed(Result::created, 6), proceed(Result::not_found, 6)},
      refused("tombstone, equal", tombstone(), at(5), Cause::version_not_higher, 5),
      {"expired, lower", tombstone(), at(1), proceed(Result::created, 1), proceed(Result::not_found, 1), kLate},
      refused("negative is no version", absent(), at(-1), Cause::version_not_higher, kVersionNotFound),
      refused("least is no version", absent(), at(kLeast), Cause::version_not_higher, kVersionNotFound),
  });
}

TEST(DecideTest, write_external_gte_needs_a_version_not_lower_and_stores_it) {
  const auto at = [](Version version) { return Precondition::external_gte(version); };
  check({
      {"absent, 0", absent(), at(0), proceed(Result::created, 0), proceed(Result::not_found, 0)},
      {"higher", live(), at(6), proceed(Result::updated, 6), proceed(Result::deleted, 6)},
      {"equal", live(), at(5), proceed(Result::updated, 5), proceed(Result::deleted, 5)},
      {"equal to most", live(kMost), at(kMost), proceed(Result::updated, kMost), proceed(Result::deleted, kMost)},
      refused("lower", live(), at(4), Cause::version_higher, 5),
      {"tombstone, equal", tombstone(), at(5), proceed(Result::created, 5), proceed(Result::not_found, 5)},
      refused("tombstone, lower", tombstone(), at(4), Cause::version_higher, 5),
      {"expired, lower", tombstone(), at(1), proceed(Result::created, 1), proceed(Result::not_found, 1), kLate},
      refused("negative is no version", absent(), at(-3), Cause::version_higher, kVersionNotFound),
  });
}

TEST(DecideTest, write_must_not_exist_conflicts_with_a_live_document_only) {
  const auto missing = Precondition::must_not_exist();
  check({
      {"absent", absent(), missing, proceed(Result::created, 1), proceed(Result::not_found, 1)},
      {"tombstone", tombstone(), missing, proceed(Result::created, 6), proceed(Result::not_found, 6)},
      {"expired", tombstone(), missing, proceed(Result::created, 1), proceed(Result::not_found, 1), kLate},
      refused("live", live(), missing, Cause::already_exists, 5),
      refused("live at external 0", live(0), missing, Cause::already_exists, 0),
  });
}

TEST(DecideTest, write_at_the_largest_version_is_rejected_after_its_precondition) {
  const Decision out{Verdict::rejected, Result::rejected, Cause::version_exhausted, kMost};
  check({
      {"live", live(kMost), {}, out, out},
      {"tombstone", tombstone(kMost), {}, out, out},
      {"live, version given", live(kMost), Precondition::if_version(kMost), out, out},
      refused("live, other version", live(kMost), Precondition::if_version(1), Cause::version_mismatch, kMost),
      {"one below", live(kMost - 1), {}, proceed(Result::updated, kMost), proceed(Result::deleted, kMost)},
      {"expired", tombstone(kMost), {}, proceed(Result::created, 1), proceed(Result::not_found, 1), kLate},
  });
}

TEST(DecideTest, keep_tests_the_precondition_before_it_is_a_noop) {
  const auto keep = [](const State& state, const Precondition& precondition) {
    return decide(state, Operation::keep, precondition, kSoon);
  };
  EXPECT_EQ(keep(live(), {}).verdict, Verdict::noop);
  EXPECT_EQ(keep(live(), {}).result, Result::noop);
  EXPECT_EQ(keep(live(), {}).version, 5);
  EXPECT_EQ(keep(live(), Precondition::if_seq_no(7, 2)).result, Result::noop);
  EXPECT_EQ(keep(live(), Precondition::if_seq_no(6, 2)).cause, Cause::seq_no_mismatch);
  EXPECT_EQ(keep(live(kMost), {}).result, Result::noop);
  EXPECT_EQ(keep(tombstone(), {}).result, Result::not_found);
  EXPECT_EQ(keep(tombstone(), {}).verdict, Verdict::noop);
  EXPECT_EQ(keep(absent(), {}).result, Result::not_found);
}

TEST(DecideTest, expired_tombstone_at_each_gc_deletes) {
  struct Expiry {
    std::int64_t elapsed_ms;
    std::int64_t gc_deletes_ms;
    bool expired;
  };
  for (const auto& [elapsed_ms, gc_deletes_ms, expected] : std::vector<Expiry>{
           {59'999, 60'000, false},
           {60'000, 60'000, false},
           {60'001, 60'000, true},
           {0, 0, false},
           {1, 0, true},
           {0, -1, true},
           {1, -1, true},
           {-1, -1, true},  // this thread looked at the clock before the deleting one did
           {-1, 0, false},
           {-5, 60'000, false},
           {kMost - kDeletedAt, kMost, false},
           {kMost - kDeletedAt, kMost - kDeletedAt, false},
           {kMost - kDeletedAt, kMost - kDeletedAt - 1, true},
       }) {
    SCOPED_TRACE(std::to_string(elapsed_ms) + " of " + std::to_string(gc_deletes_ms));
    const Instant at{.now_ms = kDeletedAt + elapsed_ms, .gc_deletes_ms = gc_deletes_ms};
    EXPECT_EQ(expired(tombstone(), at), expected);
    EXPECT_FALSE(expired(live(), at));
    EXPECT_FALSE(expired(absent(), at));
  }
}

TEST(DecideTest, expired_at_the_ends_of_time_does_not_overflow) {
  State early = tombstone();
  early.deleted_at_ms = kLeast;
  EXPECT_TRUE(expired(early, {.now_ms = kMost, .gc_deletes_ms = kMost}));
  State far = tombstone();
  far.deleted_at_ms = kMost;
  EXPECT_FALSE(expired(far, {.now_ms = kLeast, .gc_deletes_ms = 0}));
}

TEST(DecideTest, read_conflicts_unless_the_version_is_equal) {
  EXPECT_FALSE(read_conflicts(5, 5));
  EXPECT_TRUE(read_conflicts(5, 4));
  EXPECT_TRUE(read_conflicts(5, 6));
}

TEST(DecideTest, decide_is_a_constant_expression) {
  static_assert(decide(live(), Operation::index, Precondition::if_seq_no(7, 2), kSoon).version == 6);
  static_assert(decide(absent(), Operation::remove, {}, kSoon).result == Result::not_found);
}

}  // namespace
}  // namespace occ
