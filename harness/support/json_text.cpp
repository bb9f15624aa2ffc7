#include "harness/support/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/build/hash.hpp"

namespace occ {
namespace {

/// The keys of one object, told apart by their hashes.
class Keys {
 public:
  /// False if the key was there.
  bool insert(std::string_view key) {
    const std::uint64_t hash = hash_id(key);
    if (!many_.empty()) return many_.insert(hash).second;
    if (std::ranges::find(few_, hash) != few_.end()) return false;
    few_.push_back(hash);
    if (few_.size() == kFew) many_.insert(few_.begin(), few_.end());
    return true;
  }
  [[nodiscard]] std::size_t size() const { return many_.empty() ? few_.size() : many_.size(); }
  void clear() {
    few_.clear();
    many_.clear();
  }

 private:
  /// Up to here a walk is faster than a hash set.
  static constexpr std::size_t kFew = 32;
  std::vector<std::uint64_t> few_;
  std::unordered_set<std::uint64_t> many_;
};

/// Accepts any JSON within the limits, keeps nothing.
class LimitCheck final : public nlohmann::json_sax<Json> {
 public:
  explicit LimitCheck(FunctionRef<void(std::string_view)> take_root_key) : take_root_key_(take_root_key) {}

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t& text) override {
    if (text.find_first_of(".eE") == text.npos) throw JsonError("the number " + text + " is beyond 64 bits");
    return count();
  }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t& name) override {
    Keys& keys = levels_[depth_ - 1];
    if (!keys.insert(name)) throw JsonError("Duplicate field '" + name + "'");
    if (keys.size() > kMaxObjectKeys) {
      throw JsonError("an object has more than " + std::to_string(kMaxObjectKeys) + " keys");
    }
    if (depth_ == 1) take_root_key_(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    std::string_view text = error.what();
    if (const auto end = text.find("] "); text.starts_with('[') && end != text.npos) text.remove_prefix(end + 2);
    throw JsonError(std::string(text));
  }

 private:
  bool count() {
    if (++values_ > kMaxJsonValues) throw JsonError("more than " + std::to_string(kMaxJsonValues) + " values");
    return true;
  }
  bool open() {
    if (depth_ == kMaxJsonDepth) {
      throw JsonError("nested more than " + std::to_string(kMaxJsonDepth) + " levels deep");
    }
    if (depth_ == levels_.size()) levels_.emplace_back();
    levels_[depth_++].clear();
    return count();
  }
  bool close() {
    --depth_;
    return true;
  }
  FunctionRef<void(std::string_view)> take_root_key_;
  std::vector<Keys> levels_;  ///< as deep as the text ever was; the first depth_ are in use
  std::size_t depth_ = 0;
  std::size_t values_ = 0;
};

void append_pretty(std::string& out, const Json& value, std::size_t depth) {
  if (!value.is_structured()) {
    out += to_text(value);
    return;
  }
  const bool object = value.is_object();
  out += object ? '{' : '[';
  const auto new_line = [&](std::size_t at) { out.append(1, '\n').append(at * 2, ' '); };
  bool first = true;
  for (const auto& [key, element] : value.items()) {
    if (!first) out += ',';
    first = false;
    new_line(depth + 1);
    if (object) {
      append_quoted(out, key);
      out += " : ";
    }
    append_pretty(out, element, depth + 1);
  }
  if (first) {
    out += ' ';
  } else {
    new_line(depth);
  }
  out += object ? '}' : ']';
}

bool same_number(const Json& a, const Json& b) {
  if (a.is_number_float() != b.is_number_float()) return false;
  return a == b;
}

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// The UTF-16 unit of `\uXXXX` at `at`; nothing if there is none.
std::optional<unsigned> escaped_unit(std::string_view text, std::size_t at) {
  if (text.size() - std::min(at, text.size()) < 6 || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned unit = 0;
  const auto [end, error] = std::from_chars(&text[at + 2], &text[at + 2] + 4, unit, 16);
  if (error != std::errc{} || end != &text[at + 2] + 4) return std::nullopt;
  return unit;
}
bool is_high(unsigned unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(unsigned unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

/// The place behind the comment that begins at `at`; `at` if none does, npos if it does not end.
std::size_t end_of_comment(std::string_view text, std::size_t at) {
  if (text.substr(at).starts_with("//")) return std::min(text.find('\n', at), text.size());
  if (!text.substr(at).starts_with("/*")) return at;
  const auto end = text.find("*/", at + 2);
  return end == text.npos ? end : end + 2;
}

/// Appends the escape at `at` of a string; the place behind it.
std::size_t append_escape(std::string& out, std::string_view text, std::size_t at, LoneSurrogates lone) {
  const auto unit = escaped_unit(text, at);
  std::size_t size = std::min<std::size_t>(unit ? 6 : 2, text.size() - at);
  bool alone = unit && is_low(*unit);
  if (unit && is_high(*unit)) {
    const auto next = escaped_unit(text, at + 6);
    alone = !next || !is_low(*next);
    if (!alone) size = 12;
  }
  out += alone && lone == LoneSurrogates::replace ? std::string_view("\\ufffd") : text.substr(at, size);
  return at + size;
}

/// Throws JsonError unless the text is one JSON value within the limits.
void check_plain(std::string_view plain, FunctionRef<void(std::string_view)> take_root_key) {
  // The library takes this byte for the end of its input and would accept whatever follows.
  if (const auto nul = plain.find('\0'); nul != plain.npos) {
    throw JsonError("syntax error at byte " + std::to_string(nul + 1) + ": NUL is not allowed in JSON");
  }
  LimitCheck check(take_root_key);
  Json::sax_parse(plain, &check);
}

}  // namespace

std::string_view plain_json(std::string_view text, std::string& storage, LoneSurrogates lone) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const bool may_have_lone = lone == LoneSurrogates::replace && text.find("\\u") != text.npos;
  if (text.find('/') == text.npos && !may_have_lone) return text;
  storage.clear();
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (in_string && c == '\\') {
      at = append_escape(storage, text, at, lone);
      continue;
    }
    if (!in_string && c == '/') {
      const std::size_t end = end_of_comment(text, at);
      // Nor does one that begins later, so what is left is looked at once.
      if (end == text.npos) return storage.append(text, at);
      if (end > at) {
        storage += ' ';
        at = end;
        continue;
      }
    }
    if (c == '"') in_string = !in_string;
    storage += c;
    ++at;
  }
  return storage;
}

void check_json(std::string_view text) {
  std::string storage;
  check_plain(plain_json(text, storage, LoneSurrogates::replace), [](std::string_view /*key*/) {});
}

void check_json_object(std::string_view text, FunctionRef<void(std::string_view)> take_key) {
  std::string storage;
  const std::string_view plain = plain_json(text, storage, LoneSurrogates::replace);
  check_plain(plain, take_key);
  if (const auto first = plain.find_first_not_of(" \t\r\n"); first == plain.npos || plain[first] != '{') {
    throw JsonError("a JSON object is expected");
  }
}

void check_json_object(std::string_view text) {
  check_json_object(text, [](std::string_view /*key*/) {});
}

Json parse_checked(std::string_view text) {
  std::string storage;
  return Json::parse(plain_json(text, storage, LoneSurrogates::replace), nullptr, false);
}

Json parse_json(std::string_view text) {
  std::string storage;
  const std::string_view plain = plain_json(text, storage, LoneSurrogates::replace);
  check_plain(plain, [](std::string_view /*key*/) {});
  return Json::parse(plain);
}

std::string to_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const std::size_t before = out.size();
  out += '"';
  std::size_t plain = 0;  // where what was not appended yet begins
  bool ascii = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    ascii &= c < 0x80;
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += static_cast<char>(c);
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      default:
        out += {'u', '0', '0', kDigits[c >> 4U], kDigits[c & 15U]};
    }
  }
  out.append(text, plain);
  out += '"';
  if (!ascii && !is_utf8(text)) {
    out.resize(before);
    out += to_text(Json(text));
  }
}

void append_number(std::string& out, std::int64_t number) {
  char digits[20];  // as many as std::int64_t's least value has, with its sign
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
  out.append(digits, end);
}

std::string pretty_text(const Json& value) {
  std::string out;
  append_pretty(out, value, 0);
  out += '\n';
  return out;
}

std::string scalar_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

std::string_view token_name(const Json& value) noexcept {
  switch (value.type()) {
    case Json::value_t::object:
      return "START_OBJECT";
    case Json::value_t::array:
      return "START_ARRAY";
    case Json::value_t::string:
      return "VALUE_STRING";
    case Json::value_t::boolean:
      return "VALUE_BOOLEAN";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return "VALUE_NUMBER";
    default:
      return "VALUE_NULL";
  }
}

bool same_value(const Json& a, const Json& b) {
  if (a.is_object() && b.is_object()) {
    if (a.size() != b.size()) return false;
    for (const auto& [key, value] : a.items()) {
      const auto other = b.find(key);
      if (other == b.end() || !same_value(value, *other)) return false;
    }
    return true;
  }
  if (a.is_array() && b.is_array()) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!same_value(a[i], b[i])) return false;
    }
    return true;
  }
  if (a.is_number() && b.is_number()) return same_number(a, b);
  return a == b;
}

bool merge(Json& target, const Json& changes) {
  bool changed = false;
  for (const auto& [key, value] : changes.items()) {
    const auto present = target.find(key);
    if (present == target.end()) {
      target[key] = value;
      changed = true;
    } else if (present->is_object() && value.is_object()) {
      changed |= merge(*present, value);
    } else {
      changed |= !same_value(*present, value);
      *present = value;
    }
  }
  return changed;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || length > text.size() - i) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0U) != 0x80) return false;
      point = point << 6U | (next & 0x3FU);
    }
    if ((length == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) ||
        (length == 4 && (point < 0x10000 || point > 0x10FFFF))) {
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace occ
