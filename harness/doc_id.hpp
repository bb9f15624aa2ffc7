#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace occ {

/// The id of a document, computed from its index: 'd' and 15 hexadecimal digits, e.g. d00000000000002a. Nothing is
/// loaded from memory, so the cost, about a nanosecond, does not depend on how many documents there are. One per
/// thread.
///
/// 16 bytes, written as two words, because hashing reads them as the same two words straight out of the store buffer.
/// An id of 17 bytes is read in words that overlap those written, which stalls: 11 ns for id and hash instead of 3 ns.
class DocId {
 public:
  static constexpr std::size_t kBytes = 16;

  /// `index` lies below 2^60. The view is good until the next call on this object.
  std::string_view operator()(std::uint64_t index) noexcept {
    const std::uint64_t head = (digits(static_cast<std::uint32_t>(index >> 32U)) & ~std::uint64_t{0xff}) | 'd';
    const std::uint64_t tail = digits(static_cast<std::uint32_t>(index));
    std::memcpy(buffer_.data(), &head, sizeof head);
    std::memcpy(buffer_.data() + sizeof head, &tail, sizeof tail);
    return {buffer_.data(), kBytes};
  }

 private:
  /// The eight hexadecimal digits of `value`, as bytes in the order of memory.
  static std::uint64_t digits(std::uint32_t value) noexcept {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t nibbles = value;
    nibbles = (nibbles | nibbles << 16U) & 0x0000ffff0000ffffU;
    nibbles = (nibbles | nibbles << 8U) & 0x00ff00ff00ff00ffU;
    nibbles = (nibbles | nibbles << 4U) & 0x0f0f0f0f0f0f0f0fU;
    const std::uint64_t is_letter = (nibbles + 0x0606060606060606U) >> 4U & 0x0101010101010101U;
    return __builtin_bswap64(nibbles + 0x3030303030303030U + is_letter * ('a' - '9' - 1));
  }

  alignas(kBytes) std::array<char, kBytes> buffer_;
};

}  // namespace occ
