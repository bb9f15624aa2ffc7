#include "harness/rest/rest_request.hpp"

#include <algorithm>
#include <clocale>
#include <cstdint>
#include <cwctype>
#include <optional>

#include "harness/support/json_text.hpp"

namespace occ {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      if (text.size() - i < 3)
        throw MalformedRequest("the percent sequence at the end of '" + std::string(text) + "' is cut off");
      const auto first = hex_digit(text[i + 1]);
      const auto second = hex_digit(text[i + 2]);
      if (!first || !second) {
        throw MalformedRequest("'" + std::string(text.substr(i, 3)) + "' is not a percent sequence");
      }
      out += static_cast<char>(*first * 16 + *second);
      i += 2;
    } else {
      out += text[i];
    }
  }
  if (!is_utf8(out)) throw MalformedRequest("'" + std::string(text) + "' is not UTF-8 once it is percent-decoded");
  if (out.find('\0') != out.npos) throw MalformedRequest("'" + std::string(text) + "' holds a NUL byte");
  return out;
}

/// Calls take(part) for every non-empty part of text between separators.
template <class F>
void for_each_part(std::string_view text, char separator, F take) {
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (const auto part = text.substr(0, end); !part.empty()) take(part);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

}  // namespace

void read_target(Request& request, std::string_view target, bool plus_is_space) {
  request.uri = target;
  request.path.clear();
  request.query.clear();
  if (!target.starts_with('/'))
    throw MalformedRequest("a path begins with '/', not as '" + std::string(target) + "' does");
  target = target.substr(0, target.find('#'));
  const auto question = target.find('?');
  std::string_view path = target.substr(0, question);
  while (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    path.remove_prefix(1);  // a '/'
    const auto end = std::min(path.find('/'), path.size());
    request.path.push_back(decoded(path.substr(0, end), plus_is_space));
    path.remove_prefix(end);
  }
  if (question == target.npos) return;
  for_each_part(target.substr(question + 1), '&', [&](std::string_view part) {
    const auto equals = part.find('=');
    request.query.emplace_back(decoded(part.substr(0, equals), true),
                               equals == part.npos ? std::string() : decoded(part.substr(equals + 1), true));
  });
}

Request make_request(std::string_view method, std::string_view target, std::string body) {
  Request request{.method = std::string(method), .body = std::move(body)};
  read_target(request, target);
  return request;
}

std::string path_text(const Request& request) {
  std::string text;
  for (const std::string& segment : request.path) text.append("/").append(segment);
  return text.empty() ? "/" : text;
}

bool same_but_for_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_lower_case(std::string_view text) {
  // Part of glibc, so it is there whatever locales a machine has.
  static const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t k = 1; k < length && at + k < text.size(); ++k) {
      point = point << 6U | (static_cast<unsigned char>(text[at + k]) & 0x3FU);
    }
    const auto letter = static_cast<wint_t>(point);
    if (unicode ? ::towlower_l(letter, unicode) != letter : point >= 'A' && point <= 'Z') return false;
    at += length;
  }
  return true;
}

std::string_view without_blanks(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

const std::string* find_header(const Request& request, std::string_view name) noexcept {
  for (const auto& [given, value] : request.headers) {
    if (same_but_for_case(given, name)) return &value;
  }
  return nullptr;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kUnreserved.find(c) != kUnreserved.npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

}  // namespace occ
