#include "harness/rest/body_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/support/json_members.hpp"

namespace occ {
namespace {

/// A value's text, and its key's where it has one.
struct Found {
  std::string_view value;
  std::string_view key;
};

/// Walks a value and its text side by side until it is at `wanted`.
bool find(const Json& json, std::string_view text, const Json& wanted, Found& found) {
  if (&json == &wanted) {
    found.value = text;
    return true;
  }
  if (!json.is_structured()) return false;
  bool done = false;
  auto at = json.begin();
  const auto step = [&](std::string_view key, std::string_view value) {
    if (done || at == json.end()) return;
    done = find(*at, value, wanted, found);
    if (done && &*at == &wanted) found.key = key;
    ++at;
  };
  if (json.is_object()) {
    (void)for_each_member(text, step);
  } else {
    (void)for_each_element(text, [&](std::string_view value) { step({}, value); });
  }
  return done;
}

}  // namespace

BodyText::BodyText(std::string_view body) : text_(plain_json(body, storage_, LoneSurrogates::keep)) {
  if (body.empty()) {
    json_ = Json::object();
    return;
  }
  try {
    json_ = parse_json(text_);
  } catch (const JsonError& error) {
    throw failure(400, "json_parse_exception", error.what());
  }
  if (!json_.is_object()) {
    throw parsing(json_, fmt::format("Expected [START_OBJECT] but found [{}]", token_name(json_)));
  }
}

std::string BodyText::Place::text() const {
  return fmt::format("[{}:{}]", line, column);
}

BodyText::Place BodyText::place(const Json& value, At at) const {
  Found found{text_, {}};
  (void)find(json_, text_, value, found);
  const char* where = found.value.data();
  if (at == At::key && !found.key.empty()) where = found.key.data() - 1;
  if (at == At::end && !found.value.empty()) where += found.value.size() - 1;
  const std::string_view before = text_.substr(0, static_cast<std::size_t>(where - text_.data()));
  const auto line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return {1 + static_cast<std::size_t>(std::ranges::count(before, '\n')), 1 + before.size() - line_begin};
}

Failure BodyText::parsing(const Json& value, std::string reason, At at) const {
  const Place where = place(value, at);
  Failure failed = failure(400, "parsing_exception", std::move(reason));
  failed.details = fmt::format(R"("line":{},"col":{})", where.line, where.column);
  return failed;
}

Failure BodyText::content(const Json& value, std::string_view reason, At at) const {
  return failure(400, "x_content_parse_exception", fmt::format("{} {}", place(value, at).text(), reason));
}

}  // namespace occ
