#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/build/inlining.hpp"
#include "core/build/piece.hpp"
#include "core/build/race_detector.hpp"
#include "core/sync/atomic.hpp"

/// Bytes in and out of atomic words that others may change meanwhile. Every load acquires and every store releases;
/// nothing of what is copied belongs together: whoever copies validates.
///
/// The models and the race detector see it word by word (WordCopy). Where neither looks, it is done in pieces of 16 to
/// 64 bytes (PieceCopy), wherever they lie. That is outside the C++ standard
/// and rests on the architecture: x86-64 does not reorder loads with loads nor stores with stores (Intel SDM vol. 3,
/// 9.2.2). Both are compiled everywhere, so that tests hold them against each other.
///
/// What counts is the number of instructions: a processor looks ahead a few hundred, so the fewer an operation has the
/// more cache misses of the next one are under way before it ends.
namespace occ {

inline constexpr bool kCopiesInPieces = kLayoutIsReal && !kRaceDetector;

/// Before and after pieces: the compiler moves no other access past them, and the processor needs no instruction.
OCCKIT_INLINE inline void keep_in_order() noexcept {
  asm volatile("" ::: "memory");
}

/// Eight bytes from offset `at` on, zeros behind the end.
inline std::uint64_t word_at(const void* bytes, std::size_t size, std::size_t at) noexcept {
  const char* const from = static_cast<const char*>(bytes);
  std::uint64_t word = 0;
  const std::size_t left = size - at;
  if (left >= 8) {
    std::memcpy(&word, from + at, 8);
  } else if (size >= 8) {
    // The last eight, of which the first belong to the word before.
    std::memcpy(&word, from + size - 8, 8);
    word >>= 8 * (8 - left);
  } else {
    std::memcpy(&word, from + at, left);
  }
  return word;
}

/// Word by word: any number of bytes.
struct WordCopy {
  OCCKIT_INLINE static void load(const atomic<std::uint64_t>* from, std::size_t bytes, std::byte* to) noexcept {
    for (std::size_t at = 0; at < bytes; at += 8) {
      const std::uint64_t word = from[at / 8].load(std::memory_order_acquire);  // W1
      std::memcpy(to + at, &word, sizeof word);
    }
  }
  OCCKIT_INLINE static void store(atomic<std::uint64_t>* to, const std::byte* from, std::size_t bytes) noexcept {
    for (std::size_t at = 0; at < bytes; at += 8)
      to[at / 8].store(word_at(from, bytes, at), std::memory_order_release);  // W2
  }
  OCCKIT_INLINE static bool equal(const atomic<std::uint64_t>* words, std::string_view bytes) noexcept {
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      // W1
      if (words[at / 8].load(std::memory_order_acquire) != word_at(bytes.data(), bytes.size(), at)) return false;
    }
    return true;
  }
};

/// In pieces: kLeastCopied bytes or more, kLeastCompared or more.
struct PieceCopy {
  static constexpr std::size_t kLeastCopied = 32;
  static constexpr std::size_t kLeastCompared = kMasksLoads ? 1 : 16;

  OCCKIT_INLINE static void load(const atomic<std::uint64_t>* from, std::size_t bytes, std::byte* to) noexcept {
    copy(reinterpret_cast<const std::byte*>(from), to, bytes);
  }
  OCCKIT_INLINE static void store(atomic<std::uint64_t>* to, const std::byte* from, std::size_t bytes) noexcept {
    copy(from, reinterpret_cast<std::byte*>(to), bytes);
  }
  /// Reads four words at least.
  OCCKIT_INLINE static bool equal(const atomic<std::uint64_t>* words, std::string_view bytes) noexcept {
    if (kMasksLoads && bytes.size() <= 32) [[likely]] {
      keep_in_order();
      const Piece32 theirs = *reinterpret_cast<const volatile Piece32*>(words);
      keep_in_order();
      return begins_with(theirs, bytes.data(), bytes.size());
    }
    const auto same = [words, bytes](std::size_t at) {
      const __m128i piece = load_16(reinterpret_cast<const char*>(words) + at);
      return _mm_cmpeq_epi8(piece, _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(bytes.data() + at)));
    };
    __m128i all = _mm_and_si128(same(0), same(bytes.size() - 16));
    if (bytes.size() > 32) [[unlikely]] {
      for (std::size_t at = 16; at + 16 < bytes.size(); at += 16) all = _mm_and_si128(all, same(at));
    }
    return _mm_movemask_epi8(all) == 0xffff;
  }

 private:
  /// In pieces that cover `bytes` exactly.
  OCCKIT_INLINE static void copy(const std::byte* from, std::byte* to, std::size_t bytes) noexcept {
    const std::byte* const from_end = from + bytes;
    std::byte* const to_end = to + bytes;
    keep_in_order();
    if (bytes <= 128) [[likely]] {  // without a loop
      move_piece<32>(from, to);
      if (bytes > 64) [[likely]] {
        move_piece<32>(from + 32, to + 32);
        move_piece<32>(from_end - 64, to_end - 64);
      }
    } else {
      for (std::size_t at = 0; at + 32 < bytes; at += 32) move_piece<32>(from + at, to + at);
    }
    move_piece<32>(from_end - 32, to_end - 32);
    keep_in_order();
  }
};

/// Out of the words; `to` has room for whole ones.
OCCKIT_INLINE inline void load_bytes(const atomic<std::uint64_t>* from, std::size_t bytes, std::byte* to) noexcept {
  if constexpr (kCopiesInPieces) {
    if (bytes >= PieceCopy::kLeastCopied) [[likely]]
      return PieceCopy::load(from, bytes, to);
  }
  WordCopy::load(from, bytes, to);
}

/// An array of `bytes` bytes, a multiple of 16, which `to` has room for, whole: what is not wanted costs less than to ask.
template <std::size_t bytes>
OCCKIT_INLINE inline void load_whole(const atomic<std::uint64_t>* from, std::byte* to) noexcept {
  keep_in_order();
  move_whole<bytes>(reinterpret_cast<const std::byte*>(from), to);
  keep_in_order();
}

/// Up to kPaddedBytes bytes into an array of that size. What is behind them is nothing to rely on.
OCCKIT_INLINE inline void store_padded(atomic<std::uint64_t>* to, const std::byte* from, std::size_t bytes) noexcept {
  keep_in_order();
  move_padded(from, bytes, reinterpret_cast<std::byte*>(to));
  keep_in_order();
}

/// Into the words. What the last one holds behind the end is nothing to rely on.
OCCKIT_INLINE inline void store_bytes(atomic<std::uint64_t>* to, const std::byte* from, std::size_t bytes) noexcept {
  if constexpr (kCopiesInPieces) {
    if (bytes >= PieceCopy::kLeastCopied) [[likely]]
      return PieceCopy::store(to, from, bytes);
  }
  WordCopy::store(to, from, bytes);
}

/// Whether the words are these bytes, with zeros behind them.
OCCKIT_INLINE inline bool equal_bytes(const atomic<std::uint64_t>* words, std::string_view bytes) noexcept {
  if constexpr (kCopiesInPieces) {
    if (bytes.size() >= PieceCopy::kLeastCompared) [[likely]]
      return PieceCopy::equal(words, bytes);
  }
  return WordCopy::equal(words, bytes);
}

}  // namespace occ
