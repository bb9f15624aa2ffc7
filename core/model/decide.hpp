#pragma once

#include <cstdint>
#include <utility>

#include "core/build/inlining.hpp"
#include "core/model/document.hpp"
#include "core/model/outcome.hpp"
#include "core/model/precondition.hpp"

namespace occ {

enum class Operation : std::uint8_t {
  index,   ///< write a source
  remove,  ///< write a tombstone
  keep,    ///< an update whose transform changed nothing
};

/// The instant of a decision and how long a tombstone keeps its version, milliseconds of the table's clock.
struct Instant {
  std::int64_t now_ms = 0;
  /// 0: kept within the millisecond of the delete. -1: every tombstone has expired at once.
  std::int64_t gc_deletes_ms = 60'000;
  /// The number of a tombstone that is kept can be named by a condition, as that of a live document can. So it was before
  /// Elasticsearch 7.6 (its pull request 50526); from then on a deleted document is a missing one.
  bool tombstones_match = false;
};

struct Decision {
  enum class Verdict : std::uint8_t { proceed, noop, conflict, rejected };

  Verdict verdict;
  Result result;
  Cause cause = Cause::none;
  /// The version to store if the verdict is proceed; otherwise the current one.
  Version version = kVersionNotFound;
};

/// A tombstone that has outlived gc_deletes is as if it had never been (InternalEngine.resolveDocVersion), pruned or
/// not. `now_ms` may have been read before another thread's delete, so time can seem to run backwards here: such a
/// tombstone is as one of this instant.
[[nodiscard]] constexpr bool expired(const State& state, Instant at) noexcept {
  if (state.kind != State::Kind::tombstone) return false;
  if (at.gc_deletes_ms < 0) return true;
  // Unsigned, so that no pair of instants overflows.
  return at.now_ms > state.deleted_at_ms &&
         static_cast<std::uint64_t>(at.now_ms) - static_cast<std::uint64_t>(state.deleted_at_ms) >
             static_cast<std::uint64_t>(at.gc_deletes_ms);
}

/// Elasticsearch's decision on a write, whole and pure: what `operation` under `precondition` does to a document in
/// `state`. Every strategy calls this and none repeats a rule of it. Rules in the order in which
/// InternalEngine.planIndexingAsPrimary and planDeletionAsPrimary apply them.
[[nodiscard]] OCCKIT_INLINE constexpr Decision decide(const State& state, Operation operation,
                                                      const Precondition& precondition, Instant at) noexcept {
  using Verdict = Decision::Verdict;
  using Kind = Precondition::Kind;
  const bool forgotten = state.kind == State::Kind::absent || expired(state, at);
  const bool live = state.live();
  const Version current = forgotten ? kVersionNotFound : state.version;
  const auto conflict = [&](Cause cause) { return Decision{Verdict::conflict, Result::conflict, cause, current}; };

  if (precondition.kind == Kind::seq_no_term) {  // apart, since a jump by table costs more than all of it
    if (!live && (forgotten || !at.tombstones_match)) return conflict(Cause::document_missing);
    if (precondition.word != state.word) return conflict(Cause::seq_no_mismatch);
  } else if (precondition.kind != Kind::none) {
    switch (precondition.kind) {
      case Kind::none:
      case Kind::seq_no_term:
        break;
      case Kind::version:
        if (forgotten || current != precondition.version) return conflict(Cause::version_mismatch);
        break;
      // A negative version is none that a document can have (requests with one are refused before they get here).
      case Kind::external:
        if (precondition.version < 0 || (!forgotten && current >= precondition.version))
          return conflict(Cause::version_not_higher);
        break;
      case Kind::external_gte:
        if (precondition.version < 0 || (!forgotten && current > precondition.version))
          return conflict(Cause::version_higher);
        break;
      case Kind::must_not_exist:
        if (live) return conflict(Cause::already_exists);
        break;
    }
  }

  if (operation == Operation::keep) {
    return live ? Decision{Verdict::noop, Result::noop, Cause::none, current}
                : Decision{Verdict::noop, Result::not_found, Cause::none, current};
  }
  const bool external = precondition.kind == Kind::external || precondition.kind == Kind::external_gte;
  Version next = external ? precondition.version : 1;
  if (!external && !forgotten && __builtin_add_overflow(current, 1, &next)) {
    return {Verdict::rejected, Result::rejected, Cause::version_exhausted, current};
  }
  if (operation == Operation::remove) {
    return {Verdict::proceed, live ? Result::deleted : Result::not_found, Cause::none, next};
  }
  return {Verdict::proceed, live ? Result::updated : Result::created, Cause::none, next};
}

/// The version test of a read (`GET ?version=N`): equality for every version type, and only on a live document.
[[nodiscard]] constexpr bool read_conflicts(Version current, Version requested) noexcept {
  return current != requested;
}

}  // namespace occ
