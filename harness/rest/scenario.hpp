#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/rest/rest_response.hpp"

namespace occ {

/// What a scenario wants of the answer to the request before it.
struct Expectation {
  enum class Kind : std::uint8_t { status, value, absence, header };

  Kind kind = Kind::status;
  int status = 0;
  /// value, absence: a JSON pointer (RFC 6901); header: a name.
  std::string where;
  /// value: any JSON; header: a string.
  Json value;
};

struct ScenarioStep {
  std::size_t line = 0;  ///< counted from 1
  /// A comment's text, a request, or an expectation.
  std::variant<std::string, Request, Expectation> what;
};

/// A text that is not a scenario.
struct ScenarioError : std::invalid_argument {
  ScenarioError(std::size_t at_line, const std::string& message) : std::invalid_argument(message), line(at_line) {}
  std::size_t line;
};

/// Reads a scenario, line by line:
///
///     # a comment
///     PUT /movies/_doc/109487?if_seq_no=7&if_primary_term=1
///     {"title": "Interstellar"}
///     expect 200
///     expect-body /result "updated"
///
/// A request is a method and a path, then its body, which begins with '{' or '[', on the lines up to a blank line or
/// the next line that is a request, a comment or one of `header Name: value`, `expect STATUS`, `expect-body POINTER
/// JSON`, `expect-absent POINTER` and `expect-header NAME VALUE`. The path may lack its first '/'. A request may also
/// be typed for curl, as in `curl -XPUT "127.0.0.1:9200/movies/_doc/1" -d '{...}'`: the host is left out, quotes may
/// span lines.
///
/// Throws ScenarioError at the first line that is none of these.
[[nodiscard]] std::vector<ScenarioStep> parse_scenario(std::string_view text);

/// What is wrong with the answer, if anything is.
[[nodiscard]] std::optional<std::string> unmet(const Expectation& expectation, const Response& response);

/// True if the text looks like `_bulk` NDJSON, not like a scenario: its first line that is neither
/// blank nor a comment begins with '{'.
[[nodiscard]] bool looks_like_bulk(std::string_view text);

}  // namespace occ
