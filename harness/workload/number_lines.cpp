#include "harness/workload/number_lines.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/read_file.hpp"

namespace occ {
namespace {

constexpr std::string_view kSeparators = " \t,\r";

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::vector<NumberLine> read_number_lines(std::string_view option, const std::string& file, std::size_t columns) {
  const std::string text = read_file(file);
  std::vector<NumberLine> lines;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view rest = std::string_view(text).substr(at, end - at);
    rest = rest.substr(0, rest.find('#'));
    at = end + 1;
    NumberLine line{++number, {}};
    while ((rest = rest.substr(std::min(rest.find_first_not_of(kSeparators), rest.size()))).size() > 0) {
      const std::string_view word = rest.substr(0, rest.find_first_of(kSeparators));
      const auto value = number_of(word);
      if (!value)
        throw BadInput(fmt::format("{}: {}:{}: '{}' is not a number; accepted are lines of {}", option, file, number,
                                   word, columns));
      line.numbers.push_back(*value);
      rest.remove_prefix(word.size());
    }
    if (line.numbers.empty()) continue;
    if (line.numbers.size() != columns) {
      throw BadInput(fmt::format("{}: {}:{}: {} number{}; accepted are lines of {}", option, file, number,
                                 line.numbers.size(), line.numbers.size() == 1 ? "" : "s", columns));
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) throw BadInput(fmt::format("{}: '{}' has no numbers", option, file));
  return lines;
}

double read_number(std::string_view option, std::string_view text, double least, double most) {
  const auto value = number_of(text);
  if (!value || *value < least || *value > most)
    throw BadInput(fmt::format("{} '{}': accepted are numbers from {} to {}", option, text, least, most));
  return *value;
}

}  // namespace occ
