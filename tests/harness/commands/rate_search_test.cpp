#include "harness/commands/rate_search.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace occ {
namespace {

struct Found {
  std::vector<double> tried;
  std::optional<double> highest;
};

/// Where every rate up to `capacity` holds.
Found search(double capacity) {
  RateSearch search(0.001, 100);
  Found found;
  while (const auto rate = search.next()) {
    found.tried.push_back(*rate);
    search.tell(*rate <= capacity);
  }
  found.highest = search.highest();
  return found;
}

TEST(RateSearch, highest_rate_is_found_within_six_percent) {
  for (const double capacity : {1.5, 40.0, 999.0, 1000.0, 1001.0, 123'456.0, 9e6}) {
    const Found found = search(capacity);
    ASSERT_TRUE(found.highest) << capacity;
    EXPECT_LE(*found.highest, capacity);
    EXPECT_GT(*found.highest * 1.07, capacity);
    EXPECT_LE(found.tried.size(), 14U) << capacity;
    EXPECT_EQ(std::set<double>(found.tried.begin(), found.tried.end()).size(), found.tried.size()) << capacity;
  }
}

TEST(RateSearch, nothing_holds_and_everything_holds_end_too) {
  const Found nothing = search(0);
  EXPECT_FALSE(nothing.highest);
  // 100 operations in 100 s.
  EXPECT_DOUBLE_EQ(nothing.tried.back(), 1.03);
  const Found everything = search(1e12);
  EXPECT_EQ(everything.highest, everything.tried.back());
  EXPECT_EQ(everything.tried.back(), RateSearch::rate(192));
}

TEST(RateSearch, short_windows_begin_at_a_higher_rate) {
  RateSearch search(0.001, 0.01);
  EXPECT_NEAR(search.next().value(), 10'000, 600);
  EXPECT_EQ(search.next(), search.first());
  search.tell(false);
  EXPECT_FALSE(search.next());
}

TEST(RateSearch, rates_have_three_digits) {
  EXPECT_EQ(RateSearch::rate(0), 1000);
  EXPECT_EQ(RateSearch::rate(1), 1060);
  EXPECT_EQ(RateSearch::rate(24), 4000);
  EXPECT_EQ(RateSearch::rate(-12), 500);
}

}  // namespace
}  // namespace occ
