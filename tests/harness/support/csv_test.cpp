#include "harness/support/csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Csv, line_with_separators_round_trips) {
  const std::vector<std::string> fields{"plain", "a,b", "say \"no\"", "two\nlines", ""};
  const CsvTable table = parse_csv("a,b,c,d,e\n" + csv_line(fields), "test");
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(table.rows[0], fields);
  EXPECT_FALSE(table.unterminated);
}

TEST(Csv, parse_crlf_is_accepted) {
  EXPECT_THAT(parse_csv("a,b\r\n1,2\r\n", "test").rows, ElementsAre(ElementsAre("1", "2")));
}

TEST(Csv, parse_row_of_other_length_names_the_line) {
  EXPECT_THAT([] { parse_csv("a,b\n1,2\n1,2,3\n", "x.csv"); }, ThrowsMessage<BadInput>(HasSubstr("x.csv:3:")));
}

TEST(Csv, parse_cut_last_row_is_left_out_and_told) {
  const CsvTable table = parse_csv("a,b\n1,2\n3", "test");
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("1", "2")));
  EXPECT_TRUE(table.unterminated);
}

TEST(Csv, parse_open_quote_is_bad_input) {
  EXPECT_THROW(parse_csv("a\n\"b\n", "test"), BadInput);
}

TEST(Csv, parse_nothing_is_bad_input) {
  EXPECT_THROW(parse_csv("", "test"), BadInput);
}

TEST(Csv, read_missing_file_is_bad_input) {
  try {
    read_csv("/nonexistent/x.csv");
    ADD_FAILURE() << "a missing file was read";
  } catch (const BadInput& error) {
    EXPECT_NE(std::string(error.what()).find("No such file"), std::string::npos) << error.what();
  }
}

TEST(Csv, read_folder_is_bad_input_that_says_so) {
  try {
    read_csv("/tmp");
    ADD_FAILURE() << "a folder was read";
  } catch (const BadInput& error) {
    EXPECT_NE(std::string(error.what()).find("it is a folder"), std::string::npos) << error.what();
  }
}

TEST(Csv, find_column_unknown_is_nothing) {
  const CsvTable table = parse_csv("a,b\n", "test");
  EXPECT_EQ(table.find_column("b"), 1U);
  EXPECT_FALSE(table.find_column("c"));
}

}  // namespace
}  // namespace occ
