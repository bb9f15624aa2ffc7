#include "harness/rest/filter_path.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace occ {
namespace {

using Path = std::vector<std::string>;

/// What is left of a path below some key.
struct Rest {
  const Path* path;
  std::size_t at;
};
using Rests = std::vector<Rest>;

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (const auto part = text.substr(0, end); !part.empty()) parts.push_back(part);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return parts;
}

/// A path's keys: at each '.' one ends, unless a backslash stands before it, which is then left out.
Path keys_of(std::string_view text) {
  Path keys;
  std::string key;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == '.') {
      if (!key.empty()) keys.push_back(std::move(key));
      key.clear();
    } else if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '.') {
      key += text[++i];
    } else {
      key += text[i];
    }
  }
  return keys;
}

/// Adds to `below` what is left of `rest` once it has passed `key`; true if that is nothing: the path ends here.
bool pass(Rest rest, std::string_view key, Rests& below) {
  const Path& path = *rest.path;
  if (path[rest.at] == "**") {
    if (rest.at + 1 == path.size()) return true;
    // It takes one key or more.
    below.push_back(rest);
    below.push_back({&path, rest.at + 1});
    return false;
  }
  if (!matches_pattern(path[rest.at], key)) return false;
  if (rest.at + 1 == path.size()) return true;
  below.push_back({&path, rest.at + 1});
  return false;
}

/// As pass, of several; with `dots`, a key "a.b" passes as if it were two.
bool pass(const Rests& rests, std::string_view key, bool dots, Rests& below) {
  const auto dot = key.find('.');
  if (dots && dot != key.npos && dot > 0 && dot + 1 < key.size()) {
    Rests first;
    return pass(rests, key.substr(0, dot), false, first) || pass(first, key.substr(dot + 1), true, below);
  }
  bool ends = false;
  for (const Rest& rest : rests) ends |= pass(rest, key, below);
  return ends;
}

enum class Reduce : std::uint8_t { to, without, without_but_empty };

/// The value with what the paths name, or without it. Nothing if nothing is left; what was empty before may stay.
std::optional<Json> reduced(const Json& value, const Rests& rests, Reduce how, bool dots = false) {
  const bool keep = how == Reduce::to;
  if (!value.is_structured()) return keep ? std::nullopt : std::optional(value);
  Json out = value.is_object() ? Json::object() : Json::array();
  for (const auto& [key, element] : value.items()) {
    std::optional<Json> left;
    if (value.is_array()) {
      left = reduced(element, rests, how, dots);
    } else {
      Rests below;
      if (pass(rests, key, dots, below)) {
        left = keep ? std::optional(element) : std::nullopt;
      } else if (below.empty()) {
        left = keep ? std::nullopt : std::optional(element);
      } else {
        left = reduced(element, below, how, dots);
      }
    }
    if (!left) continue;
    if (value.is_array()) {
      out.push_back(std::move(*left));
    } else {
      out[key] = std::move(*left);
    }
  }
  if (out.empty() && !(how == Reduce::without_but_empty && value.empty())) return std::nullopt;
  return out;
}

Rests from_the_top(const std::vector<Path>& all) {
  Rests rests;
  for (const Path& path : all) rests.push_back({&path, 0});
  return rests;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view key) noexcept {
  // After a mismatch only the last '*' takes one character more.
  std::size_t p = 0;
  std::size_t k = 0;
  std::size_t star = pattern.npos;
  std::size_t star_key = 0;
  while (k < key.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_key = k;
    } else if (p < pattern.size() && pattern[p] == key[k]) {
      ++p;
      ++k;
    } else if (star != pattern.npos) {
      p = star + 1;
      k = ++star_key;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

Json filtered(const Json& answer, std::string_view paths, Compatibility compatibility) {
  std::vector<Path> kept;
  std::vector<Path> taken;
  bool keeps_some = false;  // a path without a key, such as "..", keeps nothing
  for (const auto text : parts_of(paths, ',')) {
    const bool minus = text.starts_with('-');
    Path path = keys_of(text.substr(minus ? 1 : 0));
    keeps_some |= !minus;
    if (!path.empty()) (minus ? taken : kept).push_back(std::move(path));
  }
  std::optional<Json> left = answer;
  if (!taken.empty()) {
    const bool of_8 = compatibility == Compatibility::v8;
    left = reduced(*left, from_the_top(taken), of_8 ? Reduce::without_but_empty : Reduce::without);
  }
  if (left && keeps_some) left = reduced(*left, from_the_top(kept), Reduce::to);
  return left.value_or(answer.is_array() ? Json::array() : Json::object());
}

Json filtered_source(const Json& source, const SourceChoice& choice) {
  const auto paths_of = [](const std::vector<std::string>& patterns) {
    std::vector<Path> paths;
    for (const std::string& pattern : patterns) {
      if (Path path = keys_of(pattern); !path.empty()) paths.push_back(std::move(path));
    }
    return paths;
  };
  const std::vector<Path> kept = paths_of(choice.includes);
  const std::vector<Path> taken = paths_of(choice.excludes);
  std::optional<Json> left = source;
  if (!taken.empty()) left = reduced(*left, from_the_top(taken), Reduce::without_but_empty, true);
  if (left && !kept.empty()) left = reduced(*left, from_the_top(kept), Reduce::to, true);
  return left.value_or(Json::object());
}

}  // namespace occ
