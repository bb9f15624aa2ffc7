#include "core/table/counters.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace occ {
namespace {

/// Counters that all differ: field i holds (i + 1) * factor.
Counters distinct(std::uint64_t factor) {
  Counters counters;
  std::uint64_t value = 0;
  for (const auto& field : Counters::fields()) counters.*field.member = ++value * factor;
  return counters;
}

TEST(Counters, fields_name_every_counter_once) {
  std::set<std::string_view> names, meanings;
  std::set<const std::uint64_t*> members;
  const Counters counters;
  for (const auto& field : Counters::fields()) {
    names.insert(field.name);
    meanings.insert(field.meaning);
    members.insert(&(counters.*field.member));
  }
  EXPECT_EQ(names.size(), Counters::fields().size());
  EXPECT_EQ(meanings.size(), Counters::fields().size());
  EXPECT_EQ(members.size() * sizeof(std::uint64_t), sizeof(Counters)) << "a counter is missing from fields()";
}

TEST(Counters, merge_adds_sums_and_keeps_the_greater_maximum) {
  Counters sum = distinct(10);
  sum.merge(distinct(1));
  std::uint64_t i = 0;
  for (const auto& field : Counters::fields()) {
    ++i;
    EXPECT_EQ(sum.*field.member, field.is_maximum ? i * 10 : i * 11) << field.name;
  }
  EXPECT_TRUE(std::ranges::any_of(Counters::fields(), &Counters::Field::is_maximum));
}

TEST(Counters, since_subtracts_sums_and_keeps_maxima) {
  const Counters difference = distinct(10).since(distinct(1));
  std::uint64_t i = 0;
  for (const auto& field : Counters::fields()) {
    ++i;
    EXPECT_EQ(difference.*field.member, field.is_maximum ? i * 10 : i * 9) << field.name;
  }
}

TEST(Counters, count_write_files_each_end_under_one_counter) {
  const auto counted = [](Result result, Cause cause = Cause::none) {
    Counters counters;
    counters.count_write(result, cause);
    std::uint64_t all = 0;
    for (const auto& field : Counters::fields()) all += counters.*field.member;
    EXPECT_EQ(all, 1U);
    return counters;
  };
  EXPECT_EQ(counted(Result::created).applied, 1U);
  EXPECT_EQ(counted(Result::updated).applied, 1U);
  EXPECT_EQ(counted(Result::deleted).applied, 1U);
  EXPECT_EQ(counted(Result::noop).noop, 1U);
  EXPECT_EQ(counted(Result::not_found).not_found, 1U);
  EXPECT_EQ(counted(Result::conflict, Cause::document_missing).conflict_missing, 1U);
  EXPECT_EQ(counted(Result::conflict, Cause::seq_no_mismatch).conflict_seq_no, 1U);
  EXPECT_EQ(counted(Result::conflict, Cause::already_exists).conflict_exists, 1U);
  for (const Cause cause : {Cause::version_mismatch, Cause::version_not_higher, Cause::version_higher}) {
    EXPECT_EQ(counted(Result::conflict, cause).conflict_version, 1U);
    EXPECT_EQ(counted(Result::conflict, cause).conflicts(), 1U);
  }
}

TEST(Outcome, wrote_needs_a_word_of_its_own) {
  EXPECT_TRUE((Outcome{.word = SeqNoTerm(1, 1), .decided_on = SeqNoTerm(0, 1)}.wrote()));
  EXPECT_TRUE((Outcome{.word = SeqNoTerm(1, 1)}.wrote()));
  EXPECT_FALSE((Outcome{.word = SeqNoTerm(1, 1), .decided_on = SeqNoTerm(1, 1)}.wrote()));
  EXPECT_FALSE((Outcome{.decided_on = SeqNoTerm(1, 1)}.wrote()));
  EXPECT_FALSE(Outcome{}.wrote());
}

TEST(Counters, conflicts_adds_up_all_causes) {
  const Counters counters{
      .conflict_missing = 1, .conflict_seq_no = 10, .conflict_exists = 100, .conflict_version = 1000};
  EXPECT_EQ(counters.conflicts(), 1111U);
}

}  // namespace
}  // namespace occ
