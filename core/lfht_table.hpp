#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "core/block_pool.hpp"
#include "core/document_handle.hpp"
#include "core/fault_point.hpp"
#include "core/hash.hpp"
#include "core/left_behind.hpp"
#include "core/lfht.hpp"
#include "core/seq_no_leases.hpp"
#include "core/sharded_table.hpp"

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
  [[nodiscard]] LeftBehind<Deleted>& left_behind() noexcept { return left_behind_; }

 private:
  BlockPool pool_;
  RcuDomain domain_;
  Lfht map_;
  LeftBehind<Deleted> left_behind_;
};

/// Everything of a handle but how one node is read and written. `Derived` provides, inside a read section,
///
///   State read(LfhtNode&, Document* into)                       one consistent snapshot; absent if the node was purged
///   optional<Outcome> write(Target&, const Write&)              decide, and publish so that nobody comes between;
///                                                               nothing if the target is to be found again
///   optional<Outcome> update_in_place(Target&, Transform, const UpdateOptions&)    the same, if its kInfo says so
///   LfhtNode& make_node(id, const Write&, Version)              a node that nobody has seen, but for its word
///   void discard(LfhtNode&)                                     gives back what make_node made and nobody has seen
///   void abandon(LfhtNode&)                                     removes an unborn node, for whom the numbers ran out
///   void purge(LfhtNode&, SeqNoTerm)                            removes a tombstone that still has that word
template <class Derived, class TableType>
class LfhtHandle : public DocumentHandle<Derived> {
  using Base = DocumentHandle<Derived>;
  friend Base;

 protected:
  explicit LfhtHandle(TableType& table) : table_(table), cache_(table.pool()), participant_(table.domain(), cache_) {}
  ~LfhtHandle() {
    try {
      table_.left_behind().leave(deleted_);
    } catch (const std::bad_alloc&) {  // those tombstones wait for the next delete of their ids
    }
  }

  /// One id, found once, and the read section in which what was found stays: one look-up for a call, whatever it does.
  class Target {
    /// What may wait for readers, and so comes after the section.
    struct Leave {
      LfhtHandle& handle;
      ~Leave() { handle.after_section(); }
    };
    Leave leave_;
    RcuDomain::Participant::Guard inside_;

   public:
    Target(LfhtHandle& handle, std::string_view name)
        : leave_{handle},
          inside_(handle.participant_),
          id(name),
          key(name),
          hash(hash_id(name)),
          shard(handle.table_.shard_for(hash)),
          place(handle.table_.map().find(hash, key)) {}
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    ~Target() = default;

    [[nodiscard]] LfhtNode* node() const noexcept { return place.node(); }

    const std::string_view id;
    const MapKey key;
    const std::uint64_t hash;
    Shard& shard;
    Lfht::Place place;
  };

  /// A node in a block that has `before` bytes of the strategy's own in front of it and the id behind it, if its key
  /// does not hold it. Throws std::bad_alloc.
  template <class Node>
  Node& place_node(std::string_view id, std::size_t before, std::size_t after) {
    const bool outside = id.size() > MapKey::kInlineBytes;
    Block* const block = cache_.take(before + sizeof(Node) + after + (outside ? id.size() : 0));
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

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  Target find(std::string_view id) {
    fault_point(FaultPoint::before_read);
    return Target(*this, id);
  }
  void find_again(Target& target) noexcept { target.place = table_.map().find(target.hash, target.key); }

  State read_target(const Target& target, Document* into) {
    return target.node() == nullptr ? State{} : self().read(*target.node(), into);
  }

  static Precondition guard_of(const Document& read) noexcept { return Precondition::if_word(read.word); }

  Outcome write_target(Target& target, const Write& write) {
    for (;;) {
      const auto outcome = target.node() == nullptr ? insert(target, write) : self().write(target, write);
      if (outcome) return note_delete(target, *outcome);
      find_again(target);
    }
  }

  Outcome update_target(Target& target, Transform transform, const UpdateOptions& options) {
    for (;;) {
      std::optional<Outcome> outcome;
      if (target.node() != nullptr) {
        outcome = self().update_in_place(target, transform, options);
      } else if (options.upsert) {
        outcome = insert(target, this->upsert_of(options));
      } else {
        outcome = this->missing({});
      }
      if (outcome) return note_delete(target, *outcome);
      find_again(target);
    }
  }

  /// A write to an id that has no node. Nothing if another thread was first.
  ///
  /// The node is added unborn and gets its number then: while it is there nobody else creates the id, so the number is
  /// above those of all that the id was before. One drawn earlier could be overtaken: by a creation, a delete and a purge.
  std::optional<Outcome> insert(Target& target, const Write& write) {
    Decision decision = decide({}, write.operation, write.precondition, {});
    if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, {});
    LfhtNode& node = self().make_node(target.id, write, decision.version);
    node.word.store(LfhtNode::kUnborn, std::memory_order_release);  // L1 with L2
    if (!table_.map().add(target.hash, node)) {
      self().discard(node);
      this->begin_attempt();
      ++this->counters_.publication_failures;
      return std::nullopt;
    }
    added_ = true;
    const auto word = target.shard.draw();  // no lease: above any word that the id had
    if (word.vacant()) {
      self().abandon(node);
      return this->reject_write(Cause::seq_no_exhausted, {});
    }
    this->begin_attempt();
    fault_point(FaultPoint::before_publication);
    node.word.store(word.bits(), std::memory_order_release);  // L1 with L2
    return this->finish({.result = decision.result, .version = decision.version, .word = word});
  }

  void after_section() {
    participant_.collect();
    if (std::exchange(added_, false)) table_.map().grow_if_full();
  }

  // Tombstones wait here until they have expired. Each delete adds one and looks at two, in turn: one that was written
  // over is dropped, so of those that are here about half at least are still what their ids have.

  using Deleted = LfhtTable::Deleted;

  Outcome note_delete(const Target& target, const Outcome& outcome) noexcept {
    if (outcome.wrote() && (outcome.result == Result::deleted || outcome.result == Result::not_found)) {
      try {
        deleted_.push_back({target.key, target.hash, outcome.word, table_.now_ms()});
      } catch (const std::bad_alloc&) {  // it waits for the next delete of its id
      }
      purge_forgotten();
    }
    return outcome;
  }

  void purge_forgotten() noexcept {
    for (Deleted& left : table_.left_behind().take_over()) wait_for_expiry(std::move(left));
    for (int i = 0; i < 2 && !deleted_.empty(); ++i) {
      Deleted oldest = std::move(deleted_.front());
      deleted_.pop_front();
      LfhtNode* const node = table_.map().find(oldest.hash, oldest.key).node();
      if (node == nullptr) continue;
      const std::uint64_t word = node->word.load(std::memory_order_acquire);  // L2 with L1
      const bool held = word == (oldest.word.bits() | Derived::kClaimed) && word != oldest.word.bits();
      if (word != oldest.word.bits() && !held) continue;
      if (held || !table_.forgotten(oldest.at_ms)) {
        wait_for_expiry(std::move(oldest));
      } else {
        self().purge(*node, oldest.word);
      }
    }
  }

  void wait_for_expiry(Deleted&& deleted) noexcept {
    try {
      deleted_.push_back(std::move(deleted));
    } catch (const std::bad_alloc&) {  // as above
    }
  }

  SeqNoLeases leases_{table_.leases()};
  std::deque<Deleted> deleted_;
  bool added_ = false;
};

}  // namespace occ
