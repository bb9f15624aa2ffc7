#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "harness/history/history.hpp"
#include "harness/history/history_outcome.hpp"

namespace occ {

/// Looks for one order of all operations of one document that explains every answer: those that do not say on what they
/// were decided, observations of absence, tombstones that expire or are purged meanwhile, and operations without an
/// answer included. Complete, unless it gives up.
///
/// Just-in-time linearization (Lowe 2017): it goes through the beginnings and ends of calls in the order of time and
/// keeps every configuration that the table can be in, which is its state and what each open call has done. An operation
/// that changes the state takes effect only when a call ends that cannot end without it, so as late as it can; one that
/// changes nothing takes effect as soon as a state comes by that allows it. Writes that say what they wrote come in the
/// order of their words, so there is more than one configuration only where answers leave something open, and where
/// they do not the time is linear in the number of operations, times the calls that are open at a time.
///
/// What a table may do beside `decide`: a write draws a number above those before it under a primary term that is not
/// earlier. A tombstone expires at one time, gc_deletes after an instant within its delete; an operation compares that
/// time with a reading of the clock within its call, a write with one before it takes effect. It may be purged once it
/// has expired, and is then absence, which is not undone. An operation without an answer takes effect once or never, at
/// any time after its beginning, under the condition that it names; what number it drew is known by who saw it. Items of
/// one call take effect in their order.
class DocumentSearch {
 public:
  /// `most_steps`: how many changes of state it tries before it gives up, beside some for each operation.
  DocumentSearch(const HistoryRules& rules, std::uint64_t most_steps) : expiry_(rules), most_steps_(most_steps) {}

  enum class Verdict : std::uint8_t { possible, impossible, gave_up };

  /// Entries of one thread in its order; of one call, which have the same thread, begin and end, in that of its items.
  Verdict search(std::span<const HistoryEntry* const> entries);

  /// After impossible: the operation that ended and has no place in any order.
  [[nodiscard]] const HistoryEntry* stuck() const noexcept { return stuck_; }

 private:
  /// Calls open at a time on one document.
  static constexpr std::size_t kMostOpen = 64;
  static constexpr std::size_t kMostConfigurations = 4'096;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Step {
    const HistoryEntry* entry;
    /// Told, or kUntoldWord.
    SeqNoTerm at;
    /// What the transform of an update saw in a try that failed.
    bool only_saw;
    /// The place among the writes that say what they wrote; kNone of others.
    std::uint32_t write;
  };
  /// An operation, or those of one bulk call, in their order.
  struct Call {
    std::uint32_t first;
    std::uint32_t count;
    std::uint64_t begin;
    std::uint64_t end;
    std::uint32_t slot = kNone;
  };
  struct Event {
    std::uint64_t time;
    std::uint32_t call;
    bool is_end;
  };
  struct Table {
    enum class Kind : std::uint8_t { never, live, tombstone, purged };
    Kind kind = Kind::never;
    /// What is there has a word that nobody saw.
    bool hidden = false;
    /// Nobody has seen the source yet that an update without an answer wrote.
    bool any_source = false;
    std::uint32_t source = 0;
    /// Done, of those that say what they wrote; and since the last word that is known, of those whose word nobody saw.
    std::uint32_t writes = 0;
    std::uint32_t unseen = 0;
    /// The last that is known.
    SeqNoTerm word;
    Version version = kVersionNotFound;
    /// Of a tombstone: when it expires at the earliest, and at the latest.
    std::uint64_t least_expiry = 0;
    std::uint64_t most_expiry = 0;

    friend bool operator==(const Table&, const Table&) = default;
  };
  struct Configuration {
    Table table;
    /// By slot: how many steps of its call are done; of a call without an answer: the first that still can be.
    std::array<std::uint16_t, kMostOpen> done{};

    friend bool operator==(const Configuration&, const Configuration&) = default;
  };
  struct Hash {
    std::size_t operator()(const Configuration& configuration) const noexcept;
  };
  /// How a step that changes nothing stands to a state.
  enum class Fit : std::uint8_t { no, yes, by_choice };

  bool collect(std::span<const HistoryEntry* const> entries);
  void collect_words();
  bool begin(std::uint32_t call);
  Verdict end(std::uint32_t call);
  void explore(const Configuration& from, std::uint32_t call);
  void follow(const Configuration& from);
  void reach(Configuration next);
  void try_write(const Configuration& from, std::uint32_t slot, const Step& step);
  void try_unanswered(const Configuration& from, std::uint32_t slot);
  void take_effect(const Configuration& from, std::uint32_t slot, std::uint32_t item, const HistoryEntry& entry,
                   Operation operation, bool any_source);
  void purge(const Configuration& from);
  void settle(Configuration& configuration) const;
  bool settle(Configuration& configuration, std::uint32_t slot) const;
  [[nodiscard]] Fit observe(Table& table, const Step& step, bool choose) const;
  [[nodiscard]] bool agrees(const Table& table, const Step& step, bool expired) const;
  [[nodiscard]] bool passes_over(const Table& table, SeqNoTerm word) const;
  [[nodiscard]] bool wants_hidden(const Configuration& configuration) const;
  [[nodiscard]] const Step* next_step(const Configuration& configuration, std::uint32_t slot) const;
  void become(Table& table, const HistoryEntry& entry, bool tombstone, Version version) const;

  static bool absent(const Table& table) noexcept {
    return table.kind == Table::Kind::never || table.kind == Table::Kind::purged;
  }
  static bool is_at(const Table& table, SeqNoTerm word) noexcept {
    if (word.vacant()) return absent(table);
    return !absent(table) && !table.hidden && table.word == word;
  }
  /// Each write that nobody saw has drawn a number as well.
  static bool can_follow(const Table& table, SeqNoTerm word) noexcept {
    if (table.word.vacant()) return word.seq_no() >= table.unseen;
    return word.seq_no() > table.word.seq_no() && word.seq_no() - table.word.seq_no() > table.unseen &&
           word.term() >= table.word.term();
  }
  /// There was a source where the step was decided.
  static bool reads(const Step& step) noexcept {
    const HistoryEntry& entry = *step.entry;
    if (step.only_saw || entry.result == Result::found || transformed(entry)) return true;
    return step.at != kUntoldWord && transform_saw(entry) == step.at && !step.at.vacant();
  }
  [[nodiscard]] static State state_of(const Table& table) noexcept;

  const Expiry expiry_;
  const std::uint64_t most_steps_;

  std::vector<Step> steps_;
  std::vector<Call> calls_;
  std::vector<Event> events_;
  /// In the order of their words.
  std::vector<SeqNoTerm> written_;
  /// Words that were seen and that no answer says to have written; and those that conditions name beside.
  std::vector<SeqNoTerm> seen_;
  std::vector<SeqNoTerm> possible_;

  /// By slot; kNone where no call is open.
  std::array<std::uint32_t, kMostOpen> open_{};
  std::uint32_t slots_ = 0;
  std::vector<Configuration> frontier_;
  std::vector<Configuration> next_frontier_;
  std::vector<Configuration> to_follow_;
  std::unordered_set<Configuration, Hash> reached_;
  std::uint64_t now_ = 0;
  std::uint64_t left_ = 0;
  const HistoryEntry* stuck_ = nullptr;
};

}  // namespace occ
