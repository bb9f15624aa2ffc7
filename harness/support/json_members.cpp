#include "harness/support/json_members.hpp"

#include <algorithm>
#include <charconv>

namespace occ {
namespace {

/// The place behind the white space from `at` on.
std::size_t skip_space(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

/// The place behind the string that begins at `at`; npos if it does not end.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return text.npos;
}

/// The place behind the value that begins at `at`; npos if it does not end.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.npos;
  if (text[at] == '"') return end_of_string(text, at);
  if (text[at] != '{' && text[at] != '[') {
    const std::size_t end = std::min(text.find_first_of(",}] \t\r\n", at), text.size());
    return end == at ? text.npos : end;
  }
  for (std::size_t depth = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      if (at == text.npos) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    ++at;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return text.npos;
}

}  // namespace

bool for_each_member(std::string_view object, FunctionRef<void(std::string_view, std::string_view)> take) {
  std::size_t at = skip_space(object, 0);
  if (at >= object.size() || object[at] != '{') return false;
  at = skip_space(object, at + 1);
  if (at < object.size() && object[at] == '}') return skip_space(object, at + 1) == object.size();
  for (;;) {
    if (at >= object.size() || object[at] != '"') return false;
    const std::size_t key_end = end_of_string(object, at);
    if (key_end == object.npos) return false;
    const std::string_view key = object.substr(at + 1, key_end - at - 2);
    at = skip_space(object, key_end);
    if (at >= object.size() || object[at] != ':') return false;
    at = skip_space(object, at + 1);
    const std::size_t end = end_of_value(object, at);
    if (end == object.npos) return false;
    const std::string_view value = object.substr(at, end - at);
    at = skip_space(object, end);
    if (at >= object.size() || (object[at] != ',' && object[at] != '}')) return false;
    take(key, value);
    if (object[at] == '}') return skip_space(object, at + 1) == object.size();
    at = skip_space(object, at + 1);
  }
}

bool for_each_element(std::string_view array, FunctionRef<void(std::string_view)> take) {
  std::size_t at = skip_space(array, 0);
  if (at >= array.size() || array[at] != '[') return false;
  at = skip_space(array, at + 1);
  if (at < array.size() && array[at] == ']') return skip_space(array, at + 1) == array.size();
  for (;;) {
    const std::size_t end = end_of_value(array, at);
    if (end == array.npos) return false;
    const std::string_view value = array.substr(at, end - at);
    at = skip_space(array, end);
    if (at >= array.size() || (array[at] != ',' && array[at] != ']')) return false;
    take(value);
    if (array[at] == ']') return skip_space(array, at + 1) == array.size();
    at = skip_space(array, at + 1);
  }
}

std::string_view member(std::string_view object, std::string_view key) {
  std::string_view found;
  const bool whole = for_each_member(object, [&](std::string_view name, std::string_view value) {
    if (found.empty() && name == key) found = value;
  });
  return whole ? found : std::string_view();
}

std::optional<std::int64_t> whole_number(std::string_view value) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return number;
}

std::string_view unquoted(std::string_view value) {
  return value.size() >= 2 && value.starts_with('"') ? value.substr(1, value.size() - 2) : value;
}

}  // namespace occ
