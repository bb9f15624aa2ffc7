/// `_cat`: tables for people.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "harness/rest/cat_table.hpp"
#include "harness/rest/filter_path.hpp"

namespace occ {
namespace {

constexpr std::string_view kAddress = "127.0.0.1";

/// The list that a path like "/_cat/indices/a,b" ends with.
std::string_view named(const Call& call) {
  return call.request.path.size() > 2 ? std::string_view(call.request.path[2]) : std::string_view();
}

std::string bytes_text(std::size_t bytes) {
  constexpr std::string_view kUnits[] = {"b", "kb", "mb", "gb"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1'024 && unit + 1 < std::size(kUnits); ++unit) value /= 1'024;
  const std::string text = fmt::format("{:.1f}", value);
  return (text.ends_with(".0") ? text.substr(0, text.size() - 2) : text) + std::string(kUnits[unit]);
}

std::string time_text(const Call& call) {
  const auto seconds = static_cast<std::time_t>(call.node.wall_clock_ms() / 1'000);
  return fmt::format("{:%H:%M:%S}", fmt::gmtime(seconds));
}

std::string epoch_text(const Call& call) {
  return std::to_string(call.node.wall_clock_ms() / 1'000);
}

std::int64_t copies_of(const Index& index) {
  return index.copies.load(std::memory_order_relaxed);  // relaxed: a setting, it orders nothing
}

std::string date_text(std::int64_t ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1'000)), ms % 1'000);
}

WriteCounts counts_of(const Index& index) {
  WriteCounts sum;
  for (std::uint32_t shard = 0; shard < index.table->shards(); ++shard) sum += index.counts.of_shard(shard);
  return sum;
}

}  // namespace

void cat_indices(Call& call) {
  static const std::vector<CatColumn> columns = {
      {"health", "h", "current health status"},
      {"status", "s", "open/close status"},
      {"index", "i,idx", "index name"},
      {"uuid", "id,uuid", "index uuid"},
      {"pri", "p,shards.primary,shardsPrimary", "number of primary shards", true, true},
      {"rep", "r,shards.replica,shardsReplica", "number of replica shards", true, true},
      {"docs.count", "dc,docsCount", "available docs", true, true},
      {"docs.deleted", "dd,docsDeleted", "deleted docs", true, true},
      {"creation.date", "cd", "index creation date (millisecond value)", false},
      {"creation.date.string", "cds", "index creation date (as string)", false},
      {"store.size", "ss,storeSize", "store size of primaries & replicas", true, true},
      {"pri.store.size", "", "store size of primaries", true, true}};
  CatTable table(call, columns);
  const IndexOptions options = call.parameters.index_options();
  const auto health = call.parameters.get("health");
  call.parameters.ignore({"pri", "include_unloaded_segments"});
  if (table.help()) return;
  for (const auto& index : resolved(call, named(call), options)) {
    const std::string_view state = copies_of(*index) > 1 ? "yellow" : "green";
    if (health && *health != state) continue;
    const std::string stored = bytes_text(index->table->memory().bodies);
    table.add({std::string(state), "open", index->name, index->uuid, std::to_string(index->table->shards()),
               std::to_string(copies_of(*index) - 1), std::to_string(counts_of(*index).live), "0",
               std::to_string(index->created_at_ms), date_text(index->created_at_ms), stored, stored});
  }
  table.answer();
}

void cat_shards(Call& call) {
  static const std::vector<CatColumn> columns = {{"index", "i,idx", "index name"},
                                                 {"shard", "s,sh", "shard name"},
                                                 {"prirep", "p,pr,primaryOrReplica", "primary or replica"},
                                                 {"state", "st", "shard state"},
                                                 {"docs", "d,dc", "number of docs in shard", true, true},
                                                 {"store", "sto", "store size of shard", true, true},
                                                 {"ip", "", "ip of node where it lives"},
                                                 {"id", "", "unique id of node where it lives", false},
                                                 {"node", "n", "name of node where it lives"}};
  CatTable table(call, columns);
  if (table.help()) return;
  for (const auto& index : resolved(call, named(call), {})) {
    const std::uint32_t shards = index->table->shards();
    const std::string stored = bytes_text(index->table->memory().bodies / shards);
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      table.add({index->name, std::to_string(shard), "p", "STARTED", std::to_string(index->counts.of_shard(shard).live),
                 stored, std::string(kAddress), "occkit", "occkit"});
      for (std::int64_t copy = 1; copy < copies_of(*index); ++copy) {
        table.add({index->name, std::to_string(shard), "r", "UNASSIGNED", "", "", "", "", ""});
      }
    }
  }
  table.answer();
}

void cat_count(Call& call) {
  static const std::vector<CatColumn> columns = {{"epoch", "t,time", "seconds since 1970-01-01 00:00:00"},
                                                 {"timestamp", "ts,hms,hhmmss", "time in HH:MM:SS"},
                                                 {"count", "dc,docs.count,docsCount", "the document count"}};
  CatTable table(call, columns);
  if (table.help()) return;
  std::int64_t count = 0;
  for (const auto& index : resolved(call, named(call), {})) count += counts_of(*index).live;
  table.add({epoch_text(call), time_text(call), std::to_string(count)});
  table.answer();
}

void cat_health(Call& call) {
  static const std::vector<CatColumn> columns = {
      {"epoch", "t,time", "seconds since 1970-01-01 00:00:00"},
      {"timestamp", "ts,hms,hhmmss", "time in HH:MM:SS"},
      {"cluster", "cl", "cluster name"},
      {"status", "st", "health status"},
      {"node.total", "nt,nodeTotal", "total number of nodes", true, true},
      {"node.data", "nd,nodeData", "number of nodes that can store data", true, true},
      {"shards", "t,sh,shards.total,shardsTotal", "total number of shards", true, true},
      {"pri", "p,shards.primary,shardsPrimary", "number of primary shards", true, true},
      {"relo", "r,shards.relocating,shardsRelocating", "number of relocating nodes", true, true},
      {"init", "i,shards.initializing,shardsInitializing", "number of initializing nodes", true, true},
      {"unassign", "u,shards.unassigned,shardsUnassigned", "number of unassigned shards", true, true},
      {"pending_tasks", "pt,pendingTasks", "number of pending tasks", true, true},
      {"max_task_wait_time", "mtwt,maxTaskWaitTime", "wait time of longest task pending", true, true},
      {"active_shards_percent", "asp,activeShardsPercent", "active number of shards in percent", true, true}};
  const bool has_time = call.parameters.flag("ts", true);
  CatTable table(call, columns);
  if (table.help()) return;
  std::int64_t shards = 0;
  std::int64_t missing = 0;
  for (const auto& [name, index] : *call.node.indices()) {
    shards += index->table->shards();
    missing += index->table->shards() * (copies_of(*index) - 1);
  }
  const double active =
      shards + missing == 0 ? 1.0 : static_cast<double>(shards) / static_cast<double>(shards + missing);
  table.add({epoch_text(call), time_text(call), "occkit", missing > 0 ? "yellow" : "green", "1", "1",
             std::to_string(shards), std::to_string(shards), "0", "0", std::to_string(missing), "0", "-",
             fmt::format("{:.1f}%", 100 * active)});
  if (!has_time) table.hide(2);
  table.answer();
}

void cat_aliases(Call& call) {
  static const std::vector<CatColumn> columns = {{"alias", "a", "alias name"},
                                                 {"index", "i,idx", "index alias points to"},
                                                 {"filter", "f,fi", "filter"},
                                                 {"routing.index", "ri,routingIndex", "index routing"},
                                                 {"routing.search", "rs,routingSearch", "search routing"},
                                                 {"is_write_index", "w,isWriteIndex", "write index"}};
  CatTable table(call, columns);
  call.parameters.ignore({"expand_wildcards"});
  if (table.help()) return;
  const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  for (const auto& [name, targets] : *call.node.aliases()) {
    if (!is_listed(named(call), name)) continue;
    for (const auto& [index, alias] : targets) {
      const std::string writes = alias.is_write_index ? (*alias.is_write_index ? "true" : "false") : "-";
      table.add({name, index, "-", or_dash(alias.index_routing), or_dash(alias.search_routing), writes});
    }
  }
  table.answer();
}

}  // namespace occ
