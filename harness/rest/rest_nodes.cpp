/// The one node, as clients that sniff ask for it, and what it has counted.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

/// Where this request came in, which is where others can come in too.
std::string address_of(const Request& request) {
  const std::string* host = find_header(request, "host");
  if (!host || host->empty()) return "127.0.0.1:9200";
  return host->find(':', host->rfind(']') == host->npos ? 0 : host->rfind(']')) == host->npos ? *host + ":80" : *host;
}

Json counts_json(const WriteCounts& counts, const std::vector<std::string_view>& metrics) {
  const auto wanted = [&](std::string_view metric) {
    return metrics.empty() || std::ranges::find(metrics, metric) != metrics.end();
  };
  Json json = Json::object();
  if (wanted("docs")) json["docs"] = {{"count", counts.live}, {"deleted", 0}};
  if (wanted("indexing")) {
    json["indexing"] = {{"index_total", counts.indexed},
                        {"index_current", 0},
                        {"delete_total", counts.deleted},
                        {"delete_current", 0},
                        {"is_throttled", false}};
  }
  return json;
}

/// "/_stats/METRICS", "/INDICES/_stats/METRICS"
std::vector<std::string_view> wanted_metrics(const Request& request) {
  constexpr std::string_view kOthers[] = {
      "completion", "fielddata",   "flush", "get",     "merge",    "query_cache", "recovery",      "refresh", "search",
      "segments",   "shard_stats", "store", "suggest", "translog", "warmer",      "request_cache", "bulk"};
  const std::size_t after = request.path[0] == "_stats" ? 1 : 2;
  if (request.path.size() <= after) return {};
  std::vector<std::string_view> metrics;
  std::string_view list = request.path[after];
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (name == "_all") return {};
    if (std::ranges::find(kOthers, name) != std::end(kOthers)) {
      throw unsupported(fmt::format("the metric [{}] of [_stats] is", name));
    }
    if (name != "docs" && name != "indexing") {
      throw illegal_argument(fmt::format("request [{}] contains unrecognized metric: [{}]", path_text(request), name));
    }
    metrics.push_back(name);
  }
  return metrics;
}

}  // namespace

void nodes_info(Call& call) {
  call.parameters.ignore({"timeout", "flat_settings"});
  call.parameters.refuse_unknown();
  const std::string address = address_of(call.request);
  const std::string host = address.substr(0, address.rfind(':'));
  const std::string_view number = version_number(call.compatibility);
  call.response.body = to_text(Json{{"_nodes", {{"total", 1}, {"successful", 1}, {"failed", 0}}},
                                    {"cluster_name", "occkit"},
                                    {"nodes",
                                     {{"occkit",
                                       {{"name", "occkit"},
                                        {"transport_address", address},
                                        {"host", host},
                                        {"ip", host},
                                        {"version", number},
                                        {"build_flavor", "default"},
                                        {"build_type", "occkit"},
                                        {"build_hash", "0000000"},
                                        {"roles", {"data", "ingest", "master"}},
                                        {"http",
                                         {{"bound_address", {address}},
                                          {"publish_address", address},
                                          {"max_content_length_in_bytes", 104'857'600}}}}}}}});
}

/// Documents and writes, of one index, some or all.
void all_stats(Call& call) {
  const IndexOptions options = call.parameters.index_options();
  const std::string_view level = call.parameters.get("level").value_or("indices");
  call.parameters.ignore({"forbid_closed_indices", "include_segment_file_sizes", "include_unloaded_segments"});
  const auto metrics = wanted_metrics(call.request);
  call.parameters.refuse_unknown();
  WriteCounts all;
  Json indices = Json::object();
  std::int64_t shards = 0;
  std::int64_t copies = 0;
  for (const auto& index :
       resolved(call, call.request.path[0] == "_stats" ? std::string_view() : call.indices(), options)) {
    WriteCounts counts;
    for (std::uint32_t shard = 0; shard < index->table->shards(); ++shard) counts += index->counts.of_shard(shard);
    all += counts;
    shards += index->table->shards();
    copies += index->table->shards() * index->copies.load(std::memory_order_relaxed);  // relaxed: a setting
    const Json told = counts_json(counts, metrics);
    if (level != "cluster") indices[index->name] = {{"uuid", index->uuid}, {"primaries", told}, {"total", told}};
    if (level == "shards") indices[index->name]["shards"] = shard_stats(*index);
  }
  const Json told = counts_json(all, metrics);
  Json answer = {{"_shards", {{"total", copies}, {"successful", shards}, {"failed", 0}}},
                 {"_all", {{"primaries", told}, {"total", told}}}};
  if (level != "cluster") answer["indices"] = std::move(indices);
  call.response.body = to_text(answer);
}

}  // namespace occ
