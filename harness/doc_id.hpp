#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace occ {

/// The id of a document, computed from its index: 'd' and 16 hexadecimal digits, e.g. d000000000000002a: 17 characters,
/// which is more than a std::string keeps inline. Nothing is loaded from memory, so the cost, a few nanoseconds, does
/// not depend on how many documents there are. One per thread.
///
/// The whole buffer is written by one 32-byte store, because hashing reads it in words that overlap each other: a load
/// that lies in no single store waits until all of them have left the store buffer.
class DocId {
 public:
  static constexpr std::size_t kBytes = 17;

  /// The view is good until the next call on this object.
  std::string_view operator()(std::uint64_t index) noexcept {
    const std::uint64_t high = digits(static_cast<std::uint32_t>(index >> 32U));
    const std::uint64_t low = digits(static_cast<std::uint32_t>(index));
    const Wide all = {high << 8U | 'd', low << 8U | high >> 56U, low >> 56U, 0};
    std::memcpy(buffer_.data(), &all, sizeof all);
    return {buffer_.data(), kBytes};
  }

 private:
  using Wide [[gnu::vector_size(32)]] = std::uint64_t;

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

  alignas(Wide) std::array<char, sizeof(Wide)> buffer_;
};

}  // namespace occ
