#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "core/decide.hpp"
#include "harness/history.hpp"

namespace occ {

/// A history of one document, entries in the order in which they took effect, one tick of the clock per millisecond.
struct SmallHistory {
  HistoryRules rules{.ticks_per_ms = 1, .documents = 1};
  std::vector<HistoryEntry> entries;
};

/// Makes small histories that are linearizable by construction: a table is simulated operation by operation, and then
/// the operations' intervals are stretched around the instants at which they took effect. And spoils them.
class RandomHistories {
 public:
  explicit RandomHistories(std::uint64_t seed) : random_(seed) {}

  SmallHistory valid() {
    history_ = {};
    history_.rules.gc_deletes_ms = pick<std::int64_t>({-1, 0, 6, 20, 1'000'000});
    state_ = {};
    source_ = 0;
    states_.clear();
    clock_ = 100;
    next_seq_no_ = below(5);
    term_ = 1;
    vanishes_ = chance(50);
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

  /// One or two things changed, at random: what comes out may still be linearizable.
  SmallHistory spoiled() {
    SmallHistory history = valid();
    const std::uint64_t changes = 1 + below(2);
    for (std::uint64_t i = 0; i < changes; ++i) spoil(history);
    return history;
  }

 private:
  /// A state in which the document was, and when.
  struct Period {
    State state;
    std::uint32_t source;
    std::uint64_t since;
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return *(from.begin() + below(from.size()));
  }
  HistoryEntry& any(SmallHistory& history) { return history.entries[below(history.entries.size())]; }

  [[nodiscard]] Instant now() const {
    return {.now_ms = static_cast<std::int64_t>(clock_), .gc_deletes_ms = history_.rules.gc_deletes_ms};
  }
  void become(const State& state, std::uint32_t source) {
    state_ = state;
    source_ = source;
    states_.push_back({state, source, clock_});
  }

  Precondition any_condition() {
    const Version version = std::max<Version>(state_.version, 0);
    const auto seq_no = static_cast<std::int64_t>(state_.word.seq_no());
    const auto term = static_cast<std::int64_t>(state_.word.term());
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return Precondition::none();
      case 3:
      case 4:
        return state_.live() && chance(60) ? Precondition::if_seq_no(seq_no, term) : Precondition::if_seq_no(1, 1);
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
    const bool vanished = vanishes_ && expired(state_, now());
    if (vanished) become({}, 0);
    HistoryEntry entry;
    entry.thread = static_cast<std::uint16_t>(below(last_.size()));
    entry.begin = entry.end = clock_;
    if (clock_ > 130 && chance(4)) {
      entry.end = HistoryEntry::kUnanswered;  // an operation that is never heard of again; see stretch()
    }
    switch (below(10)) {
      case 0:
      case 1:
        entry.kind = HistoryKind::get;
        finish(entry, state_.live() ? Result::found : Result::not_found);
        entry.version = state_.live() ? state_.version : kVersionNotFound;
        entry.read = state_.live() ? source_ : 0;
        break;
      case 2:
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
    if (entry.end == HistoryEntry::kUnanswered) {
      const HistoryEntry answered = entry;
      entry = HistoryEntry();
      entry.begin = answered.begin;
      entry.thread = answered.thread;
      entry.kind = answered.kind;
      entry.precondition = answered.precondition;
      entry.condition = answered.condition;
      entry.wrote = answered.wrote;
    }
    last_[entry.thread] = clock_;
    history_.entries.push_back(entry);
  }

  void finish(HistoryEntry& entry, Result result, Cause cause = Cause::none) {
    entry.result = result;
    entry.cause = cause;
    entry.word = entry.decided_on = state_.word;
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
    const Decision decision = decide(state_, operation, precondition, now());
    finish(entry, decision.result, decision.cause);
    entry.version = decision.version;
    if (decision.verdict != Decision::Verdict::proceed) return;
    next_seq_no_ += 1 + below(3);
    entry.word = SeqNoTerm(next_seq_no_, term_);
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
      entry.condition = (chance(70) ? SeqNoTerm(state_.word.seq_no(), state_.word.term()) : SeqNoTerm(1, 1)).bits();
    }
    const bool unconditional = entry.precondition == Precondition::Kind::none;
    if (unconditional && chance(35) && lose_race(entry)) return;
    if (!state_.live()) {
      if (unconditional && chance(40)) return write(entry, Operation::index, Precondition::must_not_exist());
      return finish(entry, Result::not_found);
    }
    const Precondition given = unconditional ? Precondition::if_word(state_.word)
                                             : Precondition::if_word(SeqNoTerm::from_bits(entry.condition));
    if (decide(state_, Operation::keep, given, now()).verdict == Decision::Verdict::conflict)
      return write(entry, Operation::index, given);
    entry.condition = state_.word.bits();
    entry.read = source_;
    if (chance(15)) {
      finish(entry, Result::noop);
      entry.version = state_.version;
      return;
    }
    write(entry, chance(15) ? Operation::remove : Operation::index, given);
  }

  /// An update whose transform saw an earlier state, and that then met this one.
  bool lose_race(HistoryEntry& entry) {
    if (states_.size() < 2) return false;
    const std::size_t at = below(states_.size() - 1);
    const Period& seen = states_[at];
    const std::uint64_t until = states_[at + 1].since;
    if (!seen.state.live() || until <= last_[entry.thread] + 1) return false;
    entry.begin = std::max(seen.since, last_[entry.thread] + 1);
    entry.condition = seen.state.word.bits();
    entry.read = seen.source;
    if (!state_.live() && chance(40)) {
      if (chance(50)) {
        finish(entry, Result::not_found);  // tried again
      } else {
        write(entry, Operation::index, Precondition::must_not_exist());
      }
      return true;
    }
    const Decision decision = decide(state_, Operation::index, Precondition::if_word(seen.state.word), now());
    finish(entry, decision.result, chance(50) ? decision.cause : Cause::version_mismatch);
    entry.wrote = 77;
    entry.version = decision.version;
    return true;
  }

  /// Until here each operation took no longer than it had to. Between two operations of one thread there is a pause of
  /// any length, down to nothing; an operation without an answer is the last of its thread.
  void stretch() {
    for (std::uint16_t thread = 0; thread < last_.size(); ++thread) {
      std::uint64_t free_from = 0;
      HistoryEntry* before = nullptr;
      for (HistoryEntry& entry : history_.entries) {
        if (entry.thread != thread) continue;
        const std::uint64_t room = entry.begin - free_from;
        std::uint64_t pause_end = free_from + (room == 0 ? 0 : below(room + 1));
        if (chance(50)) pause_end = entry.begin - std::min<std::uint64_t>(room, below(6));
        if (before != nullptr && before->end != HistoryEntry::kUnanswered) {
          const std::uint64_t most = pause_end - free_from;
          before->end += most == 0 ? 0 : below(most + 1);
        }
        entry.begin = pause_end;
        free_from = entry.end;
        before = &entry;
        // One that came after it in the simulation belongs to a thread that was started in its place.
        if (entry.end == HistoryEntry::kUnanswered) {
          free_from = entry.begin;
          before = nullptr;
        }
      }
      if (before != nullptr) before->end += below(20);
    }
  }

  void spoil(SmallHistory& history) {
    if (history.entries.empty()) return;
    HistoryEntry& one = any(history);
    HistoryEntry& other = any(history);
    const bool wrote = one.word != one.decided_on;
    switch (below(19)) {
      case 0:
        std::swap(one.word, other.word);
        break;
      case 1:
        one.word = other.word;
        if (!wrote && chance(70)) one.decided_on = one.word;
        break;
      case 2:
      case 3:
        one.decided_on = chance(80) ? other.word : SeqNoTerm();
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
      case 7:
      case 8:
      case 9: {
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
      case 10:
        std::swap(one.begin, other.begin);
        std::swap(one.end, other.end);
        break;
      case 11:
        if (history.entries.size() > 1)
          history.entries.erase(history.entries.begin() + (&one - history.entries.data()));
        break;
      case 12:
        one.result = static_cast<Result>(below(7));
        break;
      case 13:
        one.version += chance(50) ? 1 : -1;
        break;
      case 14:
        one.condition = chance(50) ? other.word.bits() : other.condition;
        break;
      case 15:
        one.word = SeqNoTerm(one.word.seq_no(), one.word.term() ^ 1U);
        if (!wrote) one.decided_on = one.word;
        break;
      case 16:
        history.entries.push_back(one);
        break;
      case 17:
        one.cause = other.cause;
        one.precondition = other.precondition;
        break;
      case 18:
        history.rules.gc_deletes_ms = pick<std::int64_t>({-1, 0, 6, 20, 1'000'000});
        break;
    }
  }

  std::mt19937_64 random_;
  SmallHistory history_;
  State state_;
  std::uint32_t source_ = 0;
  std::vector<Period> states_;
  std::uint64_t clock_ = 0;
  std::uint64_t next_seq_no_ = 0;
  std::uint64_t term_ = 1;
  /// Expired tombstones are purged, so that not even their word is left.
  bool vanishes_ = false;
  /// When the last operation of each thread took effect.
  std::vector<std::uint64_t> last_;
};

}  // namespace occ
