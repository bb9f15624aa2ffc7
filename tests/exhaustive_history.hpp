#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "core/decide.hpp"
#include "harness/history.hpp"

namespace occ {

/// Whether the history of one document is linearizable, by trying every order: the search of Wing and Gong 1993 with
/// the memory of Lowe 2017 for what was tried already (the set of operations done, and the state they led to).
/// Exponential: for some ten operations.
///
/// The specification is `decide`, and what every strategy promises of words: a write draws a number above that of the
/// state that it replaces, under a primary term that is not earlier; an outcome names the state it was decided on.
/// Unlike check_history, which judges them one by one, it lets a tombstone expire or vanish once for all operations
/// that come later, and gives each operation without an answer one effect or none.
class ExhaustiveHistory {
 public:
  ExhaustiveHistory(std::span<const HistoryEntry> entries, const HistoryRules& rules) : rules_(rules) {
    for (const HistoryEntry& entry : entries) {
      const bool answered = entry.end != HistoryEntry::kUnanswered;
      if (answered ? entry.result == Result::rejected : entry.kind == HistoryKind::get) continue;
      int before = -1;
      if (answered && transform_ran(entry) && saw(entry) != entry.decided_on && !carried_out(entry)) {
        before = static_cast<int>(steps_.size());
        steps_.push_back({&entry, true, -1});
      }
      steps_.push_back({&entry, false, before});
      if (answered) {
        required_ |= std::uint32_t{1} << (steps_.size() - 1);
        if (before >= 0) required_ |= std::uint32_t{1} << before;
      }
    }
    for (const Step& step : steps_) {
      const bool conditional = step.entry->precondition == Precondition::Kind::seq_no_term;
      const SeqNoTerm named = conditional ? SeqNoTerm::from_bits(step.entry->condition) : saw(*step.entry);
      for (const SeqNoTerm word : {step.entry->decided_on, named}) {
        const bool written = std::ranges::any_of(
            steps_, [&](const Step& other) { return wrote(*other.entry) && other.entry->word == word; });
        if (!word.vacant() && !written) unwritten_.insert(word.bits());
      }
    }
  }

  [[nodiscard]] bool linearizable() { return search(0, {}); }

 private:
  struct Step {
    const HistoryEntry* entry;
    /// What the transform of an update saw in a try that failed; else what the outcome was decided on.
    bool only_saw;
    /// The step that must come first, or -1.
    int after;
  };

  struct Table {
    enum class Kind { never, live, tombstone, vanished } kind = Kind::never;
    /// Nobody has seen the word, and it is not the one here, which is that before it.
    bool hidden = false;
    bool expired = false;
    /// Nobody has seen the source yet that an update without an answer wrote.
    bool any_source = false;
    Version version = kVersionNotFound;
    std::uint64_t word = 0;
    std::uint32_t source = 0;
    const HistoryEntry* deletion = nullptr;
    /// What comes now cannot have ended before: the expiry that was seen had not come.
    std::uint64_t not_before = 0;

    friend auto operator<=>(const Table&, const Table&) = default;

    [[nodiscard]] bool absent() const { return kind == Kind::never || kind == Kind::vanished; }
    [[nodiscard]] State state() const {
      if (absent()) return {};
      return {.kind = kind == Kind::live ? State::Kind::live : State::Kind::tombstone,
              .version = version,
              .word = SeqNoTerm::from_bits(word)};
    }
  };

  static bool transform_ran(const HistoryEntry& entry) {
    return !saw(entry).vacant() && (entry.precondition == Precondition::Kind::none || entry.read != 0);
  }
  static SeqNoTerm saw(const HistoryEntry& entry) {
    return entry.kind == HistoryKind::update ? SeqNoTerm::from_bits(entry.condition) : SeqNoTerm();
  }
  static bool carried_out(const HistoryEntry& entry) {
    return entry.result == Result::updated || entry.result == Result::deleted || entry.result == Result::noop;
  }
  static bool wrote(const HistoryEntry& entry) {
    if (entry.end == HistoryEntry::kUnanswered || entry.kind == HistoryKind::get) return false;
    return entry.result == Result::created || entry.result == Result::updated || entry.result == Result::deleted ||
           (entry.kind == HistoryKind::remove && entry.result == Result::not_found);
  }

  static constexpr double kSlackMs = 2;
  [[nodiscard]] double ms(std::uint64_t from, std::uint64_t to) const {
    return (static_cast<double>(to) - static_cast<double>(from)) / rules_.ticks_per_ms;
  }
  [[nodiscard]] bool can_have_expired(const HistoryEntry& deletion, const HistoryEntry& entry) const {
    if (rules_.gc_deletes_ms < 0 || entry.end == HistoryEntry::kUnanswered) return true;
    return ms(deletion.begin, entry.end) + kSlackMs >= static_cast<double>(rules_.gc_deletes_ms);
  }
  [[nodiscard]] std::uint64_t first_expiry(const HistoryEntry& deletion) const {
    const double wait = std::max(0.0, static_cast<double>(rules_.gc_deletes_ms) - kSlackMs);
    return deletion.begin + static_cast<std::uint64_t>(wait * rules_.ticks_per_ms);
  }
  [[nodiscard]] bool can_be_kept(const HistoryEntry& deletion, const HistoryEntry& entry) const {
    if (rules_.gc_deletes_ms < 0) return false;
    if (deletion.end == HistoryEntry::kUnanswered) return true;
    return ms(deletion.end, entry.begin) - kSlackMs <= static_cast<double>(rules_.gc_deletes_ms);
  }

  bool search(std::uint32_t done, const Table& table) {
    if ((done & required_) == required_) return true;
    if (!seen_.insert({done, table}).second) return false;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const auto bit = std::uint32_t{1} << i;
      const Step& step = steps_[i];
      if ((done & bit) != 0) continue;
      if (step.after >= 0 && (done & (std::uint32_t{1} << step.after)) == 0) continue;
      const bool too_early = [&] {
        for (std::size_t j = 0; j < steps_.size(); ++j) {
          if ((done & (std::uint32_t{1} << j)) == 0 && steps_[j].entry->end < step.entry->begin) return true;
        }
        return false;
      }();
      if (too_early) continue;
      for (const Table& next : after(table, step)) {
        if (search(done | bit, next)) return true;
      }
    }
    return false;
  }

  /// Every state that the table can be in after the step; none if the step cannot happen here.
  std::vector<Table> after(const Table& table, const Step& step) const {
    const HistoryEntry& entry = *step.entry;
    std::vector<Table> from;
    if (entry.end < table.not_before) return from;
    const bool tombstone = table.kind == Table::Kind::tombstone;
    if (!tombstone || (!table.expired && can_be_kept(*table.deletion, entry))) from.push_back(table);
    if (tombstone && can_have_expired(*table.deletion, entry)) {
      Table expired = table;
      expired.expired = true;
      expired.not_before = std::max(expired.not_before, first_expiry(*table.deletion));
      from.push_back(expired);
      expired.kind = Table::Kind::vanished;
      from.push_back(expired);
    }
    std::vector<Table> next;
    for (const Table& each : from) {
      if (entry.end == HistoryEntry::kUnanswered) {
        for (const Table& outcome : unanswered(each, entry)) next.push_back(outcome);
      } else if (std::optional<Table> outcome = step.only_saw ? read_source(each, entry) : apply(each, entry)) {
        next.push_back(*outcome);
      }
    }
    return next;
  }

  static bool is_at(const Table& table, SeqNoTerm word) {
    if (word.vacant()) return table.absent();
    return !table.absent() && !table.hidden && table.word == word.bits();
  }

  static std::optional<Table> read_source(const Table& table, const HistoryEntry& entry) {
    const SeqNoTerm word = entry.kind == HistoryKind::get ? entry.word : saw(entry);
    if (table.kind != Table::Kind::live || !is_at(table, word)) return {};
    Table next = table;
    if (table.any_source) {
      next.source = entry.read;
      next.any_source = false;
    }
    if (next.source != entry.read) return {};
    return next;
  }

  static Decision decision(const Table& table, Operation operation, const Precondition& precondition) {
    return decide(table.state(), operation, precondition, {.now_ms = table.expired ? 1 : 0, .gc_deletes_ms = 0});
  }

  static Precondition requested(const HistoryEntry& entry) {
    const auto version = std::bit_cast<Version>(entry.condition);
    switch (entry.precondition) {
      case Precondition::Kind::none:
        return Precondition::none();
      case Precondition::Kind::seq_no_term:
        return Precondition::if_word(SeqNoTerm::from_bits(entry.condition));
      case Precondition::Kind::version:
        return Precondition::if_version(version);
      case Precondition::Kind::external:
        return Precondition::external(version);
      case Precondition::Kind::external_gte:
        return Precondition::external_gte(version);
      case Precondition::Kind::must_not_exist:
        return Precondition::must_not_exist();
    }
    return {};
  }

  static Table written(const Table& table, const HistoryEntry& entry, bool tombstone, Version version) {
    Table next = table;
    next.kind = tombstone ? Table::Kind::tombstone : Table::Kind::live;
    next.hidden = next.expired = next.any_source = false;
    next.version = version;
    next.source = tombstone ? 0 : entry.wrote;
    next.deletion = tombstone ? &entry : nullptr;
    return next;
  }

  static bool can_follow(const Table& table, SeqNoTerm word) {
    const SeqNoTerm last = SeqNoTerm::from_bits(table.word);
    return table.kind == Table::Kind::never || (word.seq_no() > last.seq_no() && word.term() >= last.term());
  }

  static std::optional<Table> apply(const Table& table, const HistoryEntry& entry) {
    if (!is_at(table, entry.decided_on)) return {};
    const bool live = table.kind == Table::Kind::live;
    if (!wrote(entry) && entry.word != entry.decided_on) return {};
    Table next = table;
    if (entry.kind == HistoryKind::get) {
      if (entry.result == Result::found)
        return entry.version == table.version ? read_source(table, entry) : std::nullopt;
      if (entry.result != Result::not_found || live || entry.version != kVersionNotFound) return {};
      return next;
    }
    Precondition precondition = requested(entry);
    Operation operation = entry.kind == HistoryKind::remove ? Operation::remove : Operation::index;
    if (entry.kind == HistoryKind::update) {
      const bool unconditional = entry.precondition == Precondition::Kind::none;
      const bool ran = transform_ran(entry);
      if (carried_out(entry)) {
        if ((unconditional && !ran) || saw(entry) != entry.decided_on) return {};
        const auto read = read_source(table, entry);
        if (!read) return {};
        next = *read;
      } else if (ran && saw(entry) == entry.decided_on) {
        if (!read_source(table, entry)) return {};
      }
      if (entry.result == Result::not_found) {
        if (live || entry.version != kVersionNotFound) return {};
        return next;
      }
      if (unconditional) {
        if (entry.result == Result::created || entry.cause == Cause::already_exists) {
          precondition = Precondition::must_not_exist();
        } else if (ran) {
          precondition = Precondition::if_word(saw(entry));
        } else if (entry.result == Result::conflict) {
          return next;  // no transform ran: nothing says what the conflict was with
        }
      }
      if (entry.result == Result::deleted) operation = Operation::remove;
      if (entry.result == Result::noop) operation = Operation::keep;
    }
    const Decision decided = decision(table, operation, precondition);
    if (decided.result != entry.result || decided.version != entry.version) return {};
    if (entry.kind != HistoryKind::update && decided.cause != entry.cause) return {};
    if (!wrote(entry)) return next;
    if (entry.word.vacant() || !can_follow(table, entry.word)) return {};
    next = written(next, entry, operation == Operation::remove, decided.version);
    next.word = entry.word.bits();
    return next;
  }

  /// An operation without an answer takes effect here, and writes.
  std::vector<Table> unanswered(const Table& table, const HistoryEntry& entry) const {
    std::vector<Table> next;
    const auto add = [&](Operation operation, bool any_source) {
      const Decision decided = decision(table, operation, requested(entry));
      if (decided.verdict != Decision::Verdict::proceed) return;
      Table outcome = written(table, entry, operation == Operation::remove, decided.version);
      outcome.any_source = any_source;
      outcome.hidden = true;
      next.push_back(outcome);
      outcome.hidden = false;
      for (const std::uint64_t word : unwritten_) {
        if (!can_follow(table, SeqNoTerm::from_bits(word))) continue;
        outcome.word = word;
        next.push_back(outcome);
      }
    };
    if (entry.kind != HistoryKind::update) {
      add(entry.kind == HistoryKind::remove ? Operation::remove : Operation::index, false);
    } else if (table.kind == Table::Kind::live) {
      add(Operation::index, true);
      add(Operation::remove, false);
    } else if (entry.precondition == Precondition::Kind::none) {
      add(Operation::index, true);  // an upsert
    }
    return next;
  }

  const HistoryRules rules_;
  std::vector<Step> steps_;
  std::uint32_t required_ = 0;
  /// Words that were seen and that no operation says to have written.
  std::set<std::uint64_t> unwritten_;
  std::set<std::pair<std::uint32_t, Table>> seen_;
};

}  // namespace occ
