#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/atomic.hpp"
#include "core/inlining.hpp"
#include "core/piece.hpp"

/// Bytes in and out of atomic words that others may change meanwhile. Every load acquires and every store releases;
/// nothing of what is copied belongs together: whoever copies validates.
///
/// The models and the race detector see it word by word. Where neither looks, it is done in pieces of 16 and 32 bytes,
/// wherever they lie, the last one over the end of the one before. That is outside the C++ standard and rests on the
/// architecture: x86-64 does not reorder loads with loads nor stores with stores (Intel SDM vol. 3, 9.2.2).
/// What counts is the number of instructions: a processor looks ahead a few hundred, so the fewer an operation has the
/// more cache misses of the next one are under way before it ends.
namespace occ {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool kCopiesInPieces = false;
#else
inline constexpr bool kCopiesInPieces = kLayoutIsReal;
#endif

/// Volatile, so that the compiler neither leaves out nor exchanges any.
OCCKIT_INLINE inline void move_piece(const void* from, void* to) noexcept {
  *static_cast<volatile Piece*>(to) = *static_cast<const volatile Piece*>(from);
}
/// Before and after pieces: the compiler moves no other access past them, and the processor needs no instruction.
inline void keep_in_order() noexcept {
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

/// In pieces that cover `bytes`, 32 or more, exactly.
OCCKIT_INLINE inline void copy_pieces(const std::byte* from, std::byte* to, std::size_t bytes) noexcept {
  const std::byte* const from_end = from + bytes;
  std::byte* const to_end = to + bytes;
  keep_in_order();
  if (bytes <= 128) [[likely]] {  // without a loop
    move_piece(from, to);
    if (bytes > 64) [[likely]] {
      move_piece(from + 32, to + 32);
      move_piece(from_end - 64, to_end - 64);
    }
  } else {
    for (std::size_t at = 0; at + 32 < bytes; at += 32) move_piece(from + at, to + at);
  }
  move_piece(from_end - 32, to_end - 32);
  keep_in_order();
}

/// Out of the words; `to` has room for whole ones.
OCCKIT_INLINE inline void load_bytes(const atomic<std::uint64_t>* from, std::size_t bytes, std::byte* to) noexcept {
  if constexpr (kCopiesInPieces) {
    if (bytes >= 32) [[likely]]
      return copy_pieces(reinterpret_cast<const std::byte*>(from), to, bytes);
  }
  for (std::size_t at = 0; at < bytes; at += 8) {
    const std::uint64_t word = from[at / 8].load(std::memory_order_acquire);  // W1
    std::memcpy(to + at, &word, sizeof word);
  }
}

/// An array of `bytes`, which `to` has room for, whole: what is not wanted costs less than to ask.
template <std::size_t bytes>
OCCKIT_INLINE inline void load_all(const atomic<std::uint64_t>* from, std::byte* to) noexcept {
  static_assert(kCopiesInPieces && bytes >= 32);
  const auto* const first = reinterpret_cast<const std::byte*>(from);
  keep_in_order();
  for (std::size_t at = 0; at + 32 < bytes; at += 32) move_piece(first + at, to + at);
  move_piece(first + bytes - 32, to + bytes - 32);
  keep_in_order();
}

/// Into the words. What the last one holds behind the end is nothing to rely on.
OCCKIT_INLINE inline void store_bytes(atomic<std::uint64_t>* to, const std::byte* from, std::size_t bytes) noexcept {
  if constexpr (kCopiesInPieces) {
    if (bytes >= 32) [[likely]]
      return copy_pieces(from, reinterpret_cast<std::byte*>(to), bytes);
  }
  for (std::size_t at = 0; at < bytes; at += 8)
    to[at / 8].store(word_at(from, bytes, at), std::memory_order_release);  // W2
}

/// Whether the words are these bytes, with zeros behind them.
OCCKIT_INLINE inline bool equal_bytes(const atomic<std::uint64_t>* words, std::string_view bytes) noexcept {
  if constexpr (kCopiesInPieces) {
    if (bytes.size() >= 16) [[likely]] {
      const auto equal = [words, bytes](std::size_t at) {
        const auto* const theirs = reinterpret_cast<const char*>(words) + at;
        __m128i piece;
        asm volatile("movdqu %1, %0" : "=x"(piece) : "m"(*reinterpret_cast<const __m128i_u*>(theirs)) : "memory");
        return _mm_cmpeq_epi8(piece, _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(bytes.data() + at)));
      };
      __m128i all = _mm_and_si128(equal(0), equal(bytes.size() - 16));
      if (bytes.size() > 32) [[unlikely]] {
        for (std::size_t at = 16; at + 16 < bytes.size(); at += 16) all = _mm_and_si128(all, equal(at));
      }
      return _mm_movemask_epi8(all) == 0xffff;
    }
  }
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    // W1
    if (words[at / 8].load(std::memory_order_acquire) != word_at(bytes.data(), bytes.size(), at)) return false;
  }
  return true;
}

}  // namespace occ
