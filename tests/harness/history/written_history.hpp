#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "harness/history/history.hpp"

namespace occ {

// Histories written by hand. Times are ns.

struct When {
  std::uint16_t thread;
  std::uint64_t begin;
  std::uint64_t end;
};

constexpr SeqNoTerm word(std::uint64_t seq_no, std::uint64_t term = 1) {
  return {seq_no, term};
}
constexpr SeqNoTerm kNothing = SeqNoTerm::never_written();

inline HistoryEntry operation(When when, HistoryKind kind, Result result, SeqNoTerm decided_on, SeqNoTerm wrote,
                              Version version) {
  HistoryEntry entry;
  entry.begin = when.begin;
  entry.end = when.end;
  entry.thread = when.thread;
  entry.kind = kind;
  entry.result = result;
  entry.decided_on = decided_on;
  entry.word = wrote;
  entry.version = version;
  return entry;
}

inline HistoryEntry get(When when, SeqNoTerm seen, Version version, std::uint32_t read) {
  HistoryEntry entry = operation(when, HistoryKind::get, Result::found, seen, seen, version);
  entry.read = read;
  return entry;
}
inline HistoryEntry get_nothing(When when, SeqNoTerm seen = kNothing) {
  return operation(when, HistoryKind::get, Result::not_found, seen, seen, kVersionNotFound);
}
inline HistoryEntry index(When when, SeqNoTerm from, SeqNoTerm to, Version version, std::uint32_t wrote,
                          Result result = Result::updated) {
  HistoryEntry entry = operation(when, HistoryKind::index, result, from, to, version);
  entry.wrote = wrote;
  return entry;
}
inline HistoryEntry create(When when, SeqNoTerm to, std::uint32_t wrote, SeqNoTerm from = kNothing,
                           Version version = 1) {
  HistoryEntry entry = index(when, from, to, version, wrote, Result::created);
  entry.precondition = Precondition::Kind::must_not_exist;
  return entry;
}
inline HistoryEntry remove(When when, SeqNoTerm from, SeqNoTerm to, Version version, Result result = Result::deleted) {
  return operation(when, HistoryKind::remove, result, from, to, version);
}
inline HistoryEntry update(When when, SeqNoTerm from, SeqNoTerm to, Version version, std::uint32_t read,
                           std::uint32_t wrote) {
  HistoryEntry entry = operation(when, HistoryKind::update, Result::updated, from, to, version);
  entry.condition = from.bits();
  entry.read = read;
  entry.wrote = wrote;
  return entry;
}
inline HistoryEntry update_noop(When when, SeqNoTerm seen, Version version, std::uint32_t read) {
  HistoryEntry entry = update(when, seen, seen, version, read, 0);
  entry.result = Result::noop;
  return entry;
}
/// Its transform saw `saw`, and then it met `met`.
inline HistoryEntry update_conflict(When when, SeqNoTerm saw, std::uint32_t read, SeqNoTerm met, Version version,
                                    Cause cause = Cause::seq_no_mismatch) {
  HistoryEntry entry = operation(when, HistoryKind::update, Result::conflict, met, met, version);
  entry.cause = cause;
  entry.condition = saw.bits();
  entry.read = read;
  return entry;
}
inline HistoryEntry conflict(When when, HistoryKind kind, Cause cause, SeqNoTerm met, Version version) {
  HistoryEntry entry = operation(when, kind, Result::conflict, met, met, version);
  entry.cause = cause;
  return entry;
}
inline HistoryEntry under(HistoryEntry entry, Precondition::Kind kind, std::uint64_t condition) {
  entry.precondition = kind;
  entry.condition = condition;
  return entry;
}
inline HistoryEntry if_word(HistoryEntry entry, SeqNoTerm named) {
  return under(entry, Precondition::Kind::seq_no_term, named.bits());
}
inline HistoryEntry unanswered(std::uint16_t thread, std::uint64_t begin, HistoryKind kind, std::uint32_t wrote = 0) {
  HistoryEntry entry;
  entry.begin = begin;
  entry.thread = thread;
  entry.kind = kind;
  entry.wrote = wrote;
  return entry;
}

/// Entries are given in any order; those of one thread in its order.
inline std::vector<std::vector<HistoryEntry>> by_thread(const std::vector<HistoryEntry>& entries) {
  std::vector<std::vector<HistoryEntry>> threads;
  for (const HistoryEntry& entry : entries) {
    if (threads.size() <= entry.thread) threads.resize(entry.thread + 1U);
    threads[entry.thread].push_back(entry);
  }
  return threads;
}

inline HistoryReport check(const std::vector<HistoryEntry>& entries, const HistoryRules& rules, unsigned workers = 1) {
  const auto threads = by_thread(entries);
  const std::vector<std::span<const HistoryEntry>> spans(threads.begin(), threads.end());
  return check_history(spans, rules, workers);
}

inline std::string texts(const HistoryReport& report, const HistoryRules& rules) {
  std::string text;
  for (const Contradiction& each : report.contradictions) text += describe(each, "doc-1", rules);
  return text;
}

/// A document's history, of which every operation but `extra` is right.
class WrittenHistory : public testing::Test {
 protected:
  using Entries = std::vector<HistoryEntry>;

  void expect_clean(const Entries& entries) {
    const HistoryReport report = check(entries, rules);
    EXPECT_EQ(report.wrong_documents, 0) << texts(report, rules);
    EXPECT_EQ(report.operations, entries.size());
  }
  void expect(Violation violation, const Entries& entries, std::size_t shown) {
    const HistoryReport report = check(entries, rules);
    ASSERT_EQ(report.wrong_documents, 1);
    ASSERT_EQ(report.contradictions.size(), 1);
    EXPECT_EQ(to_string(report.contradictions[0].violation), to_string(violation)) << texts(report, rules);
    EXPECT_EQ(report.contradictions[0].operations.size(), shown) << texts(report, rules);
  }

  HistoryRules rules{.documents = 1};
};

}  // namespace occ
