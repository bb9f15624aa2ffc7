#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include "core/build/inlining.hpp"
#include "core/build/piece.hpp"

namespace occ {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A byte buffer that its owner uses again and again: it grows, never shrinks, and leaves new bytes uninitialised. The
/// capacity is a multiple of 64, so a copy may write whole words, also of 16 bytes, past size().
class Source {
 public:
  [[nodiscard]] std::byte* data() noexcept { return data_.get(); }
  [[nodiscard]] const std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Bytes bytes() const noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes()); }

  /// Sets the size; the contents are unspecified if it grows beyond the capacity. Throws std::bad_alloc.
  std::byte* resize_for_overwrite(std::size_t size) { return resize_within(size, size); }
  /// The same, with a capacity of `room` bytes, which are not fewer.
  std::byte* resize_within(std::size_t room, std::size_t size) {
    if (room > capacity_) [[unlikely]]
      grow(room);
    size_ = size;
    return data_.get();
  }

  OCCKIT_INLINE void assign(Bytes bytes) {
    const std::byte* const from = bytes.data();
    if (kMasksLoads && bytes.size() <= kPaddedBytes) [[likely]] {
      move_padded(from, bytes.size(), resize_within(kPaddedBytes, bytes.size()));
    } else if (!kMasksLoads && bytes.size() >= 32 && bytes.size() <= 128) [[likely]] {  // the pieces over each other
      std::byte* const to = resize_for_overwrite(bytes.size());
      move_piece<32>(from, to);
      if (bytes.size() > 64) [[likely]] {
        move_piece<32>(from + 32, to + 32);
        move_piece<32>(from + bytes.size() - 64, to + bytes.size() - 64);
      }
      move_piece<32>(from + bytes.size() - 32, to + bytes.size() - 32);
    } else if (std::byte* const to = resize_for_overwrite(bytes.size()); !bytes.empty()) {
      std::memcpy(to, from, bytes.size());
    }
  }

 private:
  OCCKIT_NOT_INLINE void grow(std::size_t size) {
    const std::size_t grown = (std::max(size, capacity_ * 2) + 63) / 64 * 64;
    data_ = std::make_unique_for_overwrite<std::byte[]>(grown);
    capacity_ = grown;
  }

  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace occ
