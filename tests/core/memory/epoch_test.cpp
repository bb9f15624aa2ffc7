#include "core/memory/epoch.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/memory/rcu.hpp"
#include "tests/variants/contract.hpp"

namespace occ {
namespace {

using contract::run_threads;
using contract::scaled;
using Participant = EpochDomain::Participant;
using Guard = Participant::Guard;

constexpr std::size_t kBytes = 64;

class EpochTest : public ::testing::Test {
 protected:
  /// Takes a block, makes as if it had been published and taken out, retires it.
  static Block* retire_one(Participant& participant, BlockPool::Cache& cache) {
    Block* block = cache.take(kBytes);
    {
      const Guard pinned(participant);
      participant.make_room();
      participant.retire(block);
    }
    participant.collect();
    return block;
  }

  BlockPool pool_;
  EpochDomain domain_;
  BlockPool::Cache cache_{pool_}, other_cache_{pool_};
};

TEST_F(EpochTest, retired_blocks_come_back_when_nobody_is_pinned) {
  Participant participant(domain_, cache_);
  for (int i = 0; i < 10'000; ++i) retire_one(participant, cache_);
  const std::size_t warm = pool_.bytes();
  for (int i = 0; i < 200'000; ++i) retire_one(participant, cache_);
  EXPECT_EQ(pool_.bytes(), warm);
}

TEST_F(EpochTest, block_retired_after_a_pin_stays_until_it_ends) {
  Participant reader(domain_, other_cache_);
  Participant writer(domain_, cache_);
  std::optional<Guard> pinned(std::in_place, reader);
  std::set<Block*> retired;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(retired.insert(retire_one(writer, cache_)).second) << "given back under a reader's eyes, after " << i;
  }
  pinned.reset();
  bool again = false;
  for (int i = 0; i < 5'000 && !again; ++i) again = retired.contains(retire_one(writer, cache_));
  EXPECT_TRUE(again) << "nothing came back after the reader had left";
}

TEST_F(EpochTest, pin_at_every_distance_from_a_retirement_protects_it) {
  Participant reader(domain_, other_cache_);
  Participant writer(domain_, cache_);
  for (int before = 0; before < 400; ++before) {
    const Guard pinned(reader);
    std::set<Block*> retired;
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(retired.insert(retire_one(writer, cache_)).second) << before << ", " << i;
    }
  }
}

TEST_F(EpochTest, readers_that_come_and_go_do_not_hold_blocks_back) {
  Participant reader(domain_, other_cache_);
  Participant writer(domain_, cache_);
  const auto cycle = [&] {
    const Guard pinned(reader);
    for (int i = 0; i < 100; ++i) retire_one(writer, cache_);
  };
  for (int i = 0; i < 100; ++i) cycle();
  const std::size_t warm = pool_.bytes();
  for (int i = 0; i < 2'000; ++i) cycle();
  EXPECT_LE(pool_.bytes(), warm + (std::size_t{2} << 20));
}

TEST_F(EpochTest, participant_that_dies_leaves_its_blocks_to_the_next) {
  const auto live_and_die = [&] {
    Participant participant(domain_, cache_);
    for (int i = 0; i < 50; ++i) retire_one(participant, cache_);  // too few to collect
  };
  for (int i = 0; i < 100; ++i) live_and_die();
  // Nobody ever retires enough to move the epoch on by itself; one that lives longer does it for all.
  Participant participant(domain_, cache_);
  for (int i = 0; i < 2'000; ++i) retire_one(participant, cache_);
  const std::size_t warm = pool_.bytes();
  for (int i = 0; i < 2'000; ++i) live_and_die();
  for (int i = 0; i < 2'000; ++i) retire_one(participant, cache_);
  EXPECT_LE(pool_.bytes(), warm + (std::size_t{2} << 20));
}

TEST_F(EpochTest, blocks_that_the_dead_left_stay_until_the_reader_has_gone) {
  Participant reader(domain_, other_cache_);
  {
    Participant early(domain_, cache_);  // the epoch is no longer the first
    for (int i = 0; i < 2'000; ++i) retire_one(early, cache_);
  }
  const Guard pinned(reader);
  std::set<Block*> left;
  {
    Participant dying(domain_, cache_);
    for (int i = 0; i < 50; ++i) left.insert(retire_one(dying, cache_));
  }
  Participant next(domain_, cache_);
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_FALSE(left.contains(retire_one(next, cache_))) << "given back under a reader's eyes, after " << i;
  }
}

/// A reader keeps the epoch back while they die, so that all leave what they have; one that comes later takes over from
/// all of them, whichever record it gets.
TEST_F(EpochTest, blocks_left_by_several_participants_are_used_again) {
  constexpr std::size_t kLarge = 4'000;
  constexpr int kParticipants = 20, kBlocks = 50;
  Participant reader(domain_, other_cache_);
  {
    const Guard pinned(reader);
    std::vector<std::unique_ptr<Participant>> dying;
    for (int i = 0; i < kParticipants; ++i) dying.push_back(std::make_unique<Participant>(domain_, cache_));
    for (const auto& participant : dying) {
      for (int i = 0; i < kBlocks; ++i) {
        Block* block = cache_.take(kLarge);
        const Guard inside(*participant);
        participant->make_room();
        participant->retire(block);
      }
    }
  }
  Participant next(domain_, cache_);
  for (int i = 0; i < 2'000; ++i) retire_one(next, cache_);
  const std::size_t warm = pool_.bytes();
  for (int i = 0; i < kParticipants * kBlocks; ++i) static_cast<void>(cache_.take(kLarge));
  EXPECT_EQ(pool_.bytes(), warm);
}

/// What two left in bags of one place waits for the later of their epochs. At every distance between the two, since it
/// is not known here which is a whole round.
TEST_F(EpochTest, blocks_left_by_two_participants_stay_until_the_reader_has_gone) {
  for (int distance = 0; distance < 8; ++distance) {
    Participant reader(domain_, other_cache_);
    std::optional<Participant> early(std::in_place, domain_, cache_);
    std::optional<Participant> late(std::in_place, domain_, cache_);
    retire_one(*early, cache_);
    early.reset();
    for (int i = 0; i < 64 * (4 + distance); ++i) retire_one(*late, cache_);
    const Guard pinned(reader);
    std::set<Block*> left;
    for (int i = 0; i < 50; ++i) left.insert(retire_one(*late, cache_));
    late.reset();
    Participant next(domain_, cache_);
    for (int i = 0; i < 1'000; ++i) {
      ASSERT_FALSE(left.contains(retire_one(next, cache_))) << "given back under a reader's eyes, after " << i;
    }
  }
}

/// Both ways of reclamation behind one interface.
template <class Domain>
class Reclamation : public ::testing::Test {};
using Domains = ::testing::Types<EpochDomain, RcuDomain>;
struct DomainName {
  template <class Domain>
  static std::string GetName(int) {
    return std::is_same_v<Domain, EpochDomain> ? "epoch" : "rcu";
  }
};
TYPED_TEST_SUITE(Reclamation, Domains, DomainName);

TYPED_TEST(Reclamation, large_blocks_wait_in_small_numbers) {
  constexpr std::size_t kLarge = std::size_t{1} << 20;
  BlockPool pool;
  TypeParam domain;
  BlockPool::Cache cache(pool);
  typename TypeParam::Participant participant(domain, cache);
  for (int i = 0; i < 200; ++i) {
    Block* block = cache.take(kLarge);
    {
      const typename TypeParam::Participant::Guard pinned(participant);
      participant.make_room();
      participant.retire(block);
    }
    participant.collect();
  }
  EXPECT_LE(pool.bytes(), 40 * kLarge);
}

TYPED_TEST(Reclamation, blocks_of_participants_that_died_are_used_again) {
  BlockPool pool;
  TypeParam domain;
  BlockPool::Cache cache(pool);
  for (int life = 0; life < 200; ++life) {
    typename TypeParam::Participant participant(domain, cache);
    for (int i = 0; i < 10; ++i) {
      Block* block = cache.take(100'000);
      {
        const typename TypeParam::Participant::Guard pinned(participant);
        participant.make_room();
        participant.retire(block);
      }
      participant.collect();
    }
  }
  EXPECT_LE(pool.bytes(), std::size_t{40} << 20);
}

TYPED_TEST(Reclamation, block_seen_while_pinned_is_not_used_again_under_writers) {
  constexpr std::size_t kWriters = 2, kReaders = 2;
  const std::uint64_t turns = scaled(60'000);
  BlockPool pool;
  TypeParam domain;
  atomic<Block*> shared{nullptr};
  atomic<std::size_t> writing{kWriters};
  run_threads(kWriters + kReaders, [&](std::size_t thread) {
    BlockPool::Cache cache(pool);
    typename TypeParam::Participant participant(domain, cache);
    if (thread < kWriters) {
      for (std::uint64_t turn = 0; turn < turns; ++turn) {
        Block* block = cache.take(kBytes);
        // relaxed: the exchange publishes both; a reader may see neither change
        block->words()[0].store(turn * kWriters + thread, std::memory_order_relaxed);
        block->words()[1].store(turn * kWriters + thread, std::memory_order_relaxed);
        {
          const typename TypeParam::Participant::Guard pinned(participant);
          participant.make_room();
          if (Block* old = shared.exchange(block, std::memory_order_acq_rel)) participant.retire(old);
        }
        participant.collect();
      }
      writing.fetch_sub(1, std::memory_order_release);
      return;
    }
    for (std::uint64_t turn = 0; writing.load(std::memory_order_acquire) != 0; ++turn) {
      {
        const typename TypeParam::Participant::Guard pinned(participant);
        if (const Block* block = shared.load(std::memory_order_acquire)) {
          const auto first = block->words()[0].load(std::memory_order_relaxed);
          if (turn % 32 == 0) sched_yield();  // let the writers get far
          ASSERT_EQ(block->words()[1].load(std::memory_order_relaxed), first);
          ASSERT_EQ(block->words()[0].load(std::memory_order_relaxed), first);
        }
      }
      if (turn % 64 == 0) sched_yield();
    }
  });
}

/// While the reader is inside, the writer cannot come to its end, however long one waits: nothing here is a matter of
/// time in code that is right.
TEST(RcuReclamation, collect_of_a_full_batch_waits_for_the_reader_inside) {
  BlockPool pool;
  RcuDomain domain;
  atomic<bool> inside{false}, collected{false};
  run_threads(2, [&](std::size_t thread) {
    BlockPool::Cache cache(pool);
    RcuDomain::Participant participant(domain, cache);
    if (thread == 0) {
      const RcuDomain::Participant::Guard pinned(participant);
      inside.store(true, std::memory_order_release);
      for (int i = 0; i < 100 && !collected.load(std::memory_order_acquire); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      EXPECT_FALSE(collected.load(std::memory_order_acquire));
      return;
    }
    while (!inside.load(std::memory_order_acquire)) sched_yield();
    for (int i = 0; i < 5'000; ++i) {
      Block* block = cache.take(kBytes);
      {
        const RcuDomain::Participant::Guard pinned(participant);
        participant.make_room();
        participant.retire(block);
      }
      participant.collect();
    }
    collected.store(true, std::memory_order_release);
  });
}

}  // namespace
}  // namespace occ
