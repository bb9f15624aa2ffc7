#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/build/inlining.hpp"
#include "core/floors/numbered_documents.hpp"
#include "core/sync/claim.hpp"
#include "core/table/document_handle.hpp"
#include "core/table/sharded_table.hpp"

namespace occ {

/// No synchronisation: two threads at one document tear it and lose each other's updates.
class Unsynchronised {
 public:
  /// In place of a claim, which nobody needs here.
  class Claim {
   public:
    Claim(atomic<std::uint64_t>& word, std::uint64_t bits) noexcept : word_(word), bits_(bits) {}
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim() { word_.store(bits_, std::memory_order_relaxed); }  // relaxed: nothing is promised
    void publish(std::uint64_t bits) noexcept { bits_ = bits; }

   private:
    atomic<std::uint64_t>& word_;
    std::uint64_t bits_;
  };
  static bool take(atomic<std::uint64_t>&, std::uint64_t) noexcept { return true; }
  static std::uint64_t take_when_free(atomic<std::uint64_t>& word) noexcept {
    return word.load(std::memory_order_relaxed);  // relaxed: nothing is promised
  }
  template <class Copy>
  static void read(const atomic<std::uint64_t>& word, const Copy& copy) {
    copy(word.load(std::memory_order_relaxed));  // relaxed: nothing is promised
  }
  static void load_body(NumberedDocument& document, std::byte* to, std::size_t bytes) noexcept {
    std::memcpy(to, document.bytes(), bytes);
  }
  static void store_body(NumberedDocument& document, Bytes source) noexcept {
    if (!source.empty()) std::memcpy(document.bytes(), source.data(), source.size());
  }
};

/// The word as packed_claim has it, by the claim of core/sync/claim.hpp, whose edges C1, C2, C4 and C6 are. Besides them:
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | overwriting to stale reader | K4 stores into the body | K5 loads from the body | the claim C4, so that C6 differs |
class ByWord {
 public:
  using Claim = occ::Claim;
  static bool take(atomic<std::uint64_t>& word, std::uint64_t bits) noexcept { return Claim::take(word, bits); }
  static std::uint64_t take_when_free(atomic<std::uint64_t>& word) noexcept {
    return Claim::take_when_free(word, is_gone, [] {});
  }
  template <class Copy>
  static void read(const atomic<std::uint64_t>& word, const Copy& copy) {
    std::uint64_t retries = 0;  // a floor counts none
    Claim::read(word, retries, is_gone, copy);
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
  /// A document stays where it is.
  static bool is_gone(std::uint64_t) noexcept { return false; }
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

  class Strategy : public HandleContext {
   public:
    using Table = FloorDocument;
    static constexpr const StrategyInfo& kInfo = FloorDocument::kInfo;
    static constexpr bool kRemembersLookups = false;
    static constexpr bool kCarriesOutGroups = false;

    struct Target {
      std::uint32_t number;
      /// Null if there is no memory for it yet.
      NumberedDocument* document;
    };

    explicit Strategy(FloorDocument& table) noexcept : table_(table) {}

    Target find(std::string_view id) const noexcept {
      const std::uint32_t number = number_of(id);
      return {number, table_.documents_.find(number)};
    }
    void find_again(const Target&) const noexcept {}
    static Precondition guard_of(const Document& read) noexcept { return Precondition::if_word(read.word); }

    State read_target(const Target& target, Document* into) { return look(target, into).state; }

    OCCKIT_INLINE Outcome write_target(Target& target, const Write& write) {
      for (;;) {
        Look seen = look(target, nullptr);
        Decision decision = decide(seen.state, write.operation, write.precondition, table_.instant_for(seen.state));
        if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, seen.state);
        if (!make(target, write)) return this->reject_write(Cause::source_too_large, seen.state);
        if (Access::take(target.document->word, seen.bits)) {
          typename Access::Claim claim(target.document->word, seen.bits);
          return overwrite(target, claim, write, seen.state, decision);
        }
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
      const std::uint64_t bits = Access::take_when_free(document.word);
      typename Access::Claim claim(document.word, bits);
      State state = load(document, bits, kPlain ? nullptr : &this->current_);
      return update_seen(
          state, options,
          [&]() OCCKIT_INLINE_LAMBDA {
            return transform({state.version, state.word, view(document)}, next_);
          },
          [&](const Write& write) OCCKIT_INLINE_LAMBDA { return write_claimed(target, claim, write, state); });
    }

   private:
    /// A look at a document that nobody has claimed.
    struct Look {
      std::uint64_t bits = NumberedDocument::kNeverWritten;
      State state;
    };

    Look look(const Target& target, Document* into) {
      Look seen;
      if (target.document == nullptr) return seen;
      Access::read(target.document->word, [&](std::uint64_t bits) {
        seen.bits = bits;
        seen.state = load(*target.document, bits, into);
      });
      if (into != nullptr && seen.state.live()) {
        into->version = seen.state.version;
        into->word = seen.state.word;
      }
      return seen;
    }

    OCCKIT_INLINE Outcome write_claimed(Target& target, typename Access::Claim& claim, const Write& write,
                                        const State& state) {
      Decision decision = decide(state, write.operation, write.precondition, table_.instant_for(state));
      if (decision.verdict != Decision::Verdict::proceed) return this->refuse(decision, state);
      if (!make(target, write)) return this->reject_write(Cause::source_too_large, state);
      return overwrite(target, claim, write, state, decision);
    }

    /// Room for the write. False if there is none at that number.
    bool make(Target& target, const Write& write) {
      if (target.document == nullptr) {
        target.document = table_.documents_.find_or_make(target.number, write.source.size());
      }
      return target.document != nullptr && write.source.size() <= table_.documents_.capacity();
    }

    OCCKIT_INLINE Outcome overwrite(const Target& target, typename Access::Claim& claim, const Write& write,
                                    const State& state, const Decision& decision) noexcept {
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
      claim.publish(word.bits());
      return this->finish(
          {.result = decision.result, .version = decision.version, .word = word, .decided_on = state.word});
    }

    State load(NumberedDocument& document, std::uint64_t bits, Document* into) const {
      const auto word = SeqNoTerm::from_bits(bits);
      if (bits == NumberedDocument::kNeverWritten) return {};
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

  using Handle = DocumentHandle<Strategy>;
  [[nodiscard]] Handle handle() noexcept { return Handle(*this); }
  [[nodiscard]] MemoryUse memory() const noexcept { return {.slots = documents_.bytes()}; }

 private:
  NumberedDocuments documents_;
};

static_assert(DocumentTable<FloorDocument<Unsynchronised>>);
static_assert(DocumentTable<FloorDocument<ByWord>>);

}  // namespace occ
