/// check_history against an exhaustive search, on small random histories of one document.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "tests/exhaustive_history.hpp"
#include "tests/random_history.hpp"

namespace occ {
namespace {

/// 1 by default, 0.1 under a sanitizer: OCCKIT_TEST_EFFORT, see contract.hpp.
std::size_t scaled(std::size_t count) {
  double effort = 1;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  effort = 0.1;
#endif
  if (const char* text = std::getenv("OCCKIT_TEST_EFFORT")) effort = std::max(0.001, std::atof(text));
  return std::max<std::size_t>(1000, static_cast<std::size_t>(static_cast<double>(count) * effort));
}

HistoryReport check(const SmallHistory& history) {
  std::vector<std::vector<HistoryEntry>> threads;
  for (const HistoryEntry& entry : history.entries) {
    if (threads.size() <= entry.thread) threads.resize(entry.thread + 1U);
    threads[entry.thread].push_back(entry);
  }
  std::vector<std::span<const HistoryEntry>> spans(threads.begin(), threads.end());
  return check_history(spans, history.rules, 1);
}

/// The whole history in the words of a contradiction.
std::string text_of(const SmallHistory& history, const HistoryReport& report) {
  Contradiction all{.violation = Violation::stale, .operations = history.entries, .reason = "see above"};
  std::string text =
      "gc_deletes " + std::to_string(history.rules.gc_deletes_ms) + " ms\n" + describe(all, "all of it", history.rules);
  for (const HistoryEntry& entry : history.entries) {
    text += "  [" + std::to_string(entry.begin) + "] read " + std::to_string(entry.read) + " wrote " +
            std::to_string(entry.wrote) + " condition " +
            std::to_string(SeqNoTerm::from_bits(entry.condition).seq_no()) + " cause " +
            std::to_string(static_cast<int>(entry.cause)) + "\n";
  }
  for (const Contradiction& each : report.contradictions) text += describe(each, "accused", history.rules);
  return text;
}

/// Where check_history may accept what is impossible, as its header says.
enum class Exception { none, unanswered, expiry };

Exception exception(const SmallHistory& history) {
  std::uint64_t first = HistoryEntry::kUnanswered;
  std::uint64_t last = 0;
  bool tombstone = false;
  for (const HistoryEntry& entry : history.entries) {
    if (entry.end == HistoryEntry::kUnanswered) return Exception::unanswered;
    first = std::min(first, entry.begin);
    last = std::max(last, entry.end);
    tombstone |=
        entry.kind != HistoryKind::get && (entry.result == Result::deleted || entry.result == Result::not_found);
  }
  const bool expires = static_cast<std::int64_t>(last - first) + 2 >= history.rules.gc_deletes_ms;
  return tombstone && expires ? Exception::expiry : Exception::none;
}

struct Tally {
  std::size_t histories = 0;
  std::size_t possible = 0;
  std::size_t convicted = 0;
  std::map<Exception, std::size_t> overlooked;
  std::map<std::string, std::size_t> violations;

  [[nodiscard]] std::size_t overlooked_with(Exception which) const {
    const auto at = overlooked.find(which);
    return at == overlooked.end() ? 0 : at->second;
  }
};

std::ostream& operator<<(std::ostream& out, const Tally& tally) {
  out << tally.histories << " histories: " << tally.possible << " linearizable, none accused; "
      << tally.histories - tally.possible << " not, " << tally.convicted << " convicted, overlooked "
      << tally.overlooked_with(Exception::expiry) << " with an expiry and "
      << tally.overlooked_with(Exception::unanswered) << " with an operation without an answer";
  for (const auto& [name, count] : tally.violations) out << "\n  " << name << ": " << count;
  return out << "\n";
}

/// Compares the two on one history. False if they disagree where they must not.
bool agree(const SmallHistory& history, Tally& tally) {
  const HistoryReport report = check(history);
  const bool convicted = report.wrong_documents != 0;
  const bool possible = ExhaustiveHistory(history.entries, history.rules).linearizable();
  ++tally.histories;
  if (possible) {
    ++tally.possible;
    EXPECT_FALSE(convicted) << "accused of what is possible\n" << text_of(history, report);
    return !convicted;
  }
  if (convicted) {
    ++tally.convicted;
    ++tally.violations[std::string(to_string(report.contradictions.front().violation))];
    return true;
  }
  const Exception why = exception(history);
  ++tally.overlooked[why];
  EXPECT_NE(why, Exception::none) << "not convicted of what is impossible\n" << text_of(history, report);
  return why != Exception::none;
}

TEST(HistoryModel, CheckHistory_LinearizableByConstruction_NeverAccuses) {
  RandomHistories histories(1);
  Tally tally;
  for (std::size_t i = 0; i < scaled(80'000); ++i) {
    const SmallHistory history = histories.valid();
    ASSERT_TRUE(agree(history, tally)) << "history " << i;
    ASSERT_EQ(tally.possible, tally.histories) << "the generator and the exhaustive search disagree\n"
                                               << text_of(history, check(history));
  }
  std::cout << tally;
}

TEST(HistoryModel, CheckHistory_Spoiled_AgreesWithExhaustiveSearch) {
  RandomHistories histories(2);
  Tally tally;
  for (std::size_t i = 0; i < scaled(320'000); ++i) ASSERT_TRUE(agree(histories.spoiled(), tally)) << "history " << i;
  std::cout << tally;
  const std::size_t overlooked = tally.histories - tally.possible - tally.convicted;
  EXPECT_LT(overlooked * 100, tally.histories - tally.possible) << "more than 1 % of the impossible accepted";
  EXPECT_EQ(tally.violations.size(), 8) << "a kind of violation never occurred";
}

}  // namespace
}  // namespace occ
