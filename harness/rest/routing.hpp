#pragma once

#include <cstdint>
#include <string_view>

namespace occ {

/// Murmur3 of 32 bits over the UTF-16 of `text`, which is UTF-8: what Elasticsearch routes by (Murmur3HashFunction).
[[nodiscard]] std::int32_t routing_hash(std::string_view text) noexcept;

/// How many parts the hashes are divided into where an index does not say: as many as it could be split into, a power of
/// two times the shards up to 1,024; before 7.0 as many as it has shards (MetadataCreateIndexService).
[[nodiscard]] std::uint32_t default_routing_shards(std::uint32_t shards, bool before_7) noexcept;

/// The shard of a document with this routing, or with this id where it has none (OperationRouting.generateShardId).
/// `routing_shards` is a multiple of `shards`.
[[nodiscard]] std::uint32_t routed_shard(std::string_view routed_by, std::uint32_t shards,
                                         std::uint32_t routing_shards) noexcept;

}  // namespace occ
