#pragma once

#include <cstdint>
#include <string_view>

#include "core/model/update.hpp"

namespace occ {

enum class Progress : std::uint8_t { blocking, obstruction_free, lock_free, wait_free };

enum class Semantics : std::uint8_t {
  /// Every rule, on every path.
  full,
  /// The rules hold, but `update` is guarded by `_version` alone: once a tombstone has expired it can accept a stale
  /// write.
  version_only,
  /// A negative control: loses updates by design.
  unchecked,
  /// Stores nothing; shows what the harness itself costs.
  none,
  /// A limit of the machine to divide by: a part of what a table does, without the rest. Promises nothing.
  floor,
};

enum class Reclamation : std::uint8_t {
  none,            ///< bodies are overwritten in place
  word_validated,  ///< replaced bodies are reused at once; a reader notices by the word
  epoch,           ///< core/memory/epoch.hpp
  rcu,             ///< liburcu
};

inline std::string_view lacks_nothing() noexcept {
  return {};
}

/// What a strategy declares about itself. Progress is per operation, for an existing id while a block is at hand in the
/// pool; creating an id is `create`.
struct StrategyInfo {
  std::string_view name;
  /// One line.
  std::string_view summary;
  Semantics semantics = Semantics::full;
  Progress get = Progress::blocking;
  Progress write = Progress::blocking;
  Progress create = Progress::blocking;
  Reclamation reclamation = Reclamation::none;
  /// Memory stays below a bound even if a thread is suspended for ever in the middle of an operation.
  bool memory_bounded = true;
  /// The slot of a deleted id goes to another id once its tombstone has expired; otherwise memory grows with the ids
  /// ever written.
  bool reuses_slots = false;
  /// A map of another library, to compare with.
  bool peer = false;
  bool updates_in_place = false;
  bool updates_optimistically = true;
  UpdateForm default_form = UpdateForm::optimistic;
  /// An index on condition of a word has a way of its own, shorter than that of other writes.
  bool overwrites_by_word = false;
  /// Handles obey TableOptions::backoff.
  bool backs_off = false;
  /// Operations are carried out by threads of the table's own: each is a hand-over between two threads, which wants two
  /// cores.
  bool owns_threads = false;
  /// What this machine lacks for it; empty if nothing.
  std::string_view (*lacks)() noexcept = lacks_nothing;

  /// It promises something, so there is something to verify.
  [[nodiscard]] constexpr bool is_verifiable() const noexcept {
    return semantics != Semantics::none && semantics != Semantics::floor;
  }
  [[nodiscard]] constexpr bool supports(UpdateForm form) const noexcept {
    return form == UpdateForm::strategy_default || (form == UpdateForm::in_place && updates_in_place) ||
           (form == UpdateForm::optimistic && updates_optimistically);
  }
  [[nodiscard]] constexpr UpdateForm resolve(UpdateForm form) const noexcept {
    return form == UpdateForm::strategy_default ? default_form : form;
  }
};

constexpr std::string_view to_string(Progress progress) noexcept {
  constexpr std::string_view kNames[] = {"blocking", "obstruction_free", "lock_free", "wait_free"};
  return kNames[static_cast<int>(progress)];
}
constexpr std::string_view to_string(Semantics semantics) noexcept {
  constexpr std::string_view kNames[] = {"full", "version_only", "unchecked", "none", "floor"};
  return kNames[static_cast<int>(semantics)];
}
constexpr std::string_view to_string(Reclamation reclamation) noexcept {
  constexpr std::string_view kNames[] = {"none", "word_validated", "epoch", "rcu"};
  return kNames[static_cast<int>(reclamation)];
}
constexpr std::string_view to_string(UpdateForm form) noexcept {
  constexpr std::string_view kNames[] = {"default", "in_place", "optimistic"};
  return kNames[static_cast<int>(form)];
}

}  // namespace occ
