#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/model/source.hpp"
#include "harness/support/random.hpp"

namespace occ {

/// The binary source of a document that counts its own updates, so that a run can prove that none was lost.
///
///     [0, 8)                 counter, little-endian
///     [8, 16)                index of the document
///     [16, 24), [24, 32)     price and units in stock, in the stock workload only
///     up to the last 8       filler, a function of the index
///     the last 8             copy of the counter
///
/// What does not fit is left out, from the end of this list: 8 bytes carry the counter alone, 24 the copy too. A read
/// whose first and last words differ is torn.
class CounterSource {
 public:
  static constexpr std::size_t kLeastBytes = 8;
  static constexpr std::size_t kLeastStampedBytes = 24;
  static constexpr std::size_t kLeastStockBytes = 40;
  static constexpr std::uint64_t kPrice = 99;
  static constexpr std::uint64_t kUnits = 6;

  static void write(std::uint32_t index, std::size_t bytes, bool stock, Source& into) {
    std::byte* const at = into.resize_for_overwrite(bytes);
    const std::uint64_t filler = mix64(index);
    for (std::size_t offset = 0; offset + 8 <= bytes; offset += 8) put(at, offset, filler);
    if (bytes % 8 != 0) put(at, bytes - 8, filler);
    set_counter(into, 0);
    if (bytes >= 16) put(at, 8, index);
    if (stock) put(at, 16, kPrice), put(at, 24, kUnits);
  }

  /// How long the source of a document is under each value of its counter, where sources change their length: half of
  /// them within 8 bytes of `border`, on both of its sides and with a last word of every length; a quarter of them
  /// short, which are copied in another way; a quarter up to 1,000 bytes longer.
  static std::size_t resized_bytes(std::uint32_t index, std::uint64_t counter, std::size_t border) noexcept {
    const std::uint64_t random = mix64((std::uint64_t{index} << 32U) + counter);
    const std::uint64_t more = random >> 8U;
    switch (random % 4) {
      case 0:
        return kLeastBytes + more % 33;
      case 1:
        return border + more % 1'000;
      default:
        return border - 8 + more % 17;
    }
  }

  /// The whole of `source` is as write() made it for `index`, but for counter and units.
  static bool intact(std::uint32_t index, std::size_t bytes, bool stock, Bytes source, Source& scratch) {
    if (source.size() != bytes || !whole(index, source)) return false;
    write(index, bytes, stock, scratch);
    set_counter(scratch, counter(source));
    if (stock) set_units(scratch, units(source));
    return std::memcmp(scratch.data(), source.data(), bytes) == 0;
  }

  /// What a read can check at the cost of three loads.
  static bool whole(std::uint32_t index, Bytes source) noexcept {
    const std::size_t bytes = source.size();
    if (bytes < kLeastBytes) return false;
    if (bytes >= 16 && at(source, 8) != index) return false;
    return bytes < kLeastStampedBytes || at(source, bytes - 8) == counter(source);
  }

  /// The same, false where there is no room for a stamp.
  static bool stamped_whole(std::uint32_t index, Bytes source) noexcept {
    return source.size() >= kLeastStampedBytes && at(source, 8) == index &&
           at(source, source.size() - 8) == counter(source);
  }

  static std::uint64_t counter(Bytes source) noexcept { return at(source, 0); }
  static std::uint64_t units(Bytes source) noexcept { return at(source, 24); }

  static void set_counter(Source& source, std::uint64_t value) noexcept {
    put(source.data(), 0, value);
    if (source.size() >= kLeastStampedBytes) put(source.data(), source.size() - 8, value);
  }
  static void set_stamped_counter(Source& source, std::uint64_t value) noexcept {
    put(source.data(), 0, value);
    put(source.data(), source.size() - 8, value);
  }
  static void set_units(Source& source, std::uint64_t value) noexcept { put(source.data(), 24, value); }

 private:
  static_assert(std::endian::native == std::endian::little);

  static std::uint64_t at(Bytes source, std::size_t offset) noexcept {
    std::uint64_t value;
    std::memcpy(&value, source.data() + offset, sizeof value);
    return value;
  }
  static void put(std::byte* data, std::size_t offset, std::uint64_t value) noexcept {
    std::memcpy(data + offset, &value, sizeof value);
  }
};

}  // namespace occ
