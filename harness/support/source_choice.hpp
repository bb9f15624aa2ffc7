#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/compatibility.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

/// How much of a source an answer shows: `_source`, `_source_includes` and `_source_excludes`. Patterns are paths of
/// keys, in which '*' stands for any characters.
struct SourceChoice {
  bool fetch = true;
  std::vector<std::string> includes;
  std::vector<std::string> excludes;

  [[nodiscard]] bool is_whole() const noexcept { return includes.empty() && excludes.empty(); }
};

/// Bytes of the patterns of one choice, together: each is looked at for every character of a path.
inline constexpr std::size_t kMaxPatternBytes = 4'096;

/// `_source` in a body: a boolean, a pattern, patterns, or an object with `includes` and `excludes`. Throws
/// IllegalArgument.
[[nodiscard]] SourceChoice parse_source_choice(const Json& value);
/// Throws IllegalArgument for patterns beyond the limit.
void check_patterns(const SourceChoice& choice);

/// The part of an object that is chosen, as XContentMapValues.filter of Elasticsearch has it.
[[nodiscard]] Json chosen_part(const Json& object, const SourceChoice& choice,
                               Compatibility compatibility = Compatibility::v7);

}  // namespace occ
