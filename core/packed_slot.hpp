#pragma once

#include <algorithm>
#include <cstring>

#include "core/atomic.hpp"
#include "core/block.hpp"
#include "core/counters.hpp"
#include "core/decide.hpp"
#include "core/document.hpp"
#include "core/fault_point.hpp"
#include "core/seq_no_term.hpp"
#include "core/slot_key.hpp"

namespace occ {

/// A document as {word, body}: the word that clients send back as if_seq_no and if_primary_term, and the block that
/// holds `_version` and source, changed together by one compare-and-swap. A slot on one cache line, aligned to it.
///
/// The invariant that carries everything: a body never leaves the slot without the word changing, and no word comes
/// back. So the word is the conflict check, the guard against ABA, and the guard of reclamation: a reader copies the
/// body and reads the word again; unchanged means that the copy is whole, and a replaced body may be reused at once by
/// anybody.
///
/// The slot itself goes to another id in the same way. When an expired tombstone is purged the pair becomes
/// {the tombstone's word with the vacant flag, null}, and from there nobody's compare-and-swap can lead out: only who
/// takes the slot from the arena, where it belongs to nobody, sets the next pair, with a number above. So a slot that
/// is not vacant between two equal looks at its word was one id's throughout, and its key tells whose.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | publication to reader | B1 compare_exchange | B2 first load of the word | that B3 gets no older body, and its contents |
/// | publication to reader | B1 compare_exchange | B3 load of the pointer | if the body is a newer one, that B6 differs; its contents |
/// | reuse to stale reader | B4 stores into a body | B5 loads from a body | the replacing B1, so that B6 differs |
/// | publication to next number | B1 compare_exchange | B2 | that the next draw is above this word |
/// | new occupant to reader | B7 compare_exchange | B2 | the body, and that the key's occupant is another |
/// | purge to reader | B8 compare_exchange | B2 | that the id is absent |
///
/// B6, the second load of the word, is relaxed: the acquire loads B5 before it keep it behind them, and it only has to
/// see what B5 has shown.
struct alignas(64) PackedSlot {
  WordPointer<Block> state{SeqNoTerm::never_written().bits()};
  SlotKey key;
};
static_assert(!kLayoutIsReal || sizeof(PackedSlot) == 64);

/// The body of a packed slot: read while others may reuse it, so every access is an atomic 64-bit word.
class PackedBody {
 public:
  /// What a body has to hold.
  static std::size_t bytes_of(Operation operation, Bytes source) noexcept {
    return operation == Operation::remove ? sizeof(std::int64_t) : source.size();
  }
  /// Fills a block that nobody else may write: a source, or the instant of a delete.
  static void store_source(Block& block, Bytes source) noexcept {
    store(block.meta, source.size());
    const std::size_t whole = source.size() / 8;
    for (std::size_t i = 0; i < whole; ++i) store(block.words()[i], word_at(source, i * 8, 8));
    if (source.size() % 8 != 0) store(block.words()[whole], word_at(source, whole * 8, source.size() % 8));
  }
  static void store_tombstone(Block& block, std::int64_t deleted_at_ms) noexcept {
    store(block.meta, kTombstone);
    store(block.words()[0], static_cast<std::uint64_t>(deleted_at_ms));
  }
  static void store_version(Block& block, Version version) noexcept {
    store(block.version, static_cast<std::uint64_t>(version));
  }

  /// What the body says, except the word. Believable only if the slot's word is the same before and after. The length
  /// is clamped to the block: a recycled body can say anything.
  static State load(const Block& block, SeqNoTerm word, Document* into) {
    State state{.kind = State::Kind::live, .version = static_cast<Version>(load(block.version)), .word = word};
    const std::uint64_t meta = load(block.meta);
    if ((meta & kTombstone) != 0) {
      state.kind = State::Kind::tombstone;
      state.deleted_at_ms = static_cast<std::int64_t>(load(block.words()[0]));
    } else if (into != nullptr) {
      const std::size_t size = std::min<std::size_t>(meta, block.capacity);
      std::byte* to = into->source.resize_for_overwrite(size);
      for (std::size_t i = 0; i < (size + 7) / 8; ++i) {
        const std::uint64_t bits = load(block.words()[i]);
        std::memcpy(to + i * 8, &bits, 8);
      }
    }
    return state;
  }

 private:
  static constexpr std::uint64_t kTombstone = std::uint64_t{1} << 63;

  static void store(atomic<std::uint64_t>& cell, std::uint64_t value) noexcept {
    cell.store(value, std::memory_order_release);  // B4 with B5
  }
  static std::uint64_t load(const atomic<std::uint64_t>& cell) noexcept {
    return cell.load(std::memory_order_acquire);  // B5 with B4
  }
  static std::uint64_t word_at(Bytes source, std::size_t offset, std::size_t bytes) noexcept {
    std::uint64_t bits = 0;
    std::memcpy(&bits, source.data() + offset, bytes);
    return bits;
  }
};

/// One consistent look at a packed slot: the pair that a publication must expect, and the state that a decision is made
/// on.
struct PackedSnapshot {
  WordPointer<Block>::Value value;
  State state;
  /// The slot is no longer, or not at this moment, that occupant's: its id was absent then.
  bool gone = false;
};

/// Reads a slot until nobody came between; the source is copied out if `into` is set and a document lives.
/// Lock-free: each retry means that somebody published. No locked instruction, nothing shared is written.
inline PackedSnapshot read_packed(const PackedSlot& slot, std::uint64_t occupant, Document* into, Counters& counters) {
  for (std::uint64_t retries = 0;; ++retries) {
    const auto word = SeqNoTerm::from_bits(slot.state.load_word(std::memory_order_acquire));  // B2 with B1, B7
    PackedSnapshot snapshot{{word.bits(), nullptr}, {.word = word}};
    if (word.vacant()) {
      snapshot.gone = true;
    } else {
      snapshot.value.pointer = slot.state.load_pointer(std::memory_order_acquire);  // B3 with B1, B8
      if (snapshot.value.pointer == nullptr) continue;                              // purged since the word was read
      fault_point(FaultPoint::reading);
      snapshot.state = PackedBody::load(*snapshot.value.pointer, word, into);
      // B6 relaxed: ordered behind B5
      if (slot.state.load_word(std::memory_order_relaxed) != word.bits()) continue;
      if (!slot.key.held_by(occupant)) snapshot = {.value = {}, .state = {}, .gone = true};
    }
    if (into != nullptr && snapshot.state.live()) {
      into->version = snapshot.state.version;
      into->word = word;
    }
    counters.read_retries += retries;
    counters.read_retries_longest = std::max(counters.read_retries_longest, retries);
    return snapshot;
  }
}

}  // namespace occ
