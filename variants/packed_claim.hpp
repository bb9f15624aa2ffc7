#pragma once

#include <cstdint>
#include <utility>

#include "core/fault_point.hpp"
#include "core/packed_slot.hpp"
#include "core/prefetch.hpp"
#include "core/slot_handle.hpp"
#include "core/slot_table.hpp"
#include "core/spin_wait.hpp"

namespace occ {

/// A document whose word carries a claim flag, and whose body is overwritten in place by whoever holds the claim. A body
/// that is small enough lies in the slot itself, where it arrives with the slot's other lines; a larger one in a block.
///
///     bit 0 of the word   clear: free, the word is the last write's; set: claimed, a write is under way, or the slot
///                         is nobody's
///
/// Words of free slots only ever grow, but for a claim that is given up: it puts the old word back before it has
/// touched the body. So an unchanged free word proves, as in PackedSlot, that what was copied in between was whole. A
/// slot whose tombstone is purged stays claimed until it is another id's; who waits for it looks at the key.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | publication to reader | C1 store of the free word | C2 first load of the word | the body, and the occupant |
/// | publication to claimer | C1 store of the free word | C4 compare_exchange | the body's contents, for the next one to overwrite |
/// | body's exchange to reader | C3 store of the pointer | C3 load of the pointer | the head of that block |
/// | overwriting to stale reader | B4 stores into a body | B5 loads from a body | the claim C4, so that B6 differs |
///
/// The second load of the word is relaxed: the loads B5 before it keep it behind them.
struct alignas(64) ClaimSlot {
  static constexpr std::uint64_t kClaimed = 1;

  atomic<std::uint64_t> word{kClaimed};
  /// Null: the body is `inside`.
  atomic<Block*> block{nullptr};
  SlotKey key;
  InlineBody inside;
};
static_assert(!kLayoutIsReal || sizeof(ClaimSlot) == 192);

/// packed_cas without its lock-freedom: the same word, the same readers, but a writer claims the document by one
/// compare-and-swap on its own line and overwrites the body in place. The difference between the two is the price of
/// lock-freedom.
///
/// Progress: blocking throughout; readers and writers of one document wait for its claimer, nobody else does.
/// Memory: bounded; a block is exchanged only when its size class changes, or when the body moves into the slot or out.
/// Linearization: a write at its store of the free word; a read, a conflict and a noop at the first load of the word in
/// the look that validated, or under the claim.
/// Cost: dependent misses 2 (bucket, slot), and one more (block) for bodies of more than InlineBody::capacity bytes.
/// Locked instructions: get 0; write 2 (claim, draw of the seq_no), both forms of update too. No seq_no is ever drawn in
/// vain.
/// When not: threads outnumber the cores by much, since a claimer that loses its core stops everybody at its document;
/// transforms that take long.
/// Source: the sequence lock (Lameter 2005) with the sequence replaced by the word, and its lock bit by the flag.
class PackedClaim : public SlotTable<ClaimSlot> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "packed_claim",
      .summary = "a claim flag in the seq_no/term word; bodies overwritten in place, readers validate by the word",
      .reclamation = Reclamation::word_validated,
      .reuses_slots = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
      .backs_off = true,
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
      std::uint64_t bits = 0;
      Block* block = nullptr;
      State state;
      /// The slot is no longer that occupant's.
      bool gone = false;
    };

    /// What came of one look.
    enum class Glance : std::uint8_t { whole, overtaken, claimed };

    /// The right to write one slot. Given up unless something was published.
    class Claim {
     public:
      OCCKIT_INLINE Claim(ClaimSlot& slot, std::uint64_t bits) noexcept : slot_(slot), bits_(bits) {}
      Claim(const Claim&) = delete;
      Claim& operator=(const Claim&) = delete;
      OCCKIT_INLINE ~Claim() {
        if (!kept_) [[likely]]
          slot_.word.store(bits_, std::memory_order_release);  // C1 with C2, C4
      }
      OCCKIT_INLINE Claim(Claim&& other) noexcept : slot_(other.slot_), bits_(other.bits_) { other.keep(); }
      void publish(SeqNoTerm word) noexcept { bits_ = word.bits(); }
      /// The slot stays claimed, for whoever gives it to another id.
      void keep() noexcept { kept_ = true; }

     private:
      ClaimSlot& slot_;
      std::uint64_t bits_;
      bool kept_ = false;
    };

    State read(const Target& target, Document* into) { return look(target, into).state; }

    static void prefetch_body(const ClaimSlot& slot) noexcept {
      // relaxed: only an address
      prefetch_bytes(slot.block.load(std::memory_order_relaxed), kSmallBlockBytes);
    }

    static Precondition guard(const Document& read) noexcept { return Precondition::if_word(read.word); }

    OCCKIT_INLINE Outcome write(const Target& target, const Write& write) {
      if (write.operation == Operation::index && write.precondition.kind == Precondition::Kind::seq_no_term)
          [[likely]] {
        if (Outcome outcome; overwrite_by_word(target, write.source, write.precondition, outcome)) [[likely]]
          return outcome.by_member();
      }
      return write_after_look(target, write);
    }

    /// What an index on condition of a word mostly is: that word is still there, so it can be claimed without a look, and
    /// what lay in the slot is followed by what does too. False if anything is otherwise; then nothing was done.
    OCCKIT_INLINE bool overwrite_by_word(const Target& target, Bytes source, const Precondition& word,
                                         Outcome& outcome) {
      ClaimSlot& slot = *target.slot;
      if (source.size() > InlineBody::capacity) [[unlikely]]
        return false;
      auto condition = Precondition::if_word(word.word);
      const std::uint64_t bits = condition.word.bits();
      // relaxed: the exchange checks it
      if ((bits & ClaimSlot::kClaimed) != 0 || slot.word.load(std::memory_order_relaxed) != bits) [[unlikely]]
        return false;
      fault_point(FaultPoint::reading);
      if (!claim_unchanged(slot, bits)) [[unlikely]]
        return false;
      Claim claim(slot, bits);
      fault_point(FaultPoint::claimed);
      // relaxed: the claim holds the pointer still
      if (!slot.key.held_by(target.occupant) || slot.block.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
        return false;
      Look seen;
      look_inside(slot, bits, nullptr, seen, nullptr);
      Decision decision = decide(seen.state, Operation::index, condition, {});
      if (decision.verdict != Decision::Verdict::proceed) [[unlikely]]
        return false;
      outcome = overwrite_inside(target, {Operation::index, source, condition}, claim, seen, decision);
      return true;
    }

    OCCKIT_NOT_INLINE Outcome write_after_look(Target target, Write write) {
      const std::size_t bytes = PackedBody::bytes_of(write.operation, write.source);
      Block* fresh = nullptr;
      for (;;) {
        Look seen = look(target, nullptr);
        Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (seen.gone || decision.verdict != Decision::Verdict::proceed) [[unlikely]] {
          if (fresh != nullptr) cache_.give(fresh);
          if (seen.gone) return kLeft;
          return refuse(decision, seen.state);
        }
        if (fresh == nullptr && needs_block(seen.block, bytes)) fresh = cache_.take(bytes);
        if (claim_unchanged(*target.slot, seen.bits)) [[likely]] {
          Claim claim(*target.slot, seen.bits);
          fault_point(FaultPoint::claimed);
          if (fresh != nullptr && !needs_block(seen.block, bytes)) {  // the body was exchanged since it was taken
            cache_.give(fresh);
            fresh = nullptr;
          }
          return overwrite_block(target, write, std::move(claim), seen, decision, fresh);
        }
        begin_attempt();
        ++counters_.publication_failures;
        stand_back();
      }
    }

    OCCKIT_INLINE Outcome update_in_place(const Target& target, Transform transform, const UpdateOptions& options) {
      ClaimSlot& slot = *target.slot;
      const std::uint64_t bits = claim_free(target);
      if (bits == kGone) [[unlikely]]
        return kLeft;
      Claim claim(slot, bits);
      fault_point(FaultPoint::claimed);
      Look seen;
      // relaxed: the claim holds the pointer still
      look_inside(slot, bits, slot.block.load(std::memory_order_relaxed), seen, copy_for_update());
      Decision decision = decide(seen.state, Operation::index, options.precondition, {});
      if (!seen.state.live() || decision.verdict != Decision::Verdict::proceed) [[unlikely]]
        return update_otherwise(target, transform, options, std::move(claim), seen, decision);
      const Transformed transformed =
          transform({seen.state.version, seen.state.word, source_inside(slot, seen.block)}, next_);
      if (transformed != Transformed::write || next_.size() > kMaxSourceBytes) [[unlikely]]
        return end_otherwise(target, transformed, options, std::move(claim), seen);
      return overwrite(target, {Operation::index, next_.bytes(), options.precondition}, claim, seen, decision);
    }

    /// Of a document that is missing, not the one that the condition names, or at the end of its versions.
    OCCKIT_NOT_INLINE Outcome update_otherwise(Target target, Transform transform, const UpdateOptions& options,
                                               Claim claim, Look seen, Decision decision) {
      if (!seen.state.live())
        return options.upsert ? write_claimed(target, upsert_of(options), claim, seen) : missing(seen.state);
      if (decision.verdict == Decision::Verdict::rejected) {
        const Bytes source = source_inside(*target.slot, seen.block);
        const Transformed transformed = transform({seen.state.version, seen.state.word, source}, next_);
        if (transformed != Transformed::write || next_.size() > kMaxSourceBytes)
          return end_otherwise(target, transformed, options, std::move(claim), seen);
      }
      return refuse(decision, seen.state);
    }
    /// Where the transform did not say that it should be written, or what cannot be.
    OCCKIT_NOT_INLINE Outcome end_otherwise(Target target, Transformed transformed, const UpdateOptions& options,
                                            Claim claim, Look seen) {
      switch (transformed) {
        case Transformed::write:
          return reject(Cause::source_too_large);
        case Transformed::remove:
          return write_claimed(target, {Operation::remove, {}, options.precondition}, claim, seen);
        case Transformed::keep:
          break;
      }
      return refuse(decide(seen.state, Operation::keep, options.precondition, {}), seen.state);
    }

    Block* make_body(const Write& write, Version version) {
      Block* const body = cache_.take(PackedBody::bytes_of(write.operation, write.source));
      fill(*body, write, version);
      return body;
    }
    static Block* occupy(ClaimSlot& slot, SeqNoTerm word, Block* body, const Write& write) noexcept {
      const bool inside = PackedBody::bytes_of(write.operation, write.source) <= InlineBody::capacity;
      if (inside) PackedBody::copy(*body, slot.inside);
      slot.block.store(inside ? nullptr : body, std::memory_order_release);  // C3
      slot.word.store(word.bits(), std::memory_order_release);               // C1 with C2, C4
      return inside ? body : nullptr;
    }
    bool vacate(const Target& target) noexcept {
      Look seen = look(target, nullptr);
      if (!expired(seen.state, table_.instant_for(seen.state)) || !claim_unchanged(*target.slot, seen.bits))
        return true;
      Claim claim(*target.slot, seen.bits);
      table_.purge(*target.slot, target.occupant, target.id, target.hash, [&] {
        if (seen.block != nullptr) cache_.give(seen.block);
        claim.keep();
        return true;
      });
      return true;
    }

    /// Waits until nobody holds the claim, and looks until nobody came between.
    OCCKIT_INLINE Look look(const Target& target, Document* into) {
      Look seen;
      const Glance glance = look_once(target, into, seen);
      if (glance == Glance::whole) [[likely]]
        return seen;
      return look_again(target, into, glance);
    }
    OCCKIT_NOT_INLINE Look look_again(Target target, Document* into, Glance glance) {
      Look seen;
      SpinWait wait;
      std::uint64_t retries = 0;
      for (; glance != Glance::whole; glance = look_once(target, into, seen)) {
        if (glance == Glance::overtaken) {
          ++retries;
        } else {
          wait.pause();
        }
      }
      counters_.count_read_retries(retries);
      return seen;
    }
    OCCKIT_INLINE static Glance look_once(const Target& target, Document* into, Look& seen) {
      const ClaimSlot& slot = *target.slot;
      const std::uint64_t bits = slot.word.load(std::memory_order_acquire);  // C2 with C1
      if (!slot.key.held_by(target.occupant)) [[unlikely]] {
        seen = {};  // whatever a look before this one saw
        seen.gone = true;
        return Glance::whole;
      }
      if ((bits & ClaimSlot::kClaimed) != 0) [[unlikely]]
        return Glance::claimed;
      look_inside(slot, bits, slot.block.load(std::memory_order_acquire), seen, into);  // C3
      fault_point(FaultPoint::reading);
      // B6 relaxed: ordered behind B5
      return slot.word.load(std::memory_order_relaxed) == bits ? Glance::whole : Glance::overtaken;
    }

    OCCKIT_INLINE static void look_inside(const ClaimSlot& slot, std::uint64_t bits, Block* block, Look& seen,
                                          Document* into) {
      const auto word = SeqNoTerm::from_bits(bits);
      seen.bits = bits;
      seen.block = block;
      seen.state = block == nullptr ? PackedBody::load(slot.inside, word, into) : PackedBody::load(*block, word, into);
      if (into != nullptr && seen.state.live()) {
        into->version = seen.state.version;
        into->word = word;
      }
    }

    /// Of a live document, where it lies; under the claim. In models words are no bytes, so there it is copied.
    OCCKIT_INLINE Bytes source_inside(const ClaimSlot& slot, const Block* block) const noexcept {
      if constexpr (!kLayoutIsReal) return current_.source.bytes();
      return block == nullptr ? PackedBody::source(slot.inside) : PackedBody::source(*block);
    }
    Document* copy_for_update() noexcept { return kLayoutIsReal ? nullptr : &current_; }

    static bool claim_unchanged(ClaimSlot& slot, std::uint64_t bits) noexcept {
      // relaxed on failure: C2 loads again
      return slot.word.compare_exchange_strong(bits, bits | ClaimSlot::kClaimed, std::memory_order_acquire,
                                               std::memory_order_relaxed);  // C4
    }

    /// The word before the claim. kGone if the slot is no longer that occupant's.
    OCCKIT_INLINE std::uint64_t claim_free(const Target& target) noexcept {
      ClaimSlot& slot = *target.slot;
      SpinWait wait;
      for (;;) {
        const std::uint64_t bits = slot.word.load(std::memory_order_relaxed);  // relaxed: the exchange checks it
        if ((bits & ClaimSlot::kClaimed) == 0 && claim_unchanged(slot, bits)) [[likely]] {
          if (slot.key.held_by(target.occupant)) [[likely]]
            return bits;
          slot.word.store(bits, std::memory_order_release);  // C1 with C2, C4
          return kGone;
        }
        if (!slot.key.held_by(target.occupant)) return kGone;
        stand_back();
        wait.pause();
      }
    }
    static constexpr std::uint64_t kGone = ClaimSlot::kClaimed;

    /// Whether a body of that size can lie neither in the slot nor in the block that it has.
    static bool needs_block(const Block* block, std::size_t bytes) noexcept {
      return bytes > InlineBody::capacity &&
             (block == nullptr || SizeClass::of(sizeof(Block) + bytes) != block->size_class);
    }

    template <class Body>
    OCCKIT_INLINE void fill(Body& body, const Write& write, Version version) const noexcept {
      if (write.operation == Operation::remove) [[unlikely]] {
        PackedBody::store_tombstone(body, table_.now_ms());
      } else {
        PackedBody::store_source(body, write.source);
      }
      PackedBody::store_version(body, version);
    }

    Outcome write_claimed(const Target& target, const Write& write, Claim& claim, const Look& seen) {
      return write_decided(target, write, claim, seen,
                           decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state)));
    }
    OCCKIT_INLINE Outcome write_decided(const Target& target, const Write& write, Claim& claim, const Look& seen,
                                        const Decision& decision) {
      if (decision.verdict != Decision::Verdict::proceed) [[unlikely]]
        return refuse(decision, seen.state);
      return overwrite(target, write, claim, seen, decision);
    }

    /// Under the claim.
    OCCKIT_INLINE Outcome overwrite(const Target& target, const Write& write, Claim& claim, const Look& seen,
                                    const Decision& decision) {
      const std::size_t bytes = PackedBody::bytes_of(write.operation, write.source);
      if (seen.block != nullptr || bytes > InlineBody::capacity) [[unlikely]]
        return overwrite_block(target, write, std::move(claim), seen, decision,
                               needs_block(seen.block, bytes) ? cache_.take(bytes) : nullptr);
      return overwrite_inside(target, write, claim, seen, decision);
    }
    OCCKIT_INLINE Outcome overwrite_inside(const Target& target, const Write& write, Claim& claim, const Look& seen,
                                           const Decision& decision) noexcept {
      auto word = draw(target, seen.state.word);  // under the claim, so above the word that it replaces
      if (word.vacant()) [[unlikely]]
        return reject_write(Cause::seq_no_exhausted, seen.state);
      begin_attempt();
      fill(target.slot->inside, write, decision.version);
      return publish(claim, word, seen, decision);
    }
    /// Of a body that lies in a block, or shall: into `fresh` if it is set.
    OCCKIT_NOT_INLINE Outcome overwrite_block(Target target, Write write, Claim claim, Look seen, Decision decision,
                                              Block* fresh) noexcept {
      const SeqNoTerm word = draw(target, seen.state.word);  // as above
      if (word.vacant()) {
        if (fresh != nullptr) cache_.give(fresh);
        return reject_write(Cause::seq_no_exhausted, seen.state);
      }
      begin_attempt();
      const bool inside = PackedBody::bytes_of(write.operation, write.source) <= InlineBody::capacity;
      Block* const block = inside ? nullptr : fresh != nullptr ? fresh : seen.block;
      if (inside) {
        fill(target.slot->inside, write, decision.version);
      } else {
        fill(*block, write, decision.version);
      }
      if (block != seen.block) {
        target.slot->block.store(block, std::memory_order_release);  // C3
        if (seen.block != nullptr) cache_.give(seen.block);
      }
      return publish(claim, word, seen, decision);
    }
    OCCKIT_INLINE Outcome publish(Claim& claim, SeqNoTerm word, const Look& seen, const Decision& decision) noexcept {
      claim.publish(word);
      return finish(
          {.result = decision.result, .version = decision.version, .word = word, .decided_on = seen.state.word});
    }
  };

  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<PackedClaim>);

}  // namespace occ
