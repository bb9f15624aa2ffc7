#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/build/inlining.hpp"
#include "core/table/counters.hpp"
#include "core/table/shard.hpp"

namespace occ {

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
