#pragma once

#include <cstddef>

#include "core/build/inlining.hpp"
#include "core/build/masked_loads.hpp"

/// Copies of some dozen bytes in few instructions. What they are made of matters: a load takes what an earlier store
/// left in the store buffer only if that store holds all of it; otherwise it waits until the store has left, which is
/// after the cache misses before it. So a source is moved in the same pieces wherever it goes, side by side, the largest
/// first, and pieces that lie over each other are for processors without masked loads.
namespace occ {

/// 16, 32 or 64 bytes. Volatile, so that the compiler neither leaves out nor exchanges any.
template <std::size_t bytes>
OCCKIT_INLINE inline void move_piece(const std::byte* from, std::byte* to) noexcept {
  static_assert(bytes == 16 || bytes == 32 || bytes == 64);
  // Not by a type parameter, which would lose the alignment.
  if constexpr (bytes == 16) {
    *reinterpret_cast<volatile Piece16*>(to) = *reinterpret_cast<const volatile Piece16*>(from);
  } else if constexpr (bytes == 32) {
    *reinterpret_cast<volatile Piece32*>(to) = *reinterpret_cast<const volatile Piece32*>(from);
  } else {
    *reinterpret_cast<volatile Piece64*>(to) = *reinterpret_cast<const volatile Piece64*>(from);
  }
}

/// An array of `bytes` bytes, a multiple of 16.
template <std::size_t bytes>
OCCKIT_INLINE inline void move_whole(const std::byte* from, std::byte* to) noexcept {
  static_assert(bytes % 16 == 0);
  constexpr std::size_t k64 = kMasksLoads ? bytes / 64 * 64 : 0;
  constexpr std::size_t k32 = bytes / 32 * 32;
  for (std::size_t at = 0; at < k64; at += 64) move_piece<64>(from + at, to + at);
  for (std::size_t at = k64; at < k32; at += 32) move_piece<32>(from + at, to + at);
  if constexpr (k32 < bytes) move_piece<16>(from + k32, to + k32);
}

}  // namespace occ
