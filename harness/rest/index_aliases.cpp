#include "harness/rest/index_aliases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "harness/rest/rest_failure.hpp"

namespace occ {

bool set_alias_field(Alias& alias, const std::string& field, const Json& value) {
  if (field == "filter") {
    if (value.is_null() || (value.is_object() && value.empty())) return true;
    throw unsupported("aliases with a filter are");
  }
  if (field == "routing") {
    // The more particular ones win, wherever they stand.
    const std::string text = scalar_text(value);
    if (alias.index_routing.empty()) alias.index_routing = text;
    if (alias.search_routing.empty()) alias.search_routing = text;
  } else if (field == "index_routing" || field == "indexRouting" || field == "index-routing") {
    alias.index_routing = scalar_text(value);
  } else if (field == "search_routing" || field == "searchRouting" || field == "search-routing") {
    alias.search_routing = scalar_text(value);
  } else if (field == "is_write_index" && value.is_boolean()) {
    alias.is_write_index = value.get<bool>();
  } else if (field == "is_hidden" && value.is_boolean()) {
    alias.is_hidden = value.get<bool>();
  } else {
    return false;
  }
  return true;
}

Json shown(const Alias& alias) {
  Json json = Json::object();
  if (!alias.index_routing.empty()) json["index_routing"] = alias.index_routing;
  if (!alias.search_routing.empty()) json["search_routing"] = alias.search_routing;
  if (alias.is_write_index) json["is_write_index"] = *alias.is_write_index;
  if (alias.is_hidden) json["is_hidden"] = *alias.is_hidden;
  return json;
}

void check_alias_name(std::string_view name) {
  const auto invalid = [name](std::string_view why) {
    return failure(400, "invalid_alias_name_exception", fmt::format("Invalid alias name [{}]: {}", name, why));
  };
  if (name.find_first_of("\\/*?\"<>| ,") != name.npos) {
    throw invalid(R"(must not contain the following characters [ , ", *, \, <, |, ,, >, /, ?])");
  }
  if (name.find('#') != name.npos) throw invalid("must not contain '#'");
  if (name.find(':') != name.npos) throw invalid("must not contain ':'");
  if (name.find_first_of("-_+") == 0) throw invalid("must not start with '_', '-', or '+'");
  if (name == "." || name == "..") throw invalid("must not be '.' or '..'");
}

const std::string& only_index(std::string_view alias, const AliasTargets& targets) {
  if (targets.size() == 1) return targets.begin()->first;
  std::vector<std::string_view> names;
  for (const auto& [name, each] : targets) names.push_back(name);
  throw illegal_argument(
      fmt::format("alias [{}] has more than one index associated with it [{}], can't execute a single index op", alias,
                  fmt::join(names, ", ")));
}

const std::string& write_index(std::string_view alias, const AliasTargets& targets) {
  const auto wants = [](const auto& each) { return each.second.is_write_index.value_or(false); };
  if (const auto at = std::ranges::find_if(targets, wants); at != targets.end()) return at->first;
  if (targets.size() == 1 && !targets.begin()->second.is_write_index) return targets.begin()->first;
  throw illegal_argument(
      fmt::format("no write index is defined for alias [{}]. The write index may be explicitly disabled using "
                  "is_write_index=false or the alias points to multiple indices without one being designated as a "
                  "write index",
                  alias));
}

std::string_view routing_through(std::string_view alias_name, const Alias& alias, std::string_view routing) {
  if (alias.index_routing.empty()) return routing;
  if (alias.index_routing.find(',') != alias.index_routing.npos) {
    throw illegal_argument(
        fmt::format("index/alias [{}] provided with routing value [{}] that resolved to several "
                    "routing values, rejecting operation",
                    alias_name, alias.index_routing));
  }
  if (!routing.empty() && routing != alias.index_routing) {
    throw illegal_argument(
        fmt::format("Alias [{}] has index routing associated with it [{}], and was provided with "
                    "routing value [{}], rejecting operation",
                    alias_name, alias.index_routing, routing));
  }
  return alias.index_routing;
}

void check_write_indices(std::string_view alias, const AliasTargets& targets) {
  std::vector<std::string_view> writers;
  for (const auto& [name, each] : targets) {
    if (each.is_write_index.value_or(false)) writers.push_back(name);
  }
  if (writers.size() < 2) return;
  throw failure(500, "illegal_state_exception",
                fmt::format("alias [{}] has more than one write index [{}]", alias, fmt::join(writers, ",")));
}

}  // namespace occ
