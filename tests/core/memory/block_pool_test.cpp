#include "core/memory/block_pool.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "tests/variants/contract.hpp"

namespace {

/// While set, this thread gets no memory from posix_memalign, where Boost.Lockfree gets its nodes from.
thread_local bool no_memory = false;
thread_local int refusals = 0;

}  // namespace

extern "C" int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  if (no_memory) {
    ++refusals;
    return ENOMEM;
  }
  *memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  return *memory == nullptr ? ENOMEM : 0;
}

namespace occ {
namespace {

using contract::run_threads;
using contract::scaled;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

TEST(SizeClass, of_every_size_is_the_smallest_class_that_holds_it) {
  for (std::size_t bytes = 1; bytes <= 70'000; ++bytes) {
    const std::size_t size_class = SizeClass::of(bytes);
    ASSERT_GE(SizeClass::bytes(size_class), bytes);
    if (size_class > 0) {
      ASSERT_LT(SizeClass::bytes(size_class - 1), bytes);
    }
    ASSERT_EQ(SizeClass::of(SizeClass::bytes(size_class)), size_class);
    if (bytes > SizeClass::kLastFineBytes) {
      ASSERT_LE(SizeClass::bytes(size_class) - bytes, bytes / 4) << bytes;
    }
  }
}

TEST(BlockPool, take_of_every_size_gives_room_of_its_own) {
  BlockPool pool;
  BlockPool::Cache cache(pool);
  std::map<std::byte*, std::size_t> taken;
  std::vector<std::pair<Block*, std::size_t>> blocks;
  for (std::size_t bytes = 0; bytes <= 3'000; ++bytes) {
    Block* block = cache.take(bytes);
    ASSERT_GE(block->capacity, bytes);
    ASSERT_EQ(block->size_class, SizeClass::of(sizeof(Block) + bytes));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(Block), 0U);
    std::memset(block->bytes(), static_cast<int>(bytes % 251), block->capacity);
    blocks.emplace_back(block, bytes);
    taken.emplace(reinterpret_cast<std::byte*>(block), sizeof(Block) + block->capacity);
  }
  const std::byte* end = nullptr;
  for (const auto& [start, bytes] : taken) {
    ASSERT_LE(end, start) << "two blocks overlap";
    end = start + bytes;
  }
  for (const auto& [block, bytes] : blocks) {
    for (std::size_t i = 0; i < block->capacity; ++i) ASSERT_EQ(block->bytes()[i], static_cast<std::byte>(bytes % 251));
    cache.give(block);
  }
}

TEST(BlockPool, take_of_the_largest_body_works) {
  BlockPool pool;
  BlockPool::Cache cache(pool);
  Block* block = cache.take(kMaxSourceBytes + 64);
  ASSERT_GE(block->capacity, kMaxSourceBytes + 64);
  std::memset(block->bytes(), 1, block->capacity);
  EXPECT_GE(pool.bytes(), kMaxSourceBytes);
  cache.give(block);
}

TEST(BlockPool, take_after_give_uses_the_memory_again) {
  BlockPool pool;
  BlockPool::Cache cache(pool);
  const auto cycle = [&](std::size_t bytes) {
    std::vector<Block*> blocks;
    for (int i = 0; i < 300; ++i) blocks.push_back(cache.take(bytes));
    EXPECT_EQ(std::set<Block*>(blocks.begin(), blocks.end()).size(), blocks.size());
    for (Block* block : blocks) cache.give(block);
  };
  for (const std::size_t bytes : {8, 100, 1'000, 5'000}) cycle(bytes);
  const std::size_t warm = pool.bytes();
  for (int round = 0; round < 50; ++round) {
    for (const std::size_t bytes : {8, 100, 1'000, 5'000}) cycle(bytes);
  }
  EXPECT_EQ(pool.bytes(), warm);
}

TEST(BlockPool, blocks_taken_here_and_given_there_come_back) {
  BlockPool pool;
  BlockPool::Cache taker(pool), giver(pool);
  const auto cycle = [&] {
    for (int i = 0; i < 1'000; ++i) giver.give(taker.take(static_cast<std::size_t>(i)));
  };
  for (int round = 0; round < 10; ++round) cycle();
  const std::size_t warm = pool.bytes();
  for (int round = 0; round < 200; ++round) cycle();
  EXPECT_LE(pool.bytes(), warm + 2 * kMegabyte);
}

TEST(BlockPool, cache_that_dies_hands_its_blocks_over) {
  BlockPool pool;
  const auto live_and_die = [&] {
    BlockPool::Cache cache(pool);
    std::vector<Block*> blocks;
    for (std::size_t i = 0; i < 100; ++i) blocks.push_back(cache.take(i * 20));
    for (Block* block : blocks) cache.give(block);
  };
  for (int round = 0; round < 5; ++round) live_and_die();
  const std::size_t warm = pool.bytes();
  for (int round = 0; round < 500; ++round) live_and_die();
  EXPECT_EQ(pool.bytes(), warm);
}

TEST(BlockPool, idle_block_keeps_its_address_and_its_head) {
  BlockPool pool;
  std::vector<std::pair<const Block*, std::uint32_t>> stale;
  {
    BlockPool::Cache cache(pool);
    std::vector<Block*> blocks;
    for (const std::size_t bytes : {std::size_t{10}, std::size_t{10'000}, kMegabyte, 4 * kMegabyte}) {
      for (int i = 0; i < 5; ++i) {
        blocks.push_back(cache.take(bytes));
        std::memset(blocks.back()->bytes(), 1, blocks.back()->capacity);
        stale.emplace_back(blocks.back(), blocks.back()->size_class);
      }
    }
    for (Block* block : blocks) cache.give(block);
  }
  // A reader that holds a stale pointer may look at all of it at any time.
  std::uint64_t seen = 0;
  for (const auto& [block, size_class] : stale) {
    EXPECT_EQ(block->size_class, size_class);
    EXPECT_EQ(block->capacity, SizeClass::bytes(size_class) - sizeof(Block));
    for (std::size_t i = 0; i < block->capacity / 8; ++i) seen += block->words()[i].load(std::memory_order_relaxed);
  }
  EXPECT_GT(seen, 0U);
}

TEST(BlockPool, idle_large_block_gives_its_pages_back) {
  BlockPool pool;
  const Block* stale = nullptr;
  {
    BlockPool::Cache cache(pool);
    Block* block = cache.take(4 * kMegabyte);
    std::memset(block->bytes(), 1, block->capacity);
    cache.give(block);
    stale = block;
  }
  // Pages that were given back read as zero.
  EXPECT_EQ(stale->bytes()[2 * kMegabyte], std::byte{0});
}

TEST(BlockPool, pool_that_dies_gives_its_memory_back) {
  const auto mapped_pages = [] {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages;
  };
  const std::uint64_t before = mapped_pages();
  for (int round = 0; round < 100; ++round) {
    BlockPool pool;
    BlockPool::Cache cache(pool);
    cache.give(cache.take(4 * kMegabyte));
  }
  EXPECT_LE(mapped_pages(), before + 100 * kMegabyte / 4096);
}

TEST(BlockPool, give_without_memory_to_hand_a_chain_over_keeps_the_blocks) {
  BlockPool pool;
  BlockPool::Cache cache(pool);
  std::vector<Block*> blocks;
  for (int i = 0; i < 1'024; ++i) blocks.push_back(cache.take(8));  // whole chains
  const std::size_t warm = pool.bytes();
  no_memory = true;
  for (Block* block : blocks) cache.give(block);
  no_memory = false;
  EXPECT_GT(refusals, 0) << "no chain was to be handed over";
  std::set<Block*> again;
  for (std::size_t i = 0; i < blocks.size(); ++i) again.insert(cache.take(8));
  EXPECT_EQ(again, std::set<Block*>(blocks.begin(), blocks.end()));
  EXPECT_EQ(pool.bytes(), warm);
}

TEST(BlockPool, new_memory_for_all_threads_at_once_is_given_once) {
  constexpr std::size_t kThreads = 4;
  std::array<Block*, kThreads> taken{};
  for (std::uint64_t round = 0; round < scaled(2'000); ++round) {
    BlockPool pool;
    run_threads(kThreads, [&](std::size_t thread) {
      BlockPool::Cache cache(pool);
      taken[thread] = cache.take(8 + 16 * thread);
      std::memset(taken[thread]->bytes(), static_cast<int>(thread), taken[thread]->capacity);
    });
    for (std::size_t thread = 0; thread < kThreads; ++thread)
      ASSERT_EQ(taken[thread]->bytes()[taken[thread]->capacity - 1], static_cast<std::byte>(thread)) << round;
  }
}

TEST(BlockPool, block_is_in_one_hand_only_under_all_threads) {
  constexpr std::size_t kThreads = 4;
  const std::uint64_t turns = scaled(50'000);
  BlockPool pool;
  run_threads(kThreads, [&](std::size_t thread) {
    std::optional<BlockPool::Cache> cache(std::in_place, pool);
    std::mt19937_64 random(thread);
    std::vector<std::pair<Block*, std::uint64_t>> mine;
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      if (mine.size() < 200 && random() % 2 == 0) {
        Block* block = cache->take(8 + random() % 300);
        const std::uint64_t mark = turn * kThreads + thread;
        block->words()[0].store(mark, std::memory_order_relaxed);  // relaxed: the block is this thread's
        mine.emplace_back(block, mark);
      } else if (!mine.empty()) {
        std::swap(mine[random() % mine.size()], mine.back());
        const auto [block, mark] = mine.back();
        mine.pop_back();
        ASSERT_EQ(block->words()[0].load(std::memory_order_relaxed), mark) << "somebody else holds this block";
        cache->give(block);
      }
      if (turn % 5'000 == 0) {
        for (const auto& [block, mark] : mine) cache->give(block);
        mine.clear();
        cache.emplace(pool);
      }
    }
    for (const auto& [block, mark] : mine) cache->give(block);
  });
  EXPECT_LE(pool.bytes(), 64 * kMegabyte);
}

}  // namespace
}  // namespace occ
