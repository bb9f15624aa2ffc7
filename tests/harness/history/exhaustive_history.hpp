#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "core/model/decide.hpp"
#include "harness/history/history.hpp"

namespace occ {

/// Whether the history of one document is linearizable, by trying every order: the search of Wing and Gong 1993 with
/// the memory of Lowe 2017 for what was tried already (the set of operations done, and the state they led to).
/// Exponential: for some ten operations.
///
/// The specification is `decide`, and what every strategy promises beside it:
/// - a write draws a number above that of the state that it replaces, under a primary term that is not earlier;
/// - an outcome names the state it was decided on, or does not say (kUntoldWord): then any state that allows it will do;
/// - a tombstone expires at one time, gc_deletes after an instant within its delete; an operation compares that time with
///   a reading of the clock within its call, a write with one before it takes effect;
/// - an expired tombstone may be purged, which is not undone;
/// - an operation without an answer takes effect once or never, under the condition that it names;
/// - items of one bulk call take effect in their order.
class ExhaustiveHistory {
 public:
  /// Entries of one thread in its order.
  ExhaustiveHistory(std::span<const HistoryEntry> entries, const HistoryRules& rules) : rules_(rules) {
    const HistoryEntry* last = nullptr;
    for (const HistoryEntry& entry : entries) {
      const bool answered = is_answered(entry);
      if (answered ? entry.result == Result::rejected : entry.kind == HistoryKind::get) continue;
      if (last == nullptr || last->thread != entry.thread || last->begin != entry.begin || last->end != entry.end)
        ++calls_;
      last = &entry;
      if (answered && transform_ran(entry) && saw(entry) != entry.decided_on && !carried_out(entry))
        steps_.push_back({&entry, true, calls_});
      steps_.push_back({&entry, false, calls_});
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (is_answered(*steps_[i].entry)) required_ |= std::uint32_t{1} << i;
    }
    for (const Step& step : steps_) {
      const HistoryEntry& entry = *step.entry;
      if (entry.precondition == Precondition::Kind::seq_no_term) may_be_written(SeqNoTerm::from_bits(entry.condition));
      may_be_written(saw(entry));
      if (!is_answered(entry)) continue;
      may_be_written(decided_at(entry));
    }
  }

  [[nodiscard]] bool linearizable() { return steps_.size() <= 32 && search(0, {}); }

  /// The numbers that the document must have been given: of what was written, and of what was seen.
  static std::set<std::uint64_t> numbers(std::span<const HistoryEntry> entries) {
    std::set<std::uint64_t> all;
    for (const HistoryEntry& entry : entries) {
      if (!is_answered(entry) || entry.result == Result::rejected) continue;
      std::vector<SeqNoTerm> words = {decided_at(entry)};
      if (wrote(entry)) words.push_back(entry.word);
      if (transform_ran(entry)) words.push_back(saw(entry));
      for (const SeqNoTerm word : words) {
        if (!word.vacant()) all.insert(word.seq_no());
      }
    }
    return all;
  }

  static bool is_answered(const HistoryEntry& entry) { return entry.end != HistoryEntry::kUnanswered; }
  static bool wrote(const HistoryEntry& entry) {
    if (!is_answered(entry) || entry.kind == HistoryKind::get) return false;
    return entry.result == Result::created || entry.result == Result::updated || entry.result == Result::deleted ||
           (entry.kind == HistoryKind::remove && entry.result == Result::not_found);
  }

 private:
  struct Step {
    const HistoryEntry* entry;
    /// What the transform of an update saw in a try that failed; else what the outcome was decided on.
    bool only_saw;
    /// Steps of one call come in their order.
    int call;
  };

  struct Table {
    enum class Kind { never, live, tombstone, purged } kind = Kind::never;
    /// Nobody has seen the word, and it is not the one here, which is the last that is known.
    bool hidden = false;
    /// Numbers drawn since that one, by writes that nobody saw.
    std::uint64_t unseen = 0;
    bool any_word = false;
    /// Nobody has seen the source yet that an update without an answer wrote.
    bool any_source = false;
    Version version = kVersionNotFound;
    std::uint64_t word = 0;
    std::uint32_t source = 0;
    /// Of a tombstone: when it expires.
    double least_expiry = 0;
    double most_expiry = 0;
    /// What comes now cannot have ended before: a purge, or a write that found it expired, had not come.
    double not_before = 0;

    friend auto operator<=>(const Table&, const Table&) = default;

    [[nodiscard]] bool absent() const { return kind == Kind::never || kind == Kind::purged; }
    [[nodiscard]] State state() const {
      if (absent()) return {};
      return {.kind = kind == Kind::live ? State::Kind::live : State::Kind::tombstone,
              .version = version,
              .word = hidden ? SeqNoTerm::from_bits(3) : SeqNoTerm::from_bits(word)};
    }
  };

  static bool is_untold(const HistoryEntry& entry) { return entry.decided_on.bits() == ~std::uint64_t{0}; }
  /// What the outcome was decided on, as far as the answer says so.
  static SeqNoTerm decided_at(const HistoryEntry& entry) {
    if (!is_untold(entry)) return entry.decided_on;
    if (carried_out(entry)) {
      if (entry.precondition != Precondition::Kind::none || !saw(entry).vacant()) return saw(entry);
    }
    const bool read = entry.result == Result::found || entry.result == Result::noop;
    if (read && !entry.word.vacant()) return entry.word;
    return entry.decided_on;
  }
  static bool transform_ran(const HistoryEntry& entry) {
    return !saw(entry).vacant() && (entry.precondition == Precondition::Kind::none || entry.read != 0);
  }
  static SeqNoTerm saw(const HistoryEntry& entry) {
    return entry.kind == HistoryKind::update ? SeqNoTerm::from_bits(entry.condition) : SeqNoTerm();
  }
  static bool carried_out(const HistoryEntry& entry) {
    return entry.kind == HistoryKind::update &&
           (entry.result == Result::updated || entry.result == Result::deleted || entry.result == Result::noop);
  }
  static bool same_version(Version version, const HistoryEntry& entry) {
    return entry.version == version || entry.version == std::numeric_limits<Version>::min();
  }

  void may_be_written(SeqNoTerm word) {
    const bool written = std::ranges::any_of(
        steps_, [&](const Step& other) { return wrote(*other.entry) && other.entry->word == word; });
    if (!word.vacant() && !written) unwritten_.insert(word.bits());
  }

  // Times in ticks.
  static constexpr double kSlackMs = 2;
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  [[nodiscard]] bool expires_at_once() const { return rules_.gc_deletes_ms < 0; }
  [[nodiscard]] double gc_deletes(double slack_ms) const {
    return std::max(0.0, static_cast<double>(rules_.gc_deletes_ms) + slack_ms) * rules_.ticks_per_ms;
  }
  static double begin_of(const HistoryEntry& entry) { return static_cast<double>(entry.begin); }
  static double end_of(const HistoryEntry& entry) {
    return is_answered(entry) ? static_cast<double>(entry.end) : kNever;
  }

  bool search(std::uint32_t done, const Table& table) {
    if ((done & required_) == required_) return true;
    if (!seen_.insert({done, table}).second) return false;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const auto bit = std::uint32_t{1} << i;
      const Step& step = steps_[i];
      if ((done & bit) != 0) continue;
      bool blocked = false;
      std::uint32_t with = bit;
      for (std::size_t j = 0; j < steps_.size(); ++j) {
        const auto other = std::uint32_t{1} << j;
        if ((done & other) != 0) continue;
        if (steps_[j].entry->end < step.entry->begin) blocked = true;
        if (j < i && steps_[j].call == step.call) {
          // An item without an answer may not have taken effect; after a later one it does so no more.
          if ((required_ & other) != 0) blocked = true;
          with |= other;
        }
      }
      if (blocked) continue;
      for (const Table& next : after(table, step)) {
        if (search(done | with, next)) return true;
      }
    }
    return false;
  }

  /// Every state that the table can be in after the step; none if the step cannot happen here.
  std::vector<Table> after(const Table& table, const Step& step) const {
    const HistoryEntry& entry = *step.entry;
    std::vector<Table> next;
    if (end_of(entry) < table.not_before) return next;
    at_instant(table, step, false, next);
    if (table.kind != Table::Kind::tombstone) return next;
    if (!expires_at_once() && end_of(entry) < table.least_expiry) return next;
    at_instant(table, step, true, next);
    Table purged;
    purged.kind = Table::Kind::purged;
    purged.word = table.word;
    purged.any_word = table.any_word;
    purged.unseen = table.unseen;
    purged.not_before = expires_at_once() ? table.not_before : std::max(table.not_before, table.least_expiry);
    at_instant(purged, step, false, next);
    return next;
  }

  /// Of a tombstone: by a clock that says that it has expired, or has not.
  void at_instant(Table table, const Step& step, bool expired, std::vector<Table>& next) const {
    const HistoryEntry& entry = *step.entry;
    const bool writes = !is_answered(entry) || (wrote(entry) && !step.only_saw);
    if (table.kind == Table::Kind::tombstone && !expired) {
      if (expires_at_once() || begin_of(entry) > table.most_expiry) return;
      table.least_expiry = std::max(table.least_expiry, begin_of(entry));
    } else if (table.kind == Table::Kind::tombstone && !expires_at_once()) {
      if (writes) {
        table.not_before = std::max(table.not_before, table.least_expiry);
      } else {
        table.most_expiry = std::min(table.most_expiry, end_of(entry));
      }
    }
    if (!is_answered(entry)) {
      for (const Table& outcome : unanswered(table, entry, expired)) next.push_back(outcome);
    } else if (std::optional<Table> outcome =
                   step.only_saw ? read_source(table, entry, saw(entry)) : apply(table, entry, expired)) {
      next.push_back(*outcome);
    }
  }

  static bool is_at(const Table& table, SeqNoTerm word) {
    if (word.vacant()) return table.absent();
    return !table.absent() && !table.hidden && table.any_word && table.word == word.bits();
  }

  /// `word` is kUntoldWord if it is not known under which word it was read.
  static std::optional<Table> read_source(const Table& table, const HistoryEntry& entry, SeqNoTerm word) {
    const bool untold = word.bits() == ~std::uint64_t{0};
    if (table.kind != Table::Kind::live || (!untold && !is_at(table, word))) return {};
    Table next = table;
    if (is_untold(entry) && entry.read == 0) return next;
    if (table.any_source) {
      next.source = entry.read;
      next.any_source = false;
    }
    if (next.source != entry.read) return {};
    return next;
  }

  [[nodiscard]] Decision decision(const Table& table, Operation operation, const Precondition& precondition,
                                  bool expired) const {
    return decide(table.state(), operation, precondition,
                  {.now_ms = expired ? 1 : 0, .gc_deletes_ms = 0, .tombstones_match = rules_.tombstones_match});
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

  Table written(const Table& table, const HistoryEntry& entry, bool tombstone, Version version) const {
    Table next = table;
    next.kind = tombstone ? Table::Kind::tombstone : Table::Kind::live;
    next.hidden = next.any_source = false;
    next.version = version;
    next.source = tombstone ? 0 : entry.wrote;
    next.least_expiry = next.most_expiry = 0;
    if (tombstone && !expires_at_once()) {
      next.least_expiry = begin_of(entry) + gc_deletes(-kSlackMs);
      next.most_expiry = end_of(entry) + gc_deletes(kSlackMs);
    }
    return next;
  }

  /// Numbers ascend, and each write that nobody saw has drawn one as well.
  static bool can_follow(const Table& table, SeqNoTerm word) {
    const SeqNoTerm last = SeqNoTerm::from_bits(table.word);
    if (!table.any_word) return word.seq_no() >= table.unseen;
    return word.seq_no() > last.seq_no() + table.unseen && word.term() >= last.term();
  }

  static bool set_word(Table& table, SeqNoTerm word) {
    if (!can_follow(table, word)) return false;
    table.word = word.bits();
    table.any_word = true;
    table.unseen = 0;
    return true;
  }

  std::optional<Table> apply(const Table& table, const HistoryEntry& entry, bool expired) const {
    const bool untold = is_untold(entry);
    const SeqNoTerm at = decided_at(entry);
    const bool anywhere = at.bits() == ~std::uint64_t{0};
    if (!anywhere && !is_at(table, at)) return {};
    const bool live = table.kind == Table::Kind::live;
    if (!wrote(entry)) {
      // Only what was written has a number of its own.
      const bool none = untold ? entry.word.vacant() || entry.word == at
                               : entry.word == entry.decided_on || (entry.word.vacant() && entry.decided_on.vacant());
      if (!none) return {};
    }
    Table next = table;
    if (entry.kind == HistoryKind::get) {
      if (entry.result == Result::found)
        return same_version(table.version, entry) ? read_source(table, entry, at) : std::nullopt;
      if (entry.result != Result::not_found || live || !same_version(kVersionNotFound, entry)) return {};
      return next;
    }
    Precondition precondition = requested(entry);
    Operation operation = entry.kind == HistoryKind::remove ? Operation::remove : Operation::index;
    if (entry.kind == HistoryKind::update) {
      const bool unconditional = entry.precondition == Precondition::Kind::none;
      const bool ran = transform_ran(entry);
      if (carried_out(entry)) {
        const bool saw_is_untold = untold && unconditional && saw(entry).vacant();
        if (!saw_is_untold && ((unconditional && !ran) || saw(entry) != at)) return {};
        const auto read = read_source(table, entry, at);
        if (!read) return {};
        next = *read;
      } else if (ran && saw(entry) == entry.decided_on) {
        if (!read_source(table, entry, saw(entry))) return {};
      }
      if (entry.result == Result::not_found) {
        if (live || !same_version(kVersionNotFound, entry)) return {};
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
    const Decision decided = decision(table, operation, precondition, expired);
    if (decided.result != entry.result || !same_version(decided.version, entry)) return {};
    const bool cause_is_told = entry.kind != HistoryKind::update && !(untold && entry.cause == Cause::none);
    if (cause_is_told && decided.cause != entry.cause) return {};
    if (!wrote(entry)) return next;
    next = written(table, entry, operation == Operation::remove, decided.version);
    if (entry.word.vacant() || !set_word(next, entry.word)) return {};
    return next;
  }

  /// An operation without an answer takes effect here, and writes.
  std::vector<Table> unanswered(const Table& table, const HistoryEntry& entry, bool expired) const {
    std::vector<Table> next;
    Precondition condition = requested(entry);
    const auto add = [&](Operation operation, bool any_source) {
      const Decision decided = decision(table, operation, condition, expired);
      if (decided.verdict != Decision::Verdict::proceed) return;
      const Table outcome = [&] {
        Table made = written(table, entry, operation == Operation::remove, decided.version);
        made.any_source = any_source;
        return made;
      }();
      for (const std::uint64_t word : unwritten_) {
        Table named = outcome;
        if (set_word(named, SeqNoTerm::from_bits(word))) next.push_back(named);
      }
      next.push_back(outcome);
      next.back().hidden = true;
      ++next.back().unseen;
    };
    if (entry.kind != HistoryKind::update) {
      add(entry.kind == HistoryKind::remove ? Operation::remove : Operation::index, false);
    } else if (table.kind == Table::Kind::live) {
      // What its transform saw last must still be there, and what it made of it is what is written, if that is told.
      if (entry.precondition == Precondition::Kind::none && !saw(entry).vacant())
        condition = Precondition::if_word(saw(entry));
      add(Operation::index, entry.wrote == 0);
      if (entry.wrote == 0) add(Operation::remove, false);
    } else if (entry.precondition == Precondition::Kind::none) {
      add(Operation::index, true);  // an upsert
    }
    return next;
  }

  const HistoryRules rules_;
  std::vector<Step> steps_;
  int calls_ = 0;
  std::uint32_t required_ = 0;
  /// Words that were seen or named and that no operation says to have written.
  std::set<std::uint64_t> unwritten_;
  std::set<std::pair<std::uint32_t, Table>> seen_;
};

/// The same of some documents: linearizability is each document's own, but a number is given once in a shard, and items
/// of one bulk call draw theirs in their order. `threads`: the entries of each in its order.
inline bool exhaustively_linearizable(const std::vector<std::vector<HistoryEntry>>& threads,
                                      const HistoryRules& rules) {
  std::vector<std::set<std::uint64_t>> numbers;
  for (std::uint32_t document = 0; document < rules.documents; ++document) {
    std::vector<HistoryEntry> own;
    for (const auto& entries : threads) {
      for (const HistoryEntry& entry : entries) {
        if (entry.document == document) own.push_back(entry);
      }
    }
    if (!ExhaustiveHistory(own, rules).linearizable()) return false;
    numbers.push_back(ExhaustiveHistory::numbers(own));
  }
  if (rules.shards.empty()) return true;
  const auto in_one_shard = [&](std::uint32_t a, std::uint32_t b) {
    return rules.shards[a] == rules.shards[b] && rules.shards[a] != HistoryRules::kUnknownShard;
  };
  for (std::uint32_t a = 0; a < rules.documents; ++a) {
    for (std::uint32_t b = 0; b < a; ++b) {
      if (!in_one_shard(a, b)) continue;
      for (const std::uint64_t number : numbers[a]) {
        if (numbers[b].contains(number)) return false;
      }
    }
  }
  for (const auto& entries : threads) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      // The items after it of its call.
      for (std::size_t j = i + 1; j < entries.size(); ++j) {
        if (entries[j].begin != entries[i].begin || entries[j].end != entries[i].end) break;
        if (!ExhaustiveHistory::wrote(entries[i]) || !ExhaustiveHistory::wrote(entries[j])) continue;
        if (!in_one_shard(entries[i].document, entries[j].document)) continue;
        if (entries[i].word.seq_no() > entries[j].word.seq_no()) return false;
      }
    }
  }
  return true;
}

}  // namespace occ
