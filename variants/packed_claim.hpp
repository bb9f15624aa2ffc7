#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "core/build/fault_point.hpp"
#include "core/build/prefetch.hpp"
#include "core/model/decide.hpp"
#include "core/slots/packed_body.hpp"
#include "core/slots/slot_handle.hpp"
#include "core/slots/slot_key.hpp"
#include "core/slots/slot_table.hpp"
#include "core/sync/claim.hpp"

namespace occ {

/// A document whose word carries a claim flag (core/sync/claim.hpp), and whose body is overwritten in place by whoever
/// holds the claim. A body that is small enough lies in the slot itself, where it arrives with the slot's other lines; a
/// larger one in a block.
///
/// A slot whose tombstone is purged stays claimed until it is another id's; who waits for it looks at the key.
///
/// The edges C1, C2, C4 and C6 are those of the claim; what they carry is the body and the occupant. Besides them:
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | body's exchange to reader | C3 store of the pointer | C3 load of the pointer | the head of that block |
/// | overwriting to stale reader | B4 stores into a body | B5 loads from a body | the claim C4, so that C6 differs |
struct alignas(64) ClaimSlot {
  static constexpr std::uint64_t kClaimed = Claim::kFlag;

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
      .overwrites_by_word = true,
      .backs_off = true,
  };

  using SlotTable::SlotTable;

  class Strategy : public SlotContext<PackedClaim> {
    /// A look at a slot that nobody has claimed.
    struct Look {
      std::uint64_t bits = 0;
      Block* block = nullptr;
      State state;
      /// The slot is no longer that occupant's.
      bool gone = false;
    };

   public:
    explicit Strategy(PackedClaim& table) : SlotContext(table) {}

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
      if (!Claim::take(slot.word, bits)) [[unlikely]]
        return false;
      Claim claim(slot.word, bits);
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

    OCCKIT_INLINE Outcome update_in_place(const Target& target, Transform transform, const UpdateOptions& options) {
      ClaimSlot& slot = *target.slot;
      const std::uint64_t bits = Claim::take_when_free(
          slot.word, [&](std::uint64_t) { return !slot.key.held_by(target.occupant); }, [this] { back_off(); });
      if (bits == Claim::kGone) [[unlikely]]
        return kSlotLost;
      Claim claim(slot.word, bits);
      fault_point(FaultPoint::claimed);
      Look seen;
      // relaxed: the claim holds the pointer still
      look_inside(slot, bits, slot.block.load(std::memory_order_relaxed), seen, copy_for_update());
      Decision decision = decide(seen.state, Operation::index, options.precondition, {});
      if (!seen.state.live() || decision.verdict != Decision::Verdict::proceed) [[unlikely]]
        return update_otherwise(target, transform, options, std::move(claim), seen, std::nullopt);
      const Transformed transformed =
          transform({seen.state.version, seen.state.word, source_inside(slot, seen.block)}, next_);
      if (transformed != Transformed::write || next_.size() > kMaxSourceBytes) [[unlikely]]
        return update_otherwise(target, transform, options, std::move(claim), seen, transformed);
      return overwrite(target, {Operation::index, next_.bytes(), options.precondition}, claim, seen, decision);
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
      if (!expired(seen.state, table_.instant_for(seen.state)) || !Claim::take(target.slot->word, seen.bits))
        return true;
      Claim claim(target.slot->word, seen.bits);
      table_.purge(*target.slot, target.occupant, target.id, target.hash, [&] {
        if (seen.block != nullptr) cache_.give(seen.block);
        claim.keep();
        return true;
      });
      return true;
    }

   private:
    OCCKIT_NOT_INLINE Outcome write_after_look(Target target, Write write) {
      const std::size_t bytes = PackedBody::bytes_of(write.operation, write.source);
      Block* fresh = nullptr;
      for (;;) {
        Look seen = look(target, nullptr);
        Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (seen.gone || decision.verdict != Decision::Verdict::proceed) [[unlikely]] {
          if (fresh != nullptr) cache_.give(fresh);
          if (seen.gone) return kSlotLost;
          return refuse(decision, seen.state);
        }
        if (fresh == nullptr && needs_block(seen.block, bytes)) fresh = cache_.take(bytes);
        if (Claim::take(target.slot->word, seen.bits)) [[likely]] {
          Claim claim(target.slot->word, seen.bits);
          fault_point(FaultPoint::claimed);
          if (fresh != nullptr && !needs_block(seen.block, bytes)) {  // the body was exchanged since it was taken
            cache_.give(fresh);
            fresh = nullptr;
          }
          return overwrite_block(target, write, std::move(claim), seen, decision, fresh);
        }
        begin_attempt();
        ++counters_.publication_failures;
        back_off();
      }
    }

    /// What an update comes to that is not mostly so; `transformed` is set if the transform has run.
    OCCKIT_NOT_INLINE Outcome update_otherwise(Target target, Transform transform, const UpdateOptions& options,
                                               Claim claim, Look seen, std::optional<Transformed> transformed) {
      return update_seen(
          seen.state, options,
          [&] {
            if (transformed) return *transformed;
            const Bytes source = source_inside(*target.slot, seen.block);
            return transform({seen.state.version, seen.state.word, source}, next_);
          },
          [&](const Write& write) { return write_claimed(target, write, claim, seen); });
    }

    /// Waits until nobody holds the claim, and looks until nobody came between. Mostly nobody writes and the document is
    /// in the slot; what would be otherwise is asked for once before the copy and once after it.
    OCCKIT_INLINE Look look(const Target& target, Document* into) {
      const ClaimSlot& slot = *target.slot;
      std::uint64_t bits = slot.word.load(std::memory_order_acquire);         // C2 with C1
      const Block* const block = slot.block.load(std::memory_order_acquire);  // C3
      if (((bits & ClaimSlot::kClaimed) | reinterpret_cast<std::uintptr_t>(block)) != 0) [[unlikely]]
        return look_again(slot, target.occupant, into, 0);
      Look seen;
      look_inside(slot, bits, nullptr, seen, into);
      fault_point(FaultPoint::reading);
      // C6 relaxed: ordered behind B5
      const std::uint64_t changed = slot.word.load(std::memory_order_relaxed) ^ bits;
      if ((changed | slot.key.difference_to(target.occupant)) != 0) [[unlikely]]
        return look_again(slot, target.occupant, into, changed == 0 ? 0 : 1);
      return seen;
    }
    OCCKIT_NOT_INLINE Look look_again(const ClaimSlot& slot, std::uint64_t occupant, Document* into,
                                      std::uint64_t retries) {
      Look seen;
      seen.gone = !Claim::read(
          slot.word, retries, [&](std::uint64_t) { return !slot.key.held_by(occupant); },
          [&](std::uint64_t bits) {
            look_inside(slot, bits, slot.block.load(std::memory_order_acquire), seen, into);  // C3
          });
      counters_.count_read_retries(retries);
      if (seen.gone) seen.state = {};  // whatever a look before this one saw
      return seen;
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
      claim.publish(word.bits());
      return finish(
          {.result = decision.result, .version = decision.version, .word = word, .decided_on = seen.state.word});
    }
  };

  using Handle = SlotHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<PackedClaim>);

}  // namespace occ
