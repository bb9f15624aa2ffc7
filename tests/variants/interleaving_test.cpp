/// One thread that is overtaken at named points (core/build/fault_point.hpp), every time and on every machine: what races on
/// two cores show by chance only.
#include <string>
#include <vector>

#include "core/build/fault_point.hpp"
#include "tests/variants/contract.hpp"

namespace occ::contract {
namespace {

class Interleaving : public StrategyTest {
 protected:
  /// `action` runs once, when the point is next passed.
  static void at(FaultPoint point, std::function<void()> action) { Interruption::next() = {point, std::move(action)}; }
  /// A slot that an id has lost goes to another one of these.
  static std::vector<std::string> ids_of_one_segment(std::size_t count) {
    std::vector<std::string> ids;
    while (ids.size() < count) ids.push_back(in_one_segment("id" + std::to_string(ids.size())));
    return ids;
  }
  static bool passed() { return !Interruption::next().action; }
  void TearDown() override { Interruption::next() = {}; }

  std::unique_ptr<AnyHandle> other_ = table_->handle();
  Document document_;
};

/// Strategies whose readers look again.
class InterleavedReads : public Interleaving {};
INSTANTIATE_TEST_SUITE_P(Every, InterleavedReads, ::testing::ValuesIn(strategies_that([](const StrategyInfo& strategy) {
                           return strategy.reclamation == Reclamation::word_validated;
                         })),
                         name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(InterleavedReads);

TEST_P(InterleavedReads, get_overtaken_while_it_copies_begins_again_and_counts_it) {
  const std::string old(1'000, 'o'), fresh(1'000, 'f');
  handle_->index("id", occ::as_bytes(old));
  for (std::uint64_t round = 1; round <= 100; ++round) {
    // The second write uses the body again that the reader is in.
    at(FaultPoint::reading, [&] {
      other_->index("id", occ::as_bytes(fresh));
      other_->index("id", occ::as_bytes(old));
      other_->index("id", occ::as_bytes(fresh));
    });
    const Outcome got = handle_->get("id", document_);
    ASSERT_TRUE(passed());
    ASSERT_EQ(got.version, static_cast<Version>(4 * round));
    ASSERT_EQ(document_.version, got.version);
    ASSERT_EQ(document_.source.text(), fresh);
    ASSERT_EQ(handle_->counters().read_retries, round);
    ASSERT_EQ(handle_->counters().read_retries_longest, 1U);
    other_->index("id", occ::as_bytes(old));
  }
}

TEST_P(InterleavedReads, get_whose_id_loses_its_slot_meanwhile_does_not_see_the_next_ids_source) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "slots stay with their ids";
  table_->set_gc_deletes(-1);
  const auto ids = ids_of_one_segment(5);
  handle_->index(ids[0], occ::as_bytes("of the first"));
  at(FaultPoint::reading, [&] {
    other_->remove(ids[0]);
    for (std::size_t i = 1; i < ids.size(); ++i) other_->index(ids[i], occ::as_bytes("of another"));
  });
  EXPECT_EQ(handle_->get(ids[0], document_).result, Result::not_found);
  EXPECT_TRUE(passed());
}

TEST_P(InterleavedReads, body_of_a_write_that_is_overtaken_and_refused_is_used_again) {
  if (GetParam().semantics == Semantics::unchecked) GTEST_SKIP() << "refuses nothing";
  const std::string small(100, 's'), large(100'000, 'l');
  std::uint64_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    const Outcome current = handle_->index("id", occ::as_bytes(small));
    // New memory for the larger body comes between the look and what follows from it.
    at(FaultPoint::moving_chain, [&] { other_->index("id", occ::as_bytes(small)); });
    refused += handle_->index("id", occ::as_bytes(large), Precondition::if_word(current.word)).conflicted() ? 1 : 0;
    Interruption::next() = {};
  }
  EXPECT_GT(refused, 0U) << "nobody was overtaken";
  EXPECT_LE(table_->memory().bodies, std::size_t{16} << 20);
}

TEST_P(InterleavedReads, body_taken_in_vain_since_the_documents_own_fits_meanwhile_is_used_again) {
  const std::string small(100, 's'), large(100'000, 'l');
  std::uint64_t overtaken = 0;
  handle_->index("id", occ::as_bytes(small));
  for (int i = 0; i < 600; ++i) {
    other_->index("id", occ::as_bytes(small));
    at(FaultPoint::moving_chain, [&] {
      other_->index("id", occ::as_bytes(large));
      ++overtaken;
    });
    handle_->index("id", occ::as_bytes(large));
    Interruption::next() = {};
  }
  EXPECT_GT(overtaken, 0U) << "nobody was overtaken";
  EXPECT_LE(table_->memory().bodies, std::size_t{16} << 20);
}

TEST_P(InterleavedReads, write_whose_slot_is_purged_meanwhile_and_stays_idle_creates_the_document_anew) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "slots stay with their ids";
  table_->set_gc_deletes(-1);
  handle_->index("id", occ::as_bytes("small"));
  // New memory for the larger body comes between the look and what follows from it.
  at(FaultPoint::moving_chain, [&] { other_->remove("id"); });
  const Outcome outcome = handle_->index("id", occ::as_bytes(std::string(100'000, 'l')));
  ASSERT_TRUE(passed());
  EXPECT_EQ(outcome.result, Result::created);
  EXPECT_EQ(outcome.version, 1);
}

/// The handle knows the slot as that of the id before, whose hash is another.
TEST_P(InterleavedReads, conditional_write_in_the_slot_of_the_id_before_finds_where_its_own_went) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "slots stay with their ids";
  table_->set_gc_deletes(-1);
  const auto ids = ids_of_one_segment(3);
  handle_->index(ids[0], occ::as_bytes("of the first"));
  handle_->get(ids[0], document_);
  other_->remove(ids[0]);
  const Outcome written = other_->index(ids[1], occ::as_bytes("of the second"));
  at(FaultPoint::reading, [&] {
    other_->remove(ids[1]);
    other_->index(ids[2], occ::as_bytes("of the third"));
    other_->index(ids[1], occ::as_bytes("of the second again"));
  });
  const Outcome outcome = handle_->index(ids[1], occ::as_bytes("late"), Precondition::if_word(written.word));
  ASSERT_TRUE(passed());
  EXPECT_EQ(outcome.result, Result::conflict);
  EXPECT_EQ(outcome.cause, Cause::seq_no_mismatch);
}

TEST_P(InterleavedReads, purge_overtaken_by_a_write_leaves_the_document) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "slots stay with their ids";
  handle_->index("id", occ::as_bytes("first"));
  handle_->remove("id");
  table_->set_gc_deletes(-1);
  // The look that finds an expired tombstone is one thing, the look before it is taken away another.
  at(FaultPoint::reading, [&] { at(FaultPoint::reading, [&] { other_->index("id", occ::as_bytes("alive")); }); });
  handle_->index("other id", occ::as_bytes("its creation purges"));
  ASSERT_TRUE(passed());
  EXPECT_EQ(handle_->get("id", document_).result, Result::found);
  EXPECT_EQ(document_.source.text(), "alive");
}

/// Strategies that publish without a lock.
class InterleavedWrites : public Interleaving {};
INSTANTIATE_TEST_SUITE_P(Every, InterleavedWrites,
                         ::testing::ValuesIn(strategies_that([](const StrategyInfo& strategy) {
                           return strategy.write == Progress::lock_free && strategy.semantics != Semantics::unchecked &&
                                  strategy.is_verifiable();
                         })),
                         name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(InterleavedWrites);

TEST_P(InterleavedWrites, write_overtaken_before_its_publication_decides_again) {
  handle_->index("id", occ::as_bytes("first"));
  Outcome between;
  at(FaultPoint::before_publication, [&] { between = other_->index("id", occ::as_bytes("between")); });
  const Outcome last = handle_->index("id", occ::as_bytes("last"));
  ASSERT_TRUE(passed());
  EXPECT_EQ(last.result, Result::updated);
  EXPECT_EQ(last.version, 3);
  EXPECT_EQ(last.decided_on, between.word);
  EXPECT_GT(last.word, between.word);
  EXPECT_EQ(handle_->counters().publication_failures, 1U);
  EXPECT_EQ(handle_->counters().seq_no_gaps, 1U);
  EXPECT_TRUE(balance(handle_->counters()));
  EXPECT_EQ(table_->next(0).seq_no(), 4U);
  handle_->get("id", document_);
  EXPECT_EQ(document_.source.text(), "last");
}

TEST_P(InterleavedWrites, conditional_write_overtaken_before_its_publication_conflicts) {
  const Outcome first = handle_->index("id", occ::as_bytes("first"));
  Outcome between;
  at(FaultPoint::before_publication, [&] { between = other_->index("id", occ::as_bytes("between")); });
  const Outcome refused = handle_->index("id", occ::as_bytes("last"), Precondition::if_word(first.word));
  ASSERT_TRUE(passed());
  EXPECT_EQ(refused.cause, Cause::seq_no_mismatch);
  EXPECT_EQ(refused.decided_on, between.word);
  EXPECT_EQ(handle_->counters().seq_no_gaps, 1U);
  EXPECT_TRUE(balance(handle_->counters()));
}

TEST_P(InterleavedWrites, upsert_overtaken_by_a_create_conflicts) {
  handle_->index("id", occ::as_bytes("first"));
  handle_->remove("id");
  at(FaultPoint::before_publication, [&] { other_->index("id", occ::as_bytes("between")); });
  const auto keep = [](const DocumentView&, Source&) { return Transformed::keep; };
  const Outcome refused =
      handle_->update("id", keep, {.form = UpdateForm::optimistic, .upsert = occ::as_bytes("upsert")});
  ASSERT_TRUE(passed());
  EXPECT_EQ(refused.cause, Cause::already_exists);
  handle_->get("id", document_);
  EXPECT_EQ(document_.source.text(), "between");
}

TEST_P(InterleavedWrites, conditional_write_that_is_overtaken_costs_no_memory) {
  const std::string source(100'000, 's');
  const auto refuse = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const Outcome current = handle_->index("id", occ::as_bytes(source));
      at(FaultPoint::before_publication, [&] { other_->index("id", occ::as_bytes(source)); });
      ASSERT_TRUE(handle_->index("id", occ::as_bytes(source), Precondition::if_word(current.word)).conflicted());
      ASSERT_TRUE(passed());
    }
  };
  refuse(300);
  const std::size_t warm = table_->memory().bodies;
  refuse(300);
  EXPECT_LE(table_->memory().bodies, warm + (std::size_t{8} << 20));
}

/// Strategies whose small bodies move into the slot after their publication.
class InterleavedMoves : public Interleaving {};
INSTANTIATE_TEST_SUITE_P(Every, InterleavedMoves, ::testing::ValuesIn(strategies_that([](const StrategyInfo& strategy) {
                           return strategy.reclamation == Reclamation::word_validated && strategy.reuses_slots &&
                                  strategy.write == Progress::lock_free;
                         })),
                         name_of);

TEST_P(InterleavedMoves, write_overtaken_while_its_body_moves_leaves_what_came_after) {
  for (const std::size_t size : {std::size_t{8}, std::size_t{112}, std::size_t{1'000}}) {
    const std::string between(size, 'b');
    handle_->index("id", occ::as_bytes("before"));
    at(FaultPoint::moving_in, [&] { other_->index("id", occ::as_bytes(between)); });
    const Outcome first = handle_->index("id", occ::as_bytes("first"));
    ASSERT_TRUE(passed());
    handle_->get("id", document_);
    EXPECT_EQ(document_.source.text(), between);
    EXPECT_EQ(document_.version, first.version + 1);
    EXPECT_EQ(handle_->index("id", occ::as_bytes("last"), Precondition::if_word(document_.word)).version,
              first.version + 2);
    handle_->get("id", document_);
    EXPECT_EQ(document_.source.text(), "last");
  }
}

/// If the flag stayed, neither could the slot be purged.
TEST_P(InterleavedMoves, slots_of_writes_overtaken_while_their_bodies_move_go_to_other_ids) {
  table_->set_gc_deletes(-1);
  const auto come_and_go = [&](int ids) {
    for (int i = 0; i < ids; ++i) {
      const std::string id = "id" + std::to_string(i);
      handle_->index(id, occ::as_bytes("before"));
      at(FaultPoint::moving_in, [&] { other_->index(id, occ::as_bytes("between")); });
      handle_->index(id, occ::as_bytes("first"));
      ASSERT_TRUE(passed());
      handle_->remove(id);
    }
  };
  come_and_go(2'000);
  const std::size_t warm = table_->memory().slots;
  come_and_go(10'000);
  EXPECT_LE(table_->memory().slots, warm);
}

TEST_P(InterleavedMoves, purge_waits_for_a_body_that_moves) {
  table_->set_gc_deletes(-1);
  const auto come_and_go = [&](int ids) {
    for (int i = 0; i < ids; ++i) {
      const std::string id = "id" + std::to_string(i);
      handle_->index(id, occ::as_bytes("before"));
      // Deleted, and looked at for a purge, while a body moves into the slot.
      at(FaultPoint::moving_in, [&] {
        other_->remove(id);
        other_->index("another", occ::as_bytes("its creation purges"));
        other_->remove("another");
      });
      handle_->index(id, occ::as_bytes("first"));
      ASSERT_TRUE(passed());
      ASSERT_EQ(handle_->get(id, document_).result, Result::not_found);
    }
  };
  come_and_go(2'000);
  const std::size_t warm = table_->memory().slots;
  come_and_go(10'000);
  EXPECT_LE(table_->memory().slots, warm);
}

TEST_P(InterleavedWrites, body_of_whoever_comes_second_to_a_new_id_is_used_again) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "slots stay with their ids";
  table_->set_gc_deletes(-1);
  const std::string source(100'000, 's');
  std::uint64_t second = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string id = "id" + std::to_string(i);
    // New memory for the body comes between the look for the id and its creation.
    at(FaultPoint::moving_chain, [&] {
      other_->create(id, occ::as_bytes(source));
      ++second;
    });
    handle_->create(id, occ::as_bytes(source));
    Interruption::next() = {};
    other_->remove(id);
  }
  EXPECT_GT(second, 0U) << "nobody came second";
  EXPECT_LE(table_->memory().bodies, std::size_t{16} << 20);
}

}  // namespace
}  // namespace occ::contract
