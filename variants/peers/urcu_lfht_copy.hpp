#pragma once

#include <cstring>
#include <limits>

#include "core/build/fault_point.hpp"
#include "core/peers/lfht_table.hpp"
#include "core/sync/spin_wait.hpp"

namespace occ {

/// A document that never changes once its node is in the table, the source behind it.
struct LfhtCopy : LfhtNode {
  static constexpr std::uint64_t kTombstone = std::numeric_limits<std::uint64_t>::max();

  explicit LfhtCopy(std::string_view id) noexcept : LfhtNode(id) {}

  [[nodiscard]] Block& block() noexcept { return *(reinterpret_cast<Block*>(this) - 1); }
  [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] const std::byte* bytes() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }

  Version version = kVersionNotFound;
  /// Of the source, or kTombstone: then its instant, in ms of the table's clock, is where a source would be.
  std::uint64_t size = 0;
};

/// Peer: liburcu's lock-free hash table by copy on write, as its documentation shows it: a write makes a new node and
/// replaces the old one, which is used again after a grace period.
///
/// Progress: get is wait-free. Writes are lock-free but for the wait for suspended readers once a batch is full, so
/// blocking; a write to an id that another thread creates waits for it.
/// Memory: bounded, as that of version_retry_urcu; nodes of forgotten ids are used again.
/// Where memory ends liburcu may end the program; what can be asked before is asked, and a table throws std::bad_alloc
/// then, or stays as it is (core/peers/lfht.hpp).
/// Linearization: a write at the table's compare-and-swap of the old node's successor, a creation at the store of its
/// word; everything else at the look-up, or the load of the word, that it was decided on.
/// Cost: dependent misses 2.5 (bucket, on average one and a half nodes), and the new node's lines in a write. Locked
/// instructions: get 0; write 3 (draw of the seq_no, replacement, unlinking), optimistic update finds its node once.
/// When not: writes of what many read, since each moves the document to other lines.
class UrcuLfhtCopy : public LfhtTable {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "urcu_lfht_copy",
      .summary = "peer: liburcu's lock-free hash table, copy on write: each write replaces the node",
      .get = Progress::wait_free,
      .reclamation = Reclamation::rcu,
      .reuses_slots = true,
      .peer = true,
  };

  using LfhtTable::LfhtTable;

  class Strategy : public LfhtContext<UrcuLfhtCopy> {
   public:
    /// Nobody claims a node.
    static constexpr std::uint64_t kClaimed = 0;
    explicit Strategy(UrcuLfhtCopy& table) : LfhtContext(table) {}

    static State read(LfhtNode& node, Document* into) {
      const LfhtCopy& copy = copy_at(node);
      const std::uint64_t bits = copy.word.load(std::memory_order_acquire);  // L2 with L1
      if (bits == LfhtNode::kUnborn) return {};
      State state{.kind = State::Kind::live, .version = copy.version, .word = SeqNoTerm::from_bits(bits)};
      if (copy.size == LfhtCopy::kTombstone) {
        state.kind = State::Kind::tombstone;
        std::memcpy(&state.deleted_at_ms, copy.bytes(), sizeof state.deleted_at_ms);
      } else if (into != nullptr) {
        into->version = state.version;
        into->word = state.word;
        into->source.assign({copy.bytes(), copy.size});
      }
      return state;
    }

    std::optional<Outcome> write(Target& target, const Write& write) {
      LfhtNode& old = *target.node();
      if (!Lfht::is_there(old)) return std::nullopt;  // somebody wrote since it was found
      State state = read(old, nullptr);
      Decision decision = decide(state, write.operation, write.precondition, table_.instant_for(state));
      if (decision.verdict != Decision::Verdict::proceed) return refuse(decision, state);
      if (state.kind == State::Kind::absent) return wait_for_birth(old);
      LfhtNode& fresh = make_node(target.id.view, write, decision.version);
      auto word = draw(target, state.word);  // after the look-up, so above the word that it replaces
      if (word.vacant()) {
        discard(fresh);
        return reject_write(Cause::seq_no_exhausted, state);
      }
      fresh.word.store(word.bits(), std::memory_order_release);  // L1 with L2
      fault_point(FaultPoint::before_publication);
      begin_attempt();
      if (table_.map().replace(target.place, target.id.hash, fresh)) {
        participant_.retire(&copy_at(old).block());
        return finish({.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
      }
      discard(fresh);
      ++counters_.publication_failures;
      ++counters_.seq_no_gaps;
      return std::nullopt;
    }

    LfhtNode& make_node(std::string_view id, const Write& write, Version version) {
      const bool remove = write.operation == Operation::remove;
      auto& copy = place_node<LfhtCopy>(id, 0, remove ? sizeof(std::int64_t) : write.source.size());
      copy.version = version;
      copy.size = remove ? LfhtCopy::kTombstone : write.source.size();
      if (remove) {
        const std::int64_t now_ms = table_.now_ms();
        std::memcpy(copy.bytes(), &now_ms, sizeof now_ms);
      } else if (!write.source.empty()) {
        std::memcpy(copy.bytes(), write.source.data(), write.source.size());
      }
      return copy;
    }

    void discard(LfhtNode& node) noexcept { cache_.give(&copy_at(node).block()); }

    void abandon(LfhtNode& node) noexcept {
      if (table_.map().remove(node)) participant_.retire(&copy_at(node).block());
    }
    void purge(LfhtNode& node, SeqNoTerm) noexcept { abandon(node); }

   private:
    static LfhtCopy& copy_at(LfhtNode& node) noexcept { return static_cast<LfhtCopy&>(node); }

    static std::nullopt_t wait_for_birth(const LfhtNode& node) noexcept {
      SpinWait wait;
      while (Lfht::is_there(node) && node.word.load(std::memory_order_relaxed) == LfhtNode::kUnborn) {
        wait.pause();  // relaxed: who finds the node again acquires
      }
      return std::nullopt;
    }
  };

  using Handle = LfhtHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<UrcuLfhtCopy>);

}  // namespace occ
