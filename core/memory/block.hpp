#pragma once

#include <cstddef>
#include <cstdint>

#include "core/sync/atomic.hpp"

namespace occ {

/// Memory for one body: a fixed head, then `capacity` bytes for the source. Type-stable: from its first use until the
/// pool dies its address stays mapped and its head stays a head, so a reader that holds a stale pointer reads old or
/// new numbers, never another type.
struct Block {
  /// Constant for the block's life, so readable without synchronisation by whoever got the pointer from a published
  /// word.
  std::uint32_t size_class;
  std::uint32_t capacity;
  /// `_version` of the document; the next free block while this one is free.
  atomic<std::uint64_t> version;
  /// Bytes of the source, or a tombstone's mark.
  atomic<std::uint64_t> meta;

  [[nodiscard]] atomic<std::uint64_t>* words() noexcept { return reinterpret_cast<atomic<std::uint64_t>*>(this + 1); }
  [[nodiscard]] const atomic<std::uint64_t>* words() const noexcept {
    return reinterpret_cast<const atomic<std::uint64_t>*>(this + 1);
  }
  [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] const std::byte* bytes() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }
};
static_assert(!kLayoutIsReal || sizeof(Block) == 24);

}  // namespace occ
