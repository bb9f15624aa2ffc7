/// Requests that concern an index: create, delete, exists, settings, refresh.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/build/function_ref.hpp"
#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

/// Calls take(name, value) for every setting, however it is nested, named as in `index.gc_deletes`.
void for_each_setting(const Json& settings, const std::string& prefix,
                      FunctionRef<void(const std::string&, const Json&)> take) {
  for (const auto& [key, value] : settings.items()) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    if (value.is_object()) {
      for_each_setting(value, name, take);
    } else {
      take(name.starts_with("index.") ? name : "index." + name, value);
    }
  }
}

std::int64_t setting_within(const std::string& name, const std::string& value, std::int64_t least, std::int64_t most) {
  const auto number = [&] {
    try {
      return parse_long(name, value);
    } catch (const IllegalArgument&) {
      throw illegal_argument(fmt::format("Failed to parse value [{}] for setting [{}]", value, name));
    }
  }();
  if (number < least) {
    throw illegal_argument(
        fmt::format("Failed to parse value [{}] for setting [{}] must be >= {}", value, name, least));
  }
  if (number > most) {
    throw illegal_argument(fmt::format("Failed to parse value [{}] for setting [{}] must be <= {}", value, name, most));
  }
  return number;
}

std::int64_t replicas_within(const std::string& name, const std::string& value) {
  return setting_within(name, value, 0, std::numeric_limits<std::int32_t>::max() - 1);
}

/// Settings that clients send and that mean nothing to a table in memory.
bool means_nothing(std::string_view setting) {
  constexpr std::string_view kExact[] = {"index.refresh_interval", "index.codec", "index.auto_expand_replicas",
                                         "index.max_result_window", "index.number_of_routing_shards"};
  return std::ranges::find(kExact, setting) != std::end(kExact) || setting.starts_with("index.translog.") ||
         setting.starts_with("index.soft_deletes.");
}

Failure unknown_setting(std::string_view name) {
  return illegal_argument(fmt::format(
      "unknown setting [{}] please check that any required plugins are installed, or check the breaking changes "
      "documentation for removed settings",
      name));
}

IndexSettings wanted_settings(const Call& call) {
  IndexSettings wanted = call.node.default_settings();
  if (call.request.body.empty()) return wanted;
  const Json body = call.json_body();
  for (const auto& [key, value] : body.items()) {
    // Mappings are taken and not enforced: a document here is its bytes.
    if (key == "mappings") continue;
    if (key == "aliases" && value.is_object()) {
      if (!value.empty()) throw unsupported("aliases are");
      continue;
    }
    if (key != "settings" || !value.is_object()) {
      throw failure(400, "parse_exception", fmt::format("unknown key [{}] for create index", key));
    }
    for_each_setting(value, "", [&](const std::string& setting, const Json& given) {
      const std::string text = scalar_text(given);
      if (setting == "index.number_of_shards") {
        wanted.shards = static_cast<std::uint32_t>(setting_within(setting, text, 1, 1024));
      } else if (setting == "index.number_of_replicas") {
        wanted.replicas = replicas_within(setting, text);
      } else if (setting == "index.gc_deletes") {
        wanted.gc_deletes_ms = parse_time_ms(setting, text);
      } else if (!means_nothing(setting)) {
        throw unknown_setting(setting);
      }
    });
  }
  return wanted;
}

std::string time_text(std::int64_t ms) {
  if (ms < 0) return "-1";
  return ms % 1'000 == 0 ? fmt::format("{}s", ms / 1'000) : fmt::format("{}ms", ms);
}

Json settings_of(const Index& index) {
  const std::int64_t gc_deletes_ms = index.gc_deletes_ms.load(std::memory_order_relaxed);  // relaxed: a setting
  const std::int64_t copies = index.copies.load(std::memory_order_relaxed);                // relaxed: as above
  // Elasticsearch prints every setting as a string.
  return {{"index",
           {{"number_of_shards", std::to_string(index.table->shards())},
            {"number_of_replicas", std::to_string(copies - 1)},
            {"gc_deletes", time_text(gc_deletes_ms)},
            {"uuid", index.uuid},
            {"provided_name", index.name}}}};
}

void acknowledge(Call& call) {
  call.response.body = R"({"acknowledged":true})";
}

}  // namespace

void create_index(Call& call) {
  const std::string& name = call.index();
  call.parameters.ignore({"timeout", "master_timeout", "wait_for_active_shards", "include_type_name"});
  call.parameters.refuse_unknown();
  check_index_name(name);
  const auto [index, made] = call.node.create(name, wanted_settings(call));
  if (!index) throw too_many_indices();
  if (!made) {
    Failure exists = failure(400, "resource_already_exists_exception",
                             fmt::format("index [{}/{}] already exists", index->name, index->uuid));
    exists.index_uuid = index->uuid;
    exists.index = index->name;
    throw exists;
  }
  call.response.body = R"({"acknowledged":true,"shards_acknowledged":true,"index":)";
  append_quoted(call.response.body, name);
  call.response.body += '}';
}

void delete_index(Call& call) {
  call.parameters.ignore({"timeout", "master_timeout", "allow_no_indices", "expand_wildcards"});
  const bool missing_is_fine = call.parameters.flag("ignore_unavailable");
  call.parameters.refuse_unknown();
  if (!call.node.remove(call.index()) && !missing_is_fine) throw no_such_index(call.index(), call.compatibility);
  call.handles.renew();
  acknowledge(call);
}

void index_exists(Call& call) {
  call.parameters.ignore({"local", "allow_no_indices", "ignore_unavailable", "expand_wildcards", "flat_settings",
                          "include_defaults", "include_type_name", "master_timeout"});
  call.parameters.refuse_unknown();
  call.response.status = call.handles.find(call.index()) ? 200 : 404;
}

void get_index(Call& call) {
  call.parameters.ignore({"local", "allow_no_indices", "ignore_unavailable", "expand_wildcards", "include_defaults",
                          "include_type_name", "master_timeout"});
  call.parameters.refuse_unknown();
  const Index& index = *call.existing(call.index()).index;
  call.response.body = to_text(Json{
      {index.name, {{"aliases", Json::object()}, {"mappings", Json::object()}, {"settings", settings_of(index)}}}});
}

void get_settings(Call& call) {
  call.parameters.ignore(
      {"local", "allow_no_indices", "ignore_unavailable", "expand_wildcards", "include_defaults", "master_timeout"});
  call.parameters.refuse_unknown();
  const Index& index = *call.existing(call.index()).index;
  call.response.body = to_text(Json{{index.name, {{"settings", settings_of(index)}}}});
}

/// What of `_stats` concerns numbers; by shard alone, since they are the shards'.
void index_stats(Call& call) {
  if (call.parameters.get("level").value_or("") != "shards") throw unsupported("[_stats] without level=shards is");
  call.parameters.ignore(
      {"expand_wildcards", "forbid_closed_indices", "include_segment_file_sizes", "include_unloaded_segments"});
  call.parameters.refuse_unknown();
  const Index& index = *call.existing(call.index()).index;
  Json shards = Json::object();
  for (std::uint32_t shard = 0; shard < index.table->shards(); ++shard) {
    const std::int64_t most = static_cast<std::int64_t>(index.table->next(shard).seq_no()) - 1;
    shards[std::to_string(shard)] = Json::array(
        {Json{{"routing", {{"state", "STARTED"}, {"primary", true}, {"node", "occkit"}, {"relocating_node", nullptr}}},
              {"seq_no", {{"max_seq_no", most}, {"local_checkpoint", most}, {"global_checkpoint", most}}}}});
  }
  call.response.body =
      to_text(Json{{"_shards", {{"total", shards.size()}, {"successful", shards.size()}, {"failed", 0}}},
                   {"indices", {{index.name, {{"uuid", index.uuid}, {"shards", std::move(shards)}}}}}});
}

void put_settings(Call& call) {
  call.parameters.ignore(
      {"timeout", "master_timeout", "preserve_existing", "allow_no_indices", "ignore_unavailable", "expand_wildcards"});
  call.parameters.refuse_unknown();
  Index& index = *call.existing(call.index()).index;
  call.require_body();
  const Json body = call.json_body();
  std::optional<std::int64_t> gc_deletes_ms;
  std::optional<std::int64_t> replicas;
  const bool wrapped = body.size() == 1 && body.contains("settings") && body["settings"].is_object();
  for_each_setting(wrapped ? body["settings"] : body, "", [&](const std::string& setting, const Json& given) {
    // null takes a setting back to its default.
    const std::string text = scalar_text(given);
    if (setting == "index.gc_deletes") {
      gc_deletes_ms = given.is_null() ? call.node.default_settings().gc_deletes_ms : parse_time_ms(setting, text);
    } else if (setting == "index.number_of_replicas") {
      replicas = given.is_null() ? call.node.default_settings().replicas : replicas_within(setting, text);
    } else if (setting == "index.number_of_shards") {
      throw illegal_argument(fmt::format("Can't update non dynamic settings [[{}]] for open indices [[{}/{}]]", setting,
                                         index.name, index.uuid));
    } else if (!means_nothing(setting)) {
      throw unknown_setting(setting);
    }
  });
  if (gc_deletes_ms) {
    index.table->set_gc_deletes(*gc_deletes_ms);
    index.gc_deletes_ms.store(*gc_deletes_ms, std::memory_order_relaxed);  // relaxed: a setting, it orders nothing
  }
  if (replicas) index.copies.store(1 + *replicas, std::memory_order_relaxed);  // relaxed: as above
  acknowledge(call);
}

/// Every write is visible at once; there is nothing to do.
void refresh(Call& call) {
  call.parameters.ignore({"allow_no_indices", "ignore_unavailable", "expand_wildcards"});
  call.parameters.refuse_unknown();
  if (call.request.path.size() == 2) (void)call.existing(call.index());
  call.response.body = R"({"_shards":{"total":1,"successful":1,"failed":0}})";
}

}  // namespace occ
