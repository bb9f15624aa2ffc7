#include "harness/commands/validators.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/support/bad_input.hpp"
#include "harness/support/quantity.hpp"

namespace occ {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// What the validator puts in the text's place, or what it says against it.
std::string plain(const CLI::Validator& validator, std::string text) {
  std::string wrong = validator(text);
  return wrong.empty() ? text : wrong;
}

TEST(Validators, list_is_split_at_every_comma) {
  EXPECT_THAT(split_list("a,b"), ElementsAre("a", "b"));
  EXPECT_THAT(split_list(""), ElementsAre(""));
  EXPECT_THAT(split_list("a,,"), ElementsAre("a", "", ""));
}

TEST(Validators, names_are_different) {
  EXPECT_EQ(plain(different_names(), "b,a"), "b,a");
  EXPECT_EQ(plain(different_names(), "b,a,b"), "'b,a,b': 'b' is given twice");
}

TEST(Validators, one_of_names_what_is_accepted) {
  EXPECT_EQ(plain(one_of({"json", "counter"}), "counter"), "counter");
  EXPECT_EQ(plain(one_of({"json", "counter"}), "xml"), "'xml': accepted are json, counter");
}

TEST(Validators, whole_number_with_unit_is_multiplied) {
  EXPECT_EQ(plain(whole_number(1, 10), "7"), "7");
  EXPECT_EQ(plain(whole_number(1, UINT64_MAX), "100k"), "100000");
  EXPECT_EQ(plain(whole_number(1, UINT64_MAX), "2M"), "2000000");
  EXPECT_EQ(plain(whole_number(1, UINT64_MAX), "3G"), "3000000000");
  EXPECT_EQ(plain(whole_number(0, UINT64_MAX), "18446744073709551615"), "18446744073709551615");
}

TEST(Validators, whole_number_that_is_none_is_refused_with_what_is_accepted) {
  for (const char* text : {"", "-1", "1e6", "1.5", "k", "10K", "10 k", " 10", "10kk", "18446744073709551616",
                           "18446744073709551615k", "0", "1001"}) {
    EXPECT_THAT(plain(whole_number(1, 1'000), text),
                AllOf(HasSubstr("'" + std::string(text) + "'"), HasSubstr("whole numbers from 1 to 1000")))
        << text;
  }
}

TEST(Validators, whole_numbers_in_ranges_are_all_of_them) {
  const CLI::Validator threads = whole_numbers(1, 1024, Repeats::refused);
  EXPECT_EQ(plain(threads, "1-4,8"), "1,2,3,4,8");
  EXPECT_EQ(plain(threads, "3-3"), "3");
  EXPECT_EQ(plain(threads, "16"), "16");
  EXPECT_EQ(plain(whole_numbers(0, UINT64_MAX, Repeats::accepted), "18446744073709551614-18446744073709551615"),
            "18446744073709551614,18446744073709551615");
  EXPECT_EQ(plain(whole_numbers(1, 10'000, Repeats::accepted), "8,1k,8"), "8,1000,8");
}

TEST(Validators, whole_numbers_in_ranges_that_are_none_are_refused) {
  const CLI::Validator threads = whole_numbers(1, 1024, Repeats::refused);
  for (const char* text : {"1-", "-4", "1-4-8", "1-2000", "1,", "1--2", ""})
    EXPECT_THAT(plain(threads, text), HasSubstr("whole numbers from 1 to 1024")) << text;
  EXPECT_THAT(plain(threads, "4-1"), HasSubstr("from the smaller number to the larger one"));
  EXPECT_THAT(plain(threads, "1-4,2"), HasSubstr("'2' is given twice"));
  EXPECT_THAT(plain(whole_numbers(0, UINT64_MAX, Repeats::refused), "0-4G"), HasSubstr("at most"));
}

TEST(Validators, time_with_and_without_unit_is_seconds) {
  const CLI::Validator time = seconds(0, 100);
  EXPECT_EQ(plain(time, "500ms"), "0.5");
  EXPECT_DOUBLE_EQ(std::stod(plain(time, "250us")), 250e-6);
  EXPECT_EQ(plain(time, "2.5"), "2.5");
  EXPECT_EQ(plain(time, "1min"), "60");
  EXPECT_EQ(plain(seconds(0, kLongestTimeS), "2d"), "172800");
  for (const char* text : {"", "ms", "-1s", "-1", "101", "1 s", "1sec", "inf", "nan"})
    EXPECT_THAT(plain(time, text), HasSubstr("accepted are times from 0 s to 100 s")) << text;
}

TEST(Validators, time_within_a_longer_text_is_read_alike) {
  EXPECT_EQ(read_seconds("--backoff FIRST", "2ms", 0, 1), 0.002);
  EXPECT_THAT([] { (void)read_seconds("--backoff FIRST", "2", 0, 1); },
              testing::ThrowsMessage<BadInput>(HasSubstr("--backoff FIRST '2': accepted are times from 0 s to 1 s")));
}

TEST(Validators, time_of_minus_one_is_accepted_where_it_means_something) {
  EXPECT_EQ(plain(seconds_or_minus_one(100), "-1"), "-1");
  EXPECT_EQ(plain(seconds_or_minus_one(100), "5s"), "5");
  EXPECT_THAT(plain(seconds_or_minus_one(24 * 3600), "-2"), HasSubstr("accepted are -1 and times from 0 s to a day"));
}

TEST(Validators, percent_needs_its_sign_where_it_is_a_share) {
  EXPECT_EQ(plain(percent(), "5%"), "5");
  EXPECT_EQ(plain(percent(), "5"), "5");
  const CLI::Validator of_documents = share("the documents");
  EXPECT_EQ(plain(of_documents, "2.5%"), "2.5");
  EXPECT_EQ(plain(of_documents, "all"), "100");
  EXPECT_EQ(plain(of_documents, ""), "100");
  EXPECT_EQ(plain(of_documents, "none"), "0");
  for (const char* text : {"0%", "100.5%", "-5%", "%", "5%%", "five%"}) {
    EXPECT_THAT(plain(percent(), text), HasSubstr("accepted are percentages")) << text;
    EXPECT_THAT(plain(of_documents, text), HasSubstr("accepted are none, all, or a share of the documents")) << text;
  }
  EXPECT_THAT(plain(of_documents, "5"), HasSubstr("such as 5%"));
}

}  // namespace
}  // namespace occ
