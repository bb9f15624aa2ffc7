#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/build/fault_point.hpp"
#include "core/peers/map_record.hpp"
#include "core/slots/orphaned_work.hpp"
#include "core/sync/atomic.hpp"
#include "core/table/document_handle.hpp"
#include "core/table/shard.hpp"
#include "core/table/sharded_table.hpp"

namespace occ {

/// Counts what a table's map asks of the allocator: each thread in a line of its own, up to kLines of them, so that
/// threads that create ids do not meet here.
class MapMemory {
 public:
  void add(std::size_t bytes) noexcept {
    of_thread().fetch_add(bytes, std::memory_order_relaxed);
  }  // relaxed: a report
  void subtract(std::size_t bytes) noexcept {
    of_thread().fetch_sub(bytes, std::memory_order_relaxed);  // relaxed: as above
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    std::size_t sum = 0;  // modulo 2^64: a thread may give back what another one asked for
    for (const Line& line : lines_) sum += line.bytes.load(std::memory_order_relaxed);  // relaxed: as above
    return sum;
  }

 private:
  static constexpr std::size_t kLines = 32;
  struct alignas(kFalseSharingRange) Line {
    atomic<std::size_t> bytes{0};
  };

  /// Threads are numbered as they come, so those of one measurement have lines of their own.
  [[nodiscard]] atomic<std::size_t>& of_thread() noexcept {
    static atomic<std::size_t> threads{0};
    thread_local const std::size_t number = threads.fetch_add(1, std::memory_order_relaxed);  // relaxed: a number
    return lines_[number % kLines].bytes;
  }

  std::array<Line, kLines> lines_;
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

/// A peer: a table whose documents are the values of a map of another library, used as its authors mean it to be: an id
/// is looked up by its bytes and its hash, and becomes a key only where the map keeps it. `Map` provides, for callers
/// that may be many at a time,
///
///   Map(MapMemory&)
///   bool look(const MapId&, f)                calls f(const MapRecord&) while nobody changes the record; false if there
///                                             is none
///   bool change(const MapId&, f)              calls f(MapRecord&) while nobody else is in it; false if there is none
///   void change_or_insert(const MapId&, f, first)   the same; if there is none makes one, of which it calls first(
///                                             MapRecord&) before anybody else sees it: one call of the map
///   void erase_if(const MapId&, f)            calls f(MapRecord&) likewise, and removes the record if that says so
///   static constexpr bool kVisitsSeveral      it has calls that visit several keys, one after the other and faster than
///                                             so many calls
///
/// and then
///   void look_at_all(span<const MapId>, f)    calls f(key, const MapRecord&) for those that there are
///   void change_all(span<const MapId>, f)     calls f(key, MapRecord&) likewise
///
/// Everything of a call, `decide` included, happens inside f, so one visit per call. Blocking as the map is. A source is
/// overwritten in place. A record is erased once its tombstone has expired.
template <class MapType>
class MapTable : public ShardedTable {
 public:
  using Map = MapType;

  using ShardedTable::ShardedTable;

  [[nodiscard]] MemoryUse memory() const noexcept {
    return {.bodies = bodies_.bytes(), .slots = records_.bytes(), .directory = 0};
  }

  // For handles.

  [[nodiscard]] Map& map() noexcept { return map_; }
  /// Of sources outside the records.
  [[nodiscard]] MapMemory& bodies() noexcept { return bodies_; }

  /// A record of a tombstone that waits until it has expired.
  struct Deleted {
    MapKey key;
    std::int64_t at_ms = 0;
  };
  [[nodiscard]] OrphanedWork<Deleted>& orphaned_work() noexcept { return orphaned_work_; }

 private:
  MapMemory bodies_;
  MapMemory records_;
  Map map_{records_};
  OrphanedWork<Deleted> orphaned_work_;
};

/// What a thread does with a MapTable.
template <class TableType>
class MapStrategy : public HandleContext {
 public:
  using Table = TableType;
  static constexpr const StrategyInfo& kInfo = TableType::kInfo;
  static constexpr bool kRemembersLookups = false;
  static constexpr bool kCarriesOutGroups = TableType::Map::kVisitsSeveral;

  struct Target {
    MapId id;
    Shard& shard;
  };

  explicit MapStrategy(TableType& table) noexcept : table_(table) {}
  ~MapStrategy() {
    try {
      table_.orphaned_work().leave(deleted_);
    } catch (const std::bad_alloc&) {  // those records stay, as if nobody had deleted them
    }
  }

  BulkGroup carry_out_group(std::span<BulkItem> items) {
    const auto run = items.first(visited_together(items));
    if (run.size() == 1) return {.items = 1, .done = 0};
    return {.items = run.size(), .done = run.front().kind == BulkItem::Kind::get ? get_all(run) : write_all(run)};
  }

  OCCKIT_INLINE Target find(std::string_view view) noexcept {
    fault_point(FaultPoint::before_read);
    const MapId id(view);
    return {id, table_.shard_for(id.hash)};
  }
  void find_again(const Target&) const noexcept {}

  OCCKIT_INLINE State read_target(const Target& target, Document* into) {
    State state;
    table_.map().look(target.id, [&](const MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      state = read(record, into);
    });
    return state;
  }

  static Precondition guard_of(const Document& read) noexcept { return Precondition::if_word(read.word); }

  /// Where an absent document is written too, one call finds its record or makes it.
  OCCKIT_INLINE Outcome write_target(const Target& target, const Write& write) {
    Outcome outcome;
    const auto change = [&](MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      outcome = write_record(record, target, write).by_member();
    };
    Decision absent = decide({}, write.operation, write.precondition, {});
    if (absent.verdict == Decision::Verdict::proceed) {
      change_or_insert(target, outcome, change);
    } else if (!table_.map().change(target.id, change)) [[unlikely]] {
      return this->refuse(absent, {});
    }
    if (comes_or_goes(outcome)) purge_forgotten();
    return outcome.by_member();
  }

  OCCKIT_INLINE Outcome update_target(const Target& target, Transform transform, const UpdateOptions& options) {
    Outcome outcome;
    const auto change = [&](MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      outcome = update_record(record, target, transform, options).by_member();
    };
    if (options.upsert) {
      change_or_insert(target, outcome, change);
    } else if (!table_.map().change(target.id, change)) [[unlikely]] {
      return this->missing({});
    }
    if (comes_or_goes(outcome)) purge_forgotten();
    return outcome.by_member();
  }

 private:
  /// No record stays for a document that was not written.
  template <class F>
  OCCKIT_NOT_INLINE void change_or_insert(const Target& target, const Outcome& outcome, const F& change) {
    const auto is_absent = [](const MapRecord& record) { return record.absent(); };
    try {
      table_.map().change_or_insert(target.id, change, change);
    } catch (...) {
      table_.map().erase_if(target.id, is_absent);
      throw;
    }
    if (outcome.result == Result::rejected) [[unlikely]]
      table_.map().erase_if(target.id, is_absent);
  }

  static bool is_get(const BulkItem& item) noexcept { return item.kind == BulkItem::Kind::get; }

  /// How many of the first items one call can visit: gets, or writes for which nothing has to be looked at before their
  /// record. At least one, which then may be anything.
  static std::size_t visited_together(std::span<const BulkItem> items) noexcept {
    const auto fits = [&](const BulkItem& item) {
      if (is_get(item) != is_get(items.front()) || check_id(item.id) != Cause::none) return false;
      if (item.kind != BulkItem::Kind::update) return item.source.size() <= kMaxSourceBytes;
      return item.options.form != UpdateForm::optimistic && !item.options.upsert && allowed(item.options);
    };
    const auto end = std::ranges::find_if_not(items, fits);
    return std::max<std::size_t>(1, static_cast<std::size_t>(end - items.begin()));
  }

  std::span<const MapId> ids_of(std::span<const BulkItem> items) {
    ids_.clear();
    for (const BulkItem& item : items) {
      fault_point(FaultPoint::before_read);
      ids_.emplace_back(item.id);
    }
    return ids_;
  }

  /// Records come in the order of the ids; one that was passed over is not there.
  std::size_t get_all(std::span<BulkItem> items) {
    std::size_t at = 0;
    table_.map().look_at_all(ids_of(items), [&](const MapKey& key, const MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      while (!MapKey::Equal()(ids_[at], key)) items[at++].outcome = this->answer_get({});
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
    table_.map().change_all(ids_of(items), [&](const MapKey& key, MapRecord& record) {
      passed_over = passed_over || !MapKey::Equal()(ids_[at], key);
      if (passed_over) return;
      fault_point(FaultPoint::holding_lock);
      BulkItem& item = items[at];
      const Target target{ids_[at], table_.shard_for(ids_[at].hash)};
      ++at;
      item.outcome = item.kind == BulkItem::Kind::update ? update_record(record, target, *item.transform, item.options)
                                                         : write_record(record, target, this->write_of(item));
      // What is purged after it is not there for the items behind it.
      passed_over = comes_or_goes(item.outcome) && purge_is_due();
    });
    if (at != 0 && comes_or_goes(items[at - 1].outcome)) purge_forgotten();
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

  OCCKIT_INLINE Outcome update_record(MapRecord& record, const Target& target, Transform transform,
                                      const UpdateOptions& options) {
    State state = record.state();
    return this->update_seen(
        state, options,
        [&]() OCCKIT_INLINE_LAMBDA {
          return transform({state.version, state.word, record.source()}, this->next_);
        },
        [&](const Write& write) OCCKIT_INLINE_LAMBDA { return write_record(record, target, write); });
  }

  OCCKIT_INLINE Outcome write_record(MapRecord& record, const Target& target, const Write& write) {
    State state = record.state();
    Decision decision = decide(state, write.operation, write.precondition, table_.instant_for(state));
    if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, state);
    const bool remove = write.operation == Operation::remove;
    if (!remove) {
      if (const std::size_t taken = record.reserve(write.source.size()); taken != 0) table_.bodies().add(taken);
    }
    // An absent id may have had any word that was drawn, so a lease may be behind it.
    auto word = state.word.vacant() ? target.shard.draw() : leases_.draw(target.shard, state.word, this->counters_);
    if (word.vacant()) return this->reject_write(Cause::seq_no_exhausted, state);
    this->begin_attempt();
    if (remove) {
      bury(record, target, word, decision.version);
    } else {
      record.write(word, decision.version, write.source);
    }
    return this->finish(
        {.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
  }

  // Records of tombstones wait here, in the order of their deletes, until they have expired. Each waits once however often
  // its id is deleted, so there are no more entries than records.

  using Deleted = typename TableType::Deleted;

  OCCKIT_NOT_INLINE void bury(MapRecord& record, const Target& target, SeqNoTerm word, Version version) noexcept {
    const std::int64_t now_ms = table_.now_ms();
    const std::size_t given_back = record.write_tombstone(word, version, now_ms);
    if (given_back != 0) table_.bodies().subtract(given_back);
    if (record.queued()) return;
    try {
      deleted_.push_back({MapKey(target.id), now_ms});
      record.set_queued(true);
    } catch (const std::bad_alloc&) {  // it waits for the next delete of its id
    }
  }

  /// A document or a tombstone is there that was not.
  static bool comes_or_goes(const Outcome& outcome) noexcept {
    return outcome.result == Result::created ||
           ((outcome.result == Result::deleted || outcome.result == Result::not_found) && outcome.wrote());
  }
  [[nodiscard]] bool purge_is_due() noexcept {
    if (deleted_.empty()) take_over();
    return !deleted_.empty() && table_.forgotten(deleted_.front().at_ms);
  }
  /// Two for each document that comes or goes, so that the queue gets shorter.
  OCCKIT_NOT_INLINE void purge_forgotten() noexcept {
    for (int i = 0; i < 2 && purge_is_due(); ++i) {
      Deleted oldest = std::move(deleted_.front());
      deleted_.pop_front();
      purge(std::move(oldest));
    }
  }

  void take_over() noexcept {
    for (Deleted& left : table_.orphaned_work().take_over()) wait_for_expiry(std::move(left));
  }

  void purge(Deleted deleted) noexcept {
    bool again = false;
    table_.map().erase_if(MapId(deleted.key.view()), [&](MapRecord& record) {
      fault_point(FaultPoint::holding_lock);
      const State state = record.state();
      if (expired(state, table_.instant_for(state))) return true;
      again = state.kind == State::Kind::tombstone;  // deleted again meanwhile
      deleted.at_ms = state.deleted_at_ms;
      record.set_queued(again);
      return false;
    });
    if (again) wait_for_expiry(std::move(deleted));
  }

  void wait_for_expiry(Deleted&& deleted) noexcept {
    try {
      deleted_.push_back(std::move(deleted));
    } catch (const std::bad_alloc&) {  // it waits for the next delete of its id
      table_.map().change(MapId(deleted.key.view()), [](MapRecord& record) { record.set_queued(false); });
    }
  }

  TableType& table_;
  /// Of the items that are visited together; kept for its memory.
  std::vector<MapId> ids_;
  SeqNoLeases leases_{table_.leases()};
  std::deque<Deleted> deleted_;
};

/// The handle of a MapTable.
template <class TableType>
using MapHandle = DocumentHandle<MapStrategy<TableType>>;

}  // namespace occ
