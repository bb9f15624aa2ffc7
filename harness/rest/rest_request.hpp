#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace occ {

using NameValues = std::vector<std::pair<std::string, std::string>>;

/// One request as a client sends it, decoded; no connection, no file. May be filled again and again.
struct Request {
  std::string method;             ///< GET, HEAD, PUT, POST, DELETE, or whatever was sent
  std::string uri;                ///< as given, for messages
  std::vector<std::string> path;  ///< its segments, percent-decoded; empty ones at the end are left out
  NameValues query;               ///< in order, percent-decoded
  NameValues headers;
  std::string body;
};

/// A request line that cannot be read.
struct MalformedRequest : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Sets uri, path and query from a target such as "/index/_doc/1?if_seq_no=0". Throws MalformedRequest for a target that
/// does not begin with '/', for a bad percent sequence, and for text that is not UTF-8 or holds a NUL once it is
/// decoded; uri is set even then. Before Elasticsearch 7.4 a '+' in the path is a space (`plus_is_space`).
void read_target(Request& request, std::string_view target, bool plus_is_space = false);

/// As read_target.
[[nodiscard]] Request make_request(std::string_view method, std::string_view target, std::string body = {});

/// The path, decoded: "/index/_doc/1".
[[nodiscard]] std::string path_text(const Request& request);

/// The value of the first header of that name (lower case here, any case there); null if there is none.
[[nodiscard]] const std::string* find_header(const Request& request, std::string_view name) noexcept;

/// True if both are the same but for the case of ASCII letters.
[[nodiscard]] bool same_but_for_case(std::string_view a, std::string_view b) noexcept;

/// ASCII letters in lower case.
[[nodiscard]] std::string lower_case(std::string_view text);

/// True if no character, in the whole of Unicode, has a lower case that is another. `text` is UTF-8.
[[nodiscard]] bool is_lower_case(std::string_view text);

/// Without the blanks and tabs at both ends.
[[nodiscard]] std::string_view without_blanks(std::string_view text) noexcept;

/// Percent-encodes everything but the unreserved characters.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace occ
