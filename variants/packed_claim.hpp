#pragma once

#include <algorithm>

#include "core/fault_point.hpp"
#include "core/packed_slot.hpp"
#include "core/slot_handle.hpp"
#include "core/slot_table.hpp"
#include "core/spin_wait.hpp"

namespace occ {

/// A document whose word carries a claim flag, and whose body is overwritten in place by whoever holds the claim. A
/// slot on one cache line, aligned to it.
///
///     word = 0                  never written
///     word = SeqNoTerm, bit 0   clear: free, this is the last write; set: claimed, a write is under way
///
/// Words of free slots only ever grow, but for a claim that is given up: it puts the old word back before it has
/// touched the body. So an unchanged free word proves, as in PackedSlot, that what was copied in between was whole.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | publication to reader | C1 store of the free word | C2 first load of the word | the body's contents |
/// | publication to claimer | C1 store of the free word | C4 compare_exchange | the body's contents, for the next one to overwrite |
/// | body's exchange to reader | C3 store of the pointer | C3 load of the pointer | the head of that body |
/// | overwriting to stale reader | B4 stores into a body | B5 loads from a body | the claim C4, so that B6 differs |
///
/// The second load of the word is relaxed: the loads B5 before it keep it behind them.
struct alignas(64) ClaimSlot {
  static constexpr std::uint64_t kClaimed = 1;

  atomic<std::uint64_t> word{0};
  atomic<Block*> body{nullptr};
  SlotKey key;
};
static_assert(!kLayoutIsReal || sizeof(ClaimSlot) == 64);

/// packed_cas without its lock-freedom: the same word, the same readers, but a writer claims the document by one
/// compare-and-swap on its own line and overwrites the body in place. The difference between the two is the price of
/// lock-freedom.
///
/// Progress: blocking throughout; readers and writers of one document wait for its claimer, nobody else does.
/// Memory: bounded; a body is exchanged only when its size class changes.
/// Linearization: a write at its store of the free word; a read, a conflict and a noop at the first load of the word in
/// the look that validated, or under the claim.
/// Cost: dependent misses 3 (bucket, slot, body). Locked instructions: get 0; write 2 (claim, draw of the seq_no), both
/// forms of update too. No seq_no is ever drawn in vain.
/// When not: threads outnumber the cores by much, since a claimer that loses its core stops everybody at its document;
/// transforms that take long.
/// Source: the sequence lock (Lameter 2005) with the sequence replaced by the word, and its lock bit by the flag.
class PackedClaim : public SlotTable<ClaimSlot> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "packed_claim",
      .summary = "a claim flag in the seq_no/term word; bodies overwritten in place, readers validate by the word",
      .reclamation = Reclamation::word_validated,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using SlotTable::SlotTable;

  class Handle : public SlotHandle<Handle, PackedClaim> {
   public:
    static constexpr const StrategyInfo& kInfo = PackedClaim::kInfo;
    explicit Handle(PackedClaim& table) : SlotHandle(table) {}

   private:
    friend SlotHandle<Handle, PackedClaim>;

    /// A look at a slot that nobody has claimed.
    struct Look {
      std::uint64_t bits;
      Block* body;
      State state;
    };

    /// The right to write one slot. Given up unless something was published.
    class Claim {
     public:
      Claim(ClaimSlot& slot, std::uint64_t bits) noexcept : slot_(slot), bits_(bits) {}
      Claim(const Claim&) = delete;
      Claim& operator=(const Claim&) = delete;
      ~Claim() {
        slot_.word.store(bits_, std::memory_order_release);  // C1 with C2, C4
      }
      void publish(SeqNoTerm word) noexcept { bits_ = word.bits(); }

     private:
      ClaimSlot& slot_;
      std::uint64_t bits_;
    };

    State read(Target& target, Document* into) { return look(target.slot, into).state; }

    static Precondition guard(const Document& read) noexcept { return Precondition::if_word(read.word); }

    Outcome write(Target& target, const Write& write) {
      const std::size_t bytes = bytes_of(write);
      Block* fresh = nullptr;
      for (;;) {
        const Look seen = look(target.slot, nullptr);
        const Decision decision =
            decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (decision.verdict != Decision::Verdict::proceed) {
          if (fresh != nullptr) cache_.give(fresh);
          return refuse(decision, seen.state);
        }
        if (fresh == nullptr && !fits(seen.body, bytes)) fresh = cache_.take(bytes);
        std::uint64_t expected = seen.bits;
        // relaxed on failure: C2 loads again
        if (target.slot.word.compare_exchange_strong(expected, seen.bits | ClaimSlot::kClaimed,
                                                     std::memory_order_acquire, std::memory_order_relaxed)) {  // C4
          Claim claim(target.slot, seen.bits);
          fault_point(FaultPoint::claimed);
          if (fresh != nullptr && fits(seen.body, bytes)) {  // the body was exchanged since it was taken
            cache_.give(fresh);
            fresh = nullptr;
          }
          return overwrite(target, write, claim, {seen.bits, seen.body, seen.state}, decision, fresh);
        }
        begin_attempt();
        ++counters_.publication_failures;
      }
    }

    Outcome update_in_place(Target& target, Transform transform, const UpdateOptions& options) {
      const std::uint64_t bits = claim_free(target.slot);
      Claim claim(target.slot, bits);
      fault_point(FaultPoint::claimed);
      // relaxed: the claim holds the pointer still
      const Look seen = look_inside(bits, target.slot.body.load(std::memory_order_relaxed), &current_);
      if (!seen.state.live()) {
        if (options.upsert) {
          return write_claimed(target, {Operation::index, *options.upsert, Precondition::must_not_exist()}, claim,
                               seen);
        }
        begin_attempt();
        return finish({.result = Result::not_found, .word = seen.state.word, .decided_on = seen.state.word});
      }
      const Decision allowed = decide(seen.state, Operation::keep, options.precondition, {});
      Transformed transformed = Transformed::keep;
      if (allowed.verdict != Decision::Verdict::conflict) {
        transformed = transform({seen.state.version, seen.state.word, current_.source.bytes()}, next_);
      }
      if (transformed == Transformed::keep) return refuse(allowed, seen.state);
      if (transformed == Transformed::remove)
        return write_claimed(target, {Operation::remove, {}, options.precondition}, claim, seen);
      if (next_.size() > kMaxSourceBytes) {
        ++counters_.rejected;
        return {.result = Result::rejected, .cause = Cause::source_too_large};
      }
      return write_claimed(target, {Operation::index, next_.bytes(), options.precondition}, claim, seen);
    }

    /// Waits until nobody holds the claim, and looks until nobody came between.
    Look look(const ClaimSlot& slot, Document* into) {
      SpinWait wait;
      for (std::uint64_t retries = 0;;) {
        const std::uint64_t bits = slot.word.load(std::memory_order_acquire);  // C2 with C1
        if ((bits & ClaimSlot::kClaimed) != 0) {
          wait.pause();
          continue;
        }
        Block* const body = slot.body.load(std::memory_order_acquire);  // C3
        fault_point(FaultPoint::reading);
        const Look seen = look_inside(bits, body, into);
        // B6 relaxed: ordered behind B5; a slot never written has no body to tear
        if (bits == 0 || slot.word.load(std::memory_order_relaxed) == bits) {
          counters_.read_retries += retries;
          counters_.read_retries_longest = std::max(counters_.read_retries_longest, retries);
          return seen;
        }
        ++retries;
      }
    }

    static Look look_inside(std::uint64_t bits, Block* body, Document* into) {
      if (bits == 0) return {bits, nullptr, {}};
      const auto word = SeqNoTerm::from_bits(bits);
      const Look seen{bits, body, PackedBody::load(*body, word, into)};
      if (into != nullptr && seen.state.live()) {
        into->version = seen.state.version;
        into->word = word;
      }
      return seen;
    }

    static std::uint64_t claim_free(ClaimSlot& slot) noexcept {
      SpinWait wait;
      for (;;) {
        std::uint64_t bits = slot.word.load(std::memory_order_relaxed);  // relaxed: the exchange checks it
        if ((bits & ClaimSlot::kClaimed) == 0 &&
            slot.word.compare_exchange_weak(bits, bits | ClaimSlot::kClaimed, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {  // C4; relaxed on failure: tried again
          return bits;
        }
        wait.pause();
      }
    }

    static std::size_t bytes_of(const Write& write) noexcept {
      return write.operation == Operation::remove ? sizeof(std::int64_t) : write.source.size();
    }
    static bool fits(const Block* body, std::size_t bytes) noexcept {
      return body != nullptr && SizeClass::of(sizeof(Block) + bytes) == body->size_class;
    }

    Outcome write_claimed(Target& target, const Write& write, Claim& claim, const Look& seen) {
      const Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
      if (decision.verdict != Decision::Verdict::proceed) return refuse(decision, seen.state);
      const std::size_t bytes = bytes_of(write);
      return overwrite(target, write, claim, seen, decision, fits(seen.body, bytes) ? nullptr : cache_.take(bytes));
    }

    /// Under the claim, into `fresh` if it is set. Nothing but the want of a number can fail here.
    Outcome overwrite(Target& target, const Write& write, Claim& claim, const Look& seen, const Decision& decision,
                      Block* fresh) noexcept {
      const auto word = target.shard.draw();  // under the claim, so above the word that it replaces
      if (!word) {
        if (fresh != nullptr) cache_.give(fresh);
        return reject_write(Cause::seq_no_exhausted, seen.state);
      }
      begin_attempt();
      Block& body = fresh != nullptr ? *fresh : *seen.body;
      if (write.operation == Operation::remove) {
        PackedBody::store_tombstone(body, table_.now_ms());
      } else {
        PackedBody::store_source(body, write.source);
      }
      PackedBody::store_version(body, decision.version);
      if (fresh != nullptr) {
        target.slot.body.store(fresh, std::memory_order_release);  // C3
        if (seen.body != nullptr) cache_.give(seen.body);
      }
      claim.publish(*word);
      return finish(
          {.result = decision.result, .version = decision.version, .word = *word, .decided_on = seen.state.word});
    }
  };

  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<PackedClaim>);

}  // namespace occ
