#include "core/model/seq_no_term.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace occ {
namespace {

constexpr auto kMaxSeqNo = SeqNoTerm::kMaxSeqNo;
constexpr auto kMaxTerm = SeqNoTerm::kMaxTerm;

TEST(SeqNoTerm, pack_of_every_boundary_gives_both_numbers_back) {
  for (const std::uint64_t seq_no : {std::uint64_t{0}, std::uint64_t{1}, kMaxSeqNo / 2, kMaxSeqNo - 1, kMaxSeqNo}) {
    for (const std::uint64_t term : {std::uint64_t{0}, std::uint64_t{1}, kMaxTerm / 2, kMaxTerm - 1, kMaxTerm}) {
      const SeqNoTerm word(seq_no, term);
      EXPECT_EQ(word.seq_no(), seq_no);
      EXPECT_EQ(word.term(), term);
      EXPECT_FALSE(word.vacant());
      EXPECT_EQ(SeqNoTerm::from_bits(word.bits()), word);
    }
  }
}

TEST(SeqNoTerm, fields_fill_the_word) {
  EXPECT_EQ(SeqNoTerm(kMaxSeqNo, kMaxTerm).bits(), ~std::uint64_t{3});
  EXPECT_EQ(SeqNoTerm(0, 0).bits(), 0U);
  EXPECT_EQ(kMaxSeqNo, 281'474'976'710'655U);
  EXPECT_EQ(kMaxTerm, 16'383U);
}

TEST(SeqNoTerm, default_is_vacant_and_is_what_a_slot_holds_before_its_first_write) {
  EXPECT_TRUE(SeqNoTerm().vacant());
  EXPECT_EQ(SeqNoTerm(), SeqNoTerm::never_written());
  EXPECT_LT(SeqNoTerm(), SeqNoTerm(0, 1));
}

TEST(SeqNoTerm, order_is_that_of_seq_no_whatever_the_term) {
  EXPECT_LT(SeqNoTerm(1, kMaxTerm), SeqNoTerm(2, 0));
  EXPECT_LT(SeqNoTerm(1, 1), SeqNoTerm(1, 2));
  EXPECT_LT(SeqNoTerm(kMaxSeqNo - 1, kMaxTerm), SeqNoTerm(kMaxSeqNo, 0));
}

TEST(SeqNoTerm, moving_flag_leaves_the_numbers) {
  const SeqNoTerm word(kMaxSeqNo - 1, kMaxTerm);
  EXPECT_FALSE(word.moving());
  EXPECT_TRUE(word.with_moving().moving());
  EXPECT_NE(word.with_moving(), word);
  EXPECT_EQ(word.with_moving().without_moving(), word);
  EXPECT_EQ(word.with_moving().seq_no(), word.seq_no());
  EXPECT_EQ(word.with_moving().term(), word.term());
  EXPECT_FALSE(word.with_moving().vacant());
  EXPECT_LT(word.with_moving(), SeqNoTerm(kMaxSeqNo, 0));
}

TEST(SeqNoTerm, is_a_constant_expression) {
  static_assert(SeqNoTerm(5, 2).seq_no() == 5);
  static_assert(SeqNoTerm(5, 2).term() == 2);
  static_assert(sizeof(SeqNoTerm) == sizeof(std::uint64_t));
}

}  // namespace
}  // namespace occ
