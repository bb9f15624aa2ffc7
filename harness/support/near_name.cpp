#include "harness/support/near_name.hpp"

#include <algorithm>

#include "fmt/format.h"

namespace occ {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  // Rows of the table for the last two letters of `a`, and for the present one.
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string near_name(std::string_view word, std::span<const std::string> names) {
  // No name is so long; the table would be of the size of what somebody pasted.
  constexpr std::size_t kLongest = 64;
  if (word.size() > kLongest) return "";
  const std::size_t most = word.size() <= 4 ? 1 : word.size() <= 8 ? 2 : 3;
  std::string nearest;
  std::size_t least = most + 1;
  for (const std::string& name : names) {
    const std::size_t away = distance(word, name);
    if (away < least) {
      least = away;
      nearest = name;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> names) {
  const std::string name = near_name(word, names);
  return name.empty() ? "" : fmt::format("; did you mean '{}'?", name);
}

}  // namespace occ
