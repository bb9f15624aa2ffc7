#include "core/model/reason.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace occ {
namespace {

constexpr auto kV6 = Compatibility::v6;
constexpr auto kV8 = Compatibility::v8;

Outcome conflict(Cause cause, Version current, SeqNoTerm decided_on = {}) {
  return {.result = Result::conflict, .cause = cause, .version = current, .word = decided_on, .decided_on = decided_on};
}

TEST(ReasonTest, conflict_reason_of_if_seq_no_on_nothing) {
  EXPECT_EQ(conflict_reason(conflict(Cause::document_missing, kVersionNotFound), Precondition::if_seq_no(0, 1), "1"),
            "[1]: version conflict, required seqNo [0], primary term [1]. but no document was found");
}

TEST(ReasonTest, conflict_reason_of_if_seq_no_on_another_write) {
  const auto outcome = conflict(Cause::seq_no_mismatch, 3, {4, 2});
  EXPECT_EQ(conflict_reason(outcome, Precondition::if_seq_no(10'000, 1), "a b"),
            "[a b]: version conflict, required seqNo [10000], primary term [1]. current document has seqNo [4] and "
            "primary term [2]");
  EXPECT_EQ(conflict_reason(outcome, Precondition::if_seq_no(10'000, 1), "1", kV8),
            "[1]: version conflict, required seqNo [10000], primary term [1]. current document has seqNo [4] and "
            "primary term [2]");
}

TEST(ReasonTest, conflict_reason_prints_numbers_beyond_the_fields_as_given) {
  EXPECT_EQ(conflict_reason(conflict(Cause::seq_no_mismatch, 3, {4, 2}),
                            Precondition::if_seq_no(std::numeric_limits<std::int64_t>::max(), 65'536), "1"),
            "[1]: version conflict, required seqNo [9223372036854775807], primary term [65536]. current document has "
            "seqNo [4] and primary term [2]");
}

TEST(ReasonTest, conflict_reason_of_create) {
  EXPECT_EQ(conflict_reason(conflict(Cause::already_exists, 2), Precondition::must_not_exist(), "1"),
            "[1]: version conflict, document already exists (current version [2])");
}

TEST(ReasonTest, conflict_reason_of_a_version) {
  EXPECT_EQ(conflict_reason(conflict(Cause::version_mismatch, 2), Precondition::if_version(1), "1"),
            "[1]: version conflict, current version [2] is different than the one provided [1]");
  EXPECT_EQ(conflict_reason(conflict(Cause::version_mismatch, kVersionNotFound), Precondition::if_version(1), "1"),
            "[1]: version conflict, document does not exist (expected version [1])");
}

TEST(ReasonTest, conflict_reason_of_6_names_the_type_and_prints_minus_1_for_nothing) {
  EXPECT_EQ(conflict_reason(conflict(Cause::version_mismatch, 2), Precondition::if_version(1), "1", kV6),
            "[_doc][1]: version conflict, current version [2] is different than the one provided [1]");
  EXPECT_EQ(conflict_reason(conflict(Cause::version_mismatch, kVersionNotFound), Precondition::if_version(1), "1", kV6),
            "[_doc][1]: version conflict, current version [-1] is different than the one provided [1]");
}

TEST(ReasonTest, conflict_reason_of_external_versions) {
  EXPECT_EQ(conflict_reason(conflict(Cause::version_not_higher, 5), Precondition::external(5), "1"),
            "[1]: version conflict, current version [5] is higher or equal to the one provided [5]");
  EXPECT_EQ(conflict_reason(conflict(Cause::version_higher, 5), Precondition::external_gte(4), "1"),
            "[1]: version conflict, current version [5] is higher than the one provided [4]");
}

TEST(ReasonTest, conflict_reason_of_no_conflict_is_empty) {
  EXPECT_EQ(conflict_reason({.result = Result::updated}, {}, "1"), "");
  EXPECT_EQ(conflict_reason({.result = Result::rejected, .cause = Cause::id_empty}, {}, ""), "");
}

TEST(ReasonTest, read_conflict_reason_names_both_versions) {
  EXPECT_EQ(read_conflict_reason(2, 10, "1"),
            "[1]: version conflict, current version [2] is different than the one provided [10]");
  EXPECT_EQ(read_conflict_reason(2, 10, "1", kV6),
            "[_doc][1]: version conflict, current version [2] is different than the one provided [10]");
}

}  // namespace
}  // namespace occ
