#include "harness/commands/validators.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/table/backoff.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/quantity.hpp"
#include "harness/workload/backoff_policy.hpp"

namespace occ {
namespace {

constexpr std::uint64_t kMostOfARange = 4096;

std::string refusal(std::string_view text, std::string_view accepted) {
  return fmt::format("'{}': accepted are {}", text, accepted);
}

/// Adds a number, or all of a range. Says what is wrong.
std::string add_numbers(std::string_view item, std::uint64_t least, std::uint64_t most,
                        std::vector<std::uint64_t>& all) {
  const std::size_t dash = item.empty() ? item.npos : item.find('-', 1);
  const std::string_view first_text = item.substr(0, dash);
  const std::string_view last_text = dash == item.npos ? item : item.substr(dash + 1);
  const auto first = parse_whole_number(first_text, least, most);
  if (!first) return refusal(first_text, accepted_whole_numbers(least, most));
  const auto last = parse_whole_number(last_text, least, most);
  if (!last) return refusal(last_text, accepted_whole_numbers(least, most));
  if (*last < *first || *last - *first >= kMostOfARange) {
    return fmt::format("'{}': a range goes from the smaller number to the larger one and has {} at most", item,
                       kMostOfARange);
  }
  for (std::uint64_t above = 0; above <= *last - *first; ++above) all.push_back(*first + above);
  return {};
}

/// What is given twice; nothing if all are different.
template <class T>
std::string repetition(std::string_view text, std::vector<T> all) {
  std::ranges::sort(all);
  const auto twice = std::ranges::adjacent_find(all);
  return twice == all.end() ? std::string() : fmt::format("'{}': '{}' is given twice", text, *twice);
}

/// Of one text that means one value.
template <class Parse>
CLI::Validator of_a_value(Parse parse, std::string accepted) {
  return {[parse, accepted = std::move(accepted)](std::string& text) {
            const auto value = parse(text);
            if (!value) return refusal(text, accepted);
            text = fmt::format("{}", *value);
            return std::string();
          },
          ""};
}

}  // namespace

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return of_a_value([least, most](std::string_view text) { return parse_whole_number(text, least, most); },
                    accepted_whole_numbers(least, most));
}

CLI::Validator number(double least, double most) {
  const auto parse = [least, most](std::string_view text) -> std::optional<double> {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most))
      return std::nullopt;
    return value;
  };
  return of_a_value(parse, fmt::format("numbers from {} to {}", least, most));
}

CLI::Validator whole_numbers(std::uint64_t least, std::uint64_t most, Repeats repeats) {
  return {[least, most, repeats](std::string& text) {
            std::vector<std::uint64_t> all;
            for (const std::string& item : split_list(text)) {
              if (std::string wrong = add_numbers(item, least, most, all); !wrong.empty()) return wrong;
            }
            std::string wrong = repeats == Repeats::refused ? repetition(text, all) : "";
            if (wrong.empty()) text = fmt::format("{}", fmt::join(all, ","));
            return wrong;
          },
          ""};
}

CLI::Validator seconds(double least_s, double most_s) {
  return of_a_value([least_s, most_s](std::string_view text) { return parse_seconds(text, least_s, most_s); },
                    accepted_seconds(least_s, most_s));
}

CLI::Validator seconds_or_minus_one(double most_s) {
  return of_a_value(
      [most_s](std::string_view text) { return text == "-1" ? std::optional(-1.0) : parse_seconds(text, 0, most_s); },
      fmt::format("-1 and {}", accepted_seconds(0, most_s)));
}

CLI::Validator percent() {
  return of_a_value([](std::string_view text) { return parse_percent(text, false); },
                    "percentages above 0 and up to 100, such as 2 or 2%");
}

CLI::Validator share(std::string_view of_what) {
  return of_a_value(
      [](std::string_view text) {
        if (text == "none") return std::optional(0.0);
        if (text == "all" || text.empty()) return std::optional(100.0);
        return parse_percent(text, true);
      },
      fmt::format("none, all, or a share of {} above 0 % and up to 100 %, such as 5%", of_what));
}

CLI::Validator one_of(std::vector<std::string> names) {
  return {[names = std::move(names)](std::string& text) {
            return std::ranges::find(names, text) != names.end()
                       ? std::string()
                       : refusal(text, fmt::format("{}", fmt::join(names, ", ")));
          },
          ""};
}

CLI::Validator whole_numbers_or(std::string word, std::uint64_t least, std::uint64_t most) {
  return {[word = std::move(word), numbers = whole_numbers(least, most, Repeats::refused)](std::string& text) {
            if (text == word) return std::string();
            const std::string wrong = numbers(text);
            return wrong.empty() ? wrong : fmt::format("{}, or {}", wrong, word);
          },
          ""};
}

CLI::Validator backoff() {
  return {[](std::string& text) {
            if (std::ranges::find(kBackoffKinds, text) != kBackoffKinds.end()) return std::string();
            try {
              (void)BackoffPolicy::parse(text);
              return std::string();
            } catch (const BadInput&) {
              return refusal(text, fmt::format("{}, and of a client exponential:FIRST..MOST and "
                                               "full-jitter:FIRST..MOST, such as full-jitter:1ms..100ms",
                                               fmt::join(kBackoffKinds, ", ")));
            }
          },
          ""};
}

CLI::Validator different_names() {
  return {[](std::string& text) { return repetition(text, split_list(text)); }, ""};
}

}  // namespace occ
