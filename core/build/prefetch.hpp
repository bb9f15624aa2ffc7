#pragma once

#include <cstddef>

namespace occ {

/// Asks the processor for the cache lines of `bytes` bytes, without waiting for them; null: for none, since looking for
/// a page at 0 takes its time.
inline void prefetch_bytes(const void* at, std::size_t bytes) noexcept {
  if (at == nullptr) return;
  for (std::size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(static_cast<const char*>(at) + offset);
}

/// Of a body in a block: its head and a small source. What follows in a large one comes by itself, in order.
inline constexpr std::size_t kSmallBlockBytes = 128;

}  // namespace occ
