#include "harness/json_text.hpp"

#include <cstdint>
#include <vector>

namespace occ {
namespace {

/// Accepts any JSON within the limits, keeps nothing.
class LimitCheck final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t&) override {
    if (++keys_.back() > kMaxObjectKeys) {
      throw JsonError("an object has more than " + std::to_string(kMaxObjectKeys) + " keys");
    }
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
  bool open() {
    if (keys_.size() == kMaxJsonDepth) {
      throw JsonError("nested more than " + std::to_string(kMaxJsonDepth) + " levels deep");
    }
    keys_.push_back(0);
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  std::vector<std::size_t> keys_;
};

bool same_number(const Json& a, const Json& b) {
  if (a.is_number_float() != b.is_number_float()) return false;
  return a == b;
}

}  // namespace

void check_json(std::string_view text) {
  LimitCheck check;
  Json::sax_parse(text, &check);
}

void check_json_object(std::string_view text) {
  check_json(text);
  if (const auto first = text.find_first_not_of(" \t\r\n"); first == text.npos || text[first] != '{') {
    throw JsonError("a JSON object is expected");
  }
}

Json parse_json(std::string_view text) {
  check_json(text);
  return Json::parse(text);
}

std::string to_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
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
