#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/sync/atomic.hpp"
#include "core/table/any_table.hpp"

namespace occ {

class ShardTables;

/// Divides an id from a routing in a key; UTF-8 has no such byte.
inline constexpr char kRoutingMark = '\xff';

/// What a handle of several shards is asked by: the id, and the routing behind a mark where there is one.
[[nodiscard]] std::string routed_key(std::string_view id, std::string_view routing);
[[nodiscard]] inline std::string_view id_of(std::string_view key) noexcept {
  return key.substr(0, key.find(kRoutingMark));
}

/// One thread's handles of an index's shards. Ids are keys.
class ShardHandles final : public AnyHandle {
 public:
  explicit ShardHandles(ShardTables& tables);

  Outcome get(std::string_view key, Document& into) override { return at(key).get(id_of(key), into); }
  Outcome index(std::string_view key, Bytes source, const Precondition& precondition) override {
    return at(key).index(id_of(key), source, precondition);
  }
  Outcome create(std::string_view key, Bytes source) override { return at(key).create(id_of(key), source); }
  Outcome remove(std::string_view key, const Precondition& precondition) override {
    return at(key).remove(id_of(key), precondition);
  }
  Outcome update(std::string_view key, Transform transform, const UpdateOptions& options) override {
    return at(key).update(id_of(key), transform, options);
  }
  void bulk(std::span<BulkItem> items) override;
  /// Of all shards, as of the call.
  [[nodiscard]] const Counters& counters() const override;

 private:
  [[nodiscard]] AnyHandle& at(std::string_view key);

  ShardTables& tables_;
  std::vector<std::unique_ptr<AnyHandle>> handles_;  ///< null until it is asked for
  mutable Counters counters_;
};

/// The documents of an index with several shards: a table for each, since a document is where its routing says, by
/// Elasticsearch's hash, and the same id under two routings is two documents if their shards are two. A shard's table is
/// made when it is asked for. Thread-safe; must outlive its handles.
class ShardTables final : public AnyTable {
 public:
  using MakeTable = std::function<std::unique_ptr<AnyTable>(const TableOptions&)>;

  /// `options` has the number of shards, of which `routing_shards` is a multiple.
  ShardTables(MakeTable make_table, const TableOptions& options, std::uint32_t routing_shards);

  [[nodiscard]] AnyTable& at(std::uint32_t shard);

  [[nodiscard]] const StrategyInfo& info() const override { return first().info(); }
  [[nodiscard]] std::unique_ptr<AnyHandle> handle() override { return std::make_unique<ShardHandles>(*this); }
  bool fail_over(std::uint32_t shard) override { return at(shard).fail_over(0); }
  void set_gc_deletes(std::int64_t ms) override;
  [[nodiscard]] std::uint32_t shards() const override { return static_cast<std::uint32_t>(tables_.size()); }
  [[nodiscard]] std::uint32_t shard_of(std::string_view key) const override;
  [[nodiscard]] SeqNoTerm next(std::uint32_t shard) const override;
  [[nodiscard]] MemoryUse memory() const override;

 private:
  [[nodiscard]] AnyTable* made(std::uint32_t shard) const noexcept {
    return tables_[shard].load(std::memory_order_acquire);  // acquire: pairs with at()'s release, the table is whole
  }
  [[nodiscard]] AnyTable& first() const noexcept { return *made(0); }

  MakeTable make_table_;
  std::uint32_t routing_shards_;
  mutable std::mutex mutex_;
  TableOptions options_;  ///< of one shard
  std::vector<atomic<AnyTable*>> tables_;
  std::vector<std::unique_ptr<AnyTable>> owned_;
};

}  // namespace occ
