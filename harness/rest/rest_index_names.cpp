/// Lists of indices with wildcards, as requests on indices take them (Elasticsearch's IndexNameExpressionResolver).
#include <fmt/format.h>

#include <algorithm>

#include "harness/rest/filter_path.hpp"
#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

using Names = std::vector<std::string>;
using Found = std::vector<std::shared_ptr<Index>>;

/// A list that is to be resolved.
struct Asked {
  const Node::Indices& indices;
  const Aliases& aliases;
  const IndexOptions& options;
  Compatibility compatibility;
  Names names;  ///< as they were written, wildcards among them

  [[nodiscard]] bool has(std::string_view name) const {
    return indices.contains(name) || (!options.ignore_aliases && aliases.contains(name));
  }
  [[nodiscard]] bool of_all() const {
    return names.empty() || (names.size() == 1 && (names[0] == "_all" || names[0] == "*"));
  }
  [[nodiscard]] bool expands() const { return options.expand_open || options.expand_closed; }
};

bool is_wildcard(std::string_view name) {
  return name.find('*') != name.npos;
}

void add(std::string_view name, Names& names) {
  if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
}

/// The indices that a wildcard stands for, by their own names and by their aliases'.
Names matching(const Asked& asked, std::string_view pattern) {
  Names names;
  for (const auto& [name, index] : asked.indices) {
    if (matches_pattern(pattern, name)) names.push_back(name);
  }
  if (asked.options.ignore_aliases) return names;
  for (const auto& [alias, targets] : asked.aliases) {
    if (!matches_pattern(pattern, alias)) continue;
    for (const auto& [name, what] : targets) add(name, names);
  }
  return names;
}

/// Adds the indices that a name stands for. False if there are none.
bool find(const Asked& asked, std::string_view name, Found& found) {
  const auto add_index = [&](std::string_view each) {
    const auto at = asked.indices.find(each);
    if (at != asked.indices.end() && std::ranges::find(found, at->second) == found.end()) found.push_back(at->second);
    return at != asked.indices.end();
  };
  if (add_index(name)) return true;
  const auto alias = asked.options.ignore_aliases ? asked.aliases.end() : asked.aliases.find(name);
  if (alias == asked.aliases.end()) return false;
  for (const auto& [each, what] : alias->second) add_index(each);
  return true;
}

Failure missing(const Asked& asked, std::string_view name, std::string_view resource_type) {
  if (asked.aliases.contains(name)) {
    return illegal_argument(fmt::format(
        "The provided expression [{}] matches an alias, specify the corresponding concrete indices instead.", name));
  }
  Failure none = no_such_index(name, asked.compatibility);
  none.resource_type = resource_type;
  return none;
}

/// The list stands for nothing, as a whole.
Failure missing(const Asked& asked, std::string_view resource_type) {
  Failure none = missing(asked, "null", resource_type);
  none.index.clear();
  none.index_uuid.clear();
  none.resource.clear();
  none.resources = asked.names;
  return none;
}

void refuse_underscore(std::string_view name) {
  if (!name.starts_with('_')) return;
  Failure bad = failure(400, "invalid_index_name_exception",
                        fmt::format("Invalid index name [{}], must not start with '_'.", name));
  bad.index_uuid = "_na_";
  bad.index = name;
  throw bad;
}

void put(std::string_view name, bool taken_away, Names& names) {
  if (!taken_away) {
    add(name, names);
  } else {
    std::erase(names, name);
  }
}

/// Adds what a name of the list stands for to `names`, or takes it away.
void put(const Asked& asked, const Names& these, bool taken_away, Names& names) {
  if (!asked.options.expand_open) return;  // nothing is closed here
  for (const std::string& each : these) put(each, taken_away, names);
}

/// The names in the place of wildcards, before 8.0.
Names without_wildcards(const Asked& asked) {
  if (!asked.expands()) return asked.names;
  Names names;
  if (asked.of_all()) {
    put(asked, matching(asked, "*"), false, names);
    return names;
  }
  bool wildcard_seen = false;
  for (std::string_view name : asked.names) {
    if (name.empty()) throw missing(asked, name, "index_or_alias");
    refuse_underscore(name);
    if (asked.has(name)) {
      add(name, names);
      continue;
    }
    const bool taken_away = wildcard_seen && name.starts_with('-');
    if (taken_away) name.remove_prefix(1);
    if (!is_wildcard(name)) {
      if (!asked.options.ignore_unavailable && !asked.has(name)) throw missing(asked, name, "index_or_alias");
      put(name, taken_away, names);
      continue;
    }
    wildcard_seen = true;
    const Names these = matching(asked, name);
    put(asked, these, taken_away, names);
    if (these.empty() && !asked.options.allow_no_indices) throw missing(asked, name, "index_or_alias");
  }
  if (names.empty() && !asked.options.allow_no_indices) throw missing(asked, "index_or_alias");
  return names;
}

Found found_before_8(const Asked& asked) {
  const IndexOptions& options = asked.options;
  const Names names = without_wildcards(asked);
  if (names.empty() && !options.allow_no_indices) throw missing(asked, "index_expression");
  // Of a name alone the other option decides.
  const bool must_exist = asked.names.size() == 1 ? !options.allow_no_indices : !options.ignore_unavailable;
  Found found;
  for (const std::string& name : names) {
    if (!find(asked, name, found) && must_exist) throw missing(asked, name, "index_expression");
  }
  if (found.empty() && !names.empty() && !options.allow_no_indices) throw missing(asked, "index_or_alias");
  return found;
}

/// Since 8: nothing was found for these.
Failure nothing_found(const Asked& asked, const Names& names) {
  if (names.empty() || (names.size() == 1 && names[0] == "_all")) {
    Failure none = missing(asked, "_all", "index_or_alias");
    none.reason = "no such index [no indices exist]";
    return none;
  }
  if (names.size() == 1 && asked.aliases.contains(names[0])) return missing(asked, names[0], "index_or_alias");
  if (names.size() > 1) return missing(asked, "index_expression");
  Failure none = missing(asked, names[0], "index_or_alias");
  if (names[0].starts_with('-')) {
    none.reason = fmt::format(
        "no such index [{}] and if you intended to exclude this index, ensure that you use wildcards that include it "
        "before explicitly excluding it",
        names[0]);
  }
  return none;
}

Names names_since_8(const Asked& asked) {
  Names names;
  if (asked.of_all()) {
    if (asked.expands()) put(asked, matching(asked, "*"), false, names);
    return names;
  }
  bool wildcard_seen = false;
  for (std::string_view name : asked.names) {
    const bool taken_away = wildcard_seen && name.starts_with('-');
    if (taken_away) name.remove_prefix(1);
    if (name.empty()) throw nothing_found(asked, {std::string(name)});
    refuse_underscore(name);
    if (asked.expands() && is_wildcard(name)) {
      wildcard_seen = true;
      const Names these = asked.options.expand_open ? matching(asked, name) : Names();
      if (these.empty() && !asked.options.allow_no_indices) throw nothing_found(asked, {std::string(name)});
      put(asked, these, taken_away, names);
    } else if (taken_away) {
      std::erase(names, name);
    } else if (asked.has(name)) {
      add(name, names);
    } else if (!asked.options.ignore_unavailable) {
      throw nothing_found(asked, {std::string(name)});
    }
  }
  return names;
}

Found found_since_8(const Asked& asked) {
  Found found;
  for (const std::string& name : names_since_8(asked)) find(asked, name, found);
  if (found.empty() && !asked.options.allow_no_indices) throw nothing_found(asked, asked.names);
  return found;
}

}  // namespace

std::vector<std::shared_ptr<Index>> resolved(const Call& call, std::string_view list, const IndexOptions& options) {
  const auto indices = call.node.indices();
  const auto aliases = call.node.aliases();
  Asked asked{*indices, *aliases, options, call.compatibility, {}};
  while (list.ends_with(',')) list.remove_suffix(1);
  while (!list.empty()) {
    const auto end = list.find(',');
    asked.names.emplace_back(list.substr(0, end));
    list.remove_prefix(end == list.npos ? list.size() : end + 1);
  }
  return call.compatibility == Compatibility::v8 ? found_since_8(asked) : found_before_8(asked);
}

}  // namespace occ
