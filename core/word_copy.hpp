#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/atomic.hpp"
#include "core/inlining.hpp"

/// Bytes in and out of atomic words that others may change meanwhile. Every load acquires and every store releases;
/// nothing of what is copied belongs together: whoever copies validates.
///
/// The models and the race detector see it word by word. Where neither looks, it is done in pieces of 16 and 32 bytes,
/// wherever they lie, the last one over the end of the one before. There loads are not reordered with loads nor stores
/// with stores (Intel SDM vol. 3, 9.2.2), and an instruction that the compiler cannot look into is no data race to it.
/// What counts is the number of instructions: a processor looks ahead a few hundred, so the fewer an operation has the
/// more cache misses of the next one are under way before it ends.
namespace occ {

#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
inline constexpr bool kCopiesInPieces = kLayoutIsReal;
#else
inline constexpr bool kCopiesInPieces = false;
#endif

#if defined(__AVX2__)
template <class Piece>
OCCKIT_INLINE inline Piece load_piece(const void* at) noexcept {
  Piece piece;
  if constexpr (sizeof(Piece) == 16) {
    asm volatile("vmovdqu %1, %0" : "=x"(piece) : "m"(*static_cast<const __m128i_u*>(at)) : "memory");
  } else {
    asm volatile("vmovdqu %1, %0" : "=x"(piece) : "m"(*static_cast<const __m256i_u*>(at)) : "memory");
  }
  return piece;
}
OCCKIT_INLINE inline void store_piece(void* at, __m256i piece) noexcept {
  asm volatile("vmovdqu %1, %0" : "=m"(*static_cast<__m256i_u*>(at)) : "x"(piece) : "memory");
}
#endif

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

/// Calls move(offset) so that pieces of 32 bytes cover `bytes`, 32 or more, exactly.
template <class Move>
OCCKIT_INLINE inline void cover(std::size_t bytes, Move move) noexcept {
  if (bytes <= 128) [[likely]] {  // without a loop
    move(0);
    if (bytes > 64) {
      move(32);
      move(bytes - 64);
    }
  } else {
    for (std::size_t at = 0; at + 32 < bytes; at += 32) move(at);
  }
  move(bytes - 32);
}

/// Out of the words; `to` has room for whole ones.
OCCKIT_INLINE inline void load_bytes(const atomic<std::uint64_t>* from, std::size_t bytes, std::byte* to) noexcept {
#if defined(__AVX2__)
  if constexpr (kCopiesInPieces) {
    if (bytes >= 32) {
      return cover(bytes, [from, to](std::size_t at) {
        const auto piece = load_piece<__m256i>(reinterpret_cast<const std::byte*>(from) + at);
        std::memcpy(to + at, &piece, sizeof piece);
      });
    }
  }
#endif
  for (std::size_t at = 0; at < bytes; at += 8) {
    const std::uint64_t word = from[at / 8].load(std::memory_order_acquire);  // W1
    std::memcpy(to + at, &word, sizeof word);
  }
}

/// The same out of an array of 112 bytes, and what lies behind `bytes` there as well; `to` has room for a multiple of 64.
OCCKIT_INLINE inline void load_bytes_of_112(const atomic<std::uint64_t>* from, std::size_t bytes,
                                            std::byte* to) noexcept {
#if defined(__AVX2__)
  if constexpr (kCopiesInPieces) {
    const auto move = [from, to]<class Piece>(std::size_t at) {
      const auto piece = load_piece<Piece>(reinterpret_cast<const std::byte*>(from) + at);
      std::memcpy(to + at, &piece, sizeof piece);
    };
    move.template operator()<__m256i>(0);
    move.template operator()<__m256i>(32);
    if (bytes > 64) {
      move.template operator()<__m256i>(64);
      move.template operator()<__m128i>(96);
    }
    return;
  }
#endif
  load_bytes(from, bytes, to);
}

/// Into the words. What the last one holds behind the end is nothing to rely on.
OCCKIT_INLINE inline void store_bytes(atomic<std::uint64_t>* to, const std::byte* from, std::size_t bytes) noexcept {
#if defined(__AVX2__)
  if constexpr (kCopiesInPieces) {
    if (bytes >= 32) {
      return cover(bytes, [from, to](std::size_t at) {
        __m256i piece;
        std::memcpy(&piece, from + at, sizeof piece);
        store_piece(reinterpret_cast<std::byte*>(to) + at, piece);
      });
    }
  }
#endif
  for (std::size_t at = 0; at < bytes; at += 8)
    to[at / 8].store(word_at(from, bytes, at), std::memory_order_release);  // W2
}

/// Whether the words are these bytes, with zeros behind them.
OCCKIT_INLINE inline bool equal_bytes(const atomic<std::uint64_t>* words, std::string_view bytes) noexcept {
#if defined(__AVX2__)
  if constexpr (kCopiesInPieces) {
    if (bytes.size() >= 16) {
      const auto difference = [words, bytes](std::size_t at) {
        const auto theirs = load_piece<__m128i>(reinterpret_cast<const char*>(words) + at);
        __m128i mine;
        std::memcpy(&mine, bytes.data() + at, sizeof mine);
        return _mm_xor_si128(mine, theirs);
      };
      __m128i differences = difference(bytes.size() - 16);
      std::size_t at = 0;
      do {
        differences = _mm_or_si128(differences, difference(at));
        at += 16;
      } while (at + 16 < bytes.size());
      return _mm_testz_si128(differences, differences) != 0;
    }
  }
#endif
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    // W1
    if (words[at / 8].load(std::memory_order_acquire) != word_at(bytes.data(), bytes.size(), at)) return false;
  }
  return true;
}

}  // namespace occ
