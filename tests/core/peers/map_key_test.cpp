/// Ids as keys of other libraries' maps: what is equal, and whose bytes they are.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/peers/map_record.hpp"

namespace occ {
namespace {

TEST(MapKey, every_byte_counts) {
  const MapKey::Equal equal;
  for (std::size_t size = 1; size <= 80; ++size) {
    const std::string id(size, 'a');
    const MapKey key{id};
    EXPECT_TRUE(equal(MapId(id), key)) << size;
    EXPECT_TRUE(equal(key, MapKey(std::string(id))));
    EXPECT_EQ(MapKey::Hash()(MapId(id)), MapKey::Hash()(key));
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = id;
      other[at] = 'b';
      EXPECT_FALSE(equal(MapId(other), key)) << size << " bytes, another at " << at;
      EXPECT_FALSE(equal(key, MapId(other))) << size << " bytes, another at " << at;
    }
    EXPECT_FALSE(equal(MapId(id + 'a'), key)) << size;
  }
}

TEST(MapKey, owns_its_bytes_unless_it_borrows_them) {
  for (const std::size_t size : {1U, 22U, 23U, 512U}) {
    std::string id(size, 'a');
    const MapKey key{MapId(id)};
    const MapKey borrowing = MapKey::borrowing(id);
    const MapKey copy = borrowing;
    MapKey moved_from = copy;
    const MapKey moved = std::move(moved_from);
    id[0] = 'b';
    EXPECT_EQ(key.view(), std::string(size, 'a'));
    EXPECT_EQ(copy.view(), std::string(size, 'a'));
    EXPECT_EQ(moved.view(), std::string(size, 'a'));
    EXPECT_EQ(borrowing.view()[0], size <= MapKey::kInlineBytes ? 'a' : 'b');
  }
}

}  // namespace
}  // namespace occ
