#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "core/model/decide.hpp"
#include "harness/history/history.hpp"

namespace occ {

/// A history of one or two documents, entries in the order in which they took effect, one tick of the clock per
/// millisecond.
struct SmallHistory {
  HistoryRules rules{.ticks_per_ms = 1, .documents = 1};
  std::vector<HistoryEntry> entries;
};

/// Makes small histories that are linearizable by construction: a table is simulated operation by operation, and then
/// the operations' intervals are stretched around the instants at which they took effect. And spoils them.
///
/// There are one or two documents in one shard or two, bulk calls, tombstones that expire and are purged, operations
/// without an answer, and answers that do not say on what they were decided.
class RandomHistories {
 public:
  explicit RandomHistories(std::uint64_t seed) : random_(seed) {}

  SmallHistory valid() {
    history_ = {};
    history_.rules.gc_deletes_ms = pick<std::int64_t>({-1, 0, 6, 20, 1'000'000});
    history_.rules.tombstones_match = chance(30);
    documents_.assign(chance(25) ? 2 : 1, {});
    history_.rules.documents = static_cast<std::uint32_t>(documents_.size());
    const bool apart = chance(30);
    if (chance(80)) history_.rules.shards.assign(documents_.size(), 0);
    if (apart && !history_.rules.shards.empty()) history_.rules.shards.back() = chance(80) ? 1 : kUnknown;
    if (history_.rules.shards.empty() && chance(50)) history_.rules.shards.assign(documents_.size(), kUnknown);
    next_seq_no_.assign(2, below(5));
    one_counter_ = !apart;
    groups_.clear();
    clock_ = 100;
    term_ = 1;
    group_ = 0;
    bulk_left_ = 0;
    vanishes_ = chance(50);
    untold_percent_ = chance(40) ? 0 : pick<std::uint64_t>({10, 40, 100});
    unanswered_percent_ = chance(50) ? 0 : pick<std::uint64_t>({4, 10, 25});
    bulk_percent_ = chance(70) ? 0 : 30;
    last_.assign(2 + below(3), 0);
    const std::size_t operations = 3 + below(7);
    while (history_.entries.size() < operations) {
      clock_ += 1 + below(chance(15) ? 30 : 8);
      if (chance(6)) ++term_;
      operate();
    }
    stretch();
    return history_;
  }

  /// Ways of spoiling a history. What comes out may still be linearizable.
  static constexpr std::string_view kSpoilings[] = {"two numbers exchanged",
                                                    "another's number",
                                                    "decided on another's number",
                                                    "decided on nothing",
                                                    "a number raised",
                                                    "another source read",
                                                    "another source written",
                                                    "moved in time",
                                                    "times exchanged",
                                                    "an operation left out",
                                                    "another result",
                                                    "a version off by one",
                                                    "another's condition",
                                                    "another term",
                                                    "an operation twice",
                                                    "another kind of condition",
                                                    "another gc_deletes",
                                                    "an answer lost",
                                                    "an answer that does not say on what",
                                                    "two items of a call exchanged",
                                                    "two operations made items of one call",
                                                    "an absence for a tombstone",
                                                    "a tombstone for an absence",
                                                    "one number in two documents",
                                                    "the condition of an operation without an answer",
                                                    "the version of one without an answer",
                                                    "not found, not said on what",
                                                    "a conflict, not said with what",
                                                    "moved to the other document",
                                                    "other rules for tombstones"};

  /// One or two things changed, at random; `how` are the places of what in kSpoilings.
  SmallHistory spoiled(std::vector<std::size_t>& how) {
    SmallHistory history = valid();
    how.clear();
    const std::uint64_t changes = 1 + below(2);
    for (std::uint64_t i = 0; i < changes; ++i) {
      how.push_back(below(std::size(kSpoilings)));
      spoil(history, how.back());
    }
    return history;
  }

 private:
  static constexpr std::uint32_t kUnknown = HistoryRules::kUnknownShard;
  static constexpr SeqNoTerm kUntold = SeqNoTerm::from_bits(~std::uint64_t{0});
  static constexpr Version kUntoldNumber = std::numeric_limits<Version>::min();

  /// A state in which the document was, and when.
  struct Period {
    State state;
    std::uint32_t source;
    std::uint64_t since;
  };
  struct Simulated {
    State state;
    std::uint32_t source = 0;
    std::vector<Period> states;
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return *(from.begin() + below(from.size()));
  }
  HistoryEntry& any(SmallHistory& history) { return history.entries[below(history.entries.size())]; }

  [[nodiscard]] Instant now() const {
    return {.now_ms = static_cast<std::int64_t>(clock_),
            .gc_deletes_ms = history_.rules.gc_deletes_ms,
            .tombstones_match = history_.rules.tombstones_match};
  }
  [[nodiscard]] Simulated& it() { return documents_[document_]; }
  [[nodiscard]] const State& state() const { return documents_[document_].state; }
  void become(const State& state, std::uint32_t source) {
    it().state = state;
    it().source = source;
    it().states.push_back({state, source, clock_});
  }

  Precondition any_condition() {
    const Version version = std::max<Version>(state().version, 0);
    const auto seq_no = static_cast<std::int64_t>(state().word.seq_no());
    const auto term = static_cast<std::int64_t>(state().word.term());
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return Precondition::none();
      case 3:
      case 4:
        return (state().live() || history_.rules.tombstones_match) && chance(60) ? Precondition::if_seq_no(seq_no, term)
                                                                                 : Precondition::if_seq_no(1, 1);
      case 5:
        return Precondition::if_version(version + (chance(40) ? 1 : 0));
      case 6:
        return Precondition::external(version + static_cast<Version>(below(3)));
      case 7:
        return Precondition::external_gte(version + static_cast<Version>(below(3)) - 1);
      default:
        return Precondition::must_not_exist();
    }
  }

  void operate() {
    HistoryEntry entry;
    if (bulk_left_ > 0 && chance(75)) {
      --bulk_left_;
      entry.thread = bulk_thread_;
    } else {
      do {
        entry.thread = static_cast<std::uint16_t>(below(last_.size()));
      } while (bulk_left_ > 0 && entry.thread == bulk_thread_);
      ++group_;
      group_of_[entry.thread] = group_;
      lost_[entry.thread] = clock_ > 130 && chance(unanswered_percent_);
      if (bulk_left_ == 0 && chance(bulk_percent_)) {
        bulk_left_ = 1 + below(3);
        bulk_thread_ = entry.thread;
      }
    }
    document_ = below(documents_.size());
    entry.document = static_cast<std::uint32_t>(document_);
    if (vanishes_ && expired(state(), now())) become({}, 0);
    entry.begin = entry.end = clock_;
    if (lost_[entry.thread]) entry.end = HistoryEntry::kUnanswered;  // never heard of again; see stretch()
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        entry.kind = HistoryKind::get;
        finish(entry, state().live() ? Result::found : Result::not_found);
        entry.version = state().live() ? state().version : kVersionNotFound;
        entry.read = state().live() ? it().source : 0;
        break;
      case 3:
      case 4:
        entry.kind = HistoryKind::index;
        write(entry, Operation::index, any_condition());
        break;
      case 5:
      case 6:
        entry.kind = HistoryKind::remove;
        write(entry, Operation::remove, chance(70) ? Precondition::none() : any_condition());
        break;
      default:
        entry.kind = HistoryKind::update;
        update(entry);
    }
    if (lost_[entry.thread]) {
      lose_answer(entry);
    } else if (chance(untold_percent_)) {
      make_untold(entry);
    }
    last_[entry.thread] = clock_;
    history_.entries.push_back(entry);
    groups_.push_back(group_of_[entry.thread]);
  }

  static void lose_answer(HistoryEntry& entry) {
    const HistoryEntry answered = entry;
    entry = HistoryEntry();
    entry.begin = answered.begin;
    entry.document = answered.document;
    entry.thread = answered.thread;
    entry.kind = answered.kind;
    entry.precondition = answered.precondition;
    entry.condition = answered.condition;
    entry.wrote = answered.wrote;
  }

  /// What the answer of a server says.
  void make_untold(HistoryEntry& entry) {
    const bool wrote = entry.word != entry.decided_on;
    entry.decided_on = kUntold;
    if (entry.result == Result::conflict) {
      entry.word = kUntold;
      if (chance(70)) entry.version = kUntoldNumber;
      if (chance(10)) entry.cause = Cause::none;
      return;
    }
    if (chance(10)) entry.version = kUntoldNumber;
    const bool carried_out =
        entry.kind == HistoryKind::update && entry.result != Result::not_found && entry.result != Result::created;
    if (carried_out && entry.precondition == Precondition::Kind::none && chance(50)) {
      entry.condition = SeqNoTerm::never_written().bits();
      if (chance(50)) entry.read = 0;
    }
    if (entry.result == Result::found && chance(20)) entry.read = 0;
    if (!wrote && !(entry.result == Result::found && chance(40)) && !(entry.result == Result::noop && chance(50)))
      entry.word = kUntold;
    if (!wrote && entry.result == Result::not_found) entry.word = kUntold;
  }

  void finish(HistoryEntry& entry, Result result, Cause cause = Cause::none) {
    entry.result = result;
    entry.cause = cause;
    entry.word = entry.decided_on = state().word;
  }

  void write(HistoryEntry& entry, Operation operation, const Precondition& precondition) {
    if (entry.kind != HistoryKind::update) {
      entry.precondition = precondition.kind;
      if (precondition.kind == Precondition::Kind::seq_no_term) {
        entry.condition = precondition.word.bits();
      } else if (precondition.kind != Precondition::Kind::none &&
                 precondition.kind != Precondition::Kind::must_not_exist) {
        entry.condition = static_cast<std::uint64_t>(precondition.version);
      }
    }
    if (operation == Operation::index) entry.wrote = 1 + static_cast<std::uint32_t>(below(1'000'000));
    const Decision decision = decide(state(), operation, precondition, now());
    finish(entry, decision.result, decision.cause);
    entry.version = decision.version;
    if (decision.verdict != Decision::Verdict::proceed) return;
    std::uint64_t& counter = next_seq_no_[one_counter_ ? 0 : document_];
    counter += 1 + below(3);
    entry.word = SeqNoTerm(counter, term_);
    const bool tombstone = operation == Operation::remove;
    become({.kind = tombstone ? State::Kind::tombstone : State::Kind::live,
            .version = decision.version,
            .word = entry.word,
            .deleted_at_ms = static_cast<std::int64_t>(clock_)},
           tombstone ? 0 : entry.wrote);
  }

  void update(HistoryEntry& entry) {
    if (chance(20)) {
      entry.precondition = Precondition::Kind::seq_no_term;
      entry.condition = (chance(70) ? SeqNoTerm(state().word.seq_no(), state().word.term()) : SeqNoTerm(1, 1)).bits();
    }
    const bool unconditional = entry.precondition == Precondition::Kind::none;
    if (unconditional && chance(35) && lose_race(entry)) return;
    if (!state().live()) {
      if (unconditional && chance(40)) return write(entry, Operation::index, Precondition::must_not_exist());
      return finish(entry, Result::not_found);
    }
    const Precondition given = unconditional ? Precondition::if_word(state().word)
                                             : Precondition::if_word(SeqNoTerm::from_bits(entry.condition));
    if (decide(state(), Operation::keep, given, now()).verdict == Decision::Verdict::conflict)
      return write(entry, Operation::index, given);
    entry.condition = state().word.bits();
    entry.read = it().source;
    if (chance(15)) {
      finish(entry, Result::noop);
      entry.version = state().version;
      return;
    }
    write(entry, chance(15) ? Operation::remove : Operation::index, given);
  }

  /// An update whose transform saw an earlier state, and that then met this one.
  bool lose_race(HistoryEntry& entry) {
    if (it().states.size() < 2) return false;
    const std::size_t at = below(it().states.size() - 1);
    const Period& seen = it().states[at];
    const std::uint64_t until = it().states[at + 1].since;
    if (!seen.state.live() || until <= last_[entry.thread] + 1) return false;
    entry.begin = std::max(seen.since, last_[entry.thread] + 1);
    entry.condition = seen.state.word.bits();
    entry.read = seen.source;
    if (!state().live() && chance(40)) {
      if (chance(50)) {
        finish(entry, Result::not_found);  // tried again
      } else {
        write(entry, Operation::index, Precondition::must_not_exist());
      }
      return true;
    }
    const Decision decision = decide(state(), Operation::index, Precondition::if_word(seen.state.word), now());
    finish(entry, decision.result, chance(50) ? decision.cause : Cause::version_mismatch);
    entry.wrote = 77;
    entry.version = decision.version;
    return true;
  }

  /// Until here each operation took no longer than it had to. Between two operations of one thread there is a pause of
  /// any length, down to nothing; an operation without an answer is the last of its thread.
  void stretch() {
    // A bulk call's items have its times.
    for (std::size_t i = 0; i < history_.entries.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (groups_[i] != groups_[j]) continue;
        HistoryEntry& a = history_.entries[i];
        HistoryEntry& b = history_.entries[j];
        a.begin = b.begin = std::min(a.begin, b.begin);
        a.end = b.end = std::max(a.end, b.end);
      }
    }
    for (std::uint16_t thread = 0; thread < last_.size(); ++thread) {
      std::uint64_t free_from = 0;
      int before = 0;
      int seen = 0;
      for (std::size_t i = 0; i < history_.entries.size(); ++i) {
        const HistoryEntry entry = history_.entries[i];
        if (entry.thread != thread || groups_[i] == seen) continue;
        seen = groups_[i];
        const std::uint64_t room = entry.begin - free_from;
        std::uint64_t pause_end = free_from + (room == 0 ? 0 : below(room + 1));
        if (chance(50)) pause_end = entry.begin - std::min<std::uint64_t>(room, below(6));
        if (before != 0) {
          const std::uint64_t most = pause_end - free_from;
          end_later(before, most == 0 ? 0 : below(most + 1));
        }
        begin_at(seen, pause_end);
        free_from = entry.end;
        before = seen;
        // One that came after it in the simulation belongs to a thread that was started in its place.
        if (entry.end == HistoryEntry::kUnanswered) {
          free_from = entry.begin;
          before = 0;
        }
      }
      if (before != 0) end_later(before, below(20));
    }
  }
  void begin_at(int group, std::uint64_t time) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i] == group) history_.entries[i].begin = time;
    }
  }
  void end_later(int group, std::uint64_t by) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i] == group) history_.entries[i].end += by;
    }
  }

  /// An entry without an answer, if there is one.
  HistoryEntry& unanswered(SmallHistory& history) {
    for (HistoryEntry& entry : history.entries) {
      if (entry.end == HistoryEntry::kUnanswered && chance(70)) return entry;
    }
    return any(history);
  }

  void spoil(SmallHistory& history, std::size_t how) {
    if (history.entries.empty()) return;
    HistoryEntry& one = any(history);
    HistoryEntry& other = any(history);
    const bool wrote = one.word != one.decided_on;
    switch (how) {
      case 0:
        std::swap(one.word, other.word);
        break;
      case 1:
        one.word = other.word;
        if (!wrote && chance(70)) one.decided_on = one.word;
        break;
      case 2:
        one.decided_on = other.word;
        if (!wrote && chance(80)) one.word = one.decided_on;
        break;
      case 3:
        one.decided_on = SeqNoTerm();
        if (!wrote && chance(80)) one.word = one.decided_on;
        break;
      case 4:
        one.word = SeqNoTerm(one.word.seq_no() + below(4), one.word.term());
        if (!wrote && chance(70)) one.decided_on = one.word;
        break;
      case 5:
        one.read = chance(50) ? other.read : other.wrote;
        break;
      case 6:
        one.wrote ^= 1;
        break;
      case 7: {
        const std::uint64_t by = 1 + below(40);
        if (one.end == HistoryEntry::kUnanswered) break;
        if (chance(50)) {
          one.begin += by;
          one.end += by;
        } else if (one.begin >= by) {
          one.begin -= by;
          one.end -= by;
        }
        break;
      }
      case 8:
        std::swap(one.begin, other.begin);
        std::swap(one.end, other.end);
        break;
      case 9:
        if (history.entries.size() > 1)
          history.entries.erase(history.entries.begin() + (&one - history.entries.data()));
        break;
      case 10:
        one.result = static_cast<Result>(below(7));
        break;
      case 11:
        if (one.version != kUntoldNumber) one.version += chance(50) ? 1 : -1;
        break;
      case 12:
        one.condition = chance(50) ? other.word.bits() : other.condition;
        break;
      case 13:
        one.word = SeqNoTerm(one.word.seq_no(), one.word.term() ^ 1U);
        if (!wrote) one.decided_on = one.word;
        break;
      case 14:
        history.entries.push_back(one);
        break;
      case 15:
        one.cause = other.cause;
        one.precondition = other.precondition;
        break;
      case 16:
        history.rules.gc_deletes_ms = pick<std::int64_t>({-1, 0, 6, 20, 1'000'000});
        break;
      case 17:
        lose_answer(one);
        break;
      case 18:
        make_untold(one);
        break;
      case 19:
        for (HistoryEntry& entry : history.entries) {
          if (&entry == &one || entry.thread != one.thread || entry.begin != one.begin || entry.end != one.end)
            continue;
          std::swap(entry, one);
          break;
        }
        break;
      case 20:
        other.thread = one.thread;
        if (chance(50)) other.document = one.document;
        one.begin = other.begin = std::min(one.begin, other.begin);
        one.end = other.end = std::max(one.end, other.end);
        break;
      case 21:
        for (HistoryEntry& entry : history.entries) {
          const bool on_tombstone = std::ranges::any_of(history.entries, [&](const HistoryEntry& deletion) {
            return deletion.word == entry.decided_on && deletion.word != deletion.decided_on &&
                   (deletion.result == Result::deleted || deletion.result == Result::not_found);
          });
          if (!on_tombstone || entry.decided_on.vacant() || chance(40)) continue;
          if (entry.word == entry.decided_on) entry.word = SeqNoTerm();
          entry.decided_on = SeqNoTerm();
          break;
        }
        break;
      case 22:
        for (HistoryEntry& entry : history.entries) {
          if (!entry.decided_on.vacant() || entry.decided_on == kUntold || chance(40)) continue;
          if (entry.word == entry.decided_on) entry.word = other.word;
          entry.decided_on = other.word;
          break;
        }
        break;
      case 23: {
        if (history.rules.documents < 2) break;
        const SeqNoTerm word = one.word;
        if (one.document == other.document || word.vacant() || other.word.vacant()) break;
        const SeqNoTerm old = other.word;
        for (HistoryEntry& entry : history.entries) {
          if (entry.document != other.document) continue;
          for (SeqNoTerm* each : {&entry.word, &entry.decided_on}) {
            if (*each == old) *each = word;
          }
          if (entry.condition == old.bits()) entry.condition = word.bits();
        }
        break;
      }
      case 24: {
        HistoryEntry& lost = unanswered(history);
        if (chance(50)) {
          lost.precondition = Precondition::Kind::seq_no_term;
          lost.condition = chance(70) ? other.word.bits() : SeqNoTerm(77, 1).bits();
        } else {
          lost.precondition = pick({Precondition::Kind::must_not_exist, Precondition::Kind::external,
                                    Precondition::Kind::external_gte, Precondition::Kind::version});
          lost.condition = below(4);
        }
        break;
      }
      case 25: {
        HistoryEntry& lost = unanswered(history);
        lost.precondition = chance(50) ? Precondition::Kind::external : Precondition::Kind::external_gte;
        lost.condition = below(9);
        break;
      }
      case 26:
        if (one.kind != HistoryKind::get && one.kind != HistoryKind::update) break;
        one.result = Result::not_found;
        one.cause = Cause::none;
        one.decided_on = one.word = kUntold;
        one.version = kVersionNotFound;
        one.read = one.wrote = 0;
        if (one.precondition == Precondition::Kind::none) one.condition = SeqNoTerm::never_written().bits();
        break;
      case 27: {
        if (one.kind == HistoryKind::get || one.precondition == Precondition::Kind::none) break;
        one.result = Result::conflict;
        one.decided_on = one.word = kUntold;
        one.version = kUntoldNumber;
        switch (one.precondition) {
          case Precondition::Kind::seq_no_term:
            one.cause = chance(50) ? Cause::seq_no_mismatch : Cause::document_missing;
            break;
          case Precondition::Kind::version:
            one.cause = Cause::version_mismatch;
            break;
          case Precondition::Kind::external:
            one.cause = Cause::version_not_higher;
            break;
          case Precondition::Kind::external_gte:
            one.cause = Cause::version_higher;
            break;
          default:
            one.cause = Cause::already_exists;
        }
        break;
      }
      case 28:
        one.document = other.document;
        break;
      case 29:
        history.rules.tombstones_match = !history.rules.tombstones_match;
        break;
    }
  }

  std::mt19937_64 random_;
  SmallHistory history_;
  std::vector<Simulated> documents_;
  std::size_t document_ = 0;
  std::uint64_t clock_ = 0;
  /// By document, or one for both.
  std::vector<std::uint64_t> next_seq_no_;
  bool one_counter_ = true;
  std::uint64_t term_ = 1;
  /// Expired tombstones are purged, so that not even their word is left.
  bool vanishes_ = false;
  std::uint64_t untold_percent_ = 0;
  std::uint64_t unanswered_percent_ = 0;
  std::uint64_t bulk_percent_ = 0;
  /// By entry, the call that it belongs to; and by thread, the last one, and whether its answer is lost.
  std::vector<int> groups_;
  std::array<int, 4> group_of_{};
  std::array<bool, 4> lost_{};
  int group_ = 0;
  std::uint64_t bulk_left_ = 0;
  std::uint16_t bulk_thread_ = 0;
  /// When the last operation of each thread took effect.
  std::vector<std::uint64_t> last_;
};

}  // namespace occ
