#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/document_handle.hpp"
#include "core/inlining.hpp"
#include "core/numbered_documents.hpp"
#include "core/sharded_table.hpp"
#include "core/spin_wait.hpp"

namespace occ {

/// No synchronisation: two threads at one document tear it and lose each other's updates.
class Unsynchronised {
 public:
  static std::uint64_t free_word(const NumberedDocument& document) noexcept {
    return document.word.load(std::memory_order_relaxed);  // relaxed: nothing is promised
  }
  static bool unchanged(const NumberedDocument&, std::uint64_t) noexcept { return true; }
  static bool claim(NumberedDocument&, std::uint64_t) noexcept { return true; }
  static void set_word(NumberedDocument& document, std::uint64_t bits) noexcept {
    document.word.store(bits, std::memory_order_relaxed);  // relaxed: nothing is promised
  }
  static void load_body(NumberedDocument& document, std::byte* to, std::size_t bytes) noexcept {
    std::memcpy(to, document.bytes(), bytes);
  }
  static void store_body(NumberedDocument& document, Bytes source) noexcept {
    if (!source.empty()) std::memcpy(document.bytes(), source.data(), source.size());
  }
};

/// The word as packed_claim has it: a writer claims the document by one compare-and-swap and overwrites it in place, a
/// reader copies it and looks at the word again.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | publication to reader | K1 store of the free word | K2 load of the word | the head and the body |
/// | publication to claimer | K1 store of the free word | K3 compare_exchange | the same, for the next one to overwrite |
/// | overwriting to stale reader | K4 stores into the body | K5 loads from the body | the claim K3, so that K6 differs |
class ByWord {
 public:
  static std::uint64_t free_word(const NumberedDocument& document) noexcept {
    SpinWait wait;
    for (;;) {
      const std::uint64_t bits = document.word.load(std::memory_order_acquire);  // K2 with K1
      if (bits == kNeverWritten || (bits & kClaimed) == 0) return bits;
      wait.pause();
    }
  }
  static bool unchanged(const NumberedDocument& document, std::uint64_t bits) noexcept {
    return document.word.load(std::memory_order_relaxed) == bits;  // K6 relaxed: ordered behind K5
  }
  static bool claim(NumberedDocument& document, std::uint64_t bits) noexcept {
    // relaxed on failure: K2 loads again
    return document.word.compare_exchange_strong(bits, bits == kNeverWritten ? kFirstClaim : bits | kClaimed,
                                                 std::memory_order_acquire, std::memory_order_relaxed);  // K3
  }
  static void set_word(NumberedDocument& document, std::uint64_t bits) noexcept {
    document.word.store(bits, std::memory_order_release);  // K1 with K2, K3
  }
  static void load_body(NumberedDocument& document, std::byte* to, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < (bytes + 7) / 8; ++i) {
      const std::uint64_t bits = document.words()[i].load(std::memory_order_acquire);  // K5 with K4
      std::memcpy(to + i * 8, &bits, 8);
    }
  }
  static void store_body(NumberedDocument& document, Bytes source) noexcept {
    for (std::size_t i = 0; i * 8 < source.size(); ++i) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, source.data() + i * 8, std::min<std::size_t>(8, source.size() - i * 8));
      document.words()[i].store(bits, std::memory_order_release);  // K4 with K5
    }
  }

 private:
  static constexpr std::uint64_t kClaimed = SeqNoTerm(0, 0).vacated().bits();
  static constexpr std::uint64_t kNeverWritten = SeqNoTerm::never_written().bits();
  static constexpr std::uint64_t kFirstClaim = SeqNoTerm(0, 1).vacated().bits();
};

/// Floor: documents at addresses that are computed from the number in their id, without hash or directory, and without a
/// shard's counter: a document numbers its own writes. Everything else is there that a table has to do: the id is read,
/// `decide` is asked, transforms run, sources are copied in and out. So what a table takes longer than `floor_plain` is
/// the price of finding a document by any id and of keeping threads apart; what it takes longer than `floor_word` is the
/// price of the first alone, and of the order of writes within a shard.
///
/// Ids that end with the same eight hexadecimal digits are one document. All sources are as large as the first, or
/// smaller; larger ones are rejected. Primary terms stay 1.
///
/// Progress: without synchronisation wait-free; by the word blocking.
/// Cost: dependent misses 1, the document (its two lines, where the source has 100 bytes, are fetched at once). Locked
/// instructions: get 0, write 0, by the word 1.
template <class Access>
class FloorDocument : public ShardedTable {
  static constexpr bool kPlain = std::is_same_v<Access, Unsynchronised>;

 public:
  static constexpr StrategyInfo kInfo{
      .name = kPlain ? "floor_plain" : "floor_word",
      .summary = kPlain ? "floor: documents at known addresses, no synchronisation; more than one thread lose updates"
                        : "floor: documents at known addresses, kept by the optimistic word; no shard counter",
      .semantics = Semantics::floor,
      .get = kPlain ? Progress::wait_free : Progress::blocking,
      .write = kPlain ? Progress::wait_free : Progress::blocking,
      .create = Progress::blocking,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using ShardedTable::ShardedTable;

  class Handle : public DocumentHandle<Handle> {
   public:
    static constexpr const StrategyInfo& kInfo = FloorDocument::kInfo;
    explicit Handle(FloorDocument& table) noexcept : table_(table) {}

   private:
    friend DocumentHandle<Handle>;

    struct Target {
      std::uint32_t number;
      /// Null if there is no memory for it yet.
      NumberedDocument* document;
    };

    Target find(std::string_view id) const noexcept {
      const std::uint32_t number = number_of(id);
      return {number, table_.documents_.find(number)};
    }
    void find_again(const Target&) const noexcept {}
    static Precondition guard_of(const Document& read) noexcept { return Precondition::if_word(read.word); }

    State read_target(const Target& target, Document* into) {
      if (target.document == nullptr) return {};
      for (;;) {
        const std::uint64_t bits = Access::free_word(*target.document);
        State state = load(*target.document, bits, into);
        if (!Access::unchanged(*target.document, bits)) continue;
        if (into != nullptr && state.live()) {
          into->version = state.version;
          into->word = state.word;
        }
        return state;
      }
    }

    OCCKIT_INLINE Outcome write_target(Target& target, const Write& write) {
      for (;;) {
        State state = read_target(target, nullptr);
        Decision decision = decide(state, write.operation, write.precondition, table_.instant_for(state));
        if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, state);
        if (!make(target, write)) return this->reject_write(Cause::source_too_large, state);
        if (Access::claim(*target.document, state.word.bits())) return overwrite(target, write, state, decision);
        this->begin_attempt();
        ++this->counters_.publication_failures;
      }
    }

    OCCKIT_INLINE Outcome update_target(Target& target, Transform transform, const UpdateOptions& options) {
      if (target.document == nullptr) {
        if (!options.upsert) return this->missing({});
        if (!make(target, this->upsert_of(options))) return this->reject_write(Cause::source_too_large, {});
      }
      NumberedDocument& document = *target.document;
      std::uint64_t bits;
      do {
        bits = Access::free_word(document);
      } while (!Access::claim(document, bits));
      Claim claim(document, bits);
      State state = load(document, bits, kPlain ? nullptr : &this->current_);
      if (!state.live()) {
        if (options.upsert) return write_claimed(target, claim, this->upsert_of(options), state);
        return this->missing(state);
      }
      Decision kept = decide(state, Operation::keep, options.precondition, {});
      Transformed transformed = Transformed::keep;
      if (kept.verdict != Decision::Verdict::conflict) {
        transformed = transform({state.version, state.word, view(document)}, this->next_);
      }
      if (transformed == Transformed::keep) return this->refuse(kept, state);
      if (transformed == Transformed::remove) {
        return write_claimed(target, claim, {Operation::remove, {}, options.precondition}, state);
      }
      return write_claimed(target, claim, {Operation::index, this->next_.bytes(), options.precondition}, state);
    }

    /// The right to write one document; what it was is put back unless something was published.
    class Claim {
     public:
      Claim(NumberedDocument& document, std::uint64_t bits) noexcept : document_(document), bits_(bits) {}
      Claim(const Claim&) = delete;
      Claim& operator=(const Claim&) = delete;
      ~Claim() {
        if (!published_) Access::set_word(document_, bits_);
      }
      void published() noexcept { published_ = true; }

     private:
      NumberedDocument& document_;
      std::uint64_t bits_;
      bool published_ = false;
    };

    OCCKIT_INLINE Outcome write_claimed(Target& target, Claim& claim, const Write& write, const State& state) {
      Decision decision = decide(state, write.operation, write.precondition, table_.instant_for(state));
      if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, state);
      if (!make(target, write)) return this->reject_write(Cause::source_too_large, state);
      claim.published();
      return overwrite(target, write, state, decision);
    }

    /// Room for the write. False if there is none at that number.
    bool make(Target& target, const Write& write) {
      if (target.document == nullptr) {
        target.document = table_.documents_.find_or_make(target.number, write.source.size());
      }
      return target.document != nullptr && write.source.size() <= table_.documents_.capacity();
    }

    OCCKIT_INLINE Outcome overwrite(const Target& target, const Write& write, const State& state,
                                    const Decision& decision) noexcept {
      this->begin_attempt();
      NumberedDocument& document = *target.document;
      const SeqNoTerm word(state.word.vacant() ? 0 : state.word.seq_no() + 1, 1);
      if (write.operation == Operation::remove) {
        store(document.size, NumberedDocument::kTombstone);
        store(document.words()[0], static_cast<std::uint64_t>(table_.now_ms()));
      } else {
        store(document.size, write.source.size());
        Access::store_body(document, write.source);
      }
      store(document.version, static_cast<std::uint64_t>(decision.version));
      Access::set_word(document, word.bits());
      return this->finish(
          {.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
    }

    State load(NumberedDocument& document, std::uint64_t bits, Document* into) const {
      const auto word = SeqNoTerm::from_bits(bits);
      if (word.vacant()) return {};
      State state{.kind = State::Kind::live,
                  .version = static_cast<Version>(document.version.load(std::memory_order_acquire)),  // K5 with K4
                  .word = word};
      const std::uint64_t size = document.size.load(std::memory_order_acquire);  // K5 with K4
      if (size == NumberedDocument::kTombstone) {
        state.kind = State::Kind::tombstone;
        state.deleted_at_ms =
            static_cast<std::int64_t>(document.words()[0].load(std::memory_order_acquire));  // K5 with K4
      } else if (into != nullptr) {
        Access::load_body(document, into->source.resize_for_overwrite(size), size);
      }
      return state;
    }
    static void store(atomic<std::uint64_t>& cell, std::uint64_t value) noexcept {
      cell.store(value, std::memory_order_release);  // K4 with K5
    }

    /// Of a live document, under the claim.
    Bytes view(NumberedDocument& document) const noexcept {
      if constexpr (!kPlain) return this->current_.source.bytes();
      const std::uint64_t size = document.size.load(std::memory_order_relaxed);  // relaxed: nothing is promised
      return {document.bytes(), size == NumberedDocument::kTombstone ? 0 : size};
    }

    FloorDocument& table_;
  };

  [[nodiscard]] Handle handle() noexcept { return Handle(*this); }
  [[nodiscard]] MemoryUse memory() const noexcept { return {.slots = documents_.bytes()}; }

 private:
  NumberedDocuments documents_;
};

static_assert(DocumentTable<FloorDocument<Unsynchronised>>);
static_assert(DocumentTable<FloorDocument<ByWord>>);

}  // namespace occ
