#include "harness/support/terminal.hpp"

#include <gtest/gtest.h>

namespace occ {
namespace {

TEST(CutTo, a_line_that_fits_stays_as_it_is) {
  EXPECT_EQ(cut_to("twelve chars", 12), "twelve chars");
  EXPECT_EQ(cut_to("of no width", 0), "of no width");
}

TEST(CutTo, a_longer_one_ends_in_dots_within_the_width) {
  EXPECT_EQ(cut_to("twelve chars", 11), "twelve c...");
  EXPECT_EQ(cut_to("twelve chars", 3), "...");
  EXPECT_EQ(cut_to("twelve chars", 2), "..");
}

TEST(CutTo, characters_are_counted_and_kept_whole) {
  EXPECT_EQ(cut_to("ääää", 4), "ääää");
  EXPECT_EQ(cut_to("äääää", 4), "ä...");
}

TEST(Coloured, is_the_text_itself_where_no_colours_are_shown) {
  EXPECT_EQ(coloured("text", Colour::bad, false), "text");
  EXPECT_EQ(coloured("text", Colour::bad, true), "\033[31mtext\033[0m");
}

}  // namespace
}  // namespace occ
