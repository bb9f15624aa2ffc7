#pragma once

#include <cstdint>

#include "core/build/inlining.hpp"
#include "core/model/seq_no_term.hpp"
#include "core/sync/atomic.hpp"

namespace occ {

/// One shard's counter: the next seq_no and the primary term in one word, so that a number is drawn together with its
/// term and a fail-over can never slip between the two.
///
/// Progress: draw is wait-free (one fetch_add), fail_over is lock-free. Numbers are unique whatever the order of
/// memory, by the modification order of the one word.
class alignas(kFalseSharingRange) Shard {
 public:
  /// As many numbers one draw may take.
  static constexpr std::uint32_t kMostAtOnce = 512;
  /// Draws from here on are refused. The distance to the field's end is more than what all threads that can be drawing
  /// at once have taken and not yet put back (1,024 of them, kMostAtOnce each), so the field never wraps.
  static constexpr std::uint64_t kSeqNoLimit = SeqNoTerm::kMaxSeqNo - (std::uint64_t{1} << 20);

  /// Before the shard is shared.
  void start_at(std::uint64_t seq_no) noexcept {
    next_.store(SeqNoTerm(seq_no, 1).bits(), std::memory_order_relaxed);  // relaxed: not shared yet
  }

  /// The next `count` numbers, of which the first is returned, with the term that they belong to; a vacant word
  /// if the numbers have run out. `count` is 1 to kMostAtOnce.
  [[nodiscard]] OCCKIT_INLINE SeqNoTerm draw(std::uint32_t count = 1) noexcept {
    // relaxed: the caller publishes what it writes under this number with its own release; only uniqueness is needed
    // here, and that the number is above the word read before, which holds because that word was drawn before it was
    // published.
    const auto drawn = SeqNoTerm::from_bits(next_.fetch_add(count * kOne, std::memory_order_relaxed));
    if (drawn.seq_no() >= kSeqNoLimit) [[unlikely]] {
      next_.fetch_sub(count * kOne,
                      std::memory_order_relaxed);  // relaxed: undoes the line above, nothing depends on it
      return SeqNoTerm::never_written();
    }
    if (drawn.vacant()) __builtin_unreachable();  // so that nobody need ask
    return drawn;
  }

  /// Raises the primary term, as the promotion of a replica does. Writers go on; each number drawn from now on carries
  /// the new term. False if the terms have run out.
  bool fail_over() noexcept {
    auto seen = next_.load(std::memory_order_relaxed);  // relaxed: the exchange below checks it
    for (;;) {
      const auto now = SeqNoTerm::from_bits(seen);
      if (now.term() == SeqNoTerm::kMaxTerm) return false;
      const auto raised = SeqNoTerm(now.seq_no(), now.term() + 1).bits();
      // relaxed: as in draw
      if (next_.compare_exchange_weak(seen, raised, std::memory_order_relaxed, std::memory_order_relaxed)) return true;
    }
  }

  /// The number that the next write will get, and the term in force. Exact only while nobody writes.
  [[nodiscard]] SeqNoTerm next() const noexcept {
    return SeqNoTerm::from_bits(next_.load(std::memory_order_relaxed));  // relaxed: a report
  }

 private:
  static constexpr std::uint64_t kOne = SeqNoTerm(1, 0).bits();
  atomic<std::uint64_t> next_{SeqNoTerm(0, 1).bits()};
};

}  // namespace occ
