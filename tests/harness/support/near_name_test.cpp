#include "harness/support/near_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace occ {
namespace {

const std::vector<std::string> kNames{"packed_cas", "packed_claim", "hot", "hot16", "--threads"};

TEST(NearName, a_letter_missing_extra_wrong_or_exchanged_is_found) {
  for (const char* word : {"packed_ca", "packed_cass", "packed_caz", "packde_cas", "acked_cas"})
    EXPECT_EQ(near_name(word, kNames), "packed_cas") << word;
  EXPECT_EQ(near_name("--thraeds", kNames), "--threads");
}

TEST(NearName, short_words_may_be_wrong_in_one_letter_only) {
  EXPECT_EQ(near_name("hat", kNames), "hot");
  EXPECT_EQ(near_name("hta", kNames), "");
  EXPECT_EQ(near_name("zipf", kNames), "");
}

TEST(NearName, what_is_far_from_all_or_too_long_is_nothing) {
  EXPECT_EQ(near_name("mutex_global", kNames), "");
  EXPECT_EQ(near_name("", kNames), "");
  EXPECT_EQ(near_name(std::string(100'000, 'x'), kNames), "");
}

TEST(NearName, is_said_behind_what_was_wrong) {
  EXPECT_EQ(did_you_mean("hott", kNames), "; did you mean 'hot'?");
  EXPECT_EQ(did_you_mean("nothing at all", kNames), "");
}

}  // namespace
}  // namespace occ
