#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "harness/rest/rest_failure.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

/// A request's body, read as JSON, whose faults are told with their places, as Elasticsearch's parser counts them:
/// lines and bytes from 1. Places are looked for when a fault is told, by the value that is at fault: a part of json().
class BodyText {
 public:
  /// Throws Failure where it is no JSON. An empty body is an empty object.
  explicit BodyText(std::string_view body);

  [[nodiscard]] const Json& json() const noexcept { return json_; }

  enum class At : std::uint8_t { value, key, end };
  struct Place {
    std::size_t line = 1;
    std::size_t column = 1;
    /// "[1:18]"
    [[nodiscard]] std::string text() const;
  };
  /// Where the value begins, its key begins, or its last character is.
  [[nodiscard]] Place place(const Json& value, At at = At::value) const;

  /// A parsing_exception at a value.
  [[nodiscard]] Failure parsing(const Json& value, std::string reason, At at = At::value) const;
  /// An x_content_parse_exception, which has its place before its reason.
  [[nodiscard]] Failure content(const Json& value, std::string_view reason, At at = At::value) const;

 private:
  std::string storage_;
  std::string_view text_;
  Json json_;
};

}  // namespace occ
