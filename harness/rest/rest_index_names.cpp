/// Lists of indices with wildcards, as requests on indices take them.
#include <fmt/format.h>

#include <algorithm>

#include "harness/rest/filter_path.hpp"
#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

using Found = std::vector<std::shared_ptr<Index>>;

bool stands_for_all(std::string_view list) {
  return list.find_first_not_of(',') == list.npos || list == "_all" || list == "*";
}

/// Takes the indices that `pattern` matches out of `found`, or adds them.
void match(const Node::Indices& indices, std::string_view pattern, bool add, Found& found) {
  for (const auto& [name, index] : indices) {
    if (!matches_pattern(pattern, name)) continue;
    const auto at = std::ranges::find(found, index);
    if (add && at == found.end()) found.push_back(index);
    if (!add && at != found.end()) found.erase(at);
  }
}

/// As match, with the indices of the aliases that `pattern` matches.
void match_aliases(const Node::Indices& indices, const Aliases& aliases, std::string_view pattern, bool add,
                   Found& found) {
  for (const auto& [alias, targets] : aliases) {
    if (!matches_pattern(pattern, alias)) continue;
    for (const auto& [name, what] : targets) match(indices, name, add, found);
  }
}

Failure refused_alias(std::string_view name) {
  return illegal_argument(fmt::format(
      "The provided expression [{}] matches an alias, specify the corresponding concrete indices instead.", name));
}

}  // namespace

std::vector<std::shared_ptr<Index>> resolved(const Call& call, std::string_view list, const IndexOptions& options) {
  const auto indices = call.node.indices();
  const auto aliases = call.node.aliases();
  const auto missing = [&](std::string_view name) { return no_such_index(name, call.compatibility); };
  Found found;
  bool wildcard_seen = false;
  if (stands_for_all(list)) {
    if (options.expand_open) match(*indices, "*", true, found);
    if (found.empty() && !options.allow_no_indices) {
      Failure none = missing("_all");
      none.reason = "no such index [null]";
      throw none;
    }
    return found;
  }
  const std::string_view whole = list;
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view each = list.substr(0, comma);
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (each.empty()) continue;
    // '-' takes away from what wildcards before it have found.
    const bool add = !(wildcard_seen && each.starts_with('-'));
    if (!add) each.remove_prefix(1);
    if (each.find('*') != each.npos) {
      wildcard_seen = true;
      const std::size_t before = found.size();
      if (options.expand_open) match(*indices, each, add, found);
      if (options.expand_open && !options.ignore_aliases) match_aliases(*indices, *aliases, each, add, found);
      if (add && found.size() == before && !options.allow_no_indices) throw missing(each);
      continue;
    }
    const auto at = indices->find(each);
    if (at == indices->end() && aliases->contains(each)) {
      if (options.ignore_aliases) throw refused_alias(each);
      match_aliases(*indices, *aliases, each, add, found);
      continue;
    }
    if (at == indices->end()) {
      if (!options.ignore_unavailable) throw missing(each);
      continue;
    }
    match(*indices, each, add, found);
  }
  if (found.empty() && !options.allow_no_indices) throw missing(whole);
  return found;
}

}  // namespace occ
