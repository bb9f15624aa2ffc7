#pragma once

// Ids are short: the scalar form, whose vector forms g++ 12 warns about.
#define XXH_VECTOR 0
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

#include "core/build/inlining.hpp"

// Inlined wherever it is called; by itself g++ finds it too large. clang++ does not take the wish after the definition.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
OCCKIT_INLINE XXH_PUBLIC_API XXH64_hash_t XXH3_64bits(const void* input, std::size_t length);
#pragma GCC diagnostic pop

namespace occ {

/// The hash of an id, from which its shard and its place in the directory are taken. XXH3, 64 bits.
OCCKIT_INLINE inline std::uint64_t hash_id(std::string_view id) noexcept {
  return XXH3_64bits(id.data(), id.size());
}

/// The shard of an id: the low half of its hash, scaled. All shards share one directory, so it does not matter that the
/// directory's bits are among these.
inline std::uint32_t route(std::uint64_t hash, std::uint32_t shards) noexcept {
  return static_cast<std::uint32_t>(((hash & 0xffffffffU) * shards) >> 32U);
}

}  // namespace occ
