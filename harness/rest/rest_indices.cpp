/// Requests that concern an index: create, delete, exists, settings, refresh.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/rest/filter_path.hpp"
#include "harness/rest/index_settings.hpp"
#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

constexpr const char* kGcDeletes = "index.gc_deletes";

Failure wrong_routing_shards(const IndexSettings& wanted) {
  if (wanted.routing_shards < wanted.shards) {
    return illegal_argument(fmt::format("index.number_of_routing_shards [{}] must be >= index.number_of_shards [{}]",
                                        wanted.routing_shards, wanted.shards));
  }
  return illegal_argument(
      fmt::format("the number of source shards [{}] must be a factor of [{}]", wanted.shards, wanted.routing_shards));
}

/// A mapping, below a type where the request says that it is.
Mapping wanted_mapping(const Json& given, bool typed) {
  if (!typed) {
    if (given.contains("_doc")) {
      throw illegal_argument(
          "The mapping definition cannot be nested under a type [_doc] unless include_type_name is set to true.");
    }
    return read_mapping(given);
  }
  if (given.empty()) return {};
  if (given.begin().key() != "_doc") {
    throw unsupported(fmt::format("the type [{}]: types other than _doc are", given.begin().key()));
  }
  return read_mapping(given.begin().value());
}

void read_alias(const std::string& name, const Json& fields, IndexSettings& wanted) {
  check_alias_name(name);
  for (const auto& [field, value] : fields.items()) {
    if (!set_alias_field(wanted.aliases[name], field, value)) {
      throw failure(400, "parse_exception", fmt::format("unknown key [{}] for an alias", field));
    }
  }
  wanted.aliases.try_emplace(name);
}

IndexSettings wanted_settings(const Call& call, bool typed) {
  IndexSettings wanted = call.node.default_settings();
  if (call.request.body.empty()) return wanted;
  const Json body = call.json_body();
  for (const auto& [key, value] : body.items()) {
    if (key == "mappings" && value.is_object()) {
      wanted.mapping = wanted_mapping(value, typed);
      continue;
    }
    if (key == "aliases" && value.is_object()) {
      for (const auto& [alias, fields] : value.items()) read_alias(alias, fields, wanted);
      continue;
    }
    if (key != "settings" || !value.is_object()) {
      throw failure(400, "parse_exception", fmt::format("unknown key [{}] for create index", key));
    }
    const WantedSettings given = read_settings(value);
    if (given.shards.value_or(0) > 0) wanted.shards = static_cast<std::uint32_t>(*given.shards);
    if (given.routing_shards.value_or(0) > 0) wanted.routing_shards = static_cast<std::uint32_t>(*given.routing_shards);
    if (given.replicas) wanted.replicas = given.replicas->value_or(wanted.replicas);
    if (given.gc_deletes_ms) wanted.gc_deletes_ms = given.gc_deletes_ms->value_or(wanted.gc_deletes_ms);
    wanted.kept = given.kept;
    std::erase_if(wanted.kept, [](const auto& each) { return each.second.empty(); });
  }
  if (wanted.routing_shards % wanted.shards != 0 ||
      (wanted.routing_shards > 0 && wanted.routing_shards < wanted.shards)) {
    throw wrong_routing_shards(wanted);
  }
  return wanted;
}

std::string time_text(std::int64_t ms) {
  if (ms < 0) return "-1";
  return ms % 1'000 == 0 ? fmt::format("{}s", ms / 1'000) : fmt::format("{}ms", ms);
}

/// True if one of a list of patterns matches; an empty list stands for all.
bool is_named(std::string_view names, std::string_view setting) {
  if (names.empty() || names == "_all") return true;
  while (!names.empty()) {
    const auto comma = names.find(',');
    if (matches_pattern(names.substr(0, comma), setting)) return true;
    names.remove_prefix(comma == names.npos ? names.size() : comma + 1);
  }
  return false;
}

Json settings_of(const Index& index, bool flat, std::string_view names = {}) {
  const std::int64_t gc_deletes_ms = index.gc_deletes_ms.load(std::memory_order_relaxed);  // relaxed: a setting
  const std::int64_t copies = index.copies.load(std::memory_order_relaxed);                // relaxed: as above
  SettingTexts settings = index.kept_settings();
  // Elasticsearch prints every setting as a string.
  settings["index.number_of_shards"] = std::to_string(index.table->shards());
  settings["index.number_of_replicas"] = std::to_string(copies - 1);
  // What nobody gave is not shown, unless it is not what Elasticsearch has by itself.
  if (gc_deletes_ms != NodeOptions().gc_deletes_ms) settings.try_emplace(kGcDeletes, time_text(gc_deletes_ms));
  settings["index.uuid"] = index.uuid;
  settings["index.creation_date"] = std::to_string(index.created_at_ms);
  settings["index.provided_name"] = index.name;
  std::erase_if(settings, [names](const auto& each) { return !is_named(names, each.first); });
  return shown_settings(settings, flat);
}

/// Since 8.0 nobody deletes by a wildcard what they did not name (action.destructive_requires_name).
void require_names(std::string_view list) {
  if (list == "_all" || list.find('*') != list.npos) {
    throw illegal_argument("Wildcard expressions or all indices are not allowed");
  }
}

Failure taken_by_alias(std::string_view name) {
  Failure taken = failure(400, "invalid_index_name_exception",
                          fmt::format("Invalid index name [{}], already exists as alias", name));
  taken.index_uuid = "_na_";
  taken.index = name;
  return taken;
}

void check_alias_of_new(const Call& call, const std::string& alias, const std::string& index) {
  if (alias != index && !call.node.indices()->contains(alias)) return;
  throw failure(
      400, "invalid_alias_name_exception",
      fmt::format("Invalid alias name [{}]: an index or data stream exists with the same name as the alias", alias));
}

/// The aliases of an index, as answers show them.
Json aliases_of(const Aliases& aliases, const Index& index) {
  Json own = Json::object();
  for (const auto& [alias, targets] : aliases) {
    if (const auto at = targets.find(index.name); at != targets.end()) own[alias] = shown(at->second);
  }
  return own;
}

void acknowledge(Call& call) {
  call.response.body = R"({"acknowledged":true})";
}

}  // namespace

void create_index(Call& call) {
  const std::string& name = call.index();
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  const auto active_shards = call.parameters.active_shards();
  const bool typed = call.parameters.flag("include_type_name", call.compatibility == Compatibility::v6);
  call.parameters.refuse_unknown();
  check_index_name(name);
  if (call.handles.find_alias(name)) throw taken_by_alias(name);
  const IndexSettings settings = wanted_settings(call, typed);
  for (const auto& [alias, what] : settings.aliases) check_alias_of_new(call, alias, name);
  const std::int64_t copies = 1 + settings.replicas;
  const std::int64_t awaited = active_shards == kAllCopies ? copies : active_shards.value_or(1);
  if (awaited > copies) {
    throw illegal_argument(fmt::format(
        "invalid wait_for_active_shards[{}]: cannot be greater than number of shard copies [{}]", awaited, copies));
  }
  const auto [index, made] = call.node.create(name, settings);
  if (!index) throw too_many_indices();
  if (!made) {
    Failure exists = failure(400, "resource_already_exists_exception",
                             fmt::format("index [{}/{}] already exists", index->name, index->uuid));
    exists.index_uuid = index->uuid;
    exists.index = index->name;
    throw exists;
  }
  call.response.body = awaited > 1 ? R"({"acknowledged":true,"shards_acknowledged":false,"index":)"
                                   : R"({"acknowledged":true,"shards_acknowledged":true,"index":)";
  append_quoted(call.response.body, name);
  call.response.body += '}';
}

void delete_index(Call& call) {
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  IndexOptions options = call.parameters.index_options();
  options.ignore_aliases = true;
  call.parameters.refuse_unknown_and_body(call.compatibility);
  if (call.compatibility == Compatibility::v8) require_names(call.index());
  for (const auto& index : resolved(call, call.index(), options)) (void)call.node.remove(index->name);
  call.handles.renew();
  acknowledge(call);
}

void index_exists(Call& call) {
  const IndexOptions options = call.parameters.index_options();
  call.parameters.ignore({"local", "flat_settings", "include_defaults", "include_type_name", "master_timeout"});
  call.parameters.refuse_unknown_and_body(call.compatibility);
  (void)resolved(call, call.index(), options);
}

void get_index(Call& call) {
  const IndexOptions options = call.parameters.index_options();
  call.parameters.ignore({"local", "include_defaults", "include_type_name", "master_timeout"});
  const bool flat = call.parameters.flag("flat_settings");
  call.parameters.refuse_unknown_and_body(call.compatibility);
  const auto aliases = call.node.aliases();
  Json answer = Json::object();
  for (const auto& index : resolved(call, call.index(), options)) {
    answer[index->name] = {{"aliases", aliases_of(*aliases, *index)},
                           {"mappings", index->mapping.shown()},
                           {"settings", settings_of(*index, flat)}};
  }
  call.response.body = to_text(answer);
}

void get_settings(Call& call) {
  const IndexOptions options = call.parameters.index_options();
  call.parameters.ignore({"local", "include_defaults", "master_timeout"});
  const bool flat = call.parameters.flag("flat_settings");
  call.parameters.refuse_unknown_and_body(call.compatibility);
  // "/_settings/NAMES", "/INDICES/_settings/NAMES"
  const auto& path = call.request.path;
  const std::size_t after = path[0] == "_settings" ? 1 : 2;
  const std::string_view names = path.size() > after ? std::string_view(path[after]) : std::string_view();
  Json answer = Json::object();
  for (const auto& index : resolved(call, after == 1 ? std::string_view() : call.indices(), options)) {
    Json settings = settings_of(*index, flat, names);
    // An index without any of these is left out.
    if (!settings.empty()) answer[index->name] = {{"settings", std::move(settings)}};
  }
  call.response.body = to_text(answer);
}

Json shard_stats(const Index& index) {
  Json shards = Json::object();
  for (std::uint32_t shard = 0; shard < index.table->shards(); ++shard) {
    const std::int64_t most = static_cast<std::int64_t>(index.table->next(shard).seq_no()) - 1;
    shards[std::to_string(shard)] = Json::array(
        {Json{{"routing", {{"state", "STARTED"}, {"primary", true}, {"node", "occkit"}, {"relocating_node", nullptr}}},
              {"docs", {{"count", index.counts.of_shard(shard).live}, {"deleted", 0}}},
              {"seq_no", {{"max_seq_no", most}, {"local_checkpoint", most}, {"global_checkpoint", most}}}}});
  }
  return shards;
}

void put_settings(Call& call) {
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  const bool preserve = call.parameters.flag("preserve_existing");
  const IndexOptions options = call.parameters.index_options(false);
  call.require_body();
  const Json body = call.json_body();
  call.parameters.refuse_unknown();
  const bool wrapped = body.size() == 1 && body.contains("settings") && body["settings"].is_object();
  WantedSettings wanted = read_settings(wrapped ? body["settings"] : body);
  if (!wanted.shards && !wanted.routing_shards && !wanted.replicas && !wanted.gc_deletes_ms && wanted.kept.empty()) {
    ValidationErrors errors;
    errors.add("no settings to update");
    throw_if_any(errors);
  }
  const auto indices = resolved(call, call.indices(), options);
  for (const auto& index : indices) {
    std::string fixed = wanted.shards ? "index.number_of_shards" : "";
    if (wanted.routing_shards) fixed.append(fixed.empty() ? "" : ", ").append("index.number_of_routing_shards");
    for (const auto& [name, value] : wanted.kept) {
      if (!is_dynamic(name)) fixed.append(fixed.empty() ? "" : ", ").append(name);
    }
    if (fixed.empty()) continue;
    throw illegal_argument(fmt::format("Can't update non dynamic settings [[{}]] for open indices [[{}/{}]]", fixed,
                                       index->name, index->uuid));
  }
  const IndexSettings defaults = call.node.default_settings();
  for (const auto& index : indices) {
    if (wanted.gc_deletes_ms && !(preserve && index->kept_settings().contains(kGcDeletes))) {
      const std::int64_t ms = wanted.gc_deletes_ms->value_or(defaults.gc_deletes_ms);
      index->table->set_gc_deletes(ms);
      index->gc_deletes_ms.store(ms, std::memory_order_relaxed);  // relaxed: a setting, it orders nothing
    }
    if (wanted.replicas && !preserve) {
      index->copies.store(1 + wanted.replicas->value_or(defaults.replicas), std::memory_order_relaxed);  // as above
    }
    const bool refreshed_itself = index->views.refreshes_by_itself();
    index->keep_settings(wanted.kept, preserve);
    // What is seen from now on is as of a refresh: this one.
    if (refreshed_itself && !index->views.refreshes_by_itself()) call.handles.refresh(index->name);
  }
  acknowledge(call);
}

/// Reads and writes of single documents see every write at once: this is for searches.
void refresh(Call& call) {
  const IndexOptions options = call.parameters.index_options();
  call.parameters.refuse_unknown_and_body(call.compatibility);
  std::int64_t copies = 0;
  std::int64_t shards = 0;
  for (const auto& index : resolved(call, call.indices(), options)) {
    call.handles.refresh(index->name);
    shards += index->table->shards();
    copies += index->table->shards() * index->copies.load(std::memory_order_relaxed);  // relaxed: a setting
  }
  call.response.body = to_text(Json{{"_shards", {{"total", copies}, {"successful", shards}, {"failed", 0}}}});
}

}  // namespace occ
