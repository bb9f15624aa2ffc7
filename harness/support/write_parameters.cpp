#include "harness/support/write_parameters.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>

namespace occ {
namespace {

template <class T>
std::optional<T> whole_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr auto kMostLong = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Text that Java takes for a double.
bool is_decimal(std::string_view text) {
  const std::string number(text);
  char* end = nullptr;
  (void)std::strtod(number.c_str(), &end);
  return !number.empty() && end == number.c_str() + number.size();
}

std::string bracketed(std::string_view text) {
  return "[" + std::string(text) + "]";
}

}  // namespace

std::int64_t parse_long(std::string_view name, std::string_view value) {
  if (const auto number = whole_number<std::int64_t>(value)) return *number;
  throw IllegalArgument("Failed to parse long parameter " + bracketed(name) + " with value " + bracketed(value), value);
}

std::int32_t parse_int(std::string_view name, std::string_view value) {
  if (const auto number = whole_number<std::int32_t>(value)) return *number;
  throw IllegalArgument("Failed to parse int parameter " + bracketed(name) + " with value " + bracketed(value), value);
}

std::int64_t parse_json_long(std::string_view name, const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > kMostLong) {
    throw IllegalArgument("Numeric value (" + to_text(value) + ") out of range of long (-9223372036854775808 - " +
                          "9223372036854775807)");
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number() && !value.is_string()) {
    throw IllegalArgument("Failed to parse long parameter " + bracketed(name) + " with value " +
                          bracketed(scalar_text(value)));
  }
  const std::string text = scalar_text(value);
  if (const auto number = whole_number<std::int64_t>(text)) return *number;
  // As decimal numbers of Java have it: no blanks, no letters but the exponent's.
  char* end = nullptr;
  const long double decimal = std::strtold(text.c_str(), &end);
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != text.npos || end != text.c_str() + text.size()) {
    throw IllegalArgument("For input string: \"" + text + "\"");
  }
  constexpr long double kBound = 9223372036854775808.0L;
  if (!(decimal > -kBound - 1 && decimal < kBound)) {
    throw IllegalArgument("Value " + bracketed(text) + " is out of range for a long");
  }
  return static_cast<std::int64_t>(decimal);
}

std::int32_t parse_json_int(std::string_view name, const Json& value) {
  const std::int64_t number = parse_json_long(name, value);
  if (number < std::numeric_limits<std::int32_t>::min() || number > std::numeric_limits<std::int32_t>::max()) {
    throw IllegalArgument("Value " + bracketed(scalar_text(value)) + " is out of range for an integer");
  }
  return static_cast<std::int32_t>(number);
}

bool parse_boolean(std::string_view value) {
  if (value.empty() || value == "true") return true;
  if (value == "false") return false;
  throw IllegalArgument("Failed to parse value " + bracketed(value) + " as only [true] or [false] are allowed.");
}

VersionType parse_version_type(std::string_view name) {
  if (name == "internal") return VersionType::internal;
  if (name == "external" || name == "external_gt") return VersionType::external;
  if (name == "external_gte") return VersionType::external_gte;
  throw IllegalArgument("No version type match " + bracketed(name));
}

void set_if_seq_no(WriteParameters& parameters, std::int64_t seq_no) {
  if (seq_no < 0 && seq_no != kUnassignedSeqNo) {
    throw IllegalArgument("sequence numbers must be non negative. got [" + std::to_string(seq_no) + "].");
  }
  parameters.if_seq_no = seq_no;
}

void set_if_primary_term(WriteParameters& parameters, std::int64_t term) {
  if (term < 0) throw IllegalArgument("primary term must be non negative. got [" + std::to_string(term) + "]");
  parameters.if_primary_term = term;
}

std::int64_t parse_time_ms(std::string_view setting, std::string_view value) {
  constexpr std::string_view kBlanks = " \t";
  std::string text(value.substr(std::min(value.find_first_not_of(kBlanks), value.size())));
  text.erase(text.find_last_not_of(kBlanks) + 1);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto refuse = [&](std::string_view why) {
    return IllegalArgument("failed to parse setting " + bracketed(setting) + " with value " + bracketed(value) +
                           " as a time value: " + std::string(why));
  };
  if (text == "-1") return -1;
  if (!text.empty() && text.find_first_not_of('0') == text.npos) return 0;
  struct Unit {
    std::string_view suffix;
    std::int64_t ms;  ///< 0: some of them are less than one
  };
  // ms before s and m: the first suffix that fits is taken.
  constexpr Unit kUnits[] = {{"nanos", 0},  {"micros", 0},    {"ms", 1},        {"s", 1'000},
                             {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  for (const auto& [suffix, ms] : kUnits) {
    if (!text.ends_with(suffix)) continue;
    std::string_view number = std::string_view(text).substr(0, text.size() - suffix.size());
    number = number.substr(0, number.find_last_not_of(kBlanks) + 1);
    const auto count = whole_number<std::int64_t>(number);
    if (!count) {
      throw IllegalArgument("failed to parse " + bracketed(value) +
                                (is_decimal(number) ? ", fractional time values are not supported" : ""),
                            number);
    }
    if (*count < -1) throw refuse("negative durations are not supported");
    if (*count == -1) return -1;
    if (ms == 0) return *count / (suffix == "nanos" ? 1'000'000 : 1'000);
    return *count > std::numeric_limits<std::int64_t>::max() / ms ? std::numeric_limits<std::int64_t>::max()
                                                                  : *count * ms;
  }
  throw refuse("unit is missing or unrecognized");
}

}  // namespace occ
