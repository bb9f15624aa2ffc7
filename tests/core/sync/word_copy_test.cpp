/// Every size up to some hundred bytes, in and out of words: nothing missing, nothing else touched. Both forms, the one
/// that is measured and the one that the race detector and the models see, do the same, one after the other and against
/// another thread.
#include "core/sync/word_copy.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/slots/packed_body.hpp"
#include "core/slots/tag_match.hpp"

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

/// Caller's bytes at every offset from a piece's boundary, words at every one of a cache line's.
class BothForms : public ::testing::Test {
 protected:
  static constexpr std::size_t kOffsets = 33;
  static constexpr std::uint64_t kUntouched = 0xa5a5a5a5a5a5a5a5;

  struct alignas(64) Room {
    std::array<atomic<std::uint64_t>, kMost / 8 + 16> words;
    Room() {
      for (auto& word : words) word.store(kUntouched, std::memory_order_relaxed);  // relaxed: one thread
    }
    [[nodiscard]] std::string bytes(std::size_t first, std::size_t size) const {
      std::string all((size + 7) / 8 * 8, '\0');
      for (std::size_t at = 0; at < size; at += 8) {
        const std::uint64_t word = words[first + at / 8].load(std::memory_order_relaxed);  // relaxed: one thread
        std::memcpy(all.data() + at, &word, 8);
      }
      return all.substr(0, size);
    }
  };
};

TEST_F(BothForms, store_the_same_bytes_and_nothing_before_or_behind_their_words) {
  for (std::size_t size = PieceCopy::kLeastCopied; size <= kMost; ++size) {
    for (std::size_t offset = 0; offset < kOffsets; ++offset) {
      const std::size_t first = 1 + (size + offset) % 8;
      const std::string text = bytes_of(offset + size, 4);
      const auto* const from = reinterpret_cast<const std::byte*>(text.data()) + offset;
      Room by_word, by_piece;
      WordCopy::store(by_word.words.data() + first, from, size);
      PieceCopy::store(by_piece.words.data() + first, from, size);
      for (const Room* room : {&by_word, &by_piece}) {
        ASSERT_EQ(room->bytes(first, size), text.substr(offset)) << size << " bytes from offset " << offset;
        for (std::size_t word = 0; word < room->words.size(); ++word) {
          if (word >= first && word < first + (size + 7) / 8) continue;
          ASSERT_EQ(room->words[word].load(std::memory_order_relaxed), kUntouched) << size << " bytes, word " << word;
        }
      }
    }
  }
}

TEST_F(BothForms, load_the_same_bytes_to_wherever_they_shall_lie) {
  for (std::size_t size = PieceCopy::kLeastCopied; size <= kMost; ++size) {
    for (std::size_t offset = 0; offset < kOffsets; ++offset) {
      const std::size_t first = 1 + (size + offset) % 8;
      const std::string text = bytes_of(size, 5);
      Room room;
      WordCopy::store(room.words.data() + first, reinterpret_cast<const std::byte*>(text.data()), size);
      std::string by_word(offset + size + 16, '#'), by_piece = by_word;
      WordCopy::load(room.words.data() + first, size, reinterpret_cast<std::byte*>(by_word.data()) + offset);
      PieceCopy::load(room.words.data() + first, size, reinterpret_cast<std::byte*>(by_piece.data()) + offset);
      for (const std::string& to : {by_word, by_piece}) {
        ASSERT_EQ(to.substr(offset, size), text) << size << " bytes to offset " << offset;
        ASSERT_EQ(to.substr(0, offset), std::string(offset, '#')) << size;
        ASSERT_EQ(to.substr(offset + (size + 7) / 8 * 8), std::string(to.size() - offset - (size + 7) / 8 * 8, '#'))
            << size;
      }
    }
  }
}

TEST_F(BothForms, load_an_array_whole_as_word_by_word) {
  const auto check = [&]<std::size_t size>() {
    const std::string text = bytes_of(size, 6);
    Room room;
    WordCopy::store(room.words.data() + 1, reinterpret_cast<const std::byte*>(text.data()), size);
    std::string to(size + 8, '#');
    load_whole<size>(room.words.data() + 1, reinterpret_cast<std::byte*>(to.data()));
    ASSERT_EQ(to, text + "########") << size;
  };
  check.operator()<32>();
  check.operator()<48>();
  check.operator()<InlineBody::capacity>();
  check.operator()<128>();
}

TEST_F(BothForms, store_what_fits_into_a_slot_from_memory_that_ends_behind_it) {
  for (std::size_t size = 0; size <= InlineBody::capacity; ++size) {
    const std::string text = bytes_of(size, 10);
    // Of that size, so that AddressSanitizer and the allocator's neighbours would show a byte too many.
    const std::vector<std::byte> from(reinterpret_cast<const std::byte*>(text.data()),
                                      reinterpret_cast<const std::byte*>(text.data()) + size);
    Room room;
    store_padded(room.words.data() + 1, from.data(), size);
    ASSERT_EQ(room.bytes(1, size), text);
    ASSERT_EQ(room.words[0].load(std::memory_order_relaxed), kUntouched) << size;
    ASSERT_EQ(room.words[1 + InlineBody::kWords].load(std::memory_order_relaxed), kUntouched) << size;
    Source source;
    source.assign(from);
    ASSERT_EQ(source.text(), text);
  }
}

TEST_F(BothForms, compare_alike) {
  std::mt19937_64 random(8);
  for (std::size_t size = PieceCopy::kLeastCompared; size <= kMost; ++size) {
    for (std::size_t offset = 0; offset < kOffsets; ++offset) {
      const std::size_t first = 1 + (size + offset) % 8;
      std::string text = bytes_of(offset + size, 7);
      const std::string_view id = std::string_view(text).substr(offset);
      Room room;
      WordCopy::store(room.words.data() + first, reinterpret_cast<const std::byte*>(id.data()), size);
      const auto* const words = room.words.data() + first;
      ASSERT_TRUE(WordCopy::equal(words, id)) << size;
      ASSERT_TRUE(PieceCopy::equal(words, id)) << size;
      for (const std::size_t changed : {std::size_t{0}, std::min(size, std::size_t{16}) - 1, size / 2,
                                        size - std::min(size, std::size_t{16}), size - 1, random() % size}) {
        char& byte = text[offset + changed];
        const char before = byte;
        byte = static_cast<char>(byte ^ (1 << random() % 8));
        ASSERT_FALSE(WordCopy::equal(words, id)) << size << " bytes, at " << changed;
        ASSERT_FALSE(PieceCopy::equal(words, id)) << size << " bytes, at " << changed;
        byte = before;
      }
    }
  }
}

TEST_F(BothForms, find_every_tag_in_the_same_lanes) {
  std::mt19937_64 random(9);
  const auto check = [&]<unsigned words>() {
    for (int turn = 0; turn < 2'000; ++turn) {
      alignas(64) std::array<atomic<std::uint64_t>, 8> tags{};
      for (auto& word : tags) {
        // Few different bytes, so that a tag is there several times.
        std::uint64_t bytes = 0;
        for (int byte = 0; byte < 8; ++byte) bytes = bytes << 8 | (random() % 4 == 0 ? random() % 256 : turn % 5);
        word.store(bytes, std::memory_order_relaxed);  // relaxed: one thread
      }
      for (unsigned tag = 0; tag < 256; ++tag) {
        const auto one = static_cast<std::uint8_t>(tag);
        std::uint32_t expected = 0;
        for (unsigned lane = 0; lane < 8 * words; ++lane) {
          const std::uint64_t word = tags[lane / 8].load(std::memory_order_relaxed);
          expected |= std::uint32_t{(word >> lane % 8 * 8 & 0xff) == tag} << lane;
        }
        ASSERT_EQ((TagMatch<words>::one_by_one(tags.data(), one)), expected) << tag;
        ASSERT_EQ((TagMatch<words>::at_once(tags.data(), one)), expected) << tag;
      }
    }
  };
  check.operator()<1>();
  check.operator()<3>();
  check.operator()<4>();
}

TEST_F(BothForms, load_every_quarter_of_a_word) {
  std::mt19937_64 random(10);
  std::array<atomic<std::uint64_t>, 5> words{};
  for (auto& word : words) word.store(random(), std::memory_order_relaxed);  // relaxed: one thread
  for (std::size_t at = 0; at < 4 * words.size(); ++at) {
    const auto expected = static_cast<std::uint16_t>(words[at / 4].load(std::memory_order_relaxed) >> at % 4 * 16);
    ASSERT_EQ(load_quarter_of_word(words.data(), at), expected) << at;
    ASSERT_EQ(load_quarter_alone(words.data(), at), expected) << at;
  }
}

template <class Body>
void run_two(Body body) {
  const std::jthread other([&] { body(std::size_t{0}); });
  body(std::size_t{1});
}

/// What strategies rest on: a copy between two looks at what a writer says before and after it stores has no byte older
/// than what was seen before, and none newer than what is seen after. The writer is never a hundred rounds ahead, so that
/// a byte tells which round stored it.
template <class Store, class Load>
void race(std::size_t size, Store store, Load load) {
  constexpr std::uint64_t kAhead = 100;
  constexpr std::uint64_t kRounds = 3'000;
  struct alignas(128) Shared {
    atomic<std::uint64_t> value{0};
  };
  Shared begun, published, seen;
  alignas(64) Words words{};
  run_two([&](std::size_t thread) {
    std::array<std::byte, kMost + 64> bytes{};
    if (thread == 0) {
      for (std::uint64_t round = 1; round <= kRounds; ++round) {
        while (round > seen.value.load(std::memory_order_acquire) + kAhead) sched_yield();
        bytes.fill(static_cast<std::byte>(round));
        begun.value.store(round, std::memory_order_release);
        store(words.data(), bytes.data(), size);
        published.value.store(round, std::memory_order_release);
      }
      return;
    }
    for (std::uint64_t oldest = 0; oldest < kRounds;) {
      oldest = published.value.load(std::memory_order_acquire);
      load(words.data(), size, bytes.data());
      const std::uint64_t newest = begun.value.load(std::memory_order_relaxed);  // relaxed: behind the copy, as B6 is
      for (std::size_t at = 0; at < size; ++at) {
        const auto after = static_cast<std::uint8_t>(static_cast<std::uint64_t>(bytes[at]) - oldest);
        if (after > newest - oldest) {
          ADD_FAILURE() << "byte " << at << " of " << size << " is " << int{after} << " rounds after " << oldest
                        << ", of " << newest - oldest;
          oldest = kRounds;
          break;
        }
      }
      seen.value.store(oldest, std::memory_order_release);
    }
  });
}

TEST(WordCopyRace, copy_has_nothing_older_than_the_look_before_and_nothing_newer_than_the_look_after) {
  for (const std::size_t size : {std::size_t{33}, std::size_t{InlineBody::capacity}, std::size_t{300}}) {
    race(size, &WordCopy::store, &WordCopy::load);
    if (kRaceDetector) continue;  // it takes pieces for a race
    race(size, &PieceCopy::store, &PieceCopy::load);
    race(size, &PieceCopy::store, &WordCopy::load);
    race(size, &WordCopy::store, &PieceCopy::load);
  }
  if (kRaceDetector) return;
  const auto whole = [](const atomic<std::uint64_t>* from, std::size_t, std::byte* to) {
    load_whole<InlineBody::capacity>(from, to);
  };
  race(InlineBody::capacity, &PieceCopy::store, whole);
  race(InlineBody::capacity, &WordCopy::store, whole);
}

/// A word of tags is looked at whole, however many go at once.
TEST(WordCopyRace, tags_of_one_word_are_of_one_moment) {
  alignas(64) std::array<atomic<std::uint64_t>, 8> tags{};
  constexpr std::uint64_t kAll = 0x0101010101010101;
  atomic<bool> done{false};
  run_two([&](std::size_t thread) {
    if (thread == 0) {
      for (std::uint64_t turn = 0; turn < 100'000; ++turn) {
        for (auto& word : tags) word.store(kAll * (1 + turn % 2), std::memory_order_release);
      }
      done.store(true, std::memory_order_release);
      return;
    }
    while (!done.load(std::memory_order_acquire)) {
      for (const std::uint32_t lanes :
           {TagMatch<3>::one_by_one(tags.data(), 1), kRaceDetector ? 0 : TagMatch<3>::at_once(tags.data(), 1)}) {
        for (unsigned word = 0; word < 3; ++word) {
          const std::uint32_t of_word = lanes >> 8 * word & 0xff;
          ASSERT_TRUE(of_word == 0 || of_word == 0xff) << of_word;
        }
      }
    }
  });
}

}  // namespace
}  // namespace occ
