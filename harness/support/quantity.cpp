#include "harness/support/quantity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

constexpr double kDayS = 24 * 3600;

/// The number that a text begins with, and what is behind it.
template <class T>
std::optional<std::pair<T, std::string_view>> leading(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return std::pair(value, text.substr(static_cast<std::size_t>(end - text.data())));
}

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    items.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return items;
}

std::optional<std::uint64_t> parse_whole_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"", 1}, {"k", 1'000}, {"M", 1'000'000}, {"G", 1'000'000'000}};
  const auto found = leading<std::uint64_t>(text);
  if (!found) return std::nullopt;
  for (const auto& [unit, factor] : kUnits) {
    if (found->second != unit || found->first > UINT64_MAX / factor) continue;
    const std::uint64_t value = found->first * factor;
    if (value >= least && value <= most) return value;
  }
  return std::nullopt;
}

std::string accepted_whole_numbers(std::uint64_t least, std::uint64_t most) {
  return fmt::format("whole numbers from {} to {}{}", least, most, most >= 1'000 ? ", also as 1k, 1M, 1G" : "");
}

std::optional<double> parse_seconds(std::string_view text, double least_s, double most_s) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", kDayS}};
  const auto found = leading<double>(text);
  if (!found || !std::isfinite(found->first)) return std::nullopt;
  for (const auto& [unit, factor] : kUnits) {
    const double value = found->first * factor;
    if (found->second == unit && value >= least_s && value <= most_s) return value;
  }
  return std::nullopt;
}

std::string accepted_seconds(double least_s, double most_s) {
  const std::string most = most_s > kDayS    ? fmt::format("{} days", most_s / kDayS)
                           : most_s == kDayS ? "a day"
                                             : fmt::format("{} s", most_s);
  return fmt::format("times from {} s to {}, such as 500ms, 2s, 1min or 2.5 (s)", least_s, most);
}

double read_seconds(std::string_view what, std::string_view text, double least_s, double most_s) {
  if (const auto value = parse_seconds(text, least_s, most_s)) return *value;
  throw BadInput(fmt::format("{} '{}': accepted are {}", what, text, accepted_seconds(least_s, most_s)));
}

std::optional<double> parse_percent(std::string_view text, bool sign_needed) {
  const auto found = leading<double>(text);
  if (!found || !(found->first > 0) || found->first > 100) return std::nullopt;
  if (found->second != "%" && (sign_needed || !found->second.empty())) return std::nullopt;
  return found->first;
}

}  // namespace occ
