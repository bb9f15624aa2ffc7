#pragma once

#include <algorithm>
#include <array>
#include <boost/circular_buffer.hpp>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string_view>

#include "core/build/fault_point.hpp"
#include "core/build/hash.hpp"
#include "core/memory/block_pool.hpp"
#include "core/model/decide.hpp"
#include "core/model/document.hpp"
#include "core/model/outcome.hpp"
#include "core/model/strategy_info.hpp"
#include "core/model/update.hpp"
#include "core/slots/slot_key.hpp"
#include "core/slots/slot_strategy.hpp"
#include "core/table/counters.hpp"
#include "core/table/document_handle.hpp"
#include "core/table/shard.hpp"

namespace occ {

/// What a strategy works with that keeps its documents in slots of a `TableType`; it derives from this.
template <class TableType>
class SlotContext : public HandleContext {
 public:
  using Table = TableType;
  using Slot = typename TableType::Slot;
  static constexpr const StrategyInfo& kInfo = TableType::kInfo;

  /// One id: its slot if it has one, and which of the slot's occupants it is.
  struct Target {
    std::string_view id;
    std::uint64_t hash;
    Shard& shard;
    Slot* slot;
    std::uint64_t occupant;
  };

 protected:
  explicit SlotContext(TableType& table) : HandleContext(table.backoff()), table_(table), cache_(table.pool()) {}
  ~SlotContext() = default;

  /// What a write to a slot that is another id's comes to: nothing. Told by one member, since of two that were just
  /// stored apart both would be loaded at once.
  static constexpr Outcome kSlotLost{.retries = std::numeric_limits<std::uint32_t>::max()};
  static bool left(const Outcome& outcome) noexcept { return outcome.retries == kSlotLost.retries; }

  /// After a look at the slot that found the word `above`.
  [[nodiscard]] OCCKIT_INLINE SeqNoTerm draw(const Target& target, SeqNoTerm above) noexcept {
    return leases_.draw(target.shard, above, this->counters_);
  }

  TableType& table_;
  BlockPool::Cache cache_;

 private:
  SeqNoLeases leases_{table_.leases()};
};

/// How documents in slots are found, for a strategy that says how one slot is read and written: the directory, what is
/// remembered of it, creation of ids, and slots that go from one id to another.
template <class S>
class SlotAccess : public S {
  static_assert(UpdatesInPlaceAsDeclared<S>, "kInfo.updates_in_place asks for update_in_place");
  static_assert(VacatesAsDeclared<S>, "kInfo.reuses_slots asks for vacate");
  static_assert(OverwritesSlotsAsDeclared<S>, "kInfo.overwrites_by_word asks for overwrite_by_word");
  static_assert(SlotStrategy<S>);

 public:
  using S::kInfo;
  using typename S::Slot, typename S::Table, typename S::Target;
  using Place = typename Table::Place;
  static constexpr bool kRemembersLookups = true;
  static constexpr bool kCarriesOutGroups = false;

  explicit SlotAccess(Table& table) : S(table) {}
  ~SlotAccess() {
    try {
      table_.orphaned_work().leave(std::span(deleted_.linearize(), deleted_.size()));
    } catch (const std::bad_alloc&) {  // those slots wait for the next delete of their ids
      for (const Deleted& deleted : deleted_) deleted.slot->key.unqueue();
    }
  }

  /// Of an id: its hash, and a slot. Either the id was found there, as this occupant, or it is only about to be looked
  /// up: then nobody has looked whether the slot is its own, if there is one.
  struct Lookup {
    std::uint64_t hash = 0;
    Slot* slot = nullptr;
    std::uint64_t occupant = 0;
    bool only_hashed = false;
    /// Of the id that was found there; of no id where none was.
    std::int32_t id_bytes = kNone;
    static constexpr std::int32_t kNone = -1;
  };

  /// Each stage asks for what the next one looks at. Only hints: when an item's turn comes its slot is asked whether it
  /// is that id's, or searched again, so that it sees what the items before it did.
  std::span<Lookup> look_ahead(std::span<const BulkItem> items) noexcept {
    const auto known = std::span(known_).first(items.size());
    if (repeats_last_batch(items)) {
      // Of items that were not carried out: what was hashed is not of these ids.
      for (Lookup& item : known) item.only_hashed = false;
      return known;
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      known[i] = {.hash = hash_id(items[i].id), .only_hashed = true};
      table_.prefetch(known[i].hash);
    }
    for (Lookup& item : known) item.slot = table_.candidate(item.hash);
    for (const Lookup& item : known) {
      if (item.slot != nullptr) S::prefetch_body(*item.slot);
    }
    return known;
  }

  OCCKIT_INLINE Target find(std::string_view id) {
    fault_point(FaultPoint::before_read);
    return find_hashed(id, hash_id(id));
  }

  // Where the slot that is likely an id's is its own, it needs no directory.

  OCCKIT_INLINE Target find(std::string_view id, Lookup& known) {
    fault_point(FaultPoint::before_read);
    if (known.only_hashed) {
      known.only_hashed = false;
      known.occupant = occupant_if(known.slot, id);
      if (known.occupant != 0) [[likely]] {
        known.id_bytes = static_cast<std::int32_t>(id.size());
        return found(id, known);
      }
      auto target = find_hashed(id, known.hash);
      known = last_;
      return target;
    }
    if (is_still(known, id)) [[likely]]
      return found(id, known);
    auto target = find_hashed(id, hash_id(id));
    known = last_;
    return target;
  }
  /// Of an id that is likely the last one again.
  OCCKIT_INLINE Target find_last_again(std::string_view id) {
    fault_point(FaultPoint::before_read);
    return is_still(last_, id) ? found(id, last_) : find_hashed(id, hash_id(id));
  }

  OCCKIT_INLINE bool index_where_found(std::string_view id, Bytes source, const Precondition& word, Outcome& outcome,
                                       const Lookup& known) {
    fault_point(FaultPoint::before_read);
    Target target = found(id, known);
    // That it is that occupant's is asked again by whoever writes.
    if (static_cast<std::size_t>(known.id_bytes) != id.size() ||
        !target.slot->key.matches_unvalidated(target.occupant, id)) [[unlikely]]
      return false;
    return S::overwrite_by_word(target, source, word, outcome);
  }
  OCCKIT_INLINE const Lookup& last_lookup() const noexcept { return last_; }

  OCCKIT_INLINE Outcome write_target(const Target& target, const Write& write) {
    if (target.occupant != 0) [[likely]] {
      Outcome outcome = S::write(target, write);
      if (!left(outcome)) [[likely]] {
        if (deletes(outcome)) [[unlikely]]
          note_delete(*target.slot);
        return outcome.by_member();
      }
    }
    return write_elsewhere(target, write).by_member();
  }

  State read_target(const Target& target, Document* into) {
    return target.occupant == 0 ? State{} : S::read(target, into);
  }

  Precondition guard_of(const Document& read) const noexcept { return S::guard(read); }

  /// Before a retry: the id may have got a slot, or another one.
  void find_again(Target& target) const noexcept {
    if (target.slot != nullptr && target.slot->key.held_by(target.occupant)) return;
    const Place place = find_elsewhere(target);
    target.slot = place.slot;
    target.occupant = place.occupant;
  }

  OCCKIT_INLINE Outcome update_target(const Target& target, Transform transform, const UpdateOptions& options) {
    if (target.occupant != 0) [[likely]] {
      Outcome outcome = S::update_in_place(target, transform, options);
      if (!left(outcome)) [[likely]] {
        if (deletes(outcome)) [[unlikely]]
          note_delete(*target.slot);
        return outcome.by_member();
      }
    }
    return update_elsewhere(target, transform, options).by_member();
  }

 protected:
  using S::cache_, S::check_id, S::follows_a_read, S::kLookAhead, S::kSlotLost, S::left, S::table_;

  OCCKIT_INLINE Target find_hashed(std::string_view id, std::uint64_t hash) noexcept {
    auto place = table_.find(hash, id);
    last_ = {.hash = hash,
             .slot = place.slot,
             .occupant = place.occupant,
             .id_bytes = place.slot == nullptr ? Lookup::kNone : static_cast<std::int32_t>(id.size())};
    return found(id, last_);
  }

 private:
  /// Writes on condition of what was read, of the ids of the call before and in their order, to judge by the first: there
  /// is nothing to wait for.
  [[nodiscard]] bool repeats_last_batch(std::span<const BulkItem> items) const noexcept {
    const BulkItem& first = items.front();
    return follows_a_read(first.precondition) && check_id(first.id) == Cause::none &&
           is_still(known_.front(), first.id);
  }

  OCCKIT_INLINE static std::uint64_t occupant_if(const Slot* slot, std::string_view id) noexcept {
    return slot == nullptr ? 0 : slot->key.occupant_if(id);
  }
  /// Lookup of that id, which has its slot still.
  OCCKIT_INLINE static bool is_still(const Lookup& known, std::string_view id) noexcept {
    const std::uint64_t occupant = occupant_if(known.slot, id);
    return occupant != 0 && occupant == known.occupant;
  }

  OCCKIT_INLINE Target found(std::string_view id, const Lookup& known) noexcept {
    return {id, known.hash, table_.shard_for(known.hash), known.slot, known.occupant};
  }

  /// After the slot was found to be no longer the id's: the target with another, if it has one, else without a slot.
  /// Where it has the same one still, a purge or a creation is under way, and the id absent.
  OCCKIT_NOT_INLINE Place find_elsewhere(Target target) const noexcept {
    auto place = table_.find(target.hash, target.id);
    return place.slot == target.slot && place.occupant == target.occupant ? Place{} : place;
  }

  /// The target has no slot, or one that is another id's.
  OCCKIT_NOT_INLINE Outcome write_elsewhere(Target target, Write write) {
    return try_elsewhere(
        target, [&] { return S::write(target, write); }, [&] { return insert(target, write); });
  }

  template <class Present, class Absent>
  Outcome try_elsewhere(Target& target, Present&& present, Absent&& absent) {
    for (bool gone = true;;) {
      if (gone && target.slot != nullptr) {
        const Place place = find_elsewhere(target);
        target.slot = place.slot;
        target.occupant = place.occupant;
      }
      std::optional<Outcome> outcome;
      if (target.slot != nullptr) {
        outcome = present();
        gone = left(*outcome);
        if (gone) continue;
      } else {
        outcome = absent();
        gone = false;
      }
      if (!outcome) continue;
      if (deletes(*outcome)) note_delete(*target.slot);
      return *outcome;
    }
  }

  /// A write to an id that is absent, which gets a slot if the write may go ahead. Nothing if another thread was first:
  /// then the target is its slot.
  OCCKIT_NOT_INLINE std::optional<Outcome> insert(Target& target, const Write& write) {
    const Decision decision = decide({}, write.operation, write.precondition, {});
    if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, {});
    purge_forgotten();
    Block* body = S::make_body(write, decision.version);
    std::optional<SeqNoTerm> written;
    try {
      const auto place = table_.find_or_insert(target.hash, target.id, [&](Slot& slot, SeqNoTerm word) {
        body = S::occupy(slot, word, body, write);
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
      if (body != nullptr) cache_.give(body);
      this->begin_attempt();
      return this->finish({.result = decision.result, .version = decision.version, .word = *written});
    }
    cache_.give(body);
    if (target.slot == nullptr) return this->reject_write(Cause::seq_no_exhausted, {});
    return std::nullopt;
  }

  OCCKIT_NOT_INLINE Outcome update_elsewhere(Target target, Transform transform, const UpdateOptions& options) {
    return try_elsewhere(
        target, [&] { return S::update_in_place(target, transform, options); },
        [&]() -> std::optional<Outcome> {
          if (!options.upsert) return this->missing({});
          return insert(target, this->upsert_of(options));
        });
  }

  // Slots of deleted ids wait here, in the order of their deletes, until their tombstones have expired. Each slot waits
  // once however often its id is deleted, so there are no more entries than slots.

  using Deleted = typename Table::Deleted;

  /// A tombstone was written that has to be purged some time.
  static bool deletes(const Outcome& outcome) noexcept {
    return kInfo.reuses_slots && (outcome.result == Result::deleted || outcome.result == Result::not_found) &&
           outcome.wrote();
  }
  OCCKIT_NOT_INLINE void note_delete(Slot& slot) {
    if (slot.key.try_queue()) enqueue({&slot, table_.now_ms()});
    purge_forgotten();
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
    if constexpr (kInfo.reuses_slots) {
      if (deleted_.empty()) {
        for (const Deleted& deleted : table_.orphaned_work().take_over()) enqueue(deleted);
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
    const State state = S::read(target, nullptr);
    if (state.kind != State::Kind::tombstone) return;
    // Otherwise deleted again meanwhile.
    if (expired(state, table_.instant_for(state)) && S::vacate(target)) return;
    if (slot.key.try_queue()) enqueue({&slot, state.deleted_at_ms});
  }

  boost::circular_buffer<Deleted> deleted_;

  /// Where the last single call's lookup led, or the last one in a bulk call that needed the directory.
  Lookup last_;
  /// By place in the last groups of bulk calls.
  std::array<Lookup, kLookAhead> known_;
};

/// The handle of a slot strategy.
template <class S>
using SlotHandle = DocumentHandle<SlotAccess<S>>;

}  // namespace occ
