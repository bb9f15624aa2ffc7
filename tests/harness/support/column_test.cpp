#include "harness/support/column.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

struct Point {
  std::string name;
  double speed = 0;
  std::uint64_t threads = 0;
};

const Columns<Point>& written() {
  static const Columns<Point> columns{
      {"name", "of the point", [](const Point& point) { return point.name; }},
      {"speed", "in ops/s", [](const Point& point) { return number(point.speed); }},
      {"threads", "how many", [](const Point& point) { return number(point.threads); }},
  };
  return columns;
}

const std::vector<ReadColumn<Point>>& read() {
  static const std::vector<ReadColumn<Point>> columns{
      {"name", [](const Field& field, Point& point) { point.name = field.text(); }},
      {"speed", [](const Field& field, Point& point) { point.speed = field.number(); }},
      {"threads", [](const Field& field, Point& point) { point.threads = field.whole_number(1, 8); }, "1"},
  };
  return columns;
}

std::vector<Point> points(const std::string& csv) {
  return read_rows(parse_csv(csv, "x.csv"), "x.csv", read());
}

TEST(Column, header_fields_and_meanings_are_in_the_order_of_the_file) {
  EXPECT_THAT(header(written()), ElementsAre("name", "speed", "threads"));
  EXPECT_THAT(fields(written(), {"a", 1234567.8, 2}), ElementsAre("a", "1.23457e+06", "2"));
  EXPECT_EQ(meanings(written()).dump(), R"({"name":"of the point","speed":"in ops/s","threads":"how many"})");
}

TEST(Column, rows_are_read_by_name_in_any_order) {
  const auto read = points("threads,x,speed,name\n2,9,1.5,a\n3,9,not available,b\n");
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].name, "a");
  EXPECT_EQ(read[0].speed, 1.5);
  EXPECT_EQ(read[0].threads, 2U);
  EXPECT_TRUE(std::isnan(read[1].speed));
}

TEST(Column, column_that_older_files_lack_has_what_holds_there) {
  EXPECT_EQ(points("name,speed\na,1\n").at(0).threads, 1U);
}

TEST(Column, missing_columns_are_named_and_counted) {
  EXPECT_THAT([] { points("threads\n1\n"); },
              ThrowsMessage<BadInput>(HasSubstr("x.csv: no column 'name' (and 1 more are missing)")));
  EXPECT_THAT([] { points("name\na\n"); }, ThrowsMessage<BadInput>(HasSubstr("x.csv: no column 'speed';")));
}

TEST(Column, field_that_cannot_be_is_refused_with_its_place) {
  for (const char* speed : {"-1", "nan", "inf", "1x"}) {
    EXPECT_THAT([&] { points(std::string("name,speed\na,1\nb,") + speed + "\n"); },
                ThrowsMessage<BadInput>(AllOf(HasSubstr("x.csv:3: column 'speed': '"), HasSubstr(speed))));
  }
  for (const char* threads : {"0", "9", "1.5", "", "-1"}) {
    EXPECT_THAT([&] { points(std::string("name,speed,threads\na,1,") + threads + "\n"); },
                ThrowsMessage<BadInput>(HasSubstr("is not a whole number from 1 to 8")));
  }
}

}  // namespace
}  // namespace occ
