#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace occ {

/// The id of a document, computed from its index: 'd' and 16 hexadecimal digits, e.g. d000000000000002a: 17 characters,
/// which is more than a std::string keeps inline. Nothing is loaded from memory, so the cost, a few nanoseconds, does
/// not depend on how many documents there are.
class DocId {
 public:
  static constexpr std::size_t kBytes = 17;

  /// The view is good until the next call on this object.
  std::string_view operator()(std::uint64_t index) noexcept {
    const std::uint64_t high = digits(static_cast<std::uint32_t>(index >> 32U));
    const std::uint64_t low = digits(static_cast<std::uint32_t>(index));
    const std::uint64_t words[] = {high << 8U | 'd', low << 8U | high >> 56U, low >> 56U};
    std::memcpy(buffer_.data(), words, sizeof words);
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

  std::array<char, 24> buffer_;
};

}  // namespace occ
