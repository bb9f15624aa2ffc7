#pragma once

#include <algorithm>
#include <boost/circular_buffer.hpp>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string_view>

#include "core/block_pool.hpp"
#include "core/counters.hpp"
#include "core/decide.hpp"
#include "core/document.hpp"
#include "core/fault_point.hpp"
#include "core/hash.hpp"
#include "core/outcome.hpp"
#include "core/shard.hpp"
#include "core/slot_key.hpp"
#include "core/strategy_info.hpp"
#include "core/update.hpp"

namespace occ {

/// A conditional write as the handle passes it to a strategy.
struct Write {
  Operation operation;
  Bytes source;
  Precondition precondition;
};

/// What a decision makes of a write before anything was published.
inline Outcome undecided(const Decision& decision, const State& state) noexcept {
  return {.result = decision.result,
          .cause = decision.cause,
          .version = decision.version,
          .word = state.word,
          .decided_on = state.word};
}

/// The handle of a strategy that keeps its documents in slots: everything of TableHandle except how one slot is read
/// and written. `Derived`, the strategy's own handle, provides
///
///   State read(Target&, Document* into)             one consistent snapshot; the source is copied out if `into` is set
///                                                   and a document lives; absent if the slot is another id's now
///   optional<Outcome> write(Target&, const Write&)  decide, and publish so that nobody comes between; nothing if the
///                                                   slot is another id's now
///   optional<Outcome> update_in_place(Target&, Transform, const UpdateOptions&)    the same, if its kInfo says so
///   Precondition guard(const Document&)             the condition under which the optimistic update writes
///   Block* make_body(const Write&, Version)         a body that nobody has seen yet
///   void occupy(Slot&, SeqNoTerm, Block*)           the first state of a slot, in one step; nobody else changes it
///   void vacate(Target&)                            if its kInfo says that slots are used again: SlotTable::purge, if
///                                                   there is an expired tombstone
///
/// and counts attempts that reached its slot with the functions at the end.
template <class Derived, class TableType>
class SlotHandle {
 public:
  SlotHandle(const SlotHandle&) = delete;
  SlotHandle& operator=(const SlotHandle&) = delete;

  Outcome get(std::string_view id, Document& into) {
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    Target target = find(id);
    State state;
    if (target.slot != nullptr) state = self().read(target, &into);
    if (!state.live()) {
      ++counters_.gets_not_found;
      return {.result = Result::not_found, .word = state.word, .decided_on = state.word};
    }
    ++counters_.gets_found;
    return {.result = Result::found, .version = state.version, .word = state.word, .decided_on = state.word};
  }

  Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    return write_to(id, {Operation::index, source, precondition});
  }
  Outcome create(std::string_view id, Bytes source) {
    return write_to(id, {Operation::index, source, Precondition::must_not_exist()});
  }
  Outcome remove(std::string_view id, const Precondition& precondition = {}) {
    return write_to(id, {Operation::remove, {}, precondition});
  }

  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    if (!Derived::kInfo.supports(options.form)) return reject(Cause::update_form_unsupported);
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    if (!allowed(options)) return reject(Cause::update_condition_unsupported);
    if (options.upsert && options.upsert->size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    Target target = find(id);
    if constexpr (Derived::kInfo.updates_in_place) {
      if (Derived::kInfo.resolve(options.form) == UpdateForm::in_place) {
        return note_delete(target, update_in_place(target, transform, options));
      }
    }
    return update_optimistically(target, transform, options);
  }

  void bulk(std::span<BulkItem> items) {
    for (BulkItem& item : items) {
      switch (item.kind) {
        case BulkItem::Kind::get:
          item.outcome = get(item.id, *item.document);
          break;
        case BulkItem::Kind::index:
          item.outcome = index(item.id, item.source, item.precondition);
          break;
        case BulkItem::Kind::remove:
          item.outcome = remove(item.id, item.precondition);
          break;
        case BulkItem::Kind::update:
          item.outcome = update(item.id, *item.transform, item.options);
          break;
      }
    }
  }

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 protected:
  using Slot = typename TableType::Slot;

  /// One id: the shard that numbers its writes, its slot if it has one, and which of the slot's occupants it is.
  struct Target {
    std::string_view id;
    std::uint64_t hash;
    Shard& shard;
    Slot* slot;
    std::uint64_t occupant;
  };

  explicit SlotHandle(TableType& table) : table_(table), cache_(table.pool()) {}
  ~SlotHandle() {
    try {
      table_.leave({deleted_.linearize(), deleted_.size()});
    } catch (const std::bad_alloc&) {  // those slots wait for the next delete of their ids
    }
  }

  /// An attempt is carried through from here on: nothing that can fail for want of memory, numbers or versions comes
  /// after.
  void begin_attempt() noexcept { ++counters_.attempts; }
  /// The end of an attempt that wrote or decided not to.
  Outcome finish(const Outcome& outcome) noexcept {
    counters_.count_write(outcome);
    return outcome;
  }
  /// What could not be carried through, for want of a number or a version, is no attempt.
  Outcome reject_write(Cause cause, const State& state) noexcept {
    ++counters_.rejected;
    return {.result = Result::rejected,
            .cause = cause,
            .version = state.version,
            .word = state.word,
            .decided_on = state.word};
  }
  /// The whole attempt on which decide did not say proceed.
  Outcome refuse(const Decision& decision, const State& state) noexcept {
    if (decision.verdict == Decision::Verdict::rejected) return reject_write(decision.cause, state);
    begin_attempt();
    return finish(undecided(decision, state));
  }

  TableType& table_;
  BlockPool::Cache cache_;
  Counters counters_;
  /// What an update read, and what its transform computes; kept for their memory.
  Document current_;
  Source next_;

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  /// A condition on an update names the write that was read; it cannot also say what to do with a missing document.
  static bool allowed(const UpdateOptions& options) noexcept {
    if (options.precondition.kind == Precondition::Kind::none) return true;
    return options.precondition.kind == Precondition::Kind::seq_no_term && !options.upsert;
  }

  static Cause check_id(std::string_view id) noexcept {
    if (id.empty()) return Cause::id_empty;
    return id.size() > kMaxIdBytes ? Cause::id_too_long : Cause::none;
  }

  Outcome reject(Cause cause) noexcept {
    ++counters_.rejected;
    return {.result = Result::rejected, .cause = cause};
  }

  /// An update that found no live document.
  Outcome missing(const State& state) noexcept {
    begin_attempt();
    return finish({.result = Result::not_found, .word = state.word, .decided_on = state.word});
  }

  Target find(std::string_view id) {
    const std::uint64_t hash = hash_id(id);
    fault_point(FaultPoint::before_read);
    const auto place = table_.find(hash, id);
    return {id, hash, table_.shard_for(hash), place.slot, place.occupant};
  }

  /// After the slot was found to be no longer the id's: whether it has another. Where it has the same one still, a purge
  /// or a creation is under way, and the id absent.
  bool find_elsewhere(Target& target) const noexcept {
    const auto place = table_.find(target.hash, target.id);
    if (place.slot == nullptr || (place.slot == target.slot && place.occupant == target.occupant)) return false;
    target.slot = place.slot;
    target.occupant = place.occupant;
    return true;
  }

  Outcome write_to(std::string_view id, const Write& write) {
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    if (write.source.size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    Target target = find(id);
    return write_at(target, write);
  }

  Outcome write_at(Target& target, const Write& write) {
    for (;;) {
      if (target.slot != nullptr) {
        if (const auto outcome = self().write(target, write)) return note_delete(target, *outcome);
        if (find_elsewhere(target)) continue;
      }
      if (const auto outcome = insert(target, write)) return note_delete(target, *outcome);
    }
  }

  /// A write to an id that is absent, which gets a slot if the write may go ahead. Nothing if another thread was first:
  /// then the target is its slot.
  std::optional<Outcome> insert(Target& target, const Write& write) {
    const Decision decision = decide({}, write.operation, write.precondition, {});
    if (decision.verdict != Decision::Verdict::proceed) return refuse(decision, {});
    purge_forgotten();
    Block* const body = self().make_body(write, decision.version);
    std::optional<SeqNoTerm> written;
    try {
      const auto place = table_.find_or_insert(target.hash, target.id, [&](Slot& slot, SeqNoTerm word) {
        self().occupy(slot, word, body);
        target.slot = &slot;
        written = word;
      });
      if (!written) {
        target.slot = place.slot;
        target.occupant = place.occupant;
      }
    } catch (...) {
      cache_.give(body);
      throw;
    }
    if (written) {
      begin_attempt();
      return finish({.result = decision.result, .version = decision.version, .word = *written});
    }
    cache_.give(body);
    if (target.slot == nullptr) return reject_write(Cause::seq_no_exhausted, {});
    return std::nullopt;
  }

  Outcome update_in_place(Target& target, Transform transform, const UpdateOptions& options) {
    for (;;) {
      if (target.slot != nullptr) {
        if (const auto outcome = self().update_in_place(target, transform, options)) return *outcome;
        if (find_elsewhere(target)) continue;
      }
      if (!options.upsert) return missing({});
      if (const auto outcome = insert(target, upsert_of(options))) return *outcome;
    }
  }

  static Write upsert_of(const UpdateOptions& options) noexcept {
    return {Operation::index, *options.upsert, Precondition::must_not_exist()};
  }

  /// Read, transform, write under the condition that nothing changed; again on conflict. The same code for all
  /// strategies.
  Outcome update_optimistically(Target& target, Transform transform, const UpdateOptions& options) {
    const bool conditional = options.precondition.kind != Precondition::Kind::none;
    for (std::uint32_t retries = 0;; ++retries) {
      if (retries != 0 && target.slot != nullptr && !target.slot->key.held_by(target.occupant)) find_elsewhere(target);
      Outcome outcome;
      const State state = target.slot == nullptr ? State{} : self().read(target, &current_);
      if (!state.live()) {
        if (!options.upsert) {
          outcome = missing(state);
        } else {
          outcome = write_at(target, upsert_of(options));
        }
      } else {
        outcome = transform_and_write(target, state, transform, options);
      }
      outcome.retries = retries;
      if (!outcome.conflicted()) return outcome;
      // A given condition that failed once fails always.
      if (conditional || retries == options.retry_on_conflict) return outcome;
    }
  }

  Outcome transform_and_write(Target& target, const State& state, Transform transform, const UpdateOptions& options) {
    const bool conditional = options.precondition.kind != Precondition::Kind::none;
    const Decision kept = decide(state, Operation::keep, options.precondition, {});
    if (kept.verdict == Decision::Verdict::conflict) {
      return refuse(kept, state);
    }
    const Transformed transformed = transform({current_.version, current_.word, current_.source.bytes()}, next_);
    if (transformed == Transformed::keep) {
      return refuse(kept, state);
    }
    const Precondition guard = conditional ? options.precondition : self().guard(current_);
    Outcome outcome;
    if (transformed == Transformed::remove) {
      outcome = write_at(target, {Operation::remove, {}, guard});
    } else if (next_.size() > kMaxSourceBytes) {
      return reject(Cause::source_too_large);
    } else {
      outcome = write_at(target, {Operation::index, next_.bytes(), guard});
    }
    if (outcome.conflicted()) ++counters_.transforms_discarded;
    // The state that the source was computed from. Under a guard that identifies it this changes nothing; under a
    // weaker one it is what tells the history check that an update was lost.
    if (outcome.wrote()) outcome.decided_on = state.word;
    return outcome;
  }

  // Slots of deleted ids wait here, in the order of their deletes, until their tombstones have expired. Each slot waits
  // once however often its id is deleted, so there are no more entries than slots.

  using Deleted = typename TableType::Deleted;

  Outcome note_delete(const Target& target, const Outcome& outcome) {
    if constexpr (Derived::kInfo.reuses_slots) {
      if (outcome.wrote() && (outcome.result == Result::deleted || outcome.result == Result::not_found)) {
        if (target.slot->key.try_queue()) enqueue({target.slot, table_.now_ms()});
        purge_forgotten();
      }
    }
    return outcome;
  }

  void enqueue(const Deleted& deleted) noexcept {
    try {
      if (deleted_.full()) deleted_.set_capacity(std::max<std::size_t>(64, 2 * deleted_.capacity()));
      deleted_.push_back(deleted);
    } catch (const std::bad_alloc&) {
      deleted.slot->key.unqueue();  // it waits for the next delete of its id
    }
  }

  /// Two for each that comes, so that the queue gets shorter.
  void purge_forgotten() noexcept {
    if constexpr (Derived::kInfo.reuses_slots) {
      if (deleted_.empty()) {
        for (const Deleted& left : table_.take_over()) enqueue(left);
      }
      for (int i = 0; i < 2 && !deleted_.empty() && table_.forgotten(deleted_.front().at_ms); ++i) {
        Slot& slot = *deleted_.front().slot;
        deleted_.pop_front();
        try {
          purge(slot);
        } catch (const std::bad_alloc&) {  // no memory for a lock: it waits for the next delete of its id
        }
      }
    }
  }

  void purge(Slot& slot) {
    slot.key.unqueue();
    SlotKey::Buffer buffer;
    const std::uint64_t occupant = slot.key.occupant();
    const auto id = slot.key.copy_if(occupant, buffer);
    if (!id || id->empty()) return;
    const std::uint64_t hash = hash_id(*id);
    Target target{*id, hash, table_.shard_for(hash), &slot, occupant};
    const State state = self().read(target, nullptr);
    if (state.kind != State::Kind::tombstone) return;
    if (expired(state, table_.instant_for(state))) {
      self().vacate(target);
    } else if (slot.key.try_queue()) {
      enqueue({&slot, state.deleted_at_ms});  // deleted again meanwhile
    }
  }

  boost::circular_buffer<Deleted> deleted_;
};

}  // namespace occ
