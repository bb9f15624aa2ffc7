#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/model/decide.hpp"
#include "harness/history/history.hpp"
#include "harness/history/remote_outcome.hpp"

namespace occ {

// What a history's entry says, for those who check it.

inline bool answered(const HistoryEntry& entry) noexcept {
  return entry.end != HistoryEntry::kUnanswered;
}

/// By what it answered, whether it wrote; a delete of a missing document does.
inline bool says_it_wrote(const HistoryEntry& entry) noexcept {
  switch (entry.result) {
    case Result::created:
    case Result::updated:
    case Result::deleted:
      return entry.kind != HistoryKind::get;
    case Result::not_found:
      return entry.kind == HistoryKind::remove;
    default:
      return false;
  }
}

inline bool wrote_tombstone(const HistoryEntry& entry) noexcept {
  return entry.result == Result::deleted || entry.result == Result::not_found;
}

/// The word that an update's transform saw; vacant if it did not run.
inline SeqNoTerm transform_saw(const HistoryEntry& entry) noexcept {
  if (entry.kind != HistoryKind::update) return {};
  const bool ran = entry.precondition == Precondition::Kind::none || entry.read != 0;
  return ran ? SeqNoTerm::from_bits(entry.condition) : SeqNoTerm();
}

/// A transform ran, and what it made was carried out.
inline bool transformed(const HistoryEntry& entry) noexcept {
  return entry.kind == HistoryKind::update &&
         (entry.result == Result::updated || entry.result == Result::deleted || entry.result == Result::noop);
}

/// The answer does not say on what it was decided.
inline bool untold(const HistoryEntry& entry) noexcept {
  return entry.decided_on == kUntoldWord;
}

/// The word of the state that the outcome was decided on; where the answer does not say, what follows from the rest of
/// it: what was read is what it was decided on, and so is what an update was computed from. Else kUntoldWord.
inline SeqNoTerm decided_on(const HistoryEntry& entry) noexcept {
  if (!untold(entry)) [[likely]]
    return entry.decided_on;
  if (transformed(entry)) {
    const auto named = SeqNoTerm::from_bits(entry.condition);
    if (entry.precondition != Precondition::Kind::none || !named.vacant()) return named;
  }
  const bool saw = entry.result == Result::found || entry.result == Result::noop;
  return saw && !entry.word.vacant() ? entry.word : kUntoldWord;
}

/// What was read is not told.
inline bool source_untold(const HistoryEntry& entry) noexcept {
  return untold(entry) && entry.read == 0;
}

/// It says that it wrote nothing, and yet carries a number that is not the one it was decided on.
inline bool carries_a_number(const HistoryEntry& entry) noexcept {
  if (entry.word == entry.decided_on) return false;
  if (entry.word.vacant()) return !entry.decided_on.vacant();
  return entry.word != decided_on(entry);
}

/// Items of one bulk call carry the times of the whole call; they take effect in their order.
inline bool in_one_call(const HistoryEntry& before, const HistoryEntry& entry) noexcept {
  return before.begin == entry.begin && before.end == entry.end && before.thread == entry.thread;
}

inline bool version_fits(Version version, const HistoryEntry& entry) noexcept {
  return entry.version == version || entry.version == kUntoldVersion;
}

/// A strategy may guard an update by its version: a conflict either way, of another cause.
inline bool cause_fits(Cause cause, const HistoryEntry& entry) noexcept {
  return cause == entry.cause || entry.kind == HistoryKind::update || (untold(entry) && entry.cause == Cause::none);
}

inline Operation operation_of(const HistoryEntry& entry) noexcept {
  if (entry.kind != HistoryKind::update)
    return entry.kind == HistoryKind::remove ? Operation::remove : Operation::index;
  if (entry.result == Result::deleted) return Operation::remove;
  return entry.result == Result::noop ? Operation::keep : Operation::index;
}

/// The condition that was asked for.
inline Precondition requested(const HistoryEntry& entry) noexcept {
  using Kind = Precondition::Kind;
  const auto version = std::bit_cast<Version>(entry.condition);
  switch (entry.precondition) {
    case Kind::seq_no_term:
      return Precondition::if_word(SeqNoTerm::from_bits(entry.condition));
    case Kind::version:
      return Precondition::if_version(version);
    case Kind::external:
      return Precondition::external(version);
    case Kind::external_gte:
      return Precondition::external_gte(version);
    case Kind::must_not_exist:
      return Precondition::must_not_exist();
    case Kind::none:
      break;
  }
  return Precondition::none();
}

/// The condition under which the operation's outcome was decided. An update writes under the condition that what its
/// transform saw is still there, if that is told; an upsert under the condition that nothing is.
inline Precondition condition_of(const HistoryEntry& entry) noexcept {
  if (entry.kind != HistoryKind::update || entry.precondition != Precondition::Kind::none) return requested(entry);
  if (entry.result == Result::created || entry.cause == Cause::already_exists) return Precondition::must_not_exist();
  const auto saw = SeqNoTerm::from_bits(entry.condition);
  if (untold(entry) && saw.vacant()) return Precondition::none();
  return Precondition::if_word(saw);
}

/// The condition under which a live document is written by an operation without an answer. What an update's transform
/// saw last must still be there.
inline Precondition condition_of_unanswered(const HistoryEntry& entry) noexcept {
  const auto saw = SeqNoTerm::from_bits(entry.condition);
  const bool update = entry.kind == HistoryKind::update && entry.precondition == Precondition::Kind::none;
  return update && !saw.vacant() ? Precondition::if_word(saw) : requested(entry);
}

/// An update in conflict whose transform did not run: nothing says with what, but for an upsert.
inline bool conflict_with_anything(const HistoryEntry& entry) noexcept {
  return entry.kind == HistoryKind::update && entry.result == Result::conflict &&
         entry.precondition == Precondition::Kind::none && entry.cause != Cause::already_exists &&
         SeqNoTerm::from_bits(entry.condition).vacant();
}

/// When a tombstone can have expired, and what a decision on one hangs on. The table reads a millisecond clock somewhere inside each operation.
class Expiry {
 public:
  explicit Expiry(const HistoryRules& rules) noexcept
      : always_(rules.gc_deletes_ms < 0),
        tombstones_match_(rules.tombstones_match),
        least_(ticks(static_cast<double>(rules.gc_deletes_ms) - kSlackMs, rules)),
        most_(ticks(static_cast<double>(rules.gc_deletes_ms) + kSlackMs, rules)) {}

  /// Of a decision on a tombstone that has expired, or has not.
  [[nodiscard]] Instant instant(bool expired) const noexcept {
    return {.now_ms = expired ? 1 : 0, .gc_deletes_ms = 0, .tombstones_match = tombstones_match_};
  }
  /// Every tombstone has expired at once.
  [[nodiscard]] bool always() const noexcept { return always_; }
  /// Of a delete that began at `deleted`: the earliest time at which its tombstone can have expired.
  [[nodiscard]] std::uint64_t earliest(std::uint64_t deleted) const noexcept {
    return always_ ? deleted : plus(deleted, least_);
  }
  /// Of a delete that ended at `deleted`: the latest time at which its tombstone can have expired.
  [[nodiscard]] std::uint64_t latest(std::uint64_t deleted) const noexcept {
    return always_ ? deleted : plus(deleted, most_);
  }
  [[nodiscard]] bool possible(std::uint64_t deleted, const HistoryEntry& entry) const noexcept {
    return always_ || !answered(entry) || entry.end >= earliest(deleted);
  }
  /// Of a delete that ended at `deleted`.
  [[nodiscard]] bool avoidable(std::uint64_t deleted, const HistoryEntry& entry) const noexcept {
    return !always_ && (entry.begin <= deleted || entry.begin - deleted <= most_);
  }

 private:
  /// Two readings of a millisecond clock, each rounded down.
  static constexpr double kSlackMs = 2;

  static std::uint64_t ticks(double ms, const HistoryRules& rules) noexcept {
    return static_cast<std::uint64_t>(std::clamp(ms * rules.ticks_per_ms, 0.0, 0x1p62));
  }
  static std::uint64_t plus(std::uint64_t time, std::uint64_t wait) noexcept {
    return time > HistoryEntry::kUnanswered - wait ? HistoryEntry::kUnanswered : time + wait;
  }

  bool always_;
  bool tombstones_match_;
  std::uint64_t least_;
  std::uint64_t most_;
};

}  // namespace occ
