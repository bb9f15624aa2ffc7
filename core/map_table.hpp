#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/atomic.hpp"
#include "core/document_handle.hpp"
#include "core/fault_point.hpp"
#include "core/map_record.hpp"
#include "core/sharded_table.hpp"

namespace occ {

/// Counts what a table's map asks of the allocator. One shared counter: maps allocate when they get a new id or grow.
class MapMemory {
 public:
  void add(std::size_t bytes) noexcept { bytes_.fetch_add(bytes, std::memory_order_relaxed); }  // relaxed: a report
  void subtract(std::size_t bytes) noexcept {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }  // relaxed: as above
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }  // relaxed: as above

 private:
  alignas(kFalseSharingRange) atomic<std::size_t> bytes_{0};
};

/// std::allocator, counted.
template <class T>
class MapAllocator {
 public:
  using value_type = T;

  explicit MapAllocator(MapMemory& memory) noexcept : memory_(&memory) {}
  template <class U>
  explicit(false) MapAllocator(const MapAllocator<U>& other) noexcept : memory_(&other.memory()) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    T* const at = std::allocator<T>().allocate(count);
    memory_->add(count * sizeof(T));  // NOLINT(bugprone-sizeof-expression): T may be a pointer
    return at;
  }
  void deallocate(T* at, std::size_t count) noexcept {
    memory_->subtract(count * sizeof(T));  // NOLINT(bugprone-sizeof-expression): as above
    std::allocator<T>().deallocate(at, count);
  }
  [[nodiscard]] MapMemory& memory() const noexcept { return *memory_; }
  template <class U>
  friend bool operator==(const MapAllocator& a, const MapAllocator<U>& b) noexcept {
    return &a.memory() == &b.memory();
  }

 private:
  MapMemory* memory_;
};

/// A peer: a table whose documents are the values of a map of another library, used as its authors mean it to be. `Map`
/// provides, for callers that may be many at a time,
///
///   Map(MapMemory&)
///   bool look(const MapKey&, f)               calls f(const MapRecord&) while nobody changes the record; false if there
///                                             is none
///   bool change(const MapKey&, f)             calls f(MapRecord&) while nobody else is in it; false if there is none
///   void change_or_insert(const MapKey&, f)   the same, of a record that is made if there is none
///   void erase_absent(const MapKey&)          removes a record in which nothing was ever written
///
/// and, if it has a call that visits several keys, one after the other and faster than so many calls,
///
///   static constexpr bool kVisitsSeveral      true
///   void look_at_all(span<const MapKey>, f)   calls f(key, const MapRecord&) for those that there are
///   void change_all(span<const MapKey>, f)    calls f(key, MapRecord&) likewise
///
/// Everything of a call, `decide` included, happens inside f, so one visit per call. Blocking as the map is. A source is
/// overwritten in place. Records of deleted ids stay: memory grows with the ids ever written.
template <class Map>
class MapTable : public ShardedTable {
 public:
  using ShardedTable::ShardedTable;

  [[nodiscard]] MemoryUse memory() const noexcept {
    return {.bodies = bodies_.bytes(), .slots = records_.bytes(), .directory = 0};
  }

  // For handles.

  [[nodiscard]] Map& map() noexcept { return map_; }
  /// Of sources outside the records.
  [[nodiscard]] MapMemory& bodies() noexcept { return bodies_; }

 private:
  MapMemory bodies_;
  MapMemory records_;
  Map map_{records_};
};

template <class Derived, class TableType>
class MapHandle : public DocumentHandle<Derived> {
  using Base = DocumentHandle<Derived>;
  friend Base;

 public:
  explicit MapHandle(TableType& table) noexcept : table_(table) {}

  void bulk(std::span<BulkItem> items) {
    if constexpr (requires { requires std::remove_cvref_t<decltype(table_.map())>::kVisitsSeveral; }) {
      while (!items.empty()) {
        const auto run = items.first(visited_together(items));
        std::size_t done = 0;
        if (run.size() > 1) done = run.front().kind == BulkItem::Kind::get ? get_all(run) : write_all(run);
        for (BulkItem& item : run.subspan(done)) this->carry_out(item);
        items = items.subspan(run.size());
      }
    } else {
      Base::bulk(items);
    }
  }

 private:
  struct Target {
    MapKey key;
    Shard& shard;
  };

  Target find(std::string_view id) noexcept {
    fault_point(FaultPoint::before_read);
    return {MapKey(id), table_.shard_for(id)};
  }
  void find_again(const Target&) const noexcept {}

  State read_target(const Target& target, Document* into) {
    State state;
    table_.map().look(target.key, [&](const MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      state = read(record, into);
    });
    return state;
  }

  static Precondition guard_of(const Document& read) noexcept { return Precondition::if_word(read.word); }

  Outcome write_target(const Target& target, const Write& write) {
    Outcome outcome;
    const auto change = [&](MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      outcome = write_record(record, target.shard, write).by_member();
    };
    if (table_.map().change(target.key, change)) [[likely]]
      return outcome.by_member();
    Decision decision = decide({}, write.operation, write.precondition, {});
    if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, {});
    change_or_insert(target, outcome, change);
    return outcome;
  }

  Outcome update_target(const Target& target, Transform transform, const UpdateOptions& options) {
    Outcome outcome;
    const auto change = [&](MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      outcome = update_record(record, target.shard, transform, options).by_member();
    };
    if (table_.map().change(target.key, change)) [[likely]]
      return outcome.by_member();
    if (!options.upsert) return this->missing({});
    change_or_insert(target, outcome, change);
    return outcome;
  }

  /// No record stays for a document that was not written.
  template <class F>
  void change_or_insert(const Target& target, const Outcome& outcome, const F& change) {
    try {
      table_.map().change_or_insert(target.key, change);
    } catch (...) {
      table_.map().erase_absent(target.key);
      throw;
    }
    if (outcome.result == Result::rejected) table_.map().erase_absent(target.key);
  }

  static bool is_get(const BulkItem& item) noexcept { return item.kind == BulkItem::Kind::get; }

  /// How many of the first items one call can visit: gets, or writes for which nothing has to be looked at before their
  /// record. At least one, which then may be anything.
  static std::size_t visited_together(std::span<const BulkItem> items) noexcept {
    const auto fits = [&](const BulkItem& item) {
      if (is_get(item) != is_get(items.front()) || Base::check_id(item.id) != Cause::none) return false;
      if (item.kind != BulkItem::Kind::update) return item.source.size() <= kMaxSourceBytes;
      return item.options.form != UpdateForm::optimistic && !item.options.upsert && Base::allowed(item.options);
    };
    const auto end = std::ranges::find_if_not(items, fits);
    return std::max<std::size_t>(1, static_cast<std::size_t>(end - items.begin()));
  }

  std::span<const MapKey> keys_of(std::span<const BulkItem> items) {
    keys_.clear();
    for (const BulkItem& item : items) {
      fault_point(FaultPoint::before_read);
      keys_.emplace_back(item.id);
    }
    return keys_;
  }

  /// Records come in the order of the keys; an id that was passed over is not there.
  std::size_t get_all(std::span<BulkItem> items) {
    std::size_t at = 0;
    table_.map().look_at_all(keys_of(items), [&](const MapKey& key, const MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      while (!(keys_[at] == key)) items[at++].outcome = this->answer_get({});
      items[at].outcome = this->answer_get(read(record, items[at].document));
      ++at;
    });
    while (at < items.size()) items[at++].outcome = this->answer_get({});
    return at;
  }

  /// Up to the first id that is not there, so that numbers are drawn in the order of the items. How many.
  std::size_t write_all(std::span<BulkItem> items) {
    std::size_t at = 0;
    bool passed_over = false;
    table_.map().change_all(keys_of(items), [&](const MapKey& key, MapRecord& record) {
      passed_over = passed_over || !(keys_[at] == key);
      if (passed_over) return;
      fault_point(FaultPoint::holding_lock);
      BulkItem& item = items[at++];
      Shard& shard = table_.shard_for(item.id);
      item.outcome = item.kind == BulkItem::Kind::update ? update_record(record, shard, *item.transform, item.options)
                                                         : write_record(record, shard, this->write_of(item));
    });
    return at;
  }

  OCCKIT_INLINE static State read(const MapRecord& record, Document* into) {
    State state = record.state();
    if (into != nullptr && state.live()) {
      into->version = state.version;
      into->word = state.word;
      into->source.assign(record.source());
    }
    return state;
  }

  OCCKIT_INLINE Outcome update_record(MapRecord& record, Shard& shard, Transform transform,
                                      const UpdateOptions& options) {
    State state = record.state();
    if (!state.live()) {
      if (options.upsert) return write_record(record, shard, this->upsert_of(options));
      return this->missing(state);
    }
    Decision kept = decide(state, Operation::keep, options.precondition, {});
    Transformed transformed = Transformed::keep;
    if (kept.verdict != Decision::Verdict::conflict) {
      transformed = transform({state.version, state.word, record.source()}, this->next_);
    }
    if (transformed == Transformed::keep) return this->refuse(kept, state);
    if (transformed == Transformed::remove)
      return write_record(record, shard, {Operation::remove, {}, options.precondition});
    if (this->next_.size() > kMaxSourceBytes) return this->reject(Cause::source_too_large);
    return write_record(record, shard, {Operation::index, this->next_.bytes(), options.precondition});
  }

  OCCKIT_INLINE Outcome write_record(MapRecord& record, Shard& shard, const Write& write) {
    State state = record.state();
    Decision decision = decide(state, write.operation, write.precondition, table_.instant_for(state));
    if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, state);
    const bool remove = write.operation == Operation::remove;
    if (!remove) {
      if (const std::size_t taken = record.reserve(write.source.size()); taken != 0) table_.bodies().add(taken);
    }
    auto word = leases_.draw(shard, state.word, this->counters_);
    if (word.vacant()) return this->reject_write(Cause::seq_no_exhausted, state);
    this->begin_attempt();
    if (remove) {
      const std::size_t given_back = record.write_tombstone(word, decision.version, table_.now_ms());
      if (given_back != 0) table_.bodies().subtract(given_back);
    } else {
      record.write(word, decision.version, write.source);
    }
    return this->finish(
        {.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
  }

  TableType& table_;
  /// Of the items that are visited together; kept for its memory.
  std::vector<MapKey> keys_;
  SeqNoLeases leases_{table_.leases()};
};

}  // namespace occ
