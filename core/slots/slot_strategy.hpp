#pragma once

#include <concepts>
#include <cstdint>

#include "core/memory/block.hpp"
#include "core/model/document.hpp"
#include "core/model/outcome.hpp"
#include "core/model/precondition.hpp"
#include "core/model/seq_no_term.hpp"
#include "core/model/update.hpp"
#include "core/table/document_handle.hpp"

namespace occ {

/// A strategy whose kInfo says that it updates in place:
///
///   Outcome update_in_place(target, transform, options)    decides, transforms and publishes so that nobody comes
///                                     between; kSlotLost if the slot is another id's now. See HandleContext::update_seen.
template <class S>
concept UpdatesInPlaceAsDeclared =
    !S::kInfo.updates_in_place ||
    requires(S strategy, const typename S::Target& target, Transform transform, const UpdateOptions& options) {
  { strategy.update_in_place(target, transform, options) } -> std::same_as<Outcome>;
};

/// A strategy whose kInfo says that slots are used again:
///
///   bool vacate(target)               SlotTable::purge, if there is an expired tombstone; false if it has to be tried again
template <class S>
concept VacatesAsDeclared = !S::kInfo.reuses_slots || requires(S strategy, const typename S::Target& target) {
  { strategy.vacate(target) } -> std::same_as<bool>;
};

/// A strategy whose kInfo says that it overwrites by word:
///
///   bool overwrite_by_word(target, source, word, outcome)    an index on condition of a word, if all is as it mostly is;
///                                     false if not, and nothing was written
template <class S>
concept OverwritesSlotsAsDeclared =
    !S::kInfo.overwrites_by_word ||
    requires(S strategy, const typename S::Target& target, Bytes source, const Precondition& word, Outcome& outcome) {
  { strategy.overwrite_by_word(target, source, word, outcome) } -> std::same_as<bool>;
};

/// What a strategy gives that keeps its documents in slots: how one slot is read and written, by one thread. It derives
/// from SlotContext, which has what it needs for that, and counts attempts with the functions of HandleContext. SlotAccess
/// makes a DocumentStrategy of it.
///
///   kInfo                             what it declares about itself, and thereby which functions it has besides these
///   Table, Slot                       what it is made of; the slot has its SlotKey as `key`
///   State read(target, into)          one consistent snapshot; the source is copied out if `into` is set and a document
///                                     lives; absent if the slot is another id's now
///   Outcome write(target, write)      decides, and publishes so that nobody comes between; kSlotLost if the slot is
///                                     another id's now
///   Precondition guard(document)      the condition under which the optimistic update writes
///   Block* make_body(write, version)  a body that nobody has seen yet
///   Block* occupy(slot, word, body, write)    the first state of a slot, in one step; nobody else changes it; the block
///                                     comes back if the slot does not need it
///   prefetch_body(slot)               asks for a body outside its slot, which can be any id's by then; empty where it
///                                     cannot be known
template <class S>
concept SlotStrategy = requires(S strategy, const typename S::Target& target, Document* into, const Write& write,
                                const Document& read, Version version, typename S::Slot& slot,
                                const typename S::Slot& seen, SeqNoTerm word, Block* body) {
  requires std::derived_from<S, HandleContext>;
  requires std::constructible_from<S, typename S::Table&>;
  { S::kInfo } -> std::convertible_to<StrategyInfo>;
  { strategy.read(target, into) } -> std::same_as<State>;
  { strategy.write(target, write) } -> std::same_as<Outcome>;
  { strategy.guard(read) } -> std::same_as<Precondition>;
  { strategy.make_body(write, version) } -> std::same_as<Block*>;
  { strategy.occupy(slot, word, body, write) } -> std::same_as<Block*>;
  { strategy.prefetch_body(seen) } -> std::same_as<void>;
  requires UpdatesInPlaceAsDeclared<S>;
  requires VacatesAsDeclared<S>;
  requires OverwritesSlotsAsDeclared<S>;
};

}  // namespace occ
