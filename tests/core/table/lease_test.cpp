/// Sequence numbers taken in blocks: core/table/shard.hpp, and every strategy that draws its numbers there.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/table/shard.hpp"
#include "tests/variants/contract.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using contract::add_one;
using contract::as_bytes;
using contract::balance;
using contract::form_a_chain;
using contract::record;
using contract::run_threads;
using contract::scaled;
using contract::Writes;

/// A document's word before its first write.
constexpr SeqNoTerm kNone;

class SeqNoLeasesTest : public testing::Test {
 protected:
  SeqNoTerm draw(SeqNoLeases& leases, SeqNoTerm above = kNone) { return leases.draw(shard_, above, counters_); }
  /// Of the shard, so many numbers were taken.
  [[nodiscard]] std::uint64_t taken() const { return shard_.next().seq_no() - kFirst; }

  static constexpr std::uint64_t kFirst = 100;
  Shard shard_;
  Counters counters_;
  void SetUp() override { shard_.start_at(kFirst); }
};

TEST_F(SeqNoLeasesTest, draw_without_leases_takes_one_number) {
  SeqNoLeases leases(&shard_, 1, 1);
  EXPECT_EQ(draw(leases), SeqNoTerm(100, 1));
  EXPECT_EQ(taken(), 1U);
  EXPECT_EQ(counters_.seq_no_gaps, 0U);
}
TEST_F(SeqNoLeasesTest, draw_takes_a_block_and_uses_it_up) {
  SeqNoLeases leases(&shard_, 1, 4);
  for (std::uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(draw(leases), SeqNoTerm(100 + i, 1));
    EXPECT_EQ(taken(), 4U);
    EXPECT_EQ(counters_.seq_no_gaps, 3 - i);
  }
  EXPECT_EQ(draw(leases), SeqNoTerm(104, 1));
  EXPECT_EQ(taken(), 8U);
}
TEST_F(SeqNoLeasesTest, two_handles_never_share_a_number) {
  SeqNoLeases one(&shard_, 1, 4), other(&shard_, 1, 4);
  EXPECT_EQ(draw(one), SeqNoTerm(100, 1));
  EXPECT_EQ(draw(other), SeqNoTerm(104, 1));
  EXPECT_EQ(draw(one), SeqNoTerm(101, 1));
}
TEST_F(SeqNoLeasesTest, draw_of_a_document_with_a_higher_number_drops_the_lease_and_takes_half_as_many) {
  SeqNoLeases one(&shard_, 1, 8), other(&shard_, 1, 8);
  EXPECT_EQ(draw(one), SeqNoTerm(100, 1));
  const SeqNoTerm others = draw(other);
  EXPECT_EQ(draw(one, others), SeqNoTerm(116, 1));
  EXPECT_EQ(taken(), 20U);
  // What was left of the lease of 100 to 107 stays a gap, and three of the new one are not used yet.
  EXPECT_EQ(counters_.seq_no_gaps, 7U + 7U + 3U);
  // Used up: twice as many, up to the limit.
  for (std::uint64_t i = 0; i < 3; ++i) draw(one);
  EXPECT_EQ(draw(one), SeqNoTerm(120, 1));
  EXPECT_EQ(taken(), 28U);
}
TEST_F(SeqNoLeasesTest, draw_of_a_document_with_the_number_before_keeps_the_lease) {
  SeqNoLeases leases(&shard_, 1, 8);
  SeqNoTerm word = kNone;
  for (std::uint64_t i = 0; i < 8; ++i) {
    word = draw(leases, word);
    EXPECT_EQ(word, SeqNoTerm(100 + i, 1));
  }
}
TEST_F(SeqNoLeasesTest, draw_of_a_document_with_the_next_number_itself_drops_the_lease) {
  SeqNoLeases leases(&shard_, 1, 8);
  draw(leases);
  EXPECT_EQ(draw(leases, SeqNoTerm(101, 1)), SeqNoTerm(108, 1));
}
TEST_F(SeqNoLeasesTest, draw_after_a_fail_over_carries_the_new_term) {
  SeqNoLeases leases(&shard_, 1, 4);
  EXPECT_EQ(draw(leases), SeqNoTerm(100, 1));
  ASSERT_TRUE(shard_.fail_over());
  EXPECT_EQ(draw(leases), SeqNoTerm(104, 2));
  EXPECT_EQ(counters_.seq_no_gaps, 3U + 1U);
}
TEST_F(SeqNoLeasesTest, draw_of_many_shards_leases_of_each) {
  Shard shards[3];
  SeqNoLeases leases(shards, 3, 4);
  for (std::uint64_t i = 0; i < 2; ++i) {
    for (Shard& shard : shards) EXPECT_EQ(leases.draw(shard, kNone, counters_), SeqNoTerm(i, 1));
  }
  for (const Shard& shard : shards) EXPECT_EQ(shard.next(), SeqNoTerm(4, 1));
}
TEST_F(SeqNoLeasesTest, draw_at_the_last_numbers_is_refused_and_leaves_the_counter_behind_the_limit) {
  Shard shard;
  shard.start_at(Shard::kSeqNoLimit - 1);
  SeqNoLeases leases(&shard, 1, Shard::kMostAtOnce);
  for (std::uint64_t i = 0; i < Shard::kMostAtOnce; ++i) {
    EXPECT_EQ(leases.draw(shard, kNone, counters_), SeqNoTerm(Shard::kSeqNoLimit - 1 + i, 1));
  }
  const SeqNoTerm end = shard.next();
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(leases.draw(shard, kNone, counters_).vacant());
  EXPECT_EQ(shard.next(), end);
  EXPECT_EQ(counters_.seq_no_gaps, 0U);
}
TEST(Leases, field_has_room_for_all_threads_that_draw_at_once) {
  EXPECT_GE(SeqNoTerm::kMaxSeqNo - Shard::kSeqNoLimit, (1024U + 1U) * Shard::kMostAtOnce);
}
TEST(Leases, table_refuses_a_lease_out_of_range) {
  EXPECT_THROW(make_table("packed_cas", {.seq_no_lease = 0}), std::invalid_argument);
  EXPECT_THROW(make_table("packed_cas", {.seq_no_lease = Shard::kMostAtOnce + 1}), std::invalid_argument);
}
TEST(Leases, window_in_which_leased_numbers_are_used_has_no_negative_gaps) {
  Counters before, after;
  before.seq_no_gaps = 10;
  after.seq_no_gaps = 3;
  EXPECT_EQ(after.since(before).seq_no_gaps, 0U);
}

class LeasingTable : public testing::TestWithParam<StrategyInfo> {
 protected:
  static std::unique_ptr<AnyTable> make(TableOptions options) { return make_table(GetParam().name, options); }
};

TEST_P(LeasingTable, updates_of_one_handle_take_numbers_in_blocks) {
  const auto table = make({.seq_no_lease = 16});
  const auto handle = table->handle();
  const std::uint64_t zero = 0;
  handle->index("id", as_bytes(zero));
  for (int i = 0; i < 16; ++i) ASSERT_EQ(handle->update("id", add_one, {}).result, Result::updated);
  EXPECT_LE(table->next(0).seq_no(), 32U);
  EXPECT_GE(table->next(0).seq_no(), 16U);
  EXPECT_EQ(table->next(0).seq_no(), 17 + handle->counters().seq_no_gaps);
}

/// Hot documents, deletes and creations, and a primary that fails over all the time.
TEST_P(LeasingTable, racing_threads_keep_one_chain_of_growing_words_and_terms_for_each_document) {
  constexpr std::size_t kThreads = 4, kDocuments = 3;
  for (const std::uint32_t lease : {2U, 64U}) {
    const auto table = make({.shards = 2, .seq_no_lease = lease});
    const std::uint64_t turns = scaled(4'000);
    std::array<std::array<Writes, kThreads>, kDocuments> writes;
    std::array<Counters, kThreads> counters;
    std::atomic<std::size_t> running{kThreads};
    run_threads(kThreads + 1, [&](std::size_t thread) {
      if (thread == kThreads) {
        for (int i = 0; running.load() != 0 && i < 8'000; ++i) {
          table->fail_over(static_cast<std::uint32_t>(i % 2));
          std::this_thread::yield();
        }
        return;
      }
      const auto handle = table->handle();
      std::mt19937_64 random(thread);
      Document document;
      const std::uint64_t zero = 0;
      for (std::uint64_t turn = 0; turn < turns; ++turn) {
        const std::size_t d = random() % kDocuments;
        const std::string id = "id" + std::to_string(d);
        Outcome outcome;
        switch (random() % 6) {
          case 0:
            outcome = handle->remove(id);
            break;
          case 1:
            outcome = handle->index(id, as_bytes(zero));
            break;
          case 2:
            if (handle->get(id, document).result != Result::found) continue;
            outcome = handle->index(id, as_bytes(zero), Precondition::if_word(document.word));
            break;
          default:
            outcome = handle->update(id, add_one, {.retry_on_conflict = 1'000'000, .upsert = as_bytes(zero)});
        }
        record(writes[d][thread], outcome);
        if (outcome.wrote() && !outcome.decided_on.vacant()) {
          ASSERT_GT(outcome.word.seq_no(), outcome.decided_on.seq_no());
          ASSERT_GE(outcome.word.term(), outcome.decided_on.term());
        }
      }
      counters[thread] = handle->counters();
      --running;
    });
    std::vector<std::pair<std::uint32_t, std::uint64_t>> numbers;
    std::uint64_t written = 0;
    for (std::size_t d = 0; d < kDocuments; ++d) {
      Writes all;
      for (const Writes& some : writes[d]) all.insert(all.end(), some.begin(), some.end());
      EXPECT_TRUE(form_a_chain(all));
      const std::uint32_t shard = table->shard_of("id" + std::to_string(d));
      for (const auto& write : all) numbers.emplace_back(shard, write.word.seq_no());
      written += all.size();
    }
    std::ranges::sort(numbers);
    EXPECT_EQ(std::ranges::adjacent_find(numbers), numbers.end()) << "a number was given twice";
    Counters sum;
    for (const Counters& one : counters) {
      EXPECT_TRUE(balance(one));
      sum.merge(one);
    }
    EXPECT_EQ(table->next(0).seq_no() + table->next(1).seq_no(), written + sum.seq_no_gaps);
  }
}

/// A slot goes to another id: its next word is above its last one, although the next occupant's handle has a lease of
/// lower numbers.
TEST_P(LeasingTable, id_that_takes_a_slot_over_gets_a_number_above_its_last_one) {
  ManualClock clock;
  const auto table = make({.gc_deletes_ms = -1, .clock = &clock, .seq_no_lease = 16});
  const auto early = table->handle();
  const auto late = table->handle();
  const std::uint64_t zero = 0;
  early->index("x", as_bytes(zero));
  early->update("x", add_one, {});  // a lease
  late->index("y", as_bytes(zero));
  late->update("y", add_one, {});
  const Outcome removed = late->remove("y");
  ASSERT_EQ(removed.result, Result::deleted);
  const Outcome created = early->create("z", as_bytes(zero));
  if (GetParam().reuses_slots) {
    EXPECT_GT(created.word, removed.word);
  }
  const Outcome again = early->create("y", as_bytes(zero));
  EXPECT_EQ(again.result, Result::created);
  EXPECT_GT(again.word, removed.word);
}

/// Of strategies that differ in the type of their lock only, the plainest: numbers are drawn in the same place.
std::vector<StrategyInfo> drawing_each_in_its_own_way() {
  auto chosen = contract::checking();
  std::erase_if(chosen, [](const StrategyInfo& info) { return info.name.find("_tbb_") != std::string_view::npos; });
  return chosen;
}
INSTANTIATE_TEST_SUITE_P(Registered, LeasingTable, testing::ValuesIn(drawing_each_in_its_own_way()), contract::name_of);

}  // namespace
}  // namespace occ
