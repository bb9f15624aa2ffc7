#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/build/inlining.hpp"
#include "core/model/seq_no_term.hpp"
#include "core/sync/atomic.hpp"
#include "core/table/counters.hpp"

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

/// Where a handle's sequence numbers come from: one at a time from the shard's counter, or in blocks that the handle
/// then uses up without touching the counter's line (leases, TableOptions::seq_no_lease). With leases numbers follow the
/// order of writes within a document, as every rule of a table needs it, and no longer within a shard, which
/// Elasticsearch promises; so what imitates it draws one at a time.
///
/// A lease is dropped, and the next one is half as large, when the document already has a number that is not below the
/// lease's next, or when its term is no longer the shard's; one that is used up makes the next one twice as large, up to
/// what the table says. So the number drawn is above the word that it replaces, under the rule that holds for every
/// draw: after the look. Its term is then not below either, since the numbers of a term are above all that were leased
/// under earlier ones; that the term is the shard's is asked so that no write that begins after a fail-over carries the
/// term before it.
///
/// Numbers in a lease that no write has carried yet are counted as gaps.
/// Progress: wait-free. Not shared between threads.
class SeqNoLeases {
 public:
  /// Blocks of up to `block` numbers, 1 to Shard::kMostAtOnce, of the shards that begin at `first`. 1: no leases.
  SeqNoLeases(const Shard* first, std::uint32_t shards, std::uint32_t block)
      : first_(first), block_(block), leases_(block > 1 ? shards : 0) {}

  /// A number above that of `above`, a word that was read before, with its term; a vacant word if the numbers have
  /// run out.
  [[nodiscard]] OCCKIT_INLINE SeqNoTerm draw(Shard& shard, SeqNoTerm above, Counters& counters) noexcept {
    if (leases_.empty()) [[likely]]
      return shard.draw();
    return draw_leased(shard, leases_[static_cast<std::size_t>(&shard - first_)], above, counters);
  }

 private:
  struct Lease {
    /// The number to use next, with the term of all of them, and how many are left.
    SeqNoTerm next;
    std::uint32_t left = 0;
    /// Of the block to draw next.
    std::uint32_t size = 0;
  };

  OCCKIT_NOT_INLINE SeqNoTerm draw_leased(Shard& shard, Lease& lease, SeqNoTerm above, Counters& counters) noexcept {
    if (lease.left == 0) {
      lease.size = lease.size == 0 ? block_ : std::min(block_, 2 * lease.size);
    } else if (lease.next.term() != shard.next().term() || lease.next.seq_no() <= above.seq_no()) {
      lease.left = 0;
      lease.size = std::max(1U, lease.size / 2);
    }
    if (lease.left == 0) {
      const auto drawn = shard.draw(lease.size);
      if (drawn.vacant()) return drawn;
      lease.next = drawn;
      lease.left = lease.size;
      counters.seq_no_gaps += lease.size;
    }
    const SeqNoTerm number = lease.next;
    lease.next = SeqNoTerm(number.seq_no() + 1, number.term());
    --lease.left;
    --counters.seq_no_gaps;
    return number;
  }

  const Shard* first_;
  std::uint32_t block_;
  /// By shard; none without leases.
  std::vector<Lease> leases_;
};

}  // namespace occ
