#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/json_text.hpp"

namespace occ {

using NameValues = std::vector<std::pair<std::string, std::string>>;

/// One request as a client sends it, decoded; no connection, no file.
struct Request {
  std::string method;             ///< GET, HEAD, PUT, POST or DELETE
  std::string uri;                ///< as given, for messages
  std::vector<std::string> path;  ///< its segments, percent-decoded; empty ones are left out
  NameValues query;               ///< in order, percent-decoded
  NameValues headers;
  std::string body;
};

struct Response {
  int status = 200;
  Json body;
  bool has_body = true;  ///< false for HEAD
  NameValues headers;

  /// Empty without a body; otherwise JSON, indented if `indent` is 0 or more.
  [[nodiscard]] std::string text(int indent = -1) const { return has_body ? to_text(body, indent) : std::string(); }
};

/// A request line that cannot be read.
struct MalformedRequest : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// `target` is "/index/_doc/1?if_seq_no=0". Throws MalformedRequest for a target that does not begin with '/', for a
/// bad percent sequence, and for text that is not UTF-8 or holds a NUL once it is decoded.
[[nodiscard]] Request make_request(std::string_view method, std::string_view target, std::string body = {});

/// Percent-encodes everything but the unreserved characters.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace occ
