/// Every size up to some hundred bytes, in and out of words: nothing missing, nothing else touched.
#include "core/word_copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/packed_body.hpp"

namespace occ {
namespace {

constexpr std::size_t kMost = 300;
using Words = std::array<atomic<std::uint64_t>, kMost / 8 + 9>;

std::string bytes_of(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(1 + (i * 37 + seed * 101) % 255);
  return bytes;
}

TEST(WordCopy, of_every_size_comes_back_and_leaves_the_rest_alone) {
  for (std::size_t size = 0; size <= kMost; ++size) {
    alignas(64) Words words{};
    for (auto& word : words) word.store(~std::uint64_t{0}, std::memory_order_relaxed);
    const std::string bytes = bytes_of(size, 1);
    store_bytes(words.data(), reinterpret_cast<const std::byte*>(bytes.data()), size);
    for (std::size_t at = (size + 7) / 8; at < words.size(); ++at)
      ASSERT_EQ(words[at].load(std::memory_order_relaxed), ~std::uint64_t{0}) << size << " bytes, word " << at;
    std::string back((size + 7) / 8 * 8 + 1, '#');
    load_bytes(words.data(), size, reinterpret_cast<std::byte*>(back.data()));
    ASSERT_EQ(back.substr(0, size), bytes);
    ASSERT_EQ(back.back(), '#') << size;
  }
}

TEST(WordCopy, of_every_inline_size_comes_back) {
  for (std::size_t size = 0; size <= InlineBody::capacity; ++size) {
    InlineBody body;
    const std::string bytes = bytes_of(size, 2);
    PackedBody::store_source(body, as_bytes(bytes));
    Document into;
    ASSERT_TRUE(PackedBody::load(body, SeqNoTerm(0, 1), &into).live());
    ASSERT_EQ(into.source.text(), bytes);
  }
}

TEST(WordCopy, word_at_the_end_has_zeros_behind_it) {
  const std::string_view bytes = "abcdefghijk";
  EXPECT_EQ(word_at(bytes.data(), 11, 8), std::uint64_t{'i'} | std::uint64_t{'j'} << 8 | std::uint64_t{'k'} << 16);
  EXPECT_EQ(word_at(bytes.data(), 2, 0), std::uint64_t{'a'} | std::uint64_t{'b'} << 8);
}

TEST(WordCopy, compares_every_byte) {
  for (std::size_t size = 1; size <= 130; ++size) {
    Words words{};
    const std::string bytes = bytes_of(size, 3);
    for (std::size_t at = 0; at < size; at += 8)
      words[at / 8].store(word_at(bytes.data(), size, at), std::memory_order_relaxed);
    ASSERT_TRUE(equal_bytes(words.data(), bytes)) << size;
    for (std::size_t changed = 0; changed < size; ++changed) {
      std::string other = bytes;
      other[changed] = static_cast<char>(other[changed] ^ 1);
      ASSERT_FALSE(equal_bytes(words.data(), other)) << size << " bytes, at " << changed;
    }
  }
}

}  // namespace
}  // namespace occ
