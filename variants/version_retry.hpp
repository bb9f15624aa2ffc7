#pragma once

#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>

#include "core/build/fault_point.hpp"
#include "core/build/prefetch.hpp"
#include "core/memory/epoch.hpp"
#include "core/memory/rcu.hpp"
#include "core/slots/slot_handle.hpp"
#include "core/slots/slot_table.hpp"

namespace occ {

/// A document as a pointer to a body that never changes once it is published. Null until the first write.
struct alignas(64) VersionSlot {
  atomic<Block*> body{nullptr};
  SlotKey key;
};
static_assert(!kLayoutIsReal || sizeof(VersionSlot) == 64);

/// The loop on `_version`: read the document, compute, publish if `_version` is still what was read, else read again,
/// up to retry_on_conflict times. What programs did before Elasticsearch had if_seq_no, and what many still do.
///
/// It claims version_only semantics. `_version` begins again at 1 once a tombstone has expired, so a writer that read
/// version 1 before a delete can overwrite version 1 of after it: a lost update, by the rules. Conditions by seq_no and
/// term are honoured where a caller gives them.
/// Memory: slots of forgotten ids are used again; with epochs it is unbounded while a thread is suspended inside, with
/// liburcu bounded.
/// Progress: see StrategyInfo below; with epochs everything but creating an id is lock-free; with liburcu reads are
/// wait-free, and writers wait for suspended readers.
/// Linearization: a write at its compare_exchange; everything else at the load of the pointer that it was decided on.
/// Cost: dependent misses 3 (bucket, slot, body). Locked instructions: get 1 with epochs (the announcement), 0 with
/// liburcu; write 2 more (draw, publication). A reader's copy is never overtaken, so large sources under many readers
/// are what it is good at.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | publication to reader | V1 compare_exchange, first store | V2 load of the pointer | the body; the next draw is above its word; whose slot it is |
/// | replaced body to reuse | Domain | Domain | that no reader is left in it |
template <class Domain>
class VersionRetry : public SlotTable<VersionSlot> {
  static constexpr bool kEpochs = std::is_same_v<Domain, EpochDomain>;

 public:
  static constexpr StrategyInfo kInfo{
      .name = kEpochs ? "version_retry" : "version_retry_urcu",
      .summary = kEpochs ? "the loop on _version; bodies replaced by pointer, reclaimed by epochs"
                         : "the loop on _version; bodies replaced by pointer, reclaimed by liburcu",
      .semantics = Semantics::version_only,
      .get = kEpochs ? Progress::lock_free : Progress::wait_free,
      .write = kEpochs ? Progress::lock_free : Progress::blocking,
      .reclamation = kEpochs ? Reclamation::epoch : Reclamation::rcu,
      .memory_bounded = !kEpochs,
      .reuses_slots = true,
      .backs_off = true,
  };

  using SlotTable::SlotTable;

  class Strategy : public SlotContext<VersionRetry> {
    using Base = SlotContext<VersionRetry>;
    using Participant = typename Domain::Participant;

   public:
    using typename Base::Target;
    explicit Strategy(VersionRetry& table) : Base(table), participant_(table.domain_, this->cache_) {}

    State read(const Target& target, Document* into) {
      const typename Participant::Guard pinned(participant_);
      const Block* body = target.slot->body.load(std::memory_order_acquire);  // V2 with V1
      if (is_anothers(target)) return {};
      State state = state_of(body);
      if (into != nullptr && state.live()) {
        into->version = state.version;
        into->word = state.word;
        into->source.assign({body->bytes() + kWordBytes,
                             body->meta.load(std::memory_order_relaxed)});  // relaxed: constant while pinned
      }
      return state;
    }

    static void prefetch_body(const VersionSlot& slot) noexcept {
      // relaxed: only an address
      prefetch_bytes(slot.body.load(std::memory_order_relaxed), kSmallBlockBytes);
    }

    static Precondition guard(const Document& read) noexcept { return Precondition::if_version(read.version); }

    Outcome write(const Target& target, const Write& write) {
      const auto outcome = publish(target, write);
      participant_.collect();
      return outcome;
    }

    /// Pinned inside the lock of the directory, so that nobody waits for it pinned.
    bool vacate(const Target& target) noexcept {
      bool no_memory = false;
      this->table_.purge(*target.slot, target.occupant, target.id, target.hash, [&] {
        const typename Participant::Guard pinned(participant_);
        Block* tombstone = target.slot->body.load(std::memory_order_acquire);  // V2 with V1
        const State state = state_of(tombstone);
        if (!expired(state, this->table_.instant_for(state))) return false;
        try {
          participant_.make_room();
        } catch (const std::bad_alloc&) {
          no_memory = true;
          return false;
        }
        // relaxed: it shows nothing to anybody, and the domain keeps the tombstone for who is in it
        if (!target.slot->body.compare_exchange_strong(tombstone, nullptr, std::memory_order_relaxed,
                                                       std::memory_order_relaxed)) {
          return false;
        }
        participant_.retire(tombstone);
        return true;
      });
      participant_.collect();
      return !no_memory;
    }

    Block* make_body(const Write& write, Version version) {
      Block* const body = prepare(write);
      refresh(*body, write, version);
      return body;
    }
    static Block* occupy(VersionSlot& slot, SeqNoTerm word, Block* body, const Write&) noexcept {
      store_word(*body, word);
      slot.body.store(body, std::memory_order_release);  // V1 with V2
      return nullptr;
    }

   private:
    Outcome publish(const Target& target, const Write& write) {
      const typename Participant::Guard pinned(participant_);
      Block* fresh = nullptr;
      for (;;) {
        Block* current = target.slot->body.load(std::memory_order_acquire);  // V2 with V1
        // Its first write is under way, or it is another id's. That is asked after the load, so a body that is the
        // occupant's cannot be replaced below unless it still is.
        if (current == nullptr || is_anothers(target)) {
          if (fresh != nullptr) this->cache_.give(fresh);
          return Base::kSlotLost;
        }
        State state = state_of(current);
        Decision decision = decide(state, write.operation, write.precondition, this->table_.instant_for(state));
        if (decision.verdict != Decision::Verdict::proceed) {
          if (fresh != nullptr) this->cache_.give(fresh);
          return this->refuse(decision, state);
        }
        participant_.make_room();
        if (fresh == nullptr) fresh = prepare(write);
        refresh(*fresh, write, decision.version);
        auto word = this->draw(target, state.word);  // after the look, so above the word that it replaces
        if (word.vacant()) {
          this->cache_.give(fresh);
          return this->reject_write(Cause::seq_no_exhausted, state);
        }
        store_word(*fresh, word);
        fault_point(FaultPoint::before_publication);
        this->begin_attempt();
        // relaxed on failure: V2 loads again
        if (target.slot->body.compare_exchange_strong(current, fresh, std::memory_order_acq_rel,
                                                      std::memory_order_relaxed)) {  // V1
          participant_.retire(current);
          return this->finish(
              {.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
        }
        ++this->counters_.publication_failures;
        ++this->counters_.seq_no_gaps;
        this->back_off();
      }
    }

    /// Asked behind V2: whoever has seen the body of a later occupant finds its key as well.
    static bool is_anothers(const Target& target) noexcept { return !target.slot->key.held_by(target.occupant); }

    // A body: the word, then the source or the instant of a delete.
    static constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
    static constexpr std::uint64_t kTombstone = std::uint64_t{1} << 63;

    static State state_of(const Block* body) noexcept {
      if (body == nullptr) return {};
      std::uint64_t bits;
      std::memcpy(&bits, body->bytes(), kWordBytes);
      State state{.kind = State::Kind::live,
                  .version = static_cast<Version>(
                      body->version.load(std::memory_order_relaxed)),  // relaxed: constant while pinned
                  .word = SeqNoTerm::from_bits(bits)};
      if (body->meta.load(std::memory_order_relaxed) == kTombstone) {  // relaxed: as above
        state.kind = State::Kind::tombstone;
        std::memcpy(&state.deleted_at_ms, body->bytes() + kWordBytes, sizeof state.deleted_at_ms);
      }
      return state;
    }

    /// What may be another between two tries of one write.
    void refresh(Block& body, const Write& write, Version version) const noexcept {
      if (write.operation == Operation::remove) {
        const std::int64_t now_ms = this->table_.now_ms();
        std::memcpy(body.bytes() + kWordBytes, &now_ms, sizeof now_ms);
      }
      // relaxed: V1 releases it
      body.version.store(static_cast<std::uint64_t>(version), std::memory_order_relaxed);
    }
    static void store_word(Block& body, SeqNoTerm word) noexcept {
      const std::uint64_t bits = word.bits();
      std::memcpy(body.bytes(), &bits, kWordBytes);
    }

    Block* prepare(const Write& write) {
      const bool remove = write.operation == Operation::remove;
      const std::size_t bytes = remove ? sizeof(std::int64_t) : write.source.size();
      Block* block = this->cache_.take(kWordBytes + bytes);
      if (!remove && bytes != 0) {
        std::memcpy(block->bytes() + kWordBytes, write.source.data(), bytes);
      }
      block->meta.store(remove ? kTombstone : bytes, std::memory_order_relaxed);  // relaxed: V1 releases it
      return block;
    }

    Participant participant_;
  };

  using Handle = SlotHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }

 private:
  Domain domain_;
};

static_assert(DocumentTable<VersionRetry<EpochDomain>>);
static_assert(DocumentTable<VersionRetry<RcuDomain>>);

}  // namespace occ
