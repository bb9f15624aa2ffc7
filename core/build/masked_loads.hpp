#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/build/inlining.hpp"

/// Loads that can be told how many bytes to read, where the processor that is compiled for has them (AVX-512). The one
/// place that asks: word_copy_test is built for a processor with them and for one without.
namespace occ {

/// 16, 32 and 64 bytes anywhere, each moved by one instruction where the processor has it.
using Piece16 [[gnu::vector_size(16), gnu::aligned(1), gnu::may_alias]] = char;
using Piece32 [[gnu::vector_size(32), gnu::aligned(1), gnu::may_alias]] = char;
using Piece64 [[gnu::vector_size(64), gnu::aligned(1), gnu::may_alias]] = char;

/// Size of the array that move_padded fills.
inline constexpr std::size_t kPaddedBytes = 112;

#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__BMI2__)

inline constexpr bool kMasksLoads = true;

/// The lowest `size` bits, all 64 from there on; size is below 256.
inline std::uint64_t lowest_bits(std::size_t size) noexcept {
  return _bzhi_u64(~std::uint64_t{0}, static_cast<unsigned>(size));
}

/// `size` bytes, at most kPaddedBytes, from memory that may end behind them, to an array of kPaddedBytes, whose rest is
/// unspecified then.
OCCKIT_INLINE inline void move_padded(const std::byte* from, std::size_t size, std::byte* to) noexcept {
  const std::uint64_t rest = lowest_bits(size > 64 ? size - 64 : 0);
  // Masked loads read nothing behind `size`; a compiler that knows the array takes the whole piece for an overrun. And
  // there may be no array: 64 bytes behind nothing are an address, not a pointer.
  auto address = reinterpret_cast<std::uintptr_t>(from);
  asm("" : "+r"(address));
  *reinterpret_cast<volatile Piece64*>(to) =
      reinterpret_cast<Piece64>(_mm512_maskz_loadu_epi8(lowest_bits(size), reinterpret_cast<const void*>(address)));
  *reinterpret_cast<volatile Piece32*>(to + 64) = reinterpret_cast<Piece32>(
      _mm256_maskz_loadu_epi8(static_cast<__mmask32>(rest), reinterpret_cast<const void*>(address + 64)));
  *reinterpret_cast<volatile Piece16*>(to + 96) = reinterpret_cast<Piece16>(
      _mm_maskz_loadu_epi8(static_cast<__mmask16>(rest >> 32), reinterpret_cast<const void*>(address + 96)));
}

/// Whether `piece` begins with these bytes, at most 32.
OCCKIT_INLINE inline bool begins_with(Piece32 piece, const char* bytes, std::size_t size) noexcept {
  const auto mask = static_cast<__mmask32>(lowest_bits(size));
  return _mm256_mask_cmpneq_epi8_mask(mask, reinterpret_cast<__m256i>(piece), _mm256_maskz_loadu_epi8(mask, bytes)) ==
         0;
}

#else

inline constexpr bool kMasksLoads = false;

inline void move_padded(const std::byte* from, std::size_t size, std::byte* to) noexcept {
  if (size != 0) std::memcpy(to, from, size);
}
inline bool begins_with(Piece32 piece, const char* bytes, std::size_t size) noexcept {
  return std::memcmp(&piece, bytes, size) == 0;
}

#endif

}  // namespace occ
