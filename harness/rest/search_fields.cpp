#include "harness/rest/search_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace occ {
namespace {

/// ignore_above of the keyword below a text, in UTF-16 units.
constexpr std::size_t kIgnoreAbove = 256;

std::size_t utf16_units(std::string_view text) noexcept {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0U) != 0x80U) units += byte >= 0xf0U ? 2 : 1;
  }
  return units;
}

FieldType type_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return looks_like_date(value.get_ref<const std::string&>()) ? FieldType::date : FieldType::text;
    case Json::value_t::boolean:
      return FieldType::boolean;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return FieldType::whole;
    case Json::value_t::number_float:
      return FieldType::real32;
    default:
      return FieldType::none;
  }
}

std::optional<double> number_in(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<FieldValue> whole_in(const Json& value) {
  if (value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() >> 63U != 0)) {
    return value.get<std::int64_t>();
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  const auto real = number_in(value);
  constexpr double kLimit = 9.3e18;
  if (!real || !(std::abs(*real) < kLimit) || std::abs(*real) >= 0x1p63) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::optional<FieldValue> as(const Json& value, const SearchField& field) {
  switch (field.type) {
    case FieldType::whole:
      return whole_in(value);
    case FieldType::real32:
      if (const auto number = number_in(value)) return static_cast<double>(static_cast<float>(*number));
      return std::nullopt;
    case FieldType::real64:
      if (const auto number = number_in(value)) return *number;
      return std::nullopt;
    case FieldType::boolean: {
      const std::string text = scalar_text(value);
      if (text == "true") return std::int64_t{1};
      if (text == "false" || text.empty()) return std::int64_t{0};
      return std::nullopt;
    }
    case FieldType::text:
    case FieldType::keyword: {
      std::string text = scalar_text(value);
      if (field.below_text && utf16_units(text) > kIgnoreAbove) return std::nullopt;
      return text;
    }
    default:
      return std::nullopt;
  }
}

void walk(const Json& value, std::string_view path, FunctionRef<void(const Json&)> take) {
  if (value.is_array()) {
    for (const Json& each : value) walk(each, path, take);
  } else if (path.empty()) {
    if (!value.is_null() && !value.is_object()) take(value);
  } else if (value.is_object()) {
    // A key may have dots itself.
    for (auto dot = path.find('.');; dot = path.find('.', dot + 1)) {
      const auto at = value.find(path.substr(0, dot));
      if (at != value.end()) walk(*at, dot == path.npos ? std::string_view() : path.substr(dot + 1), take);
      if (dot == path.npos) return;
    }
  }
}

template <class Real>
std::string real_text(Real number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  const Real size = std::abs(number);
  if (size != 0 && (size < static_cast<Real>(1e-3) || size >= static_cast<Real>(1e7))) {
    // Java's scientific notation: 1.0E10.
    char buffer[64];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
    const std::string text(buffer, error == std::errc() ? end : buffer);
    const auto e = text.find('e');
    std::string digits = text.substr(0, e);
    if (digits.find('.') == digits.npos) digits += ".0";
    return fmt::format("{}E{}", digits, std::stoi(text.substr(e + 1)));
  }
  std::string text = fmt::format("{}", number);
  if (text.find('.') == text.npos) text += ".0";
  return text;
}

}  // namespace

bool looks_like_date(std::string_view text) noexcept {
  const auto digits = [&](std::size_t at, std::size_t count) {
    return text.size() >= at + count &&
           std::ranges::all_of(text.substr(at, count), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!digits(0, 4) || text.size() < 7) return false;
  if (text[4] == '/') return text.size() >= 10 && digits(5, 2) && text[7] == '/' && digits(8, 2);
  if (text[4] != '-' || !digits(5, 2)) return false;
  if (text.size() == 7) return true;
  if (text[7] != '-' || !digits(8, 2)) return false;
  return text.size() == 10 || text[10] == 'T';
}

void FieldTypes::add(const Json& document) {
  if (document.is_object()) add(std::string(), document);
}

void FieldTypes::add(const std::string& prefix, const Json& value) {
  if (value.is_array()) {
    for (const Json& each : value) add(prefix, each);
  } else if (value.is_object()) {
    for (const auto& [key, element] : value.items()) add(prefix.empty() ? key : prefix + "." + key, element);
  } else if (const FieldType type = type_of(value); type != FieldType::none) {
    types_.try_emplace(prefix, type);
  }
}

SearchField FieldTypes::field(std::string_view name) const {
  if (const auto at = types_.find(name); at != types_.end()) return {std::string(name), at->second, false};
  constexpr std::string_view kBelow = ".keyword";
  if (name.ends_with(kBelow)) {
    const std::string_view above = name.substr(0, name.size() - kBelow.size());
    if (const auto at = types_.find(above); at != types_.end() && at->second == FieldType::text) {
      return {std::string(above), FieldType::keyword, true};
    }
  }
  return {std::string(name), FieldType::none, false};
}

void for_each_value(const Json& document, const SearchField& field, FunctionRef<void(const FieldValue&)> take) {
  walk(document, field.path, [&](const Json& value) {
    if (const auto made = as(value, field)) take(*made);
  });
}

std::string java_text(double number) {
  return real_text(number);
}

std::string java_text(float number) {
  return real_text(number);
}

}  // namespace occ
