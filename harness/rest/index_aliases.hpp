#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "harness/support/json_text.hpp"

namespace occ {

/// Another name for an index, as one index has it.
struct Alias {
  std::string index_routing;   ///< of writes, and of reads of one document; empty: none
  std::string search_routing;  ///< empty: none
  std::optional<bool> is_write_index;
  std::optional<bool> is_hidden;
};

/// The indices of one alias, by name.
using AliasTargets = std::map<std::string, Alias, std::less<>>;
/// By name.
using Aliases = std::map<std::string, AliasTargets, std::less<>>;

/// What a request says of an alias: `routing`, `is_write_index` and their like; other fields than these are left to the
/// caller (false). Throws Failure: 501 for a filter.
bool set_alias_field(Alias& alias, const std::string& field, const Json& value);
/// As answers show it.
[[nodiscard]] Json shown(const Alias& alias);
/// Throws Failure.
void check_alias_name(std::string_view name);

/// The index that writes through an alias go to. Throws Failure if there is none.
[[nodiscard]] const std::string& write_index(std::string_view alias, const AliasTargets& targets);
/// The only index of an alias. Throws Failure if there are several.
[[nodiscard]] const std::string& only_index(std::string_view alias, const AliasTargets& targets);
/// The routing of a request on one document through an alias. Throws Failure if the alias has another one.
[[nodiscard]] std::string_view routing_through(std::string_view alias_name, const Alias& alias,
                                               std::string_view routing);
/// Throws Failure if several of them want the writes.
void check_write_indices(std::string_view alias, const AliasTargets& targets);

}  // namespace occ
