/// Aliases: `_alias` of one name, and `_aliases`, which changes many at once.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <vector>

#include "harness/rest/filter_path.hpp"
#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

using Names = std::vector<std::string>;

Names parts_of(std::string_view list) {
  Names parts;
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (comma != 0) parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
  }
  return parts;
}

bool is_pattern(std::string_view name) {
  return name == "_all" || name.find('*') != name.npos;
}

/// The names that were asked for by themselves and that nothing has.
Names missing_names(const Names& asked, const std::set<std::string>& found) {
  Names missing;
  const auto wildcard = static_cast<std::size_t>(std::ranges::find_if(asked, is_pattern) - asked.begin());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (is_pattern(asked[i]) || (i > wildcard && asked[i].starts_with('-')) || found.contains(asked[i])) continue;
    const auto later = asked.begin() + static_cast<std::ptrdiff_t>(std::max(i + 1, std::min(wildcard, asked.size())));
    const bool is_taken_back = std::any_of(std::min(later, asked.end()), asked.end(), [&](const std::string& other) {
      return other.starts_with('-') && matches_pattern(std::string_view(other).substr(1), asked[i]);
    });
    if (!is_taken_back) missing.push_back(asked[i]);
  }
  std::ranges::sort(missing);
  return missing;
}

Failure aliases_not_found(const Names& names) {
  Failure missing =
      failure(404, "aliases_not_found_exception", fmt::format("aliases [{}] missing", fmt::join(names, ",")));
  missing.resource = fmt::format("{}", fmt::join(names, ","));
  missing.resource_type = "aliases";
  return missing;
}

/// "/_alias/NAMES", "/INDICES/_alias/NAMES"
struct Asked {
  std::string_view indices;
  std::string_view names;
};

Asked asked_of(const Call& call) {
  const auto& path = call.request.path;
  const std::size_t after = path[0].starts_with("_alias") ? 1 : 2;
  return {after == 1 ? std::string_view() : std::string_view(path[0]),
          path.size() > after ? std::string_view(path[after]) : std::string_view()};
}

/// One step of `_aliases`.
struct Action {
  enum class Kind : std::uint8_t { add, remove, remove_index };
  Kind kind = Kind::add;
  Names indices;
  Names aliases;
  Alias alias;
};

void read_names(const Json& value, Names& into) {
  if (!value.is_array()) return into.push_back(scalar_text(value));
  for (const Json& each : value) into.push_back(scalar_text(each));
}

Action read_action(const Json& given) {
  if (!given.is_object() || given.size() != 1 || !given.begin().value().is_object()) {
    throw failure(400, "x_content_parse_exception", "[aliases] failed to parse field [actions]");
  }
  const std::string& kind = given.begin().key();
  Action action;
  if (kind == "remove") {
    action.kind = Action::Kind::remove;
  } else if (kind == "remove_index") {
    action.kind = Action::Kind::remove_index;
  } else if (kind != "add") {
    throw failure(400, "x_content_parse_exception", fmt::format("[alias_action] unknown field [{}]", kind));
  }
  for (const auto& [key, value] : given.begin().value().items()) {
    if (key == "index" || key == "indices") {
      read_names(value, action.indices);
    } else if (key == "alias" || key == "aliases") {
      read_names(value, action.aliases);
    } else if (key == "must_exist") {
      throw unsupported("[must_exist] is");
    } else if (action.kind != Action::Kind::add || !set_alias_field(action.alias, key, value)) {
      throw failure(400, "x_content_parse_exception", fmt::format("[{}] unknown field [{}]", kind, key));
    }
  }
  const auto needs = [](const Names& names, std::string_view one, std::string_view several) {
    if (names.empty()) throw illegal_argument(fmt::format("One of [{}] or [{}] is required", one, several));
  };
  needs(action.indices, "index", "indices");
  if (action.kind != Action::Kind::remove_index) needs(action.aliases, "alias", "aliases");
  return action;
}

void check_new_alias(const Node::Indices& indices, const std::string& alias) {
  check_alias_name(alias);
  if (!indices.contains(alias)) return;
  throw failure(
      400, "invalid_alias_name_exception",
      fmt::format("Invalid alias name [{}]: an index or data stream exists with the same name as the alias", alias));
}

/// True if it changed something.
bool carry_out(const Action& action, const Names& indices, Aliases& aliases) {
  bool changed = false;
  for (const std::string& name : action.aliases) {
    if (action.kind == Action::Kind::add) {
      for (const std::string& index : indices) aliases[name][index] = action.alias;
      changed = true;
      continue;
    }
    for (auto& [alias, targets] : aliases) {
      if (alias != name && !(is_pattern(name) && is_listed(name, alias))) continue;
      for (const std::string& index : indices) changed |= targets.erase(index) > 0;
    }
  }
  return changed;
}

void change(Call& call, const std::vector<Action>& actions) {
  const IndexOptions options{.allow_no_indices = false, .ignore_aliases = true};
  std::vector<Names> indices;
  Names removed;
  for (const Action& action : actions) {
    Names names;
    for (const auto& index : resolved(call, fmt::format("{}", fmt::join(action.indices, ",")), options)) {
      names.push_back(index->name);
    }
    if (action.kind == Action::Kind::remove_index) removed.insert(removed.end(), names.begin(), names.end());
    indices.push_back(std::move(names));
  }
  call.node.change_aliases([&](Node::Indices& there, Aliases& aliases) {
    bool changed = !removed.empty();
    for (const std::string& name : removed) {
      there.erase(name);
      for (auto& [alias, targets] : aliases) targets.erase(name);
    }
    Names named;
    for (std::size_t i = 0; i < actions.size(); ++i) {
      for (const std::string& alias : actions[i].aliases) {
        if (actions[i].kind == Action::Kind::add) check_new_alias(there, alias);
        named.push_back(alias);
      }
      changed |= carry_out(actions[i], indices[i], aliases);
    }
    if (!changed) throw aliases_not_found(named);
    for (const auto& [alias, targets] : aliases) check_write_indices(alias, targets);
  });
  call.response.body = R"({"acknowledged":true})";
}

}  // namespace

bool is_listed(std::string_view list, std::string_view name) {
  if (list.empty()) return true;
  bool listed = false;
  for (const std::string& each : parts_of(list)) {
    if (each == "_all") return true;
    if (each.starts_with('-')) {
      listed = listed && !matches_pattern(std::string_view(each).substr(1), name);
    } else {
      listed = listed || matches_pattern(each, name);
    }
  }
  return listed;
}

void get_aliases(Call& call) {
  const IndexOptions options = call.parameters.index_options();
  call.parameters.ignore({"local", "master_timeout"});
  call.parameters.refuse_unknown();
  const Asked asked = asked_of(call);
  const auto aliases = call.node.aliases();
  std::set<std::string> found;
  Json answer = Json::object();
  for (const auto& index : resolved(call, asked.indices, options)) {
    Json own = Json::object();
    for (const auto& [alias, targets] : *aliases) {
      const auto at = targets.find(index->name);
      if (at == targets.end() || !is_listed(asked.names, alias)) continue;
      own[alias] = shown(at->second);
      found.insert(alias);
    }
    if (asked.names.empty() || !own.empty()) answer[index->name] = {{"aliases", std::move(own)}};
  }
  const Names missing = missing_names(parts_of(asked.names), found);
  if (missing.empty()) {
    call.response.body = to_text(answer);
    return;
  }
  call.response.status = 404;
  Json told = {
      {"error", fmt::format("{} [{}] missing", missing.size() == 1 ? "alias" : "aliases", fmt::join(missing, ","))},
      {"status", 404}};
  told.update(answer);
  call.response.body = to_text(told);
}

void alias_exists(Call& call) {
  get_aliases(call);
  // Nothing was found: not even an index is in the answer.
  if (call.response.body == "{}") call.response.status = 404;
}

void put_alias(Call& call) {
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  call.parameters.refuse_unknown();
  const Asked asked = asked_of(call);
  Action action{.indices = parts_of(asked.indices)};
  if (!asked.names.empty()) action.aliases = {std::string(asked.names)};
  if (!call.request.body.empty()) {
    const Json body = call.json_body();
    for (const auto& [key, value] : body.items()) {
      if (key == "index") {
        action.indices = parts_of(scalar_text(value));
      } else if (key == "alias") {
        action.aliases = {scalar_text(value)};
      } else if (!set_alias_field(action.alias, key, value)) {
        throw failure(400, "parse_exception", fmt::format("unknown key [{}] for an alias", key));
      }
    }
  }
  if (action.aliases.empty()) throw illegal_argument("[alias] can't be empty string");
  if (action.indices.empty()) action.indices = {"_all"};
  change(call, {action});
}

void delete_alias(Call& call) {
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  call.parameters.refuse_unknown();
  const Asked asked = asked_of(call);
  change(call, {{.kind = Action::Kind::remove, .indices = parts_of(asked.indices), .aliases = parts_of(asked.names)}});
}

void update_aliases(Call& call) {
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  call.parameters.refuse_unknown();
  call.require_body();
  const Json body = call.json_body();
  std::vector<Action> actions;
  for (const auto& [key, value] : body.items()) {
    if (key != "actions" || !value.is_array()) {
      throw failure(400, "x_content_parse_exception", fmt::format("[aliases] unknown field [{}]", key));
    }
    for (const Json& each : value) actions.push_back(read_action(each));
  }
  if (actions.empty()) throw illegal_argument("No action specified");
  change(call, actions);
}

}  // namespace occ
