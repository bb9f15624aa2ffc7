#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/TypeTools.hpp"
#include "harness/commands/options.hpp"
#include "harness/support/quantity.hpp"

namespace occ {

/// The options in their plain form, taken as the types that they mean.
class OptionReader {
 public:
  explicit OptionReader(const Options& options) : options_(options) {}

  [[nodiscard]] std::optional<std::string> text(std::string_view name) const { return plain_text(options_, name); }

  template <class Number>
  [[nodiscard]] std::optional<Number> number(std::string_view name) const {
    const auto given = text(name);
    return given ? std::optional(plain_number<Number>(*given)) : std::nullopt;
  }

  [[nodiscard]] std::vector<std::string> list(std::string_view name) const {
    const auto given = text(name);
    return given ? split_list(*given) : std::vector<std::string>{};
  }

  template <class Number>
  [[nodiscard]] std::vector<Number> numbers(std::string_view name) const {
    std::vector<Number> all;
    for (const std::string& item : list(name)) all.push_back(plain_number<Number>(item));
    return all;
  }

  /// Which of `names` it is, which are those that its validator accepts.
  template <class Names>
  [[nodiscard]] std::optional<std::size_t> choice(std::string_view name, const Names& names) const {
    const auto given = text(name);
    if (!given) return std::nullopt;
    return static_cast<std::size_t>(std::ranges::find(names, *given) - std::begin(names));
  }

 private:
  template <class Number>
  static Number plain_number(const std::string& text) {
    Number value{};
    CLI::detail::lexical_cast(text, value);
    return value;
  }

  const Options& options_;
};

}  // namespace occ
