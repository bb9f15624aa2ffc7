/// check_history against an exhaustive search, on small random histories of one document.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "tests/harness/history/exhaustive_history.hpp"
#include "tests/harness/history/random_history.hpp"

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

std::vector<std::vector<HistoryEntry>> by_thread(const SmallHistory& history) {
  std::vector<std::vector<HistoryEntry>> threads;
  for (const HistoryEntry& entry : history.entries) {
    if (threads.size() <= entry.thread) threads.resize(entry.thread + 1U);
    threads[entry.thread].push_back(entry);
  }
  return threads;
}

HistoryReport check(const SmallHistory& history) {
  const auto threads = by_thread(history);
  const std::vector<std::span<const HistoryEntry>> spans(threads.begin(), threads.end());
  return check_history(spans, history.rules, 1);
}

/// The whole history in the words of a contradiction.
std::string text_of(const SmallHistory& history, const HistoryReport& report) {
  const auto id_of = [](std::uint32_t document) { return fmt::format("document {}", document); };
  const auto describe_all = [&](const Contradiction& contradiction) {
    return describe(contradiction, FunctionRef<std::string(std::uint32_t)>(id_of), history.rules);
  };
  Contradiction all{.violation = Violation::stale, .document = 9, .operations = history.entries, .reason = "see above"};
  std::string text = fmt::format("gc_deletes {} ms, shards {}\n{}", history.rules.gc_deletes_ms,
                                 fmt::join(history.rules.shards, " "), describe_all(all));
  for (const HistoryEntry& entry : history.entries) {
    text += fmt::format("  [{}, {}] read {} wrote {} condition {} cause {}\n", entry.begin, entry.end, entry.read,
                        entry.wrote, SeqNoTerm::from_bits(entry.condition).seq_no(), static_cast<int>(entry.cause));
  }
  for (const Contradiction& each : report.contradictions) text += describe_all(each);
  return text;
}

/// Of histories that were spoiled in one way (and perhaps in another beside).
struct Counts {
  std::size_t histories = 0;
  std::size_t possible = 0;
  std::size_t impossible = 0;
};

struct Tally {
  Counts all;
  std::size_t operations = 0;
  std::size_t not_judged = 0;
  std::size_t accused = 0;
  std::size_t overlooked = 0;
  std::map<std::string, Counts> by_spoiling;
  std::map<std::string, std::size_t> violations;
};

std::ostream& operator<<(std::ostream& out, const Tally& tally) {
  out << tally.all.histories << " histories of " << tally.operations << " operations, " << tally.not_judged
      << " of them not judged\n"
      << "  possible: " << tally.all.possible << ", accused: " << tally.accused << "\n"
      << "  impossible: " << tally.all.impossible << ", accepted: " << tally.overlooked << "\n";
  for (const auto& [name, count] : tally.violations) out << "  convicted of " << name << ": " << count << "\n";
  for (const auto& [name, counts] : tally.by_spoiling) {
    out << "  " << name << ": " << counts.histories << " (" << counts.possible << " possible, " << counts.impossible
        << " impossible)\n";
  }
  return out;
}

/// Compares the two on one history. False if they disagree.
bool agree(const SmallHistory& history, const std::vector<std::size_t>& how, Tally& tally) {
  const HistoryReport report = check(history);
  const bool convicted = report.wrong_documents != 0;
  const bool possible = exhaustively_linearizable(by_thread(history), history.rules);
  const auto count = [possible](Counts& counts) {
    ++counts.histories;
    ++(possible ? counts.possible : counts.impossible);
  };
  count(tally.all);
  for (const std::size_t each : how) count(tally.by_spoiling[std::string(RandomHistories::kSpoilings[each])]);
  tally.operations += history.entries.size();
  tally.not_judged += report.not_judged;
  EXPECT_EQ(report.not_judged, 0) << text_of(history, report);
  if (convicted) ++tally.violations[std::string(to_string(report.contradictions.front().violation))];
  if (convicted != possible) return true;
  ++(possible ? tally.accused : tally.overlooked);
  ADD_FAILURE() << (possible ? "accused of what is possible\n" : "not convicted of what is impossible\n")
                << text_of(history, report);
  return false;
}

/// OCCKIT_HISTORIES: how many the two tests together try, one of five as it was made and four of five spoiled. What they
/// count is in history_model.md.
std::size_t histories(std::size_t by_default) {
  if (const char* text = std::getenv("OCCKIT_HISTORIES")) return static_cast<std::size_t>(std::atof(text));
  return scaled(by_default);
}

TEST(HistoryModel, CheckHistory_LinearizableByConstruction_NeverAccuses) {
  RandomHistories random(1);
  Tally tally;
  const std::size_t count = histories(100'000) / 5;
  for (std::size_t i = 0; i < count; ++i) {
    const SmallHistory history = random.valid();
    ASSERT_TRUE(agree(history, {}, tally)) << "history " << i;
    ASSERT_EQ(tally.all.impossible, 0) << "the generator and the exhaustive search disagree\n"
                                       << text_of(history, check(history));
  }
  std::cout << tally;
}

TEST(HistoryModel, CheckHistory_Spoiled_AgreesWithExhaustiveSearch) {
  RandomHistories random(2);
  Tally tally;
  std::vector<std::size_t> how;
  const std::size_t count = histories(100'000) / 5 * 4;
  for (std::size_t i = 0; i < count; ++i) {
    const SmallHistory history = random.spoiled(how);
    ASSERT_TRUE(agree(history, how, tally)) << "history " << i;
  }
  std::cout << tally;
  EXPECT_EQ(tally.violations.size(), 9) << "a kind of violation never occurred";
  EXPECT_EQ(tally.by_spoiling.size(), std::size(RandomHistories::kSpoilings));
}

/// What the check says where the search within a document gives up: less, and nothing that is not so.
TEST(HistoryModel, CheckHistory_WithoutSearch_NeverAccusesAndSaysWhatItDidNotJudge) {
  RandomHistories random(3);
  std::vector<std::size_t> how;
  std::size_t convicted = 0;
  std::size_t impossible = 0;
  std::size_t not_judged = 0;
  const std::size_t count = scaled(30'000);
  for (std::size_t i = 0; i < count; ++i) {
    SmallHistory history = i % 3 == 0 ? random.valid() : random.spoiled(how);
    history.rules.most_search_steps = 0;
    const HistoryReport report = check(history);
    const bool possible = exhaustively_linearizable(by_thread(history), history.rules);
    ASSERT_TRUE(!possible || report.wrong_documents == 0) << "accused of what is possible\n"
                                                          << text_of(history, report);
    ASSERT_TRUE(possible || report.wrong_documents != 0 || report.not_judged != 0) << "accepted, and all of it judged\n"
                                                                                   << text_of(history, report);
    impossible += possible ? 0 : 1;
    convicted += report.wrong_documents == 0 ? 0 : 1;
    not_judged += report.not_judged == 0 ? 0 : 1;
  }
  std::cout << count << " histories, " << impossible << " impossible, " << convicted << " convicted, in " << not_judged
            << " something was not judged\n";
  EXPECT_GT(not_judged, 0);
}

}  // namespace
}  // namespace occ
