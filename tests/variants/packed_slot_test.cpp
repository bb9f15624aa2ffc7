#include <gtest/gtest.h>

#include "core/memory/block_pool.hpp"
#include "variants/packed_cas.hpp"

namespace occ {
namespace {

/// A reader that was overtaken may find any number where the length should be; the word, which it reads again, tells it
/// to forget what it copied, but not before it has copied.
TEST(PackedBody, load_with_a_length_beyond_the_block_stays_inside) {
  BlockPool pool;
  BlockPool::Cache cache(pool);
  Block* block = cache.take(40);
  Document document;
  for (const std::uint64_t length :
       {std::uint64_t{block->capacity} + 1, std::uint64_t{1} << 20, (std::uint64_t{1} << 63) - 1}) {
    block->meta.store(length, std::memory_order_relaxed);  // relaxed: one thread
    PackedBody::load(*block, SeqNoTerm(0, 1), &document);
    EXPECT_LE(document.source.size(), block->capacity);
  }
  cache.give(block);
}

TEST(PackedBody, load_gives_back_what_was_stored) {
  BlockPool pool;
  BlockPool::Cache cache(pool);
  for (std::size_t size = 0; size <= 40; ++size) {
    Block* block = cache.take(40);
    const std::string source(size, static_cast<char>('a' + size % 26));
    PackedBody::store_source(*block, as_bytes(source));
    PackedBody::store_version(*block, static_cast<Version>(size));
    Document document;
    const State state = PackedBody::load(*block, SeqNoTerm(7, 2), &document);
    EXPECT_TRUE(state.live());
    EXPECT_EQ(state.version, static_cast<Version>(size));
    EXPECT_EQ(state.word, SeqNoTerm(7, 2));
    EXPECT_EQ(document.source.text(), source);
    cache.give(block);
  }
}

TEST(PackedBody, load_of_a_tombstone_gives_its_instant) {
  BlockPool pool;
  BlockPool::Cache cache(pool);
  Block* block = cache.take(8);
  PackedBody::store_tombstone(*block, -5);
  PackedBody::store_version(*block, 3);
  Document document;
  const State state = PackedBody::load(*block, SeqNoTerm(7, 2), &document);
  EXPECT_EQ(state.kind, State::Kind::tombstone);
  EXPECT_EQ(state.deleted_at_ms, -5);
  EXPECT_EQ(state.version, 3);
  cache.give(block);
}

}  // namespace
}  // namespace occ
