/// Requests that concern the node: what clients ask before anything else, and the kit's own.
#include <fmt/format.h>

#include <limits>

#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

struct Imitated {
  std::string_view number, lucene, wire, index;
};

/// Clients read the number to choose what they send.
constexpr Imitated imitated(Compatibility compatibility) {
  switch (compatibility) {
    case Compatibility::v6:
      return {"6.8.0", "7.7.0", "5.6.0", "5.0.0"};
    case Compatibility::v7:
      return {"7.17.0", "8.11.1", "6.8.0", "6.0.0-beta1"};
    default:
      return {"8.11.0", "9.8.0", "7.17.0", "7.0.0"};
  }
}

constexpr std::string_view kCluster = "occkit";
/// The same in every process: there is nothing of a cluster to tell apart.
constexpr std::string_view kClusterUuid = "occkitoccki_AAAAAAAAAA";

}  // namespace

std::string_view version_number(Compatibility compatibility) {
  return imitated(compatibility).number;
}

void node_info(Call& call) {
  call.parameters.refuse_unknown_and_body(call.compatibility);
  const Imitated version = imitated(call.compatibility);
  call.response.body = to_text(Json{{"name", kCluster},
                                    {"cluster_name", kCluster},
                                    {"cluster_uuid", kClusterUuid},
                                    {"version",
                                     {{"number", version.number},
                                      // Official clients refuse a server that is not of this flavor.
                                      {"build_flavor", "default"},
                                      {"build_type", "occkit"},
                                      {"build_hash", "0000000"},
                                      {"build_date", "1970-01-01T00:00:00.000Z"},
                                      {"build_snapshot", false},
                                      {"lucene_version", version.lucene},
                                      {"minimum_wire_compatibility_version", version.wire},
                                      {"minimum_index_compatibility_version", version.index}}},
                                    {"tagline", "You Know, for Search"}});
}

/// There is one node and nothing is replicated: what there is, is there.
void cluster_health(Call& call) {
  call.parameters.ignore({"timeout", "master_timeout", "wait_for_status", "wait_for_nodes", "wait_for_active_shards",
                          "wait_for_no_relocating_shards", "wait_for_no_initializing_shards", "wait_for_events",
                          "local", "level", "expand_wildcards"});
  call.parameters.refuse_unknown_and_body(call.compatibility);
  std::int64_t shards = 0;
  if (call.request.path.size() == 3) {
    for (const auto& index : resolved(call, call.request.path[2], {})) shards += index->table->shards();
  } else {
    for (const auto& [name, index] : *call.node.indices()) shards += index->table->shards();
  }
  call.response.body = to_text(Json{{"cluster_name", kCluster},
                                    {"status", "green"},
                                    {"timed_out", false},
                                    {"number_of_nodes", 1},
                                    {"number_of_data_nodes", 1},
                                    {"active_primary_shards", shards},
                                    {"active_shards", shards},
                                    {"relocating_shards", 0},
                                    {"initializing_shards", 0},
                                    {"unassigned_shards", 0},
                                    {"delayed_unassigned_shards", 0},
                                    {"number_of_pending_tasks", 0},
                                    {"number_of_in_flight_fetch", 0},
                                    {"task_max_waiting_in_queue_millis", 0},
                                    {"active_shards_percent_as_number", 100.0}});
}

void fail_over(Call& call) {
  const auto shard = call.parameters.get("shard");
  call.parameters.refuse_unknown();
  const std::string& name = call.request.path[2];
  AnyTable& table = *call.existing(name).index->table;
  std::uint32_t first = 0;
  std::uint32_t end = table.shards();
  if (shard) {
    const std::int64_t number = parse_long("shard", *shard);
    if (number < 0 || number >= end) {
      throw illegal_argument(fmt::format("no such shard [{}]: index [{}] has {} from 0", number, name, end));
    }
    first = static_cast<std::uint32_t>(number);
    end = first + 1;
  }
  Json terms = Json::object();
  for (; first < end; ++first) {
    if (!table.fail_over(first)) {
      throw failure(500, "illegal_state_exception", fmt::format("shard [{}] has no primary term left", first));
    }
    terms[std::to_string(first)] = table.next(first).term();
  }
  call.response.body = to_text(Json{{"acknowledged", true}, {"primary_terms", std::move(terms)}});
}

void advance_clock(Call& call) {
  const auto ms = call.parameters.get("ms");
  call.parameters.refuse_unknown();
  ManualClock* clock = call.node.options().manual_clock;
  if (!clock) throw illegal_argument("this node runs on real time, its clock cannot be advanced");
  if (!ms) throw illegal_argument("advance_clock needs the parameter [ms]");
  const std::int64_t by = parse_long("ms", *ms);
  const std::int64_t now = clock->now_ms();
  if (by < 0 || by > std::numeric_limits<std::int64_t>::max() / 4 - now) {
    throw illegal_argument(fmt::format("the clock goes forward only, and not by [{}] ms", by));
  }
  clock->advance_ms(by);
  call.response.body = to_text(Json{{"acknowledged", true}, {"now_ms", clock->now_ms()}});
}

}  // namespace occ
