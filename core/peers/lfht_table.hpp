#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <deque>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "core/build/fault_point.hpp"
#include "core/build/hash.hpp"
#include "core/memory/block_pool.hpp"
#include "core/peers/lfht.hpp"
#include "core/slots/orphaned_work.hpp"
#include "core/table/document_handle.hpp"
#include "core/table/shard.hpp"
#include "core/table/sharded_table.hpp"

namespace occ {

/// What the two peers have in common that keep their documents in liburcu's hash table: they differ in what a node holds
/// and how it is written. Nodes and bodies are blocks of the pool and wait for a grace period, in batches, before they
/// are used again.
class LfhtTable : public ShardedTable {
 public:
  using ShardedTable::ShardedTable;

  [[nodiscard]] MemoryUse memory() const noexcept {
    return {.bodies = pool_.bytes(), .slots = 0, .directory = map_.bytes()};
  }

  // For handles.

  [[nodiscard]] BlockPool& pool() noexcept { return pool_; }
  [[nodiscard]] RcuDomain& domain() noexcept { return domain_; }
  [[nodiscard]] Lfht& map() noexcept { return map_; }

  /// A tombstone that waits until it has expired.
  struct Deleted {
    MapKey key;
    std::uint64_t hash;
    SeqNoTerm word;
    std::int64_t at_ms;
  };
  [[nodiscard]] OrphanedWork<Deleted>& orphaned_work() noexcept { return orphaned_work_; }

 private:
  BlockPool pool_;
  RcuDomain domain_;
  Lfht map_;
  OrphanedWork<Deleted> orphaned_work_;
};

/// What a strategy works with that keeps its documents in nodes of a LfhtTable; it derives from this.
template <class TableType>
class LfhtContext : public HandleContext {
 public:
  using Table = TableType;
  static constexpr const StrategyInfo& kInfo = TableType::kInfo;

  /// One id, found once, and the read section in which what was found stays: one look-up for a call, whatever it does.
  class Target {
    /// What may wait for readers, and so comes after the section.
    struct Leave {
      LfhtContext& handle;
      ~Leave() { handle.after_section(); }
    };
    Leave leave_;
    RcuDomain::Participant::Guard inside_;

   public:
    Target(LfhtContext& handle, std::string_view name)
        : leave_{handle}, inside_(handle.participant_), id(name), shard(handle.table_.shard_for(id.hash)) {}
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    ~Target() = default;

    /// Null before it is looked for.
    [[nodiscard]] LfhtNode* node() const noexcept { return place.node(); }

    const MapId id;
    Shard& shard;
    Lfht::Place place;
    /// It has been looked for.
    bool looked_up = false;
  };

 protected:
  explicit LfhtContext(TableType& table) : table_(table), cache_(table.pool()), participant_(table.domain(), cache_) {}
  ~LfhtContext() = default;

  /// A node in a block that has `before` bytes of the strategy's own in front of it and the id behind it, if its key
  /// does not hold it. Throws std::bad_alloc.
  template <class Node>
  Node& place_node(std::string_view id, std::size_t before, std::size_t after) {
    const bool outside = id.size() > MapKey::kInlineBytes;
    // Blocks of a size lie behind one another, so the size has to be a multiple of what the node's alignment is.
    constexpr std::size_t kAlignment = alignof(Node);
    const std::size_t bytes = sizeof(Block) + before + sizeof(Node) + after + (outside ? id.size() : 0);
    Block* const block = cache_.take((bytes + kAlignment - 1) / kAlignment * kAlignment - sizeof(Block));
    std::byte* const at = block->bytes() + before;
    std::byte* const tail = at + sizeof(Node) + after;
    if (outside) std::memcpy(tail, id.data(), id.size());
    return *new (at) Node(outside ? std::string_view(reinterpret_cast<const char*>(tail), id.size()) : id);
  }

  /// A number above the word that it replaces, which was looked at before.
  [[nodiscard]] SeqNoTerm draw(const Target& target, SeqNoTerm above) noexcept {
    return leases_.draw(target.shard, above, this->counters_);
  }

  TableType& table_;
  BlockPool::Cache cache_;
  RcuDomain::Participant participant_;
  /// In the section that is being left.
  bool added_ = false;

 private:
  void after_section() {
    participant_.collect();
    if (std::exchange(added_, false)) table_.map().grow_if_full();
  }

  SeqNoLeases leases_{table_.leases()};
};

/// A strategy whose kInfo says that it updates in place: as `write`, with the transform in between. See
/// HandleContext::update_seen.
template <class S>
concept UpdatesNodesAsDeclared =
    !S::kInfo.updates_in_place ||
    requires(S strategy, typename S::Target& target, Transform transform, const UpdateOptions& options) {
  { strategy.update_in_place(target, transform, options) } -> std::same_as<std::optional<Outcome>>;
};

/// What a strategy gives that keeps its documents in nodes: how one node is read and written, inside a read section.
///
///   kInfo                             what it declares about itself
///   kClaimed                          the flag of a word whose document is claimed; 0 if nobody claims one
///   State read(node, into)            one consistent snapshot; absent if the node was purged
///   optional<Outcome> write(target, write)    decides, and publishes so that nobody comes between; nothing if the
///                                     target is to be found again
///   LfhtNode& make_node(id, write, version)   a node that nobody has seen, but for its word
///   discard(node)                     gives back what make_node made and nobody has seen
///   abandon(node)                     removes an unborn node, for whom the numbers ran out
///   purge(node, word)                 removes a tombstone that still has that word
template <class S>
concept LfhtStrategy = requires(S strategy, std::string_view id, LfhtNode& node, typename S::Target& target,
                                Document* into, const Write& write, Version version, SeqNoTerm word) {
  requires std::derived_from<S, HandleContext>;
  requires std::constructible_from<S, typename S::Table&>;
  { S::kInfo } -> std::convertible_to<StrategyInfo>;
  { S::kClaimed } -> std::convertible_to<std::uint64_t>;
  { strategy.read(node, into) } -> std::same_as<State>;
  { strategy.write(target, write) } -> std::same_as<std::optional<Outcome>>;
  { strategy.make_node(id, write, version) } -> std::same_as<LfhtNode&>;
  { strategy.discard(node) } -> std::same_as<void>;
  { strategy.abandon(node) } -> std::same_as<void>;
  { strategy.purge(node, word) } -> std::same_as<void>;
  requires UpdatesNodesAsDeclared<S>;
};

/// How documents in nodes are found, for a strategy that says how one node is read and written.
template <class S>
class LfhtAccess : public S {
  static_assert(UpdatesNodesAsDeclared<S>, "kInfo.updates_in_place asks for update_in_place");
  static_assert(LfhtStrategy<S>);

 public:
  using S::kInfo;
  using typename S::Table, typename S::Target;
  static constexpr bool kRemembersLookups = false;
  static constexpr bool kCarriesOutGroups = false;

  explicit LfhtAccess(Table& table) : S(table) {}
  ~LfhtAccess() {
    try {
      table_.orphaned_work().leave(deleted_);
    } catch (const std::bad_alloc&) {  // those tombstones wait for the next delete of their ids
    }
  }

  Target find(std::string_view id) {
    fault_point(FaultPoint::before_read);
    return Target(*this, id);
  }
  void find_again(Target& target) noexcept {
    target.place = table_.map().find(target.id);
    target.looked_up = true;
  }

  OCCKIT_INLINE State read_target(Target& target, Document* into) {
    if (!target.looked_up) find_again(target);
    return target.node() == nullptr ? State{} : S::read(*target.node(), into);
  }

  static Precondition guard_of(const Document& read) noexcept { return Precondition::if_word(read.word); }

  /// What must not exist is added without a look, which the table does then itself.
  Outcome write_target(Target& target, const Write& write) {
    if (!target.looked_up && write.precondition.kind != Precondition::Kind::must_not_exist) find_again(target);
    for (;;) {
      const auto outcome = target.node() == nullptr ? insert(target, write) : S::write(target, write);
      if (outcome) return note_delete(target, *outcome);
      find_again(target);
    }
  }

  Outcome update_target(Target& target, Transform transform, const UpdateOptions& options) {
    if (!target.looked_up) find_again(target);
    for (;;) {
      std::optional<Outcome> outcome;
      if (target.node() != nullptr) {
        outcome = S::update_in_place(target, transform, options);
      } else if (options.upsert) {
        outcome = insert(target, this->upsert_of(options));
      } else {
        outcome = this->missing({});
      }
      if (outcome) return note_delete(target, *outcome);
      find_again(target);
    }
  }

 protected:
  using S::added_, S::table_;

 private:
  /// A write to an id that has no node. Nothing if another thread was first.
  ///
  /// The node is added unborn and gets its number then: while it is there nobody else creates the id, so the number is
  /// above those of all that the id was before. One drawn earlier could be overtaken: by a creation, a delete and a purge.
  std::optional<Outcome> insert(Target& target, const Write& write) {
    Decision decision = decide({}, write.operation, write.precondition, {});
    if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, {});
    LfhtNode& node = S::make_node(target.id.view, write, decision.version);
    node.word.store(LfhtNode::kUnborn, std::memory_order_release);  // L1 with L2
    if (!table_.map().add(target.id.hash, node)) {
      S::discard(node);
      if (target.looked_up) {
        this->begin_attempt();
        ++this->counters_.publication_failures;
      }
      return std::nullopt;
    }
    added_ = true;
    const auto word = target.shard.draw();  // no lease: above any word that the id had
    if (word.vacant()) {
      S::abandon(node);
      return this->reject_write(Cause::seq_no_exhausted, {});
    }
    this->begin_attempt();
    fault_point(FaultPoint::before_publication);
    node.word.store(word.bits(), std::memory_order_release);  // L1 with L2
    return this->finish({.result = decision.result, .version = decision.version, .word = word});
  }

  // Tombstones wait here until they have expired. Each delete adds one and looks at two, in turn: one that was written
  // over is dropped, so of those that are here about half at least are still what their ids have.

  using Deleted = LfhtTable::Deleted;

  Outcome note_delete(const Target& target, const Outcome& outcome) noexcept {
    if (outcome.wrote() && (outcome.result == Result::deleted || outcome.result == Result::not_found)) {
      try {
        deleted_.push_back({MapKey(target.id), target.id.hash, outcome.word, table_.now_ms()});
      } catch (const std::bad_alloc&) {  // it waits for the next delete of its id
      }
      purge_forgotten();
    }
    return outcome;
  }

  void purge_forgotten() noexcept {
    for (Deleted& left : table_.orphaned_work().take_over()) wait_for_expiry(std::move(left));
    for (int i = 0; i < 2 && !deleted_.empty(); ++i) {
      Deleted oldest = std::move(deleted_.front());
      deleted_.pop_front();
      LfhtNode* const node = table_.map().find(MapId(oldest.key.view(), oldest.hash)).node();
      if (node == nullptr) continue;
      const std::uint64_t word = node->word.load(std::memory_order_acquire);  // L2 with L1
      const bool held = word == (oldest.word.bits() | S::kClaimed) && word != oldest.word.bits();
      if (word != oldest.word.bits() && !held) continue;
      if (held || !table_.forgotten(oldest.at_ms)) {
        wait_for_expiry(std::move(oldest));
      } else {
        S::purge(*node, oldest.word);
      }
    }
  }

  void wait_for_expiry(Deleted&& deleted) noexcept {
    try {
      deleted_.push_back(std::move(deleted));
    } catch (const std::bad_alloc&) {  // as above
    }
  }

  std::deque<Deleted> deleted_;
};

/// The handle of a LfhtStrategy.
template <class S>
using LfhtHandle = DocumentHandle<LfhtAccess<S>>;

}  // namespace occ
