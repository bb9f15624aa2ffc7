#pragma once

#include <algorithm>

#include "core/atomic.hpp"
#include "core/block.hpp"
#include "core/counters.hpp"
#include "core/decide.hpp"
#include "core/document.hpp"
#include "core/fault_point.hpp"
#include "core/inlining.hpp"
#include "core/packed_body.hpp"
#include "core/seq_no_term.hpp"
#include "core/slot_key.hpp"

namespace occ {

/// A document as {word, body}: the word that clients send back as if_seq_no and if_primary_term, and the block that
/// holds `_version` and source, changed together by one compare-and-swap. A body that is small enough then moves into
/// the slot, where it arrives with the slot's other lines, and its block is free again.
///
/// | pair | what it is |
/// |---|---|
/// | {w, block} | the document is in the block |
/// | {w + M, block} | the same; one thread, whose publication set M, copies a body into the slot |
/// | {w, null} | the document is in the slot |
/// | {w + V, null} | vacant |
///
/// Whoever publishes over M leaves it there and moves nothing; its owner takes it away, whatever the word is by then. So
/// one thread at a time writes the slot's body, and only while no pair says that the document is there. A thread that
/// stops for ever between the two leaves a document that stays in blocks.
///
/// The invariant that carries everything: a body never leaves the slot, nor changes its place, without the word
/// changing, and no word comes back. So the word is the conflict check, the guard against ABA, and the guard of
/// reclamation: a reader copies the body and reads the word again; unchanged means that the copy is whole, and a
/// replaced body may be reused at once by anybody.
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
/// | arrival to reader | B9 compare_exchange | B2 | the contents of the slot's body |
/// | end of a move to the next one | B9, B10 compare_exchange | B2 | that its stores into the slot's body come after |
///
/// B6, the second load of the word, is relaxed: the acquire loads B5 before it keep it behind them, and it only has to
/// see what B5 has shown.
///
/// Source of the idea to keep a copy beside the pointer: Anderson, Blelloch, Jayanti, Big Atomics, 2025. There the copy
/// is a cache with a word of its own and the block stays; here the document moves, by the flag in its word.
struct alignas(64) PackedSlot {
  WordPointer<Block> state{SeqNoTerm::never_written().bits()};
  SlotKey key;
  InlineBody body;
};
static_assert(!kLayoutIsReal || sizeof(PackedSlot) == 192);

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
OCCKIT_INLINE inline PackedSnapshot read_packed(const PackedSlot& slot, std::uint64_t occupant, Document* into,
                                                Counters& counters) {
  PackedSnapshot snapshot;
  std::uint64_t retries = 0;
  for (;; ++retries) {
    const std::uint64_t bits = slot.state.load_word(std::memory_order_acquire);  // B2 with B1, B7, B9
    const SeqNoTerm word = SeqNoTerm::from_bits(bits).without_moving();
    snapshot.gone = word.vacant();
    if (snapshot.gone) [[unlikely]]
      break;
    Block* const block = slot.state.load_pointer(std::memory_order_acquire);  // B3 with B1, B8, B9
    fault_point(FaultPoint::reading);
    snapshot.state = block == nullptr ? PackedBody::load(slot.body, word, into) : PackedBody::load(*block, word, into);
    // B6 relaxed: ordered behind B5
    if (slot.state.load_word(std::memory_order_relaxed) != bits) [[unlikely]]
      continue;
    snapshot.value = {bits, block};
    snapshot.gone = !slot.key.held_by(occupant);
    break;
  }
  if (snapshot.gone) [[unlikely]] {
    snapshot.value = {};
    snapshot.state = {};
  } else if (into != nullptr && snapshot.state.live()) {
    into->version = snapshot.state.version;
    into->word = snapshot.state.word;
  }
  counters.count_read_retries(retries);
  return snapshot;
}

}  // namespace occ
