#include "core/table/shard.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <thread>
#include <vector>

namespace occ {
namespace {

void raise_term_to(Shard& shard, std::uint64_t term) {
  while (shard.next().term() < term) ASSERT_TRUE(shard.fail_over());
}

TEST(Shard, draw_counts_from_the_first_number_under_the_first_term) {
  Shard fresh;
  EXPECT_EQ(fresh.draw(), SeqNoTerm(0, 1));
  EXPECT_EQ(fresh.draw(), SeqNoTerm(1, 1));
  Shard later;
  later.start_at(100);
  EXPECT_EQ(later.next(), SeqNoTerm(100, 1));
  EXPECT_EQ(later.draw(), SeqNoTerm(100, 1));
  EXPECT_EQ(later.next(), SeqNoTerm(101, 1));
}

TEST(Shard, fail_over_raises_the_term_and_goes_on_counting) {
  Shard shard;
  ASSERT_FALSE(shard.draw().vacant());
  EXPECT_TRUE(shard.fail_over());
  EXPECT_EQ(shard.draw(), SeqNoTerm(1, 2));
}

TEST(Shard, fail_over_at_the_last_term_is_refused_and_changes_nothing) {
  Shard shard;
  shard.start_at(5);
  raise_term_to(shard, SeqNoTerm::kMaxTerm - 1);
  EXPECT_TRUE(shard.fail_over());
  EXPECT_FALSE(shard.fail_over());
  EXPECT_EQ(shard.next(), SeqNoTerm(5, SeqNoTerm::kMaxTerm));
}

TEST(Shard, draw_at_the_limit_is_refused_and_leaves_the_counter_there) {
  Shard shard;
  shard.start_at(Shard::kSeqNoLimit - 1);
  raise_term_to(shard, 3);
  EXPECT_EQ(shard.draw(), SeqNoTerm(Shard::kSeqNoLimit - 1, 3));
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(shard.draw().vacant());
  EXPECT_EQ(shard.next(), SeqNoTerm(Shard::kSeqNoLimit, 3));
  EXPECT_TRUE(shard.fail_over());
  EXPECT_TRUE(shard.draw().vacant());
  EXPECT_EQ(shard.next(), SeqNoTerm(Shard::kSeqNoLimit, 4));
}

TEST(Shard, limit_leaves_room_for_every_thread_that_draws_at_once) {
  EXPECT_GE(SeqNoTerm::kMaxSeqNo - Shard::kSeqNoLimit, 1U << 16U);
}

TEST(Shard, draw_by_all_threads_under_fail_over_is_unique_and_terms_follow_numbers) {
  // Long enough that the threads meet even where each is given only some milliseconds at a time.
  constexpr std::size_t kThreads = 3, kDraws = 1'000'000, kMostTerms = 15'000;
  Shard shard;
  std::array<std::vector<SeqNoTerm>, kThreads> drawn;
  atomic<std::size_t> drawing{kThreads};
  std::size_t terms = 0;
  {
    std::barrier start(static_cast<std::ptrdiff_t>(kThreads + 1));
    std::vector<std::jthread> threads;
    for (auto& mine : drawn) {
      threads.emplace_back([&] {
        mine.reserve(kDraws);
        start.arrive_and_wait();
        for (std::size_t i = 0; i < kDraws; ++i) mine.push_back(shard.draw());
        drawing.fetch_sub(1, std::memory_order_release);
      });
    }
    start.arrive_and_wait();
    for (; drawing.load(std::memory_order_acquire) != 0 && terms < kMostTerms; ++terms) {
      EXPECT_TRUE(shard.fail_over());
      if (terms % 64 == 0) std::this_thread::yield();
    }
  }
  std::vector<SeqNoTerm> all;
  for (const auto& mine : drawn) {
    EXPECT_TRUE(std::ranges::is_sorted(mine));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].seq_no(), i);
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &SeqNoTerm::term));
  EXPECT_EQ(shard.next(), SeqNoTerm(kThreads * kDraws, 1 + terms));
}

TEST(Shard, draw_by_all_threads_beyond_the_limit_gives_each_number_once) {
  constexpr std::size_t kThreads = 4, kSlotLost = 5'000;
  Shard shard;
  shard.start_at(Shard::kSeqNoLimit - kSlotLost);
  std::array<std::vector<SeqNoTerm>, kThreads> drawn;
  {
    std::vector<std::jthread> threads;
    for (auto& mine : drawn) {
      threads.emplace_back([&] {
        for (std::size_t i = 0; i < kSlotLost; ++i) {
          if (const SeqNoTerm word = shard.draw(); !word.vacant()) mine.push_back(word);
        }
      });
    }
  }
  std::vector<SeqNoTerm> all;
  for (const auto& mine : drawn) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  ASSERT_EQ(all.size(), kSlotLost);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].seq_no(), Shard::kSeqNoLimit - kSlotLost + i);
  EXPECT_EQ(shard.next(), SeqNoTerm(Shard::kSeqNoLimit, 1));
}

}  // namespace
}  // namespace occ
