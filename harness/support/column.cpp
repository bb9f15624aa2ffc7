#include "harness/support/column.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "harness/support/bad_input.hpp"

namespace occ {

double Field::number() const {
  const double value = signed_number();
  if (value < 0) refuse("is below 0, which nothing measured can be");
  return value;
}

double Field::count() const {
  const double value = number();
  return std::isnan(value) ? 0 : value;
}

double Field::signed_number() const {
  if (text_.empty() || text_ == "not available" || text_ == "not_available")
    return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
  if (error != std::errc{} || end != text_.data() + text_.size() || !std::isfinite(value)) refuse("is not a number");
  return value;
}

std::uint64_t Field::whole_number(std::uint64_t least, std::uint64_t most) const {
  const double value = signed_number();
  if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)) || value != std::floor(value))
    refuse(fmt::format("is not a whole number from {} to {}", least, most));
  return static_cast<std::uint64_t>(value);
}

void Field::refuse(std::string_view why) const {
  throw BadInput(fmt::format("{}:{}: column '{}': '{}' {}", file_, line_, column_, text_, why));
}

void ColumnFinder::add(const std::string& name, const std::optional<std::string>& otherwise) {
  const auto at = table_.find_column(name);
  if (!at && !otherwise) missing_.push_back(name);
  places_.push_back({name, at, otherwise.value_or("")});
}

void ColumnFinder::refuse_missing() const {
  if (missing_.empty()) return;
  throw BadInput(
      fmt::format("{}: no column '{}'{}; a CSV written by `occkit run` is expected", file_, missing_.front(),
                  missing_.size() > 1 ? fmt::format(" (and {} more are missing)", missing_.size() - 1) : ""));
}

Field ColumnFinder::field(std::size_t row, std::size_t column) const {
  const Place& place = places_[column];
  return {place.at ? table_.rows[row][*place.at] : place.otherwise, place.name, file_,
          row < table_.lines.size() ? table_.lines[row] : row + 2};
}

}  // namespace occ
