#include "harness/support/write_parameters.hpp"

#include <charconv>
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

std::string bracketed(std::string_view text) {
  return "[" + std::string(text) + "]";
}

}  // namespace

std::int64_t parse_long(std::string_view name, std::string_view value) {
  if (const auto number = whole_number<std::int64_t>(value)) return *number;
  throw IllegalArgument("Failed to parse long parameter " + bracketed(name) + " with value " + bracketed(value));
}

std::int32_t parse_int(std::string_view name, std::string_view value) {
  if (const auto number = whole_number<std::int32_t>(value)) return *number;
  throw IllegalArgument("Failed to parse int parameter " + bracketed(name) + " with value " + bracketed(value));
}

bool parse_boolean(std::string_view name, std::string_view value) {
  if (value.empty() || value == "true") return true;
  if (value == "false") return false;
  throw IllegalArgument("Failed to parse value " + bracketed(value) + " of " + bracketed(name) +
                        " as only [true] or [false] are allowed.");
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
  if (value == "-1") return -1;
  if (value == "0") return 0;
  struct Unit {
    std::string_view suffix;
    std::int64_t ms;
  };
  // ms before s and m: the first suffix that fits is taken.
  constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  for (const auto& [suffix, ms] : kUnits) {
    if (!value.ends_with(suffix)) continue;
    const auto count = whole_number<std::int64_t>(value.substr(0, value.size() - suffix.size()));
    if (!count || *count < 0 || *count > std::numeric_limits<std::int64_t>::max() / ms) break;
    return *count * ms;
  }
  throw IllegalArgument("failed to parse setting " + bracketed(setting) + " with value " + bracketed(value) +
                        " as a time value: accepted are -1, 0 and a whole number with ms, s, m, h or d");
}

}  // namespace occ
