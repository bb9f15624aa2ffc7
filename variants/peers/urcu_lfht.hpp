#pragma once

#include <cstddef>
#include <new>

#include "core/build/fault_point.hpp"
#include "core/peers/lfht_table.hpp"
#include "core/slots/packed_body.hpp"
#include "core/sync/claim.hpp"

namespace occ {

/// A document in a node of the table: the word with a claim flag (core/sync/claim.hpp), and the body, unless the source
/// is too large for it and lies in a block of its own.
///
/// The edges C1, C2, C4 and C6 are those of the claim. Besides them:
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | end of a node to reader | U1 store of the last word | C2 first load of the word | that its id is absent |
/// | body's exchange to reader | U4 store of the pointer | U4 load of the pointer | the head of that body |
/// | overwriting to reader | B4 stores into a body | B5 loads from a body | the claim C4, so that C6 differs |
struct LfhtDocument : LfhtNode {
  /// A node that is unborn is claimed by whoever creates it.
  static_assert((kUnborn & Claim::kFlag) != 0);
  /// Claimed for ever: its tombstone has expired and it leaves the table.
  static constexpr std::uint64_t kGone = ~std::uint64_t{0};

  /// Between the head of the block and the node, which is aligned as the body in it.
  static constexpr std::size_t kBefore = 8;

  explicit LfhtDocument(std::string_view id) noexcept : LfhtNode(id) {}

  [[nodiscard]] Block& block() noexcept {
    return *reinterpret_cast<Block*>(reinterpret_cast<std::byte*>(this) - kBefore - sizeof(Block));
  }
  /// What fits into a body of this document.
  [[nodiscard]] static std::size_t room(const Block* current) noexcept {
    return current == nullptr ? InlineBody::capacity : current->capacity;
  }

  /// The body, if it is not `own`.
  atomic<Block*> outside{nullptr};
  InlineBody own;
};
static_assert((sizeof(Block) + LfhtDocument::kBefore) % alignof(LfhtDocument) == 0);

/// Peer: liburcu's lock-free hash table, the document in the node. Readers copy and validate by the word; a writer
/// claims the document by one compare-and-swap on its word and overwrites the body in place. Once the word is in the
/// node, that is all that is left to do with it.
///
/// Progress: blocking: readers and writers of one document wait for its claimer; whoever exchanges bodies or purges waits
/// for suspended readers of all once a batch is full.
/// Memory: bounded, as that of version_retry_urcu; nodes of forgotten ids are used again.
/// Where memory ends liburcu may end the program; what can be asked before is asked, and a table throws std::bad_alloc
/// then, or stays as it is (core/peers/lfht.hpp).
/// Linearization: a write at its store of the free word; a read, a conflict and a noop at the first load of the word in
/// the look that validated, or under the claim.
/// Cost: dependent misses 2.5 (bucket, on average one and a half nodes). Locked instructions: get 0; write 2 (claim, draw
/// of the seq_no), both forms of update too; optimistic update finds its node once.
/// When not: as packed_claim; ids that come and go, since every purge is a node that waits for a grace period.
class UrcuLfht : public LfhtTable {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "urcu_lfht",
      .summary = "peer: liburcu's lock-free hash table, word and body in the node, one claim per write",
      .reclamation = Reclamation::rcu,
      .reuses_slots = true,
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using LfhtTable::LfhtTable;

  class Strategy : public LfhtContext<UrcuLfht> {
    /// A look at a document that nobody has claimed.
    struct Look {
      std::uint64_t bits = 0;
      Block* body = nullptr;
      State state;
      /// The node leaves the table.
      bool gone = false;
    };

    static LfhtDocument& document_at(LfhtNode& node) noexcept { return static_cast<LfhtDocument&>(node); }

   public:
    static constexpr std::uint64_t kClaimed = Claim::kFlag;
    explicit Strategy(UrcuLfht& table) : LfhtContext(table) {}

    State read(LfhtNode& node, Document* into) { return look(document_at(node), into).state; }

    std::optional<Outcome> write(Target& target, const Write& write) {
      LfhtDocument& document = document_at(*target.node());
      const std::size_t bytes = PackedBody::bytes_of(write.operation, write.source);
      Block* fresh = nullptr;
      for (;;) {
        Look seen = look(document, nullptr);
        Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (seen.gone || decision.verdict != Decision::Verdict::proceed) {
          if (fresh != nullptr) cache_.give(fresh);
          if (seen.gone) return gone(document);
          return refuse(decision, seen.state);
        }
        if (fresh == nullptr && bytes > LfhtDocument::room(seen.body)) fresh = cache_.take(bytes);
        if (Claim::take(document.word, seen.bits)) {
          Claim claim(document.word, seen.bits);
          fault_point(FaultPoint::claimed);
          if (fresh != nullptr &&
              bytes <= LfhtDocument::room(seen.body)) {  // the body was exchanged since it was taken
            cache_.give(fresh);
            fresh = nullptr;
          }
          return overwrite(target, write, claim, seen, decision, fresh);
        }
        begin_attempt();
        ++counters_.publication_failures;
      }
    }

    std::optional<Outcome> update_in_place(Target& target, Transform transform, const UpdateOptions& options) {
      LfhtDocument& document = document_at(*target.node());
      const std::uint64_t bits = Claim::take_when_free(document.word, is_gone, [] {});
      if (bits == Claim::kGone) return gone(document);
      Claim claim(document.word, bits);
      fault_point(FaultPoint::claimed);
      // relaxed: the claim holds the pointer still
      Look seen;
      look_inside(document, bits, document.outside.load(std::memory_order_relaxed), seen, &current_);
      return update_seen(
          seen.state, options,
          [&]() OCCKIT_INLINE_LAMBDA {
            return transform({seen.state.version, seen.state.word, current_.source.bytes()}, next_);
          },
          [&](const Write& write) OCCKIT_INLINE_LAMBDA { return write_claimed(target, write, claim, seen); });
    }

    LfhtNode& make_node(std::string_view id, const Write& write, Version version) {
      const std::size_t bytes = PackedBody::bytes_of(write.operation, write.source);
      Block* const outside = bytes > InlineBody::capacity ? cache_.take(bytes) : nullptr;
      try {
        auto& document = place_node<LfhtDocument>(id, LfhtDocument::kBefore, 0);
        fill(document, outside, write, version);
        document.outside.store(outside, std::memory_order_relaxed);  // relaxed: L1 releases it
        return document;
      } catch (...) {
        if (outside != nullptr) cache_.give(outside);
        throw;
      }
    }

    void discard(LfhtNode& node) noexcept {
      LfhtDocument& document = document_at(node);
      Block* const outside = document.outside.load(std::memory_order_relaxed);  // relaxed: this thread's own
      if (outside != nullptr) cache_.give(outside);
      cache_.give(&document.block());
    }

    void purge(LfhtNode& node, SeqNoTerm word) noexcept {
      LfhtDocument& document = document_at(node);
      if (Claim::take(document.word, word.bits())) abandon(document);
    }
    /// Under the claim.
    void abandon(LfhtNode& node) noexcept {
      node.word.store(LfhtDocument::kGone, std::memory_order_release);  // U1 with C2
      unlink(document_at(node));
    }

   private:
    /// By whoever comes first, so that nobody waits for the one who began it.
    void unlink(LfhtDocument& document) noexcept {
      if (table_.map().remove(document)) participant_.retire(&document.block());
    }
    std::nullopt_t gone(LfhtDocument& document) noexcept {
      unlink(document);
      return std::nullopt;
    }

    static bool is_gone(std::uint64_t bits) noexcept { return bits == LfhtDocument::kGone; }

    Look look(LfhtDocument& document, Document* into) {
      Look seen;
      std::uint64_t retries = 0;
      seen.gone = !Claim::read(document.word, retries, is_gone, [&](std::uint64_t bits) {
        look_inside(document, bits, document.outside.load(std::memory_order_acquire), seen, into);  // U4
      });
      counters_.count_read_retries(retries);
      if (seen.gone) seen.state = {};  // whatever a look before this one saw
      return seen;
    }

    static void look_inside(LfhtDocument& document, std::uint64_t bits, Block* body, Look& seen, Document* into) {
      const auto word = SeqNoTerm::from_bits(bits);
      seen.bits = bits;
      seen.body = body;
      seen.state = body == nullptr ? PackedBody::load(document.own, word, into) : PackedBody::load(*body, word, into);
      if (into != nullptr && seen.state.live()) {
        into->version = seen.state.version;
        into->word = word;
      }
    }

    void fill(LfhtDocument& document, Block* outside, const Write& write, Version version) const noexcept {
      if (outside != nullptr) {
        fill(*outside, write, version);
      } else {
        fill(document.own, write, version);
      }
    }
    template <class Body>
    void fill(Body& body, const Write& write, Version version) const noexcept {
      if (write.operation == Operation::remove) {
        PackedBody::store_tombstone(body, table_.now_ms());
      } else {
        PackedBody::store_source(body, write.source);
      }
      PackedBody::store_version(body, version);
    }

    Outcome write_claimed(Target& target, const Write& write, Claim& claim, const Look& seen) {
      Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
      if (decision.verdict != Decision::Verdict::proceed) return refuse(decision, seen.state);
      const std::size_t bytes = PackedBody::bytes_of(write.operation, write.source);
      const bool fits = bytes <= LfhtDocument::room(seen.body);
      return overwrite(target, write, claim, seen, decision, fits ? nullptr : cache_.take(bytes));
    }

    /// Under the claim, into `fresh` if it is set; a tombstone goes into the node, so that a deleted document
    /// gives its memory back. Nothing but the want of a number can fail here.
    Outcome overwrite(Target& target, const Write& write, Claim& claim, const Look& seen, const Decision& decision,
                      Block* fresh) noexcept {
      auto word = draw(target, seen.state.word);  // under the claim, so above the word that it replaces
      if (word.vacant()) {
        if (fresh != nullptr) cache_.give(fresh);
        return reject_write(Cause::seq_no_exhausted, seen.state);
      }
      begin_attempt();
      LfhtDocument& document = document_at(*target.node());
      Block* const body = write.operation == Operation::remove ? nullptr : fresh != nullptr ? fresh : seen.body;
      fill(document, body, write, decision.version);
      if (body != seen.body) {
        document.outside.store(body, std::memory_order_release);  // U4
        if (seen.body != nullptr) participant_.retire(seen.body);
      }
      claim.publish(word.bits());
      return finish(
          {.result = decision.result, .version = decision.version, .word = word, .decided_on = seen.state.word});
    }
  };

  using Handle = LfhtHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<UrcuLfht>);

}  // namespace occ
