#include "harness/rest/shard_tables.hpp"

#include <utility>

#include "harness/rest/routing.hpp"

namespace occ {

std::string routed_key(std::string_view id, std::string_view routing) {
  std::string key(id);
  if (!routing.empty()) (key += kRoutingMark) += routing;
  return key;
}

ShardHandles::ShardHandles(ShardTables& tables) : tables_(tables), handles_(tables.shards()) {}

AnyHandle& ShardHandles::at(std::string_view key) {
  const std::uint32_t shard = tables_.shard_of(key);
  auto& handle = handles_[shard];
  if (!handle) handle = tables_.at(shard).handle();
  return *handle;
}

void ShardHandles::bulk(std::span<BulkItem> items) {
  for (BulkItem& item : items) {
    const std::string_view key = std::exchange(item.id, id_of(item.id));
    at(key).bulk({&item, 1});
    item.id = key;
  }
}

const Counters& ShardHandles::counters() const {
  counters_ = {};
  for (const auto& handle : handles_) {
    if (handle) counters_.merge(handle->counters());
  }
  return counters_;
}

ShardTables::ShardTables(MakeTable make_table, const TableOptions& options, std::uint32_t routing_shards)
    : make_table_(std::move(make_table)),
      routing_shards_(routing_shards),
      options_(options),
      tables_(options.shards),
      owned_(options.shards) {
  options_.shards = 1;
  (void)at(0);
}

AnyTable& ShardTables::at(std::uint32_t shard) {
  if (AnyTable* table = made(shard)) return *table;
  const std::lock_guard lock(mutex_);
  if (!owned_[shard]) {
    owned_[shard] = make_table_(options_);
    tables_[shard].store(owned_[shard].get(), std::memory_order_release);  // release: pairs with made()'s acquire
  }
  return *owned_[shard];
}

void ShardTables::set_gc_deletes(std::int64_t ms) {
  const std::lock_guard lock(mutex_);
  options_.gc_deletes_ms = ms;
  for (const auto& table : owned_) {
    if (table) table->set_gc_deletes(ms);
  }
}

std::uint32_t ShardTables::shard_of(std::string_view key) const {
  const auto mark = key.find(kRoutingMark);
  return routed_shard(mark == key.npos ? key : key.substr(mark + 1), shards(), routing_shards_);
}

SeqNoTerm ShardTables::next(std::uint32_t shard) const {
  const AnyTable* table = made(shard);
  return table ? table->next(0) : SeqNoTerm(0, 1);
}

MemoryUse ShardTables::memory() const {
  MemoryUse use;
  const std::lock_guard lock(mutex_);
  for (const auto& table : owned_) {
    if (!table) continue;
    const MemoryUse more = table->memory();
    use.bodies += more.bodies;
    use.slots += more.slots;
    use.directory += more.directory;
  }
  return use;
}

}  // namespace occ
