#include "harness/rest/routing.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace occ {
namespace {

/// MurmurHash3_x86_32 (Austin Appleby, public domain), seed 0, taken two UTF-16 units at a time.
class Murmur3 {
 public:
  void add(std::uint32_t unit) noexcept {
    block_ |= unit << (half_ ? 16U : 0U);
    bytes_ += 2;
    half_ = !half_;
    if (half_) return;
    hash_ = std::rotl(hash_ ^ scrambled(), 13) * 5 + 0xe6546b64U;
    block_ = 0;
  }
  [[nodiscard]] std::uint32_t finish() const noexcept {
    std::uint32_t hash = (half_ ? hash_ ^ scrambled() : hash_) ^ bytes_;
    hash = (hash ^ (hash >> 16U)) * 0x85ebca6bU;
    hash = (hash ^ (hash >> 13U)) * 0xc2b2ae35U;
    return hash ^ (hash >> 16U);
  }

 private:
  [[nodiscard]] std::uint32_t scrambled() const noexcept { return std::rotl(block_ * 0xcc9e2d51U, 15) * 0x1b873593U; }

  std::uint32_t hash_ = 0;
  std::uint32_t block_ = 0;
  std::uint32_t bytes_ = 0;
  bool half_ = false;
};

/// The code point that begins at `at`, which is moved behind it.
std::uint32_t next_point(std::string_view text, std::size_t& at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  std::uint32_t point = lead & (0x3fU >> static_cast<unsigned>(more));
  for (int k = 0; k < more && at < text.size(); ++k) {
    point = point << 6U | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  }
  return point;
}

}  // namespace

std::int32_t routing_hash(std::string_view text) noexcept {
  Murmur3 hash;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t point = next_point(text, at);
    if (point < 0x10000) {
      hash.add(point);
    } else {
      hash.add(0xd7c0U + (point >> 10U));
      hash.add(0xdc00U | (point & 0x3ffU));
    }
  }
  return static_cast<std::int32_t>(hash.finish());
}

std::uint32_t default_routing_shards(std::uint32_t shards, bool before_7) noexcept {
  if (before_7) return shards;
  constexpr int kLogOfMost = 10;
  const int splits = std::max(1, kLogOfMost - static_cast<int>(std::bit_width(shards - 1)));
  return shards << static_cast<unsigned>(splits);
}

std::uint32_t routed_shard(std::string_view routed_by, std::uint32_t shards, std::uint32_t routing_shards) noexcept {
  const std::int64_t part = std::int64_t{routing_hash(routed_by)} % routing_shards;
  return static_cast<std::uint32_t>(part < 0 ? part + routing_shards : part) / (routing_shards / shards);
}

}  // namespace occ
