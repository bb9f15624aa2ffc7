#pragma once

#include <string>
#include <string_view>

#include "harness/rest/rest_request.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

inline constexpr std::string_view kJsonContentType = "application/json; charset=UTF-8";

/// An answer, without its connection. May be filled again and again.
struct Response {
  int status = 200;
  bool has_body = true;  ///< false for HEAD: `body` is then what GET would have answered, or empty
  std::string body;      ///< JSON, or empty
  std::string_view content_type = kJsonContentType;
  NameValues headers;  ///< beside the content type: Location, Allow, X-Opaque-Id

  /// As new, but for the memory that `body` holds.
  void clear();
  /// The body as it is sent.
  [[nodiscard]] std::string_view text() const { return has_body ? std::string_view(body) : std::string_view(); }
  /// Null without a body, discarded if it is no JSON.
  [[nodiscard]] Json json() const { return text().empty() ? Json() : parse_checked(body); }
};

/// "Conflict" for 409, and so on, for every status that an answer can have.
[[nodiscard]] std::string_view status_text(int status) noexcept;

}  // namespace occ
