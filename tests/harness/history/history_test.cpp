#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "harness/history/history_order.hpp"
#include "tests/harness/history/written_history.hpp"

namespace occ {
namespace {

using HistoryCheck = WrittenHistory;

TEST_F(HistoryCheck, Writes_InAChain_Clean) {
  expect_clean({create({1, 0, 10}, word(1), 5), get({2, 11, 20}, word(1), 1, 5),
                update({1, 12, 30}, word(1), word(2), 2, 5, 6), update_noop({1, 31, 32}, word(2), 2, 6),
                remove({2, 33, 40}, word(2), word(5), 3), get_nothing({2, 41, 50}, word(5)),
                remove({1, 51, 60}, word(5), word(6), 4, Result::not_found),
                create({1, 61, 70}, word(7), 8, word(6), 5)});
}

TEST_F(HistoryCheck, Rejected_WhateverItSays_Ignored) {
  HistoryEntry rejected = index({2, 20, 21}, word(9), word(9), 77, 1);
  rejected.result = Result::rejected;
  expect_clean({create({1, 0, 10}, word(1), 5), rejected});
}

TEST_F(HistoryCheck, TwoWrites_OfOneNumber_DuplicateNumber) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  expect_clean({first, second, index({2, 25, 40}, word(2), word(3), 3, 7)});
  expect(Violation::duplicate_number, {first, second, index({2, 25, 40}, word(1), word(2), 2, 7)}, 2);
}

TEST_F(HistoryCheck, TwoWrites_OfOneNumberInTwoTerms_DuplicateNumber) {
  expect(Violation::duplicate_number, {create({1, 0, 10}, word(1), 5), index({2, 25, 40}, word(1), word(1, 2), 2, 7)},
         2);
}

TEST_F(HistoryCheck, TwoWrites_OfOneState_LostUpdate) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = update({1, 20, 30}, word(1), word(2), 2, 5, 6);
  expect_clean({first, second, update({2, 25, 40}, word(2), word(3), 3, 6, 7)});
  expect(Violation::lost_update, {first, second, update({2, 25, 40}, word(1), word(3), 2, 5, 7)}, 2);
}

TEST_F(HistoryCheck, Write_OfAStateReplacedTwiceSince_LostUpdate) {
  rules.gc_deletes_ms = -1;
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry gone = remove({1, 20, 30}, word(1), word(2), 2);
  const HistoryEntry again = create({1, 40, 50}, word(3), 6);
  expect_clean({first, gone, again, update({2, 45, 60}, word(3), word(4), 2, 6, 7)});
  // What a condition on _version cannot see: _version is 1 again.
  expect(Violation::lost_update, {first, gone, again, update({2, 5, 60}, word(1), word(4), 2, 5, 7)}, 2);
}

TEST_F(HistoryCheck, TwoCreates_BothApplied_LostUpdate) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  HistoryEntry met = conflict({2, 0, 10}, HistoryKind::index, Cause::already_exists, word(1), 1);
  met.precondition = Precondition::Kind::must_not_exist;
  expect_clean({first, met});
  expect(Violation::lost_update, {first, create({2, 0, 10}, word(2), 6)}, 2);
}

TEST_F(HistoryCheck, Update_ComputedFromAnEarlierStateThanItReplaced_LostUpdate) {
  HistoryEntry applied = update({2, 5, 40}, word(2), word(3), 3, 5, 7);
  applied.condition = word(1).bits();
  expect(Violation::lost_update, {create({1, 0, 10}, word(1), 5), index({1, 20, 30}, word(1), word(2), 2, 6), applied},
         3);
}

TEST_F(HistoryCheck, FailOver_TermRises_Clean) {
  expect_clean({create({1, 0, 10}, word(1, 1), 5), index({1, 20, 30}, word(1, 1), word(2, 3), 2, 6),
                if_word(index({2, 20, 40}, word(2, 3), word(3, 3), 3, 7), word(2, 3))});
}

TEST_F(HistoryCheck, FailOver_LaterNumberOfEarlierTerm_TermWentBack) {
  expect(Violation::term_went_back,
         {create({1, 0, 10}, word(1, 2), 5), index({2, 20, 30}, word(1, 2), word(2, 1), 2, 6)}, 2);
}

TEST_F(HistoryCheck, Condition_OfTheRightNumberAndAnotherTerm_Conflict) {
  const HistoryEntry first = create({1, 0, 10}, word(1, 2), 5);
  expect_clean(
      {first, if_word(conflict({2, 20, 30}, HistoryKind::index, Cause::seq_no_mismatch, word(1, 2), 1), word(1, 1))});
  expect(Violation::spurious_outcome, {first, if_word(index({2, 20, 30}, word(1, 2), word(2, 2), 2, 6), word(1, 1))},
         2);
}

TEST_F(HistoryCheck, Get_OfANumberThatNobodyWrote_UnwrittenVersion) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect(Violation::unwritten_version, {first, get({2, 20, 30}, word(2), 2, 5)}, 1);
  expect(Violation::unwritten_version, {first, get({2, 20, 30}, word(1, 2), 1, 5)}, 1);
  expect(Violation::unwritten_version, {get({2, 20, 30}, word(1), 1, 5)}, 1);
}

TEST_F(HistoryCheck, Write_OfAStateThatNobodyWrote_UnwrittenVersion) {
  expect(Violation::unwritten_version, {create({1, 0, 10}, word(1), 5), index({2, 20, 30}, word(2), word(3), 3, 5)}, 1);
}

TEST_F(HistoryCheck, Get_OfAnotherSource_TornRead) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect_clean({first, get({2, 20, 30}, word(1), 1, 5)});
  expect(Violation::torn_read, {first, get({2, 20, 30}, word(1), 1, 6)}, 2);
}

TEST_F(HistoryCheck, Get_OfAnotherVersion_TornRead) {
  expect(Violation::torn_read, {create({1, 0, 10}, word(1), 5), get({2, 20, 30}, word(1), 2, 5)}, 2);
}

TEST_F(HistoryCheck, Get_OfAnotherWordThanItWasDecidedOn_TornRead) {
  HistoryEntry torn = get({2, 20, 30}, word(1), 1, 5);
  torn.word = word(2);
  expect(Violation::torn_read, {create({1, 0, 10}, word(1), 5), torn}, 2);
}

TEST_F(HistoryCheck, Get_OfASourceUnderADelete_TornRead) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry gone = remove({1, 20, 30}, word(1), word(2), 2);
  expect_clean({first, gone, get_nothing({2, 25, 40}, word(2))});
  expect(Violation::torn_read, {first, gone, get({2, 25, 40}, word(2), 2, 5)}, 2);
}

TEST_F(HistoryCheck, Update_ThatReadAnotherSource_TornRead) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect(Violation::torn_read, {first, update({2, 20, 30}, word(1), word(2), 2, 6, 7)}, 2);
  expect(Violation::torn_read, {first, update_noop({2, 20, 30}, word(1), 1, 6)}, 2);
  expect(Violation::torn_read, {first, if_word(update({2, 20, 30}, word(1), word(2), 2, 6, 7), word(1))}, 2);
}

TEST_F(HistoryCheck, Get_NothingOfALiveDocument_SpuriousOutcome) {
  expect(Violation::spurious_outcome, {create({1, 0, 10}, word(1), 5), get_nothing({2, 20, 30}, word(1))}, 2);
}

TEST_F(HistoryCheck, Write_OfAWrongVersion_SpuriousOutcome) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect_clean({first, index({1, 20, 30}, word(1), word(2), 2, 6)});
  expect(Violation::spurious_outcome, {first, index({1, 20, 30}, word(1), word(2), 3, 6)}, 2);
  expect(Violation::spurious_outcome, {first, index({1, 20, 30}, word(1), word(2), 2, 6, Result::created)}, 2);
}

TEST_F(HistoryCheck, Write_AgainstItsCondition_SpuriousOutcome) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  const HistoryEntry third = index({2, 20, 40}, word(2), word(3), 3, 7);
  expect_clean({first, second, if_word(third, word(2))});
  expect(Violation::spurious_outcome, {first, second, if_word(third, word(1))}, 2);
  expect_clean({first, second, under(third, Precondition::Kind::version, 2)});
  expect(Violation::spurious_outcome, {first, second, under(third, Precondition::Kind::version, 1)}, 2);
  expect_clean({first, second, under(third, Precondition::Kind::external, 3)});
  expect(Violation::spurious_outcome, {first, second, under(third, Precondition::Kind::external, 2)}, 2);
}

TEST_F(HistoryCheck, Conflict_WithoutCause_SpuriousOutcome) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  const HistoryEntry refused = conflict({2, 20, 40}, HistoryKind::index, Cause::seq_no_mismatch, word(2), 2);
  expect_clean({first, second, if_word(refused, word(1))});
  expect(Violation::spurious_outcome, {first, second, if_word(refused, word(2))}, 2);
  HistoryEntry other_cause = if_word(refused, word(1));
  other_cause.cause = Cause::document_missing;
  expect(Violation::spurious_outcome, {first, second, other_cause}, 2);
  HistoryEntry other_version = if_word(refused, word(1));
  other_version.version = 1;
  expect(Violation::spurious_outcome, {first, second, other_version}, 2);
}

TEST_F(HistoryCheck, Conflict_OnAbsence_ByTheRules) {
  expect_clean({if_word(conflict({2, 20, 40}, HistoryKind::index, Cause::document_missing, kNothing, kVersionNotFound),
                        word(1))});
  expect(Violation::spurious_outcome,
         {conflict({2, 20, 40}, HistoryKind::remove, Cause::document_missing, kNothing, kVersionNotFound)}, 1);
}

TEST_F(HistoryCheck, RefusedOperation_ThatCarriesANumber_SpuriousOutcome) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  HistoryEntry refused =
      if_word(conflict({2, 20, 40}, HistoryKind::index, Cause::seq_no_mismatch, word(1), 1), word(7));
  expect_clean({first, refused});
  refused.word = word(2);
  expect(Violation::spurious_outcome, {first, refused}, 1);
  refused.decided_on = kNothing;
  expect(Violation::spurious_outcome, {refused}, 1);
}

TEST_F(HistoryCheck, Write_WithoutANumberOfItsOwn_SpuriousOutcome) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect(Violation::spurious_outcome, {first, index({1, 20, 30}, word(1), kNothing, 2, 6)}, 1);
  expect(Violation::spurious_outcome,
         {first, index({1, 20, 30}, word(1), word(3), 2, 6), index({1, 40, 50}, word(3), word(2), 3, 6)}, 2);
}

TEST_F(HistoryCheck, UpdateConflict_WithWhatItsTransformHadNotSeen_Clean) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  expect_clean({first, second, update_conflict({2, 15, 40}, word(1), 5, word(2), 2)});
  // A strategy that guards by _version names another cause for the same.
  expect_clean({first, second, update_conflict({2, 15, 40}, word(1), 5, word(2), 2, Cause::version_mismatch)});
}

TEST_F(HistoryCheck, UpdateConflict_WithWhatItsTransformSaw_SpuriousOutcome) {
  expect(Violation::spurious_outcome,
         {create({1, 0, 10}, word(1), 5), update_conflict({2, 15, 40}, word(1), 5, word(1), 1)}, 2);
}

TEST_F(HistoryCheck, UpdateConflict_TransformSawAnotherSource_TornRead) {
  expect(Violation::torn_read,
         {create({1, 0, 10}, word(1), 5), index({1, 20, 30}, word(1), word(2), 2, 6),
          update_conflict({2, 15, 40}, word(1), 9, word(2), 2)},
         2);
}

TEST_F(HistoryCheck, UpdateConflict_TransformSawWhatWasReplacedBefore_Stale) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  expect_clean({first, second, update_conflict({2, 30, 40}, word(1), 5, word(2), 2)});
  expect(Violation::stale, {first, second, update_conflict({2, 31, 40}, word(1), 5, word(2), 2)}, 2);
}

TEST_F(HistoryCheck, UpdateConflict_TransformSawALaterState_Stale) {
  expect(Violation::stale,
         {create({1, 0, 10}, word(1), 5), index({1, 20, 30}, word(1), word(2), 2, 6),
          update_conflict({2, 5, 40}, word(2), 6, word(1), 1)},
         3);
}

TEST_F(HistoryCheck, Update_AppliedWithoutItsTransform_SpuriousOutcome) {
  HistoryEntry applied = update({2, 20, 30}, word(1), word(2), 2, 5, 7);
  applied.condition = kNothing.bits();
  expect(Violation::spurious_outcome, {create({1, 0, 10}, word(1), 5), applied}, 1);
}

TEST_F(HistoryCheck, Update_NotFound_OnlyWhereThereIsNone) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry gone = remove({1, 20, 30}, word(1), word(2), 2);
  const auto not_found = [](SeqNoTerm seen) {
    return operation({2, 5, 40}, HistoryKind::update, Result::not_found, seen, seen, kVersionNotFound);
  };
  expect_clean({first, gone, not_found(word(2))});
  expect_clean({first, gone, not_found(kNothing)});
  expect(Violation::spurious_outcome, {first, gone, not_found(word(1))}, 2);
}

TEST_F(HistoryCheck, Upsert_WhereThereIsNone_Clean) {
  HistoryEntry upsert = create({2, 5, 40}, word(3), 9, word(2), 3);
  upsert.kind = HistoryKind::update;
  upsert.precondition = Precondition::Kind::none;
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect_clean({first, remove({1, 20, 30}, word(1), word(2), 2), upsert});
  // After a first try whose transform saw the document.
  upsert.condition = word(1).bits();
  upsert.read = 5;
  expect_clean({first, remove({1, 20, 30}, word(1), word(2), 2), upsert});
  upsert.decided_on = word(1);
  upsert.version = 2;
  expect(Violation::spurious_outcome, {first, upsert}, 2);
}

TEST_F(HistoryCheck, Get_AfterItsVersionWasReplaced_Stale) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  expect_clean({first, second, get({2, 30, 40}, word(1), 1, 5)});  // touching: at the same time
  expect(Violation::stale, {first, second, get({2, 31, 40}, word(1), 1, 5)}, 2);
}

TEST_F(HistoryCheck, Get_BeforeItsVersionWasWritten_Stale) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  expect_clean({first, second, get({2, 15, 20}, word(2), 2, 6)});
  expect(Violation::stale, {first, second, get({2, 15, 19}, word(2), 2, 6)}, 2);
}

TEST_F(HistoryCheck, TwoGets_OfAnEarlierVersionAfterALater_Stale) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 90}, word(1), word(2), 2, 6);
  expect_clean({first, second, get({2, 30, 40}, word(2), 2, 6), get({3, 40, 50}, word(1), 1, 5)});
  expect(Violation::stale, {first, second, get({2, 30, 40}, word(2), 2, 6), get({3, 41, 50}, word(1), 1, 5)}, 2);
}

TEST_F(HistoryCheck, TwoWrites_InAnotherOrderThanTime_Stale) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect(Violation::stale,
         {first, index({2, 40, 50}, word(1), word(2), 2, 6), index({1, 20, 30}, word(2), word(3), 3, 7)}, 2);
}

TEST_F(HistoryCheck, Conflict_WithAVersionReplacedBefore_Stale) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  expect(
      Violation::stale,
      {first, second, if_word(conflict({2, 35, 40}, HistoryKind::index, Cause::seq_no_mismatch, word(1), 1), word(9))},
      2);
}

TEST_F(HistoryCheck, Absence_AfterTheFirstWrite_ImpossibleAbsence) {
  const HistoryEntry first = create({1, 10, 20}, word(1), 5);
  expect_clean({get_nothing({2, 0, 5}), get_nothing({3, 20, 30}), first});
  expect(Violation::impossible_absence, {first, get_nothing({2, 21, 30})}, 2);
  // Nor before it, once somebody has seen what it wrote.
  expect_clean({create({1, 10, 90}, word(1), 5), get({2, 11, 20}, word(1), 1, 5), get_nothing({3, 20, 30})});
  expect(Violation::impossible_absence,
         {create({1, 10, 90}, word(1), 5), get({2, 11, 20}, word(1), 1, 5), get_nothing({3, 21, 30})}, 3);
}

TEST_F(HistoryCheck, Absence_WithoutAnyWrite_Clean) {
  expect_clean({get_nothing({1, 0, 10}), get_nothing({2, 100, 110})});
}

TEST_F(HistoryCheck, Absence_ByAPurgedSlotsWord_IsAbsence) {
  HistoryEntry purged = get_nothing({2, 21, 30}, SeqNoTerm::from_bits(word(1).bits() | 1U));
  expect(Violation::impossible_absence, {create({1, 10, 20}, word(1), 5), purged}, 2);
}

class HistoryExpiry : public WrittenHistory {
 protected:
  static constexpr std::uint64_t kMs = 1'000'000;
  HistoryExpiry() { rules.gc_deletes_ms = 100; }
  /// Deleted from 20 to 21 ms.
  Entries with(const HistoryEntry& last) const {
    return {create({1, 0, kMs}, word(1), 5), remove({1, 20 * kMs, 21 * kMs}, word(1), word(2), 2), last};
  }
};

TEST_F(HistoryExpiry, Absence_AfterADelete_OnlyOnceItCanHaveExpired) {
  expect(Violation::impossible_absence, with(get_nothing({2, 100 * kMs, 117 * kMs})), 2);
  expect_clean(with(get_nothing({2, 100 * kMs, 118 * kMs})));  // 2 ms for the clock's grain
  Entries again = with(create({1, 130 * kMs, 140 * kMs}, word(3), 6));
  expect_clean(again);
  again.push_back(get_nothing({2, 140 * kMs, 150 * kMs}));
  expect_clean(again);
  again.back().begin = 141 * kMs;
  expect(Violation::impossible_absence, again, 2);
}

TEST_F(HistoryExpiry, Absence_BeforeTheDeleteCanHaveTakenEffect_ImpossibleAbsence) {
  rules.gc_deletes_ms = -1;
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry gone = remove({1, 15, 100}, word(1), word(2), 2);
  const HistoryEntry before = get({2, 50, 60}, word(1), 1, 5);
  expect_clean({first, gone, before, get_nothing({3, 20, 50})});
  expect(Violation::impossible_absence, {first, gone, before, get_nothing({3, 20, 49})}, 3);
}

TEST_F(HistoryExpiry, Create_OnNothing_OnlyOnceTheTombstoneCanHaveExpired) {
  expect(Violation::impossible_absence, with(create({2, 50 * kMs, 117 * kMs}, word(3), 6)), 2);
  expect_clean(with(create({2, 50 * kMs, 118 * kMs}, word(3), 6)));
}

TEST_F(HistoryExpiry, Create_OnTheTombstone_GoesOnOrBeginsAgainAsTheTimesAllow) {
  const auto goes_on = [](std::uint64_t begin) { return create({2, begin, begin + kMs}, word(3), 6, word(2), 3); };
  const auto begins_again = [](std::uint64_t begin) { return create({2, begin, begin + kMs}, word(3), 6, word(2), 1); };
  expect_clean(with(goes_on(116 * kMs)));
  expect(Violation::spurious_outcome, with(begins_again(116 * kMs)), 2);
  expect_clean(with(goes_on(123 * kMs)));
  expect_clean(with(begins_again(123 * kMs)));
  expect(Violation::spurious_outcome, with(goes_on(124 * kMs)), 2);
  expect_clean(with(begins_again(124 * kMs)));
}

TEST_F(HistoryExpiry, Absence_BetweenTwoSightsOfATombstone_ImpossibleAbsence) {
  rules.gc_deletes_ms = 0;
  const HistoryEntry nothing = get_nothing({2, 50 * kMs, 51 * kMs});
  Entries entries = with(nothing);
  entries.push_back(get_nothing({3, 51 * kMs, 52 * kMs}, word(2)));  // overlaps: before it
  expect_clean(entries);
  entries.back().begin += 1;
  expect(Violation::impossible_absence, entries, 3);
  entries.back() = create({3, 40 * kMs, 60 * kMs}, word(3), 6);
  expect_clean(entries);
  entries.back() = create({3, 40 * kMs, 60 * kMs}, word(3), 6, word(2));  // replaces what was purged
  expect(Violation::impossible_absence, entries, 3);
}

/// A tombstone expires at one time for all.
TEST_F(HistoryExpiry, ExpiredForOneAndKeptForOneThatBeganLater_Convicted) {
  const auto refused = [](std::uint64_t begin, Version version) {
    return under(conflict({2, begin, begin + kMs}, HistoryKind::index, Cause::version_mismatch, word(2), version),
                 Precondition::Kind::version, 7);
  };
  Entries entries = with(refused(120 * kMs, kVersionNotFound));
  entries.push_back(refused(121 * kMs, 2));
  entries.back().thread = 3;
  expect_clean(entries);
  entries.back().begin += 1;
  expect(Violation::stale, entries, 1);
}

TEST_F(HistoryExpiry, GcDeletesMinusOne_ExpiredAtOnce) {
  rules.gc_deletes_ms = -1;
  expect_clean(with(create({2, 21 * kMs, 22 * kMs}, word(3), 6, word(2), 1)));
  expect(Violation::spurious_outcome, with(create({2, 21 * kMs, 22 * kMs}, word(3), 6, word(2), 3)), 2);
  expect_clean(with(get_nothing({2, 21 * kMs, 22 * kMs})));
}

/// Elasticsearch before 7.6.
TEST_F(HistoryExpiry, ConditionOnATombstonesNumber_CleanUnderTheRulesOf6Only) {
  const HistoryEntry written = under(index({2, 30 * kMs, 31 * kMs}, word(2), word(3), 3, 6, Result::created),
                                     Precondition::Kind::seq_no_term, word(2).bits());
  const HistoryEntry refused =
      under(conflict({2, 30 * kMs, 31 * kMs}, HistoryKind::index, Cause::seq_no_mismatch, word(2), 2),
            Precondition::Kind::seq_no_term, word(1).bits());
  expect(Violation::spurious_outcome, with(written), 2);
  expect(Violation::spurious_outcome, with(refused), 2);
  rules.tombstones_match = true;
  expect_clean(with(written));
  expect_clean(with(refused));
  HistoryEntry lost = written;
  lost.end = HistoryEntry::kUnanswered;
  lost.word = lost.decided_on = kNothing;
  lost.result = Result::rejected;
  Entries seen = with(lost);
  seen.push_back(get({3, 40 * kMs, 41 * kMs}, word(3), 3, 6));
  expect_clean(seen);
  rules.tombstones_match = false;
  const HistoryReport report = check(seen, rules);
  EXPECT_EQ(report.wrong_documents, 1);
}

TEST_F(HistoryExpiry, Conflict_OnATombstone_ByTheVersionThatItStillHas) {
  const auto refused = [](std::uint64_t begin, Version version) {
    return under(conflict({2, begin, begin + kMs}, HistoryKind::index, Cause::version_mismatch, word(2), version),
                 Precondition::Kind::version, 7);
  };
  expect_clean(with(refused(30 * kMs, 2)));
  expect(Violation::spurious_outcome, with(refused(30 * kMs, kVersionNotFound)), 2);
  expect_clean(with(refused(200 * kMs, kVersionNotFound)));
  expect(Violation::spurious_outcome, with(refused(200 * kMs, 2)), 2);
}

using HistoryUnanswered = WrittenHistory;

TEST_F(HistoryUnanswered, Write_ThatSomebodySaw_Clean) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry lost = unanswered(3, 20, HistoryKind::index, 6);
  expect_clean({first, lost});
  expect_clean({first, lost, get({2, 30, 40}, word(2), 2, 6)});
  expect_clean({first, lost, get({2, 30, 40}, word(2), 2, 6), update({1, 50, 60}, word(2), word(3), 3, 6, 7)});
  expect_clean({first, unanswered(3, 20, HistoryKind::update), get({2, 30, 40}, word(2), 2, 6)});
}

TEST_F(HistoryUnanswered, Write_ThatCannotBeWhatWasSeen_Convicted) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry lost = unanswered(3, 20, HistoryKind::index, 6);
  // Of another source; two of them; before it began; after it was replaced.
  expect(Violation::unwritten_version, {first, lost, get({2, 30, 40}, word(2), 2, 9)}, 1);
  expect(Violation::unwritten_version, {first, lost, get({2, 30, 40}, word(2), 2, 6), get({2, 50, 60}, word(3), 3, 6)},
         1);
  expect(Violation::stale, {first, lost, get({2, 11, 19}, word(2), 2, 6)}, 2);
  expect(Violation::stale,
         {first, lost, update({1, 50, 60}, word(2), word(3), 3, 6, 7), get({2, 61, 70}, word(2), 2, 6)}, 2);
  expect(Violation::unwritten_version, {first, unanswered(3, 20, HistoryKind::get), get({2, 30, 40}, word(2), 2, 6)},
         1);
}

TEST_F(HistoryUnanswered, TwoReaders_OfOneLostWrite_MustAgree) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry lost = unanswered(3, 20, HistoryKind::update);
  expect_clean({first, lost, get({2, 30, 40}, word(2), 2, 6), get({1, 30, 40}, word(2), 2, 6)});
  expect(Violation::torn_read, {first, lost, get({2, 30, 40}, word(2), 2, 6), get({1, 30, 40}, word(2), 2, 7)}, 2);
}

TEST_F(HistoryUnanswered, Delete_ThatCanHaveExpired_ExplainsAbsence) {
  rules.gc_deletes_ms = 0;
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry lost = unanswered(3, 20, HistoryKind::remove);
  expect_clean({first, lost, get_nothing({2, 30, 40})});
  expect_clean({first, lost, create({2, 30, 40}, word(3), 6)});
  expect(Violation::impossible_absence, {first, lost, get_nothing({2, 12, 19})}, 2);
  expect(Violation::lost_update, {first, lost, create({2, 12, 19}, word(3), 6)}, 2);
}

TEST_F(HistoryUnanswered, Get_ExplainsNothing) {
  rules.gc_deletes_ms = 0;
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry lost = unanswered(3, 20, HistoryKind::get);
  expect_clean({first, lost});
  expect(Violation::impossible_absence, {first, lost, get_nothing({2, 30, 40})}, 2);
  expect(Violation::unwritten_version, {first, lost, update({2, 30, 40}, word(2), word(3), 3, 6, 7)}, 1);
}

TEST_F(HistoryUnanswered, LostUpdate_WhateverWasNotAnswered_Convicted) {
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  expect(Violation::lost_update,
         {first, update({1, 20, 30}, word(1), word(2), 2, 5, 6), update({2, 20, 40}, word(1), word(4), 2, 5, 7),
          unanswered(3, 15, HistoryKind::update)},
         2);
}

constexpr SeqNoTerm kUntold = SeqNoTerm::from_bits(~std::uint64_t{0});

TEST_F(HistoryUnanswered, TooManyToSearch_NotJudgedAndSaid) {
  // Each of these may have come anywhere, and the answers do not say.
  rules.most_search_steps = 100;
  Entries entries = {create({1, 0, 10}, word(1), 5)};
  for (std::uint16_t i = 0; i < 12; ++i) {
    entries.push_back(unanswered(static_cast<std::uint16_t>(10 + i), 20, HistoryKind::index, 100U + i));
    entries.push_back(unanswered(static_cast<std::uint16_t>(30 + i), 20, HistoryKind::remove));
  }
  HistoryEntry found = get({2, 30, 40}, kNothing, 999, 7);
  found.decided_on = found.word = kUntold;
  entries.push_back(found);
  const HistoryReport report = check(entries, rules);
  EXPECT_EQ(report.wrong_documents, 0);
  EXPECT_EQ(report.judged, 1);
  EXPECT_EQ(report.not_judged, 1);
  EXPECT_EQ(report.operations, entries.size());
}

TEST_F(HistoryUnanswered, Write_ForWhoseNumberThereIsNoRoom_Convicted) {
  // _version says that somebody wrote in between.
  HistoryEntry later = index({1, 40, 50}, kUntold, word(7), 3, 8);
  const HistoryEntry first = create({1, 0, 10}, word(5), 5);
  const HistoryEntry lost = unanswered(3, 20, HistoryKind::index, 6);
  expect_clean({first, lost, later});
  later.word = word(6);
  expect(Violation::stale, {first, lost, later}, 2);
}

using HistoryUntold = WrittenHistory;

TEST_F(HistoryUntold, EachAlone_ConvictedWithoutASearch) {
  rules.most_search_steps = 0;
  const HistoryEntry first = create({1, 0, 10}, word(1), 5);
  const HistoryEntry second = index({1, 20, 30}, word(1), word(2), 2, 6);
  const auto untold = [](HistoryEntry entry) {
    entry.decided_on = entry.word = kUntold;
    return entry;
  };
  expect_clean({first, second, untold(get_nothing({2, 0, 9}))});
  expect(Violation::impossible_absence, {first, second, untold(get_nothing({2, 11, 40}))}, 3);
  expect_clean({first, second, untold(get({2, 25, 40}, kNothing, 1, 5))});
  expect(Violation::stale, {first, second, untold(get({2, 31, 40}, kNothing, 1, 5))}, 2);
  expect(Violation::torn_read, {first, second, untold(get({2, 25, 40}, kNothing, 1, 6))}, 3);
  const auto refused = [&](std::uint64_t begin, SeqNoTerm named) {
    return untold(if_word(conflict({2, begin, 40}, HistoryKind::index, Cause::seq_no_mismatch, kNothing,
                                   std::numeric_limits<Version>::min()),
                          named));
  };
  expect_clean({first, second, refused(25, word(2))});
  expect(Violation::spurious_outcome, {first, second, refused(31, word(2))}, 2);
}

using HistoryCalls = WrittenHistory;

TEST_F(HistoryCalls, Items_InTheirOrder) {
  const HistoryEntry created = create({1, 0, 10}, word(1), 5);
  const HistoryEntry replaced = index({1, 0, 10}, word(1), word(2), 2, 6);
  const HistoryEntry read = get({1, 0, 10}, word(1), 1, 5);
  expect_clean({created, read, replaced});
  expect(Violation::out_of_order, {replaced, created}, 2);
  expect(Violation::out_of_order, {read, created}, 2);
  expect(Violation::out_of_order, {created, replaced, read}, 2);
  // Of two calls that overlap, or of two threads, nothing is said.
  HistoryEntry longer = replaced;
  longer.end = 11;
  expect_clean({longer, created});
  HistoryEntry other = replaced;
  other.thread = 0;
  expect_clean({other, created});
}

TEST_F(HistoryCalls, AbsenceAfterItsOwnCreation_Convicted) {
  const HistoryEntry created = create({1, 0, 10}, word(1), 5);
  expect_clean({get_nothing({1, 0, 10}), created});
  expect(Violation::stale, {created, get_nothing({1, 0, 10})}, 2);
}

using HistoryShards = WrittenHistory;

TEST_F(HistoryShards, OneNumber_InOneShardOnly) {
  const auto of = [](std::uint32_t document, HistoryEntry entry) {
    entry.document = document;
    return entry;
  };
  const Entries entries = {of(0, create({1, 0, 10}, word(4), 5)), of(1, create({2, 20, 30}, word(4, 2), 6)),
                           of(2, create({2, 40, 50}, word(5), 7))};
  rules.documents = 3;
  expect_clean(entries);
  for (const unsigned workers : {1U, 2U}) {
    rules.shards = {0, 1, 0};
    EXPECT_EQ(check(entries, rules, workers).wrong_documents, 0);
    rules.shards = {3, HistoryRules::kUnknownShard, 3};
    EXPECT_EQ(check(entries, rules, workers).documents_of_known_shard, 2);
    EXPECT_EQ(check(entries, rules, workers).wrong_documents, 0);
    rules.shards = {3, 3, 3};
    const HistoryReport report = check(entries, rules, workers);
    EXPECT_EQ(report.wrong_documents, 2);
    ASSERT_EQ(report.contradictions.size(), 1);
    EXPECT_EQ(report.contradictions[0].violation, Violation::duplicate_number);
    EXPECT_EQ(report.contradictions[0].document, 1);
    EXPECT_EQ(report.contradictions[0].operations.size(), 2);
  }
  rules.shards = {0};
  EXPECT_THROW(check(entries, rules), std::invalid_argument);
}

/// Numbers far apart are compared by sorting, dense ones by a bit each.
TEST_F(HistoryShards, ManyNumbers_DenseAndSparse_OneTwinIsFound) {
  for (const std::uint64_t step : {std::uint64_t{1}, std::uint64_t{1} << 30}) {
    Entries entries;
    constexpr std::uint32_t kDocuments = 2'000;
    rules.documents = kDocuments;
    rules.shards.assign(kDocuments, 7);
    for (std::uint32_t document = 0; document < kDocuments; ++document) {
      const std::uint64_t at = std::uint64_t{document} * 20;
      entries.push_back(create({1, at, at + 10}, word(step * document), 5));
      entries.back().document = document;
    }
    EXPECT_EQ(check(entries, rules).wrong_documents, 0);
    entries[1'500].word = entries[3].word;
    const HistoryReport report = check(entries, rules, 2);
    EXPECT_EQ(report.wrong_documents, 2);
    ASSERT_EQ(report.contradictions.size(), 1);
    EXPECT_EQ(report.contradictions[0].document, 1'500);
  }
}

TEST(HistoryReport, CheckHistory_ManyDocuments_TheSameForAnyNumberOfWorkers) {
  std::vector<HistoryEntry> entries;
  constexpr std::uint32_t kDocuments = 1'000;
  for (std::uint32_t document = 0; document < kDocuments; ++document) {
    const auto of_document = [&](HistoryEntry entry) {
      entry.document = document;
      entries.push_back(entry);
    };
    const std::uint64_t at = document * 100;
    const std::uint64_t number = document * 10;
    of_document(create({1, at, at + 10}, word(number), 5));
    of_document(update({2, at + 11, at + 20}, word(number), word(number + 1), 2, 5, 6));
    if (document % 100 == 7) of_document(update({3, at + 11, at + 20}, word(number), word(number + 2), 2, 5, 6));
    if (document % 100 == 9) of_document(get({3, at, at + 2}, word(number + 7), 1, 5));
  }
  const HistoryRules rules{.documents = kDocuments + 5};
  for (const unsigned workers : {1U, 2U, 3U, 16U}) {
    const HistoryReport report = check(entries, rules, workers);
    EXPECT_EQ(report.operations, entries.size());
    EXPECT_EQ(report.documents, kDocuments);
    EXPECT_EQ(report.wrong_documents, 20);
    EXPECT_EQ(report.check_threads, workers);
    EXPECT_EQ(report.pairs, 1'020);  // of a document that is wrong: up to what is wrong
    ASSERT_EQ(report.contradictions.size(), 10);
    for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(report.contradictions[i].document, i * 100 + 9);
  }
}

TEST(HistoryReport, CheckHistory_DocumentBeyondTheRules_Throws) {
  HistoryEntry entry = create({1, 0, 10}, word(1), 5);
  entry.document = 3;
  EXPECT_THROW(check({entry}, {.documents = 3}), std::out_of_range);
  EXPECT_EQ(check({entry}, {.documents = 4}).wrong_documents, 0);
  EXPECT_EQ(check({}, {}).operations, 0);
}

TEST(HistoryReport, Overlap_OfNeighboursOfDifferentThreads) {
  const HistoryReport report =
      check({create({1, 0, 10}, word(1), 5), index({2, 10, 20}, word(1), word(2), 2, 6),
             index({2, 30, 40}, word(2), word(3), 3, 7), index({1, 41, 50}, word(3), word(4), 4, 8)},
            {.documents = 1});
  EXPECT_EQ(report.pairs, 2);
  EXPECT_EQ(report.overlapping, 1);
  EXPECT_EQ(report.overlap(), 0.5);
}

TEST(HistoryOrder, SortByVersion_AnyRuns_AsAStableSort) {
  std::mt19937_64 random(1);
  for (std::size_t round = 0; round < 300; ++round) {
    const std::size_t size = random() % 200;
    const std::size_t runs = 1 + random() % 12;
    std::vector<HistoryEntry> entries(size);
    std::vector<VersionItem> items;
    for (std::size_t run = 0; run < runs; ++run) {
      std::uint64_t key = random() % 100;
      for (std::size_t i = size * run / runs; i < size * (run + 1) / runs; ++i)
        items.push_back({key += random() % 3, &entries[i]});
    }
    auto expected = items;
    std::ranges::stable_sort(expected, {}, &VersionItem::key);
    std::vector<VersionItem> spare;
    std::vector<std::size_t> bounds;
    sort_by_version(items, spare, bounds);
    ASSERT_EQ(items.size(), size);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(items[i].entry, expected[i].entry) << i;
  }
}

TEST(HistoryText, Describe_LostUpdate_AsAPersonReadsIt) {
  const HistoryRules rules{.documents = 1};
  const HistoryReport report =
      check({create({0, 0, 900}, word(41), 5, kNothing, 1), update({1, 1000, 2204}, word(41), word(43), 2, 5, 6),
             update({2, 1310, 1951}, word(41), word(42), 2, 5, 7)},
            rules);
  ASSERT_EQ(report.contradictions.size(), 1);
  EXPECT_EQ(describe(report.contradictions[0], "doc-17", rules),
            "document 'doc-17': LOST UPDATE\n"
            "  thread 2  [0.310, 0.951] us  update: read _seq_no 41 (term 1), wrote _seq_no 42 (term 1), _version 2\n"
            "  thread 1  [0.000, 1.204] us  update: read _seq_no 41 (term 1), wrote _seq_no 43 (term 1), _version 2\n"
            "  impossible: both replaced _seq_no 41, so what _seq_no 42 wrote is gone although its caller was told "
            "that it was applied.\n");
}

TEST(HistoryText, Describe_StaleRead_NamesBothOperations) {
  const HistoryRules rules{.documents = 1};
  const HistoryReport report = check({create({0, 0, 900}, word(41), 5), remove({1, 1000, 12000}, word(41), word(42), 2),
                                      get({12, 12500, 13000}, word(41), 1, 5)},
                                     rules);
  ASSERT_EQ(report.contradictions.size(), 1);
  EXPECT_EQ(describe(report.contradictions[0], "doc-17", rules),
            "document 'doc-17': STALE\n"
            "  thread 12  [11.500, 12.000] us  get: read _seq_no 41 (term 1), _version 1\n"
            "  thread  1  [ 0.000, 11.000] us  delete: found _seq_no 41 (term 1), wrote the tombstone _seq_no 42 (term "
            "1), _version 2\n"
            "  impossible: thread 1's delete had written _seq_no 42 and ended before thread 12's get began, which yet "
            "saw the older _seq_no 41.\n");
}

TEST(HistoryText, Describe_Unanswered_HasNoEnd) {
  const Contradiction contradiction{
      .violation = Violation::stale, .operations = {unanswered(3, 20, HistoryKind::update)}, .reason = "of this"};
  EXPECT_EQ(describe(contradiction, "x", {}),
            "document 'x': STALE\n"
            "  thread 3  [0.000,   ...] us  update: no answer\n"
            "  impossible: of this.\n");
}

TEST(HistoryText, Fingerprint_NeverZero_TellsSourcesApart) {
  EXPECT_NE(fingerprint({}), 0);
  EXPECT_NE(fingerprint(as_bytes("a")), fingerprint(as_bytes("b")));
  EXPECT_EQ(fingerprint(as_bytes("a")), fingerprint(as_bytes("a")));
}

}  // namespace
}  // namespace occ
