/// The rules of a single operation, on every strategy: what is decided, which numbers it consumes, what the outcome
/// says. One thread.
#include <array>
#include <limits>
#include <map>
#include <stdexcept>

#include "core/model/decide.hpp"
#include "tests/variants/contract.hpp"

namespace occ::contract {
namespace {

constexpr auto kMaxVersion = std::numeric_limits<Version>::max();

class ContractRules : public StrategyTest {
 protected:
  Outcome put(std::string_view id, std::string_view source = "a", const Precondition& precondition = {}) {
    return handle_->index(id, occ::as_bytes(source), precondition);
  }
  Outcome put_new(std::string_view id, std::string_view source = "a") {
    return handle_->create(id, occ::as_bytes(source));
  }
  /// The source, or "(none)".
  std::string read(std::string_view id) {
    return handle_->get(id, document_).result == Result::found ? std::string(document_.source.text()) : "(none)";
  }
  [[nodiscard]] SeqNoTerm next() const { return table_->next(0); }

  /// `outcome` is a write of `result` with this version, numbered `seq_no`.
  static void expect_write(const Outcome& outcome, Result result, Version version, std::uint64_t seq_no) {
    EXPECT_EQ(outcome.result, result);
    EXPECT_EQ(outcome.cause, Cause::none);
    EXPECT_EQ(outcome.version, version);
    EXPECT_EQ(outcome.word, SeqNoTerm(seq_no, 1));
    EXPECT_TRUE(outcome.wrote());
    EXPECT_FALSE(outcome.conflicted());
  }
  /// `outcome` is a conflict, decided on `current`.
  static void expect_conflict(const Outcome& outcome, Cause cause, Version version, SeqNoTerm current) {
    EXPECT_EQ(outcome.result, Result::conflict);
    EXPECT_EQ(outcome.cause, cause);
    EXPECT_EQ(outcome.version, version);
    EXPECT_EQ(outcome.decided_on, current);
    EXPECT_EQ(outcome.word, current);
    EXPECT_TRUE(outcome.conflicted());
    EXPECT_FALSE(outcome.wrote());
  }

  Document document_;
};
INSTANTIATE_TEST_SUITE_P(Every, ContractRules, ::testing::ValuesIn(storing()), name_of);

TEST_P(ContractRules, index_new_id_creates_version_1) {
  const Outcome outcome = put("id", "source");
  expect_write(outcome, Result::created, 1, 0);
  EXPECT_TRUE(outcome.decided_on.vacant());
  const Outcome got = handle_->get("id", document_);
  EXPECT_EQ(got.result, Result::found);
  EXPECT_EQ(got.version, 1);
  EXPECT_EQ(got.word, outcome.word);
  EXPECT_EQ(got.decided_on, outcome.word);
  EXPECT_FALSE(got.wrote());
  EXPECT_EQ(document_.version, 1);
  EXPECT_EQ(document_.word, outcome.word);
  EXPECT_EQ(document_.source.text(), "source");
}

TEST_P(ContractRules, index_existing_id_updates_it) {
  const Outcome first = put("id", "one");
  const Outcome second = put("id", "two");
  expect_write(second, Result::updated, 2, 1);
  EXPECT_EQ(second.decided_on, first.word);
  EXPECT_EQ(read("id"), "two");
}

TEST_P(ContractRules, conditional_write_goes_to_its_own_id_and_not_where_the_last_lookup_led) {
  const SeqNoTerm a = put("a", "of a").word;
  const SeqNoTerm b = put("b", "of b").word;
  EXPECT_EQ(read("a"), "of a");
  expect_conflict(put("b", "new", Precondition::if_word(a)), Cause::seq_no_mismatch, 1, b);
  EXPECT_EQ(read("a"), "of a");
  expect_write(put("b", "new", Precondition::if_word(b)), Result::updated, 2, 2);
  EXPECT_EQ(read("a"), "of a");
  EXPECT_EQ(read("b"), "new");
  EXPECT_EQ(put("c", "new", Precondition::if_word(b)).cause, Cause::document_missing);
}

TEST_P(ContractRules, bulk_write_to_an_id_too_long_for_a_marked_slot_is_rejected) {
  put("id", "one");
  handle_->remove("id");
  const SeqNoTerm word = put("id", "two").word;  // its slot is still marked as one that was deleted
  BulkItem get{.kind = BulkItem::Kind::get, .id = "id", .document = &document_};
  handle_->bulk({&get, 1});
  EXPECT_EQ(get.outcome.result, Result::found);
  // The mark, as a number, and the length of "id".
  const std::string id((std::size_t{1} << 15) + 2, 'x');
  BulkItem index{.kind = BulkItem::Kind::index,
                 .id = id,
                 .source = occ::as_bytes(std::string_view("new")),
                 .precondition = Precondition::if_word(word)};
  handle_->bulk({&index, 1});
  EXPECT_EQ(index.outcome.cause, Cause::id_too_long);
  EXPECT_EQ(read("id"), "two");
}

TEST_P(ContractRules, conditional_write_to_a_part_of_the_id_of_the_last_lookup_misses) {
  const std::string id = "an id of twenty char";
  const SeqNoTerm word = put(id, "of the whole").word;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{16}, std::size_t{17}, std::size_t{19}}) {
    EXPECT_EQ(read(id), "of the whole");
    EXPECT_EQ(put(id.substr(0, bytes), "new", Precondition::if_word(word)).cause, Cause::document_missing);
  }
  EXPECT_EQ(read(id), "of the whole");
}

TEST_P(ContractRules, get_missing_id_finds_nothing) {
  const Outcome got = handle_->get("id", document_);
  EXPECT_EQ(got.result, Result::not_found);
  EXPECT_EQ(got.version, kVersionNotFound);
  EXPECT_TRUE(got.decided_on.vacant());
  EXPECT_FALSE(got.wrote());
  EXPECT_EQ(next(), SeqNoTerm(0, 1));
}

TEST_P(ContractRules, create_new_id_creates) {
  expect_write(put_new("id", "one"), Result::created, 1, 0);
  EXPECT_EQ(read("id"), "one");
}

TEST_P(ContractRules, create_existing_id_conflicts) {
  const Outcome first = put("id", "one");
  expect_conflict(put_new("id", "two"), Cause::already_exists, 1, first.word);
  expect_conflict(put("id", "two", Precondition::must_not_exist()), Cause::already_exists, 1, first.word);
  EXPECT_EQ(read("id"), "one");
  EXPECT_EQ(next(), SeqNoTerm(1, 1));
}

TEST_P(ContractRules, remove_existing_id_deletes_it) {
  const Outcome first = put("id");
  const Outcome removed = handle_->remove("id");
  expect_write(removed, Result::deleted, 2, 1);
  EXPECT_EQ(removed.decided_on, first.word);
  EXPECT_EQ(read("id"), "(none)");
}

TEST_P(ContractRules, get_deleted_id_says_what_it_was_decided_on) {
  put("id");
  const Outcome removed = handle_->remove("id");
  const Outcome got = handle_->get("id", document_);
  EXPECT_EQ(got.result, Result::not_found);
  EXPECT_EQ(got.version, kVersionNotFound);
  EXPECT_EQ(got.decided_on, removed.word);
  EXPECT_FALSE(got.wrote());
}

TEST_P(ContractRules, remove_missing_id_writes_a_tombstone_and_consumes_a_number) {
  const Outcome removed = handle_->remove("id");
  expect_write(removed, Result::not_found, 1, 0);
  EXPECT_TRUE(removed.decided_on.vacant());
  const Outcome created = put("id");
  expect_write(created, Result::created, 2, 1);
  EXPECT_EQ(created.decided_on, removed.word);
}

TEST_P(ContractRules, remove_deleted_id_raises_the_version_again) {
  put("id");
  const Outcome deleted = handle_->remove("id");
  const Outcome again = handle_->remove("id");
  expect_write(again, Result::not_found, 3, 2);
  EXPECT_EQ(again.decided_on, deleted.word);
}

TEST_P(ContractRules, index_deleted_id_goes_on_counting) {
  put("id");
  handle_->remove("id");
  expect_write(put("id", "b"), Result::created, 3, 2);
  EXPECT_EQ(read("id"), "b");
}

TEST_P(ContractRules, create_deleted_id_goes_on_counting) {
  put("id");
  handle_->remove("id");
  expect_write(put_new("id", "b"), Result::created, 3, 2);
  EXPECT_EQ(read("id"), "b");
}

TEST_P(ContractRules, index_after_tombstone_expired_starts_at_1) {
  put("id");
  handle_->remove("id");
  clock_.advance_ms(60'000);
  expect_conflict(put("id", "b", Precondition::if_version(7)), Cause::version_mismatch, 2, SeqNoTerm(1, 1));
  clock_.advance_ms(1);
  const Outcome refused = put("id", "b", Precondition::if_version(2));
  EXPECT_EQ(refused.cause, Cause::version_mismatch);
  EXPECT_EQ(refused.version, kVersionNotFound);
  expect_write(put("id", "b"), Result::created, 1, 2);
  EXPECT_EQ(read("id"), "b");
}

TEST_P(ContractRules, remove_deleted_id_keeps_the_tombstone_for_longer) {
  put("id");
  handle_->remove("id");
  clock_.advance_ms(50'000);
  handle_->remove("id");
  clock_.advance_ms(50'000);
  expect_write(put("id"), Result::created, 4, 3);
}

TEST_P(ContractRules, gc_deletes_0_keeps_a_tombstone_within_its_millisecond) {
  table_->set_gc_deletes(0);
  put("id");
  handle_->remove("id");
  expect_write(put("id"), Result::created, 3, 2);
  handle_->remove("id");
  clock_.advance_ms(1);
  expect_write(put("id"), Result::created, 1, 4);
}

TEST_P(ContractRules, gc_deletes_minus_1_keeps_no_tombstone) {
  auto table = make({.gc_deletes_ms = -1, .clock = &clock_});
  auto handle = table->handle();
  handle->index("id", occ::as_bytes("a"));
  handle->remove("id");
  expect_write(handle->index("id", occ::as_bytes("b")), Result::created, 1, 2);
}

TEST_P(ContractRules, set_gc_deletes_applies_to_tombstones_that_are_there) {
  put("id");
  handle_->remove("id");
  clock_.advance_ms(1'000);
  table_->set_gc_deletes(999);
  EXPECT_EQ(put("id", "b", Precondition::if_version(2)).version, kVersionNotFound);
  table_->set_gc_deletes(1'000);
  // The tombstone may have been purged meanwhile; both answers are Elasticsearch's.
  const Outcome outcome = put("id", "b");
  EXPECT_EQ(outcome.result, Result::created);
  EXPECT_TRUE(outcome.version == 3 || outcome.version == 1) << outcome.version;
}

TEST_P(ContractRules, expired_tombstone_is_followed_by_greater_numbers) {
  table_->set_gc_deletes(-1);
  SeqNoTerm last;
  for (int i = 0; i < 100; ++i) {
    const Outcome created = put("id");
    const Outcome removed = handle_->remove("id");
    EXPECT_EQ(created.version, 1);
    EXPECT_EQ(removed.version, 2);
    EXPECT_TRUE(i == 0 || created.word > last);
    EXPECT_GT(removed.word, created.word);
    last = removed.word;
  }
}

TEST_P(ContractRules, if_seq_no_that_matches_writes) {
  const Outcome first = put("id", "one");
  const Outcome second = put("id", "two", Precondition::if_word(first.word));
  expect_write(second, Result::updated, 2, 1);
  EXPECT_EQ(second.decided_on, first.word);
  expect_write(handle_->remove("id", Precondition::if_word(second.word)), Result::deleted, 3, 2);
}

TEST_P(ContractRules, if_seq_no_that_differs_conflicts) {
  const Outcome first = put("id", "one");
  const Outcome second = put("id", "two");
  const Cause cause = Cause::seq_no_mismatch;
  constexpr std::int64_t kSeqNoWrap = std::int64_t{1} << SeqNoTerm::kSeqNoBits;
  constexpr std::int64_t kTermWrap = std::int64_t{1} << SeqNoTerm::kTermBits;
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  // What was read before; either number wrong; numbers that the packed fields would cut down to the right ones.
  for (const auto& wrong :
       {Precondition::if_word(first.word), Precondition::if_seq_no(1, 2), Precondition::if_seq_no(1, 0),
        Precondition::if_seq_no(2, 1), Precondition::if_seq_no(1 + kSeqNoWrap, 1),
        Precondition::if_seq_no(1, 1 + kTermWrap), Precondition::if_seq_no(-1, 1), Precondition::if_seq_no(1, -1),
        Precondition::if_seq_no(1 - kSeqNoWrap, 1), Precondition::if_seq_no(kMost, 1),
        Precondition::if_seq_no(kLeast + 1, 1), Precondition::if_seq_no(1, kMost), Precondition::if_seq_no(0, 0)}) {
    SCOPED_TRACE(std::to_string(wrong.seq_no()) + ", " + std::to_string(wrong.term()));
    expect_conflict(put("id", "x", wrong), cause, 2, second.word);
    expect_conflict(handle_->remove("id", wrong), cause, 2, second.word);
  }
  EXPECT_EQ(read("id"), "two");
  EXPECT_EQ(next(), SeqNoTerm(2, 1));
}

TEST_P(ContractRules, if_seq_no_without_document_conflicts) {
  const Outcome missing = put("id", "x", Precondition::if_seq_no(0, 1));
  expect_conflict(missing, Cause::document_missing, kVersionNotFound, missing.decided_on);
  EXPECT_TRUE(missing.decided_on.vacant());
  EXPECT_EQ(handle_->remove("id", Precondition::if_seq_no(0, 1)).cause, Cause::document_missing);
  EXPECT_EQ(next(), SeqNoTerm(0, 1));
}

TEST_P(ContractRules, if_seq_no_of_a_tombstone_conflicts) {
  put("id");
  const Outcome removed = handle_->remove("id");
  expect_conflict(put("id", "x", Precondition::if_word(removed.word)), Cause::document_missing, 2, removed.word);
  expect_conflict(handle_->remove("id", Precondition::if_word(removed.word)), Cause::document_missing, 2, removed.word);
}

/// Elasticsearch before 7.6.
TEST_P(ContractRules, rules_of_6_if_seq_no_of_a_tombstone_writes) {
  TableOptions of_6 = options();
  of_6.compatibility = Compatibility::v6;
  handle_.reset();
  table_ = make(of_6);
  handle_ = table_->handle();
  put("id");
  SeqNoTerm word = handle_->remove("id").word;
  expect_conflict(put("id", "b", Precondition::if_seq_no(99, 1)), Cause::seq_no_mismatch, 2, word);
  expect_conflict(handle_->remove("id", Precondition::if_seq_no(1, 2)), Cause::seq_no_mismatch, 2, word);
  Outcome outcome = handle_->remove("id", Precondition::if_word(word));
  expect_write(outcome, Result::not_found, 3, 2);
  EXPECT_EQ(outcome.decided_on, word);
  word = outcome.word;
  // By the lookup of a get just before, as a client does it; and by a bulk call.
  EXPECT_EQ(handle_->get("id", document_).word, word);
  outcome = put("id", "c", Precondition::if_word(word));
  expect_write(outcome, Result::created, 4, 3);
  EXPECT_EQ(outcome.decided_on, word);
  EXPECT_EQ(read("id"), "c");
  word = handle_->remove("id").word;
  BulkItem item{.kind = BulkItem::Kind::index,
                .id = "id",
                .source = occ::as_bytes(std::string_view("d")),
                .precondition = Precondition::if_word(word)};
  handle_->bulk({&item, 1});
  expect_write(item.outcome, Result::created, 6, 5);
  EXPECT_EQ(read("id"), "d");
  // An update looks for a document first.
  word = handle_->remove("id").word;
  const auto keep = [](const DocumentView&, Source&) { return Transformed::keep; };
  EXPECT_EQ(handle_->update("id", keep, {.precondition = Precondition::if_word(word)}).result, Result::not_found);
  clock_.advance_ms(60'001);
  EXPECT_EQ(put("id", "e", Precondition::if_word(word)).cause, Cause::document_missing);
}

TEST_P(ContractRules, if_seq_no_after_expiry_and_new_creation_conflicts) {
  table_->set_gc_deletes(-1);
  const Outcome old = put("id", "old");
  handle_->remove("id");
  const Outcome fresh = put("id", "new");
  ASSERT_EQ(fresh.version, old.version);
  expect_conflict(put("id", "x", Precondition::if_word(old.word)), Cause::seq_no_mismatch, 1, fresh.word);
  // The same stale writer on the _version path is let through: why that path was given up.
  expect_write(put("id", "x", Precondition::if_version(old.version)), Result::updated, 2, 3);
}

TEST_P(ContractRules, if_version_is_an_equality) {
  const Outcome first = put("id", "one");
  expect_conflict(put("id", "x", Precondition::if_version(2)), Cause::version_mismatch, 1, first.word);
  expect_conflict(put("id", "x", Precondition::if_version(0)), Cause::version_mismatch, 1, first.word);
  expect_conflict(handle_->remove("id", Precondition::if_version(2)), Cause::version_mismatch, 1, first.word);
  expect_write(put("id", "two", Precondition::if_version(1)), Result::updated, 2, 1);
  expect_write(handle_->remove("id", Precondition::if_version(2)), Result::deleted, 3, 2);
  expect_write(put("id", "three", Precondition::if_version(3)), Result::created, 4, 3);
}

TEST_P(ContractRules, if_version_without_document_conflicts) {
  const Outcome outcome = put("id", "x", Precondition::if_version(1));
  expect_conflict(outcome, Cause::version_mismatch, kVersionNotFound, outcome.decided_on);
  EXPECT_TRUE(outcome.decided_on.vacant());
  EXPECT_EQ(read("id"), "(none)");
}

TEST_P(ContractRules, external_version_must_be_higher_and_is_kept) {
  expect_write(put("id", "a", Precondition::external(5)), Result::created, 5, 0);
  const SeqNoTerm first = SeqNoTerm(0, 1);
  expect_conflict(put("id", "x", Precondition::external(5)), Cause::version_not_higher, 5, first);
  expect_conflict(put("id", "x", Precondition::external(4)), Cause::version_not_higher, 5, first);
  expect_conflict(handle_->remove("id", Precondition::external(5)), Cause::version_not_higher, 5, first);
  expect_write(put("id", "b", Precondition::external(9)), Result::updated, 9, 1);
  expect_write(put("id", "c"), Result::updated, 10, 2);
  expect_write(handle_->remove("id", Precondition::external(20)), Result::deleted, 20, 3);
  expect_conflict(put("id", "x", Precondition::external(20)), Cause::version_not_higher, 20, SeqNoTerm(3, 1));
  expect_write(put("id", "d", Precondition::external(21)), Result::created, 21, 4);
}

TEST_P(ContractRules, external_gte_version_may_be_equal) {
  expect_write(put("id", "a", Precondition::external_gte(5)), Result::created, 5, 0);
  expect_write(put("id", "b", Precondition::external_gte(5)), Result::updated, 5, 1);
  expect_conflict(put("id", "x", Precondition::external_gte(4)), Cause::version_higher, 5, SeqNoTerm(1, 1));
  expect_write(handle_->remove("id", Precondition::external_gte(5)), Result::deleted, 5, 2);
  expect_conflict(put("id", "x", Precondition::external_gte(4)), Cause::version_higher, 5, SeqNoTerm(2, 1));
  expect_write(put("id", "c", Precondition::external_gte(5)), Result::created, 5, 3);
  EXPECT_EQ(read("id"), "c");
}

TEST_P(ContractRules, external_version_0_is_a_version) {
  expect_write(put("id", "a", Precondition::external(0)), Result::created, 0, 0);
  EXPECT_EQ(handle_->get("id", document_).version, 0);
  expect_write(put("id", "b"), Result::updated, 1, 1);
}

TEST_P(ContractRules, external_version_forgets_an_expired_tombstone) {
  put("id", "a", Precondition::external(9));
  handle_->remove("id");
  clock_.advance_ms(60'001);
  expect_write(put("id", "b", Precondition::external(3)), Result::created, 3, 2);
}

TEST_P(ContractRules, greatest_version_is_stored_and_ends_counting) {
  expect_write(put("id", "a", Precondition::external(kMaxVersion)), Result::created, kMaxVersion, 0);
  for (const Outcome& refused : {put("id", "x"), handle_->remove("id"), put("id", "x", Precondition::if_seq_no(0, 1)),
                                 handle_->update("id", [](const DocumentView&, Source& source) {
                                   source.assign(occ::as_bytes("x"));
                                   return Transformed::write;
                                 })}) {
    EXPECT_EQ(refused.result, Result::rejected);
    EXPECT_EQ(refused.cause, Cause::version_exhausted);
    EXPECT_EQ(refused.version, kMaxVersion);
    EXPECT_FALSE(refused.wrote());
  }
  EXPECT_EQ(handle_->counters().rejected, 4U);
  EXPECT_EQ(handle_->counters().attempts, 1U);
  EXPECT_EQ(next(), SeqNoTerm(1, 1));
  EXPECT_EQ(read("id"), "a");
  expect_write(put("id", "b", Precondition::external_gte(kMaxVersion)), Result::updated, kMaxVersion, 1);
  EXPECT_TRUE(balance(handle_->counters()));
}

TEST_P(ContractRules, what_does_not_write_consumes_no_number) {
  put("id");
  const SeqNoTerm before = next();
  put_new("id");
  put("id", "x", Precondition::if_seq_no(7, 1));
  put("id", "x", Precondition::if_version(7));
  put("id", "x", Precondition::external(1));
  put("missing", "x", Precondition::if_seq_no(7, 1));
  put("", "x");
  put(std::string(kMaxIdBytes + 1, 'x'));
  handle_->remove("id", Precondition::if_seq_no(7, 1));
  handle_->remove("");
  handle_->get("id", document_);
  handle_->get("missing", document_);
  handle_->update("missing", [](const DocumentView&, Source&) { return Transformed::keep; });
  handle_->update("id", [](const DocumentView&, Source&) { return Transformed::keep; });
  EXPECT_EQ(next(), before);
  EXPECT_EQ(handle_->counters().seq_no_gaps, 0U);
}

TEST_P(ContractRules, numbers_are_drawn_per_shard_in_order) {
  auto table = make({.shards = 7, .clock = &clock_, .first_seq_no = 100});
  auto handle = table->handle();
  ASSERT_EQ(table->shards(), 7U);
  std::vector<std::uint64_t> expected(7, 100);
  for (int i = 0; i < 700; ++i) {
    const std::string id = "id" + std::to_string(i);
    const auto shard = table->shard_of(id);
    ASSERT_LT(shard, 7U);
    ASSERT_EQ(table->next(shard), SeqNoTerm(expected[shard], 1));
    ASSERT_EQ(handle->index(id, {}).word, SeqNoTerm(expected[shard]++, 1));
  }
  for (std::uint32_t shard = 0; shard < 7; ++shard) {
    EXPECT_GT(expected[shard], 110U) << "ids do not reach shard " << shard;
    EXPECT_EQ(table->next(shard), SeqNoTerm(expected[shard], 1));
  }
}

TEST_P(ContractRules, shards_out_of_range_are_refused) {
  EXPECT_THROW(make({.shards = 0, .clock = &clock_}), std::invalid_argument);
  EXPECT_THROW(make({.shards = 1'025, .clock = &clock_}), std::invalid_argument);
  EXPECT_EQ(make({.shards = 1'024, .clock = &clock_})->shards(), 1'024U);
}

TEST_P(ContractRules, options_out_of_range_are_refused) {
  EXPECT_THROW(make({.gc_deletes_ms = -2, .clock = &clock_}), std::invalid_argument);
  EXPECT_THROW(make({.clock = &clock_, .first_seq_no = Shard::kSeqNoLimit + 1}), std::invalid_argument);
  EXPECT_EQ(make({.clock = &clock_, .first_seq_no = Shard::kSeqNoLimit})->next(0), SeqNoTerm(Shard::kSeqNoLimit, 1));
}

TEST_P(ContractRules, fail_over_raises_the_term_of_one_shard) {
  auto table = make({.shards = 2, .clock = &clock_});
  auto handle = table->handle();
  std::string in_0 = "a", in_1 = "a";
  while (table->shard_of(in_0) != 0) in_0 += 'a';
  while (table->shard_of(in_1) != 1) in_1 += 'a';
  const Outcome before = handle->index(in_0, occ::as_bytes("one"));
  ASSERT_TRUE(table->fail_over(0));
  EXPECT_EQ(table->next(0), SeqNoTerm(1, 2));
  EXPECT_EQ(table->next(1), SeqNoTerm(0, 1));
  // The document keeps the word of its write, and what a client read before still holds.
  EXPECT_EQ(handle->get(in_0, document_).word, before.word);
  EXPECT_EQ(handle->index(in_0, {}, Precondition::if_seq_no(0, 2)).cause, Cause::seq_no_mismatch);
  const Outcome after = handle->index(in_0, {}, Precondition::if_word(before.word));
  EXPECT_EQ(after.result, Result::updated);
  EXPECT_EQ(after.word, SeqNoTerm(1, 2));
  EXPECT_EQ(handle->index(in_1, {}).word, SeqNoTerm(0, 1));
  ASSERT_TRUE(table->fail_over(1));
  EXPECT_EQ(table->next(0), SeqNoTerm(2, 2));
  EXPECT_EQ(table->next(1), SeqNoTerm(1, 2));
}

Outcome carry_out_alone(AnyHandle& handle, const BulkItem& item, Document& into) {
  switch (item.kind) {
    case BulkItem::Kind::get:
      return handle.get(item.id, into);
    case BulkItem::Kind::index:
      return handle.index(item.id, item.source, item.precondition);
    case BulkItem::Kind::remove:
      return handle.remove(item.id, item.precondition);
    default:
      return handle.update(item.id, *item.transform, item.options);
  }
}

void expect_equal(const Outcome& actual, const Outcome& expected) {
  EXPECT_EQ(actual.result, expected.result);
  EXPECT_EQ(actual.cause, expected.cause);
  EXPECT_EQ(actual.version, expected.version);
  EXPECT_EQ(actual.word, expected.word);
  EXPECT_EQ(actual.decided_on, expected.decided_on);
  EXPECT_EQ(actual.retries, expected.retries);
}

TEST_P(ContractRules, bulk_equals_single_calls_in_order) {
  const auto append = [](const DocumentView& current, Source& into) {
    const std::string text = std::string(as_text(current.source)) + "+";
    into.assign(occ::as_bytes(text));
    return Transformed::write;
  };
  const Transform transform = append;
  using Kind = BulkItem::Kind;
  Document first, second, third;
  std::vector<BulkItem> items{
      {.kind = Kind::get, .id = "a", .document = &first},
      {.kind = Kind::index, .id = "a", .source = occ::as_bytes("one")},
      {.kind = Kind::index, .id = "a", .source = occ::as_bytes("x"), .precondition = Precondition::must_not_exist()},
      {.kind = Kind::update, .id = "a", .transform = &transform},
      {.kind = Kind::get, .id = "a", .document = &second},
      {.kind = Kind::index, .id = "a", .source = occ::as_bytes("two"), .precondition = Precondition::if_seq_no(1, 1)},
      {.kind = Kind::index, .id = "", .source = occ::as_bytes("x")},
      {.kind = Kind::update, .id = "b", .transform = &transform, .options = {.upsert = occ::as_bytes("up")}},
      {.kind = Kind::update, .id = "c", .transform = &transform},
      {.kind = Kind::remove, .id = "b"},
      {.kind = Kind::remove, .id = "b", .precondition = Precondition::if_seq_no(4, 1)},
      {.kind = Kind::get, .id = "b", .document = &third},
  };
  handle_->bulk(items);

  auto table = make(options());
  auto handle = table->handle();
  std::size_t at = 0;
  for (const BulkItem& item : items) {
    SCOPED_TRACE(at++);
    expect_equal(item.outcome, carry_out_alone(*handle, item, document_));
  }
  EXPECT_EQ(items[1].outcome.result, Result::created);
  EXPECT_EQ(items[2].outcome.result, Result::conflict);
  EXPECT_EQ(items[5].outcome.result, Result::updated);
  EXPECT_EQ(items[6].outcome.cause, Cause::id_empty);
  EXPECT_EQ(second.source.text(), "one+");
  EXPECT_EQ(next(), table->next(0));
  for (const Counters::Field& field : Counters::fields()) {
    EXPECT_EQ(handle_->counters().*field.member, handle->counters().*field.member) << field.name;
  }
  EXPECT_EQ(read("a"), "two");
}

// Items of few ids, several of one id in a call: created and read, deleted and made again, refused amid others, more than
// are looked ahead at, and slots that go to another id between two items since tombstones have expired.
TEST_P(ContractRules, bulk_of_random_items_equals_single_calls_in_order) {
  using Kind = BulkItem::Kind;
  const auto grow = [](const DocumentView& current, Source& into) {
    const std::string text = std::string(as_text(current.source)) + "+";
    into.assign(occ::as_bytes(text));
    return text.size() % 7 == 0 ? Transformed::remove : text.size() % 5 == 0 ? Transformed::keep : Transformed::write;
  };
  const Transform transform = grow;
  std::vector<std::string> ids{"", std::string(513, 'i')};
  for (int i = 0; i < 24; ++i) ids.push_back("id" + std::to_string(i) + std::string(i % 3 == 0 ? 50 : 0, '.'));
  const std::string text(300, 's');
  static const std::string too_large(kMaxSourceBytes + 1, 'l');
  for (std::uint64_t seed = 1; seed <= scaled(20); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ManualClock clock;
    const TableOptions options{.shards = 2, .gc_deletes_ms = 5, .clock = &clock};
    const auto in_bulk = make(options), alone = make(options);
    const auto bulk_handle = in_bulk->handle(), handle = alone->handle();
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    std::map<std::string_view, SeqNoTerm> words;
    std::vector<std::string_view> before;
    for (int call = 0; call < 40; ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      std::vector<BulkItem> items(below(150));
      std::vector<Document> read(items.size());
      const std::uint64_t kinds = 1 + below(4);  // few kinds make long runs of one
      for (std::size_t i = 0; i < items.size(); ++i) {
        BulkItem& item = items[i];
        item.kind = static_cast<Kind>(below(kinds));
        item.id = ids[below(100) == 0 ? below(2) : 2 + below(ids.size() - 2)];
        item.source = occ::as_bytes(std::string_view(text).substr(below(text.size())));
        if (below(200) == 0) item.source = occ::as_bytes(too_large);
        item.document = &read[i];
        item.transform = &transform;
        // Often those of the call before, in their order, as a client's that writes what it has read.
        if (call % 2 == 1 && i < before.size() && below(8) != 0) item.id = before[i];
        if (below(4) == 0) item.precondition = Precondition::must_not_exist();
        if (below(4) == 0 || (call % 2 == 1 && i == 0)) item.precondition = Precondition::if_word(words[item.id]);
        if (below(4) == 0) item.options.upsert = item.source;
        if (below(8) == 0) item.options.precondition = Precondition::if_word(words[item.id]);
        if (below(50) == 0) item.options.precondition = Precondition::must_not_exist();  // rejected
      }
      bulk_handle->bulk(items);
      for (std::size_t i = 0; i < items.size(); ++i) {
        SCOPED_TRACE("item " + std::to_string(i));
        const BulkItem& item = items[i];
        expect_equal(item.outcome, carry_out_alone(*handle, item, document_));
        if (item.kind == Kind::get && item.outcome.result == Result::found) {
          EXPECT_EQ(read[i].source.text(), document_.source.text());
          EXPECT_EQ(read[i].word, document_.word);
        }
        if (item.outcome.wrote()) words[item.id] = item.outcome.word;
        if (HasFailure()) return;
      }
      clock.advance_ms(static_cast<std::int64_t>(below(4)));
      before.clear();
      for (const BulkItem& item : items) before.push_back(item.id);
    }
    for (std::uint32_t shard = 0; shard < 2; ++shard) EXPECT_EQ(in_bulk->next(shard), alone->next(shard));
    for (const Counters::Field& field : Counters::fields()) {
      EXPECT_EQ(bulk_handle->counters().*field.member, handle->counters().*field.member) << field.name;
    }
  }
}

TEST_P(ContractRules, bulk_after_one_that_threw_finds_its_documents) {
  using Kind = BulkItem::Kind;
  const auto refuse = [](const DocumentView&, Source&) -> Transformed { throw std::runtime_error("refused"); };
  const Transform transform = refuse;
  const SeqNoTerm first = handle_->index("first", occ::as_bytes("1")).word;
  handle_->index("second", occ::as_bytes("2"));
  const SeqNoTerm third = handle_->index("third", occ::as_bytes("3")).word;
  std::vector<Document> read(2);
  const auto get = [&](std::string_view id, Document& into) {
    BulkItem item{.kind = Kind::get, .id = id};
    item.document = &into;
    return item;
  };
  const auto write = [](std::string_view id, SeqNoTerm word) {
    BulkItem item{.kind = Kind::index, .id = id, .source = occ::as_bytes("new")};
    if (GetParam().semantics == Semantics::full) item.precondition = Precondition::if_word(word);
    return item;
  };
  std::vector<BulkItem> items{get("first", read[0]), get("second", read[1])};
  handle_->bulk(items);
  items[0].kind = Kind::update;
  items[0].transform = &transform;
  EXPECT_THROW(handle_->bulk(items), std::runtime_error);
  items = {write("first", first), write("third", third)};
  handle_->bulk(items);
  EXPECT_EQ(items[0].outcome.result, Result::updated);
  EXPECT_EQ(items[1].outcome.result, Result::updated);
}

TEST_P(ContractRules, bulk_over_shards_keeps_the_order_within_each) {
  auto table = make({.shards = 5, .clock = &clock_});
  auto handle = table->handle();
  std::vector<std::string> ids;
  for (int i = 0; i < 64; ++i) ids.push_back("id" + std::to_string(i % 16));
  std::vector<BulkItem> items;
  for (const std::string& id : ids) items.push_back({.kind = BulkItem::Kind::index, .id = id});
  handle->bulk(items);
  std::vector<std::uint64_t> expected(5, 0);
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].outcome.word, SeqNoTerm(expected[table->shard_of(ids[i])]++, 1)) << i;
    EXPECT_EQ(items[i].outcome.version, static_cast<Version>(i / 16 + 1)) << i;
  }
}

TEST_P(ContractRules, counters_tell_the_ends_of_writes_apart) {
  put("id");                                                                                   // applied
  put("id");                                                                                   // applied
  put_new("id");                                                                               // conflict_exists
  put("id", "x", Precondition::if_seq_no(7, 1));                                               // conflict_seq_no
  put("missing", "x", Precondition::if_seq_no(7, 1));                                          // conflict_missing
  put("id", "x", Precondition::if_version(7));                                                 // conflict_version
  put("id", "x", Precondition::external(2));                                                   // conflict_version
  put("", "x");                                                                                // rejected
  handle_->update("id", [](const DocumentView&, Source&) { return Transformed::keep; });       // noop
  handle_->update("missing", [](const DocumentView&, Source&) { return Transformed::keep; });  // not_found
  handle_->remove("missing");                                                                  // not_found
  handle_->remove("id");                                                                       // applied
  handle_->get("id", document_);
  put("id");  // applied
  handle_->get("id", document_);
  handle_->get("id", document_);
  const Counters& c = handle_->counters();
  EXPECT_EQ(c.applied, 4U);
  EXPECT_EQ(c.noop, 1U);
  EXPECT_EQ(c.not_found, 2U);
  EXPECT_EQ(c.conflict_exists, 1U);
  EXPECT_EQ(c.conflict_seq_no, 1U);
  EXPECT_EQ(c.conflict_missing, 1U);
  EXPECT_EQ(c.conflict_version, 2U);
  EXPECT_EQ(c.rejected, 1U);
  EXPECT_EQ(c.gets_found, 2U);
  EXPECT_EQ(c.gets_not_found, 1U);
  EXPECT_EQ(c.publication_failures, 0U);
  EXPECT_EQ(c.attempts, 12U);
  EXPECT_TRUE(balance(c));
}

TEST_P(ContractRules, counters_of_a_new_handle_are_0) {
  put("id");
  const auto other = table_->handle();
  for (const Counters::Field& field : Counters::fields()) EXPECT_EQ(other->counters().*field.member, 0U) << field.name;
}

/// What a table must hold, by the letter of `decide`: one thread, a map, nothing shared.
class Model {
 public:
  explicit Model(std::int64_t gc_deletes_ms) : gc_deletes_ms_(gc_deletes_ms) {}

  struct Entry {
    State state;
    std::string source;
  };

  Outcome write(const std::string& id, Operation operation, std::string_view source, const Precondition& precondition,
                std::int64_t now_ms) {
    Entry& entry = entries_[id];
    const Decision decision = decide(entry.state, operation, precondition, {now_ms, gc_deletes_ms_});
    Outcome outcome{.result = decision.result,
                    .cause = decision.cause,
                    .version = decision.version,
                    .word = entry.state.word,
                    .decided_on = entry.state.word};
    if (decision.verdict != Decision::Verdict::proceed) return outcome;
    outcome.word = next_;
    next_ = SeqNoTerm(next_.seq_no() + 1, next_.term());
    const bool live = operation == Operation::index;
    entry.state = {.kind = live ? State::Kind::live : State::Kind::tombstone,
                   .version = decision.version,
                   .word = outcome.word,
                   .deleted_at_ms = now_ms};
    entry.source = live ? source : "";
    return outcome;
  }
  Entry& operator[](const std::string& id) { return entries_[id]; }
  [[nodiscard]] bool forgotten(const std::string& id, std::int64_t now_ms) {
    const State& state = entries_[id].state;
    return state.kind == State::Kind::absent || expired(state, {now_ms, gc_deletes_ms_});
  }
  void fail_over() { next_ = SeqNoTerm(next_.seq_no(), next_.term() + 1); }
  void set_gc_deletes(std::int64_t ms) { gc_deletes_ms_ = ms; }
  [[nodiscard]] SeqNoTerm next() const { return next_; }

 private:
  std::map<std::string, Entry> entries_;
  SeqNoTerm next_{0, 1};
  std::int64_t gc_deletes_ms_;
};

TEST_P(ContractRules, random_operations_agree_with_a_map_under_decide) {
  for (std::uint64_t seed = 1; seed <= scaled(10); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ManualClock clock;
    const auto table = make({.gc_deletes_ms = 20, .clock = &clock});
    const std::array handles{table->handle(), table->handle()};
    Model model(20);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    for (int i = 0; i < 5'000; ++i) {
      SCOPED_TRACE("operation " + std::to_string(i));
      AnyHandle& handle = *handles[below(handles.size())];
      const std::string id = "id" + std::to_string(below(6));
      const std::string source(below(80), static_cast<char>('a' + below(26)));
      const Model::Entry before = model[id];
      const bool forgotten = model.forgotten(id, clock.now_ms());

      Precondition precondition;
      const auto near_version = before.state.version - 1 + static_cast<Version>(below(4));
      switch (below(7)) {
        case 0:
          precondition = Precondition::if_word(before.state.word);
          break;
        case 1:
          precondition = Precondition::if_seq_no(static_cast<std::int64_t>(below(model.next().seq_no() + 1)),
                                                 static_cast<std::int64_t>(1 + below(model.next().term())));
          break;
        case 2:
          precondition = Precondition::if_version(std::max<Version>(1, near_version));
          break;
        case 3:
          precondition = Precondition::external(std::max<Version>(0, near_version));
          break;
        case 4:
          precondition = Precondition::external_gte(std::max<Version>(0, near_version));
          break;
        default:
          break;
      }

      Outcome expected, actual;
      switch (const auto kind = below(100); kind) {
        case 0:
          ASSERT_TRUE(table->fail_over(0));
          model.fail_over();
          continue;
        case 1: {
          const auto gc_deletes_ms = static_cast<std::int64_t>(below(30)) - 1;
          // A greater value may bring an expired tombstone back, or not, if it was purged: nobody can rely on either.
          clock.advance_ms(31);
          table->set_gc_deletes(gc_deletes_ms);
          model.set_gc_deletes(gc_deletes_ms);
          continue;
        }
        default:
          if (kind < 10) {
            clock.advance_ms(static_cast<std::int64_t>(below(15)));
            continue;
          } else if (kind < 40) {
            expected = model.write(id, Operation::index, source, precondition, clock.now_ms());
            actual = handle.index(id, occ::as_bytes(source), precondition);
          } else if (kind < 50) {
            expected = model.write(id, Operation::index, source, Precondition::must_not_exist(), clock.now_ms());
            actual = handle.create(id, occ::as_bytes(source));
          } else if (kind < 65) {
            expected = model.write(id, Operation::remove, "", precondition, clock.now_ms());
            actual = handle.remove(id, precondition);
          } else if (kind < 80) {
            const bool live = before.state.live();
            expected = {.result = live ? Result::found : Result::not_found,
                        .version = live ? before.state.version : kVersionNotFound,
                        .word = before.state.word,
                        .decided_on = before.state.word};
            actual = handle.get(id, document_);
            if (live) {
              ASSERT_EQ(document_.source.text(), before.source);
              ASSERT_EQ(document_.version, before.state.version);
              ASSERT_EQ(document_.word, before.state.word);
            }
          } else {
            UpdateOptions update{.retry_on_conflict = static_cast<std::uint32_t>(below(3))};
            if (precondition.kind == Precondition::Kind::seq_no_term) update.precondition = precondition;
            const auto forms = forms_of(GetParam());
            update.form = forms[below(forms.size())];
            const auto wanted = static_cast<Transformed>(below(3));
            const bool upsert = update.precondition.kind == Precondition::Kind::none && below(2) == 0;
            if (upsert) update.upsert = occ::as_bytes(source);
            const std::string changed = before.source + "!";
            if (!before.state.live()) {
              if (upsert) {
                expected = model.write(id, Operation::index, source, {}, clock.now_ms());
              } else {
                expected = {.result = Result::not_found, .word = before.state.word, .decided_on = before.state.word};
              }
            } else {
              const Operation operation = wanted == Transformed::write    ? Operation::index
                                          : wanted == Transformed::remove ? Operation::remove
                                                                          : Operation::keep;
              expected = model.write(id, operation, changed, update.precondition, clock.now_ms());
            }
            const auto transform = [&](const DocumentView& current, Source& next) {
              EXPECT_EQ(as_text(current.source), before.source);
              EXPECT_EQ(current.version, before.state.version);
              EXPECT_EQ(current.word, before.state.word);
              if (wanted == Transformed::write) next.assign(occ::as_bytes(changed));
              return wanted;
            };
            actual = handle.update(id, transform, update);
          }
      }
      ASSERT_EQ(actual.result, expected.result);
      ASSERT_EQ(actual.cause, expected.cause);
      ASSERT_EQ(actual.version, expected.version);
      ASSERT_EQ(actual.retries, 0U);
      ASSERT_EQ(actual.wrote(), expected.wrote());
      if (expected.wrote()) {
        ASSERT_EQ(actual.word, expected.word);
      }
      // A tombstone that has expired may have been purged: then there is no word to name.
      if (!(forgotten && actual.decided_on.vacant())) {
        ASSERT_EQ(actual.decided_on, expected.decided_on);
      }
      ASSERT_EQ(table->next(0), model.next());
    }
    Counters all;
    for (const auto& handle : handles) all.merge(handle->counters());
    EXPECT_TRUE(balance(all));
    EXPECT_EQ(all.publication_failures, 0U);
    EXPECT_EQ(all.seq_no_gaps, 0U);
  }
}

}  // namespace
}  // namespace occ::contract
