#pragma once

#include <sys/mman.h>
#include <urcu/rculfhash.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>

#include "core/memory/rcu.hpp"  // the flavour, which has to come before the table
#include "core/model/seq_no_term.hpp"
#include "core/peers/map_record.hpp"
#include "core/sync/atomic.hpp"

namespace occ {

/// What a node of liburcu's lock-free hash table has of every document: its id and its word. It lies in a block of the
/// pool, and so do the bytes of an id that the key does not hold.
struct LfhtNode : cds_lfht_node {
  /// The word of a node that is in the table and has no number yet: whoever added it creates the id.
  static constexpr std::uint64_t kUnborn = SeqNoTerm::never_written().bits();

  /// `id` has to live as long as the node.
  explicit LfhtNode(std::string_view id) noexcept : cds_lfht_node{}, key(MapKey::borrowing(id)) {}

  atomic<std::uint64_t> word{kUnborn};
  MapKey key;
};

/// liburcu's lock-free hash table (rculfhash) of nodes with distinct ids. Every call but grow_if_full is made inside a
/// read section of core/memory/rcu.hpp, and a node that was found is there until its end.
///
/// Progress, as its authors state it: find is wait-free; add, replace and remove are lock-free. grow_if_full is blocking
/// for its caller and stops nobody.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | node to finder | L1 stores of its word, before and after it is added | L2 loads of the word | key and body |
/// | growth to the next one | L3 store that ends it | L3 exchange | the number of buckets |
///
/// liburcu's own barriers carry the same; L1 and L2 say it in the language's own terms, at no cost on x86-64.
///
/// Where memory ends liburcu 0.13 ends the program: cds_lfht_new, if it cannot reserve addresses for the most buckets
/// there may be (16 GiB of them, which a limit on addresses such as `ulimit -v` refuses), map the first ones, or get its
/// own record; cds_lfht_resize, if it cannot map the new buckets. So both are asked for only after a mapping of the same
/// size was had and given back. That leaves what another thread takes in between, and the record of some hundred bytes.
/// Threads and memory that a resize wants for itself may be refused: it then works alone. cds_lfht_destroy ends the
/// program if it cannot map over what it gives up, which takes no memory. No other call here allocates.
class Lfht {
 public:
  /// Throws std::bad_alloc.
  Lfht() {
    if (!can_map(kMostBuckets, PROT_NONE) || !can_map(kFirstMappedBuckets, PROT_READ | PROT_WRITE))
      throw std::bad_alloc();
    table_ = cds_lfht_new_flavor(kFirstBuckets, kFirstBuckets, kMostBuckets, 0, &urcu_memb_flavor, nullptr);
    if (table_ == nullptr) throw std::bad_alloc();
  }
  Lfht(const Lfht&) = delete;
  Lfht& operator=(const Lfht&) = delete;
  /// The nodes are left to whoever owns their memory.
  ~Lfht() {
    const RcuThread registered;
    urcu_memb_read_lock();
    cds_lfht_iter at;
    cds_lfht_first(table_, &at);
    while (cds_lfht_node* const node = cds_lfht_iter_get_node(&at)) {
      cds_lfht_del(table_, node);
      cds_lfht_next(table_, &at);
    }
    urcu_memb_read_unlock();
    cds_lfht_destroy(table_, nullptr);
  }

  /// Where an id was found, and its node then; null if it was not, or not looked for.
  class Place {
   public:
    [[nodiscard]] LfhtNode* node() const noexcept { return static_cast<LfhtNode*>(at_.node); }

   private:
    friend Lfht;
    cds_lfht_iter at_{};
  };

  [[nodiscard]] Place find(const MapId& id) const noexcept {
    Place place;
    cds_lfht_lookup(table_, id.hash, match, &id, &place.at_);
    return place;
  }
  /// False, and nothing is added, if its id has a node.
  [[nodiscard]] bool add(std::uint64_t hash, LfhtNode& node) noexcept {
    const MapId id(node.key.view(), hash);
    if (cds_lfht_add_unique(table_, hash, match, &id, &node) != &node) return false;
    nodes_.fetch_add(1, std::memory_order_relaxed);  // relaxed: only its size matters
    return true;
  }
  /// Whether a node that was found has been replaced or removed since.
  [[nodiscard]] static bool is_there(const LfhtNode& node) noexcept { return cds_lfht_is_node_deleted(&node) == 0; }
  /// False, and nothing is replaced, if the node that was found is no longer there.
  [[nodiscard]] bool replace(Place& place, std::uint64_t hash, LfhtNode& fresh) noexcept {
    const MapId id(fresh.key.view(), hash);
    return cds_lfht_replace(table_, &place.at_, hash, match, &id, &fresh) == 0;
  }
  /// True for the one caller that removed it: the node is then its to retire.
  [[nodiscard]] bool remove(LfhtNode& node) noexcept {
    if (cds_lfht_del(table_, &node) != 0) return false;
    nodes_.fetch_sub(1, std::memory_order_relaxed);  // relaxed: as above
    return true;
  }

  /// After an add, outside of any read section. Doubles the buckets where there are fewer than nodes, unless somebody is
  /// at it, or there is no memory: then chains get longer, and a later add tries again. The table's own automatic growth
  /// waits for eight nodes in a bucket, each of them a miss.
  void grow_if_full() noexcept {
    const std::size_t buckets = buckets_.load(std::memory_order_relaxed);             // relaxed: as above
    if (nodes_.load(std::memory_order_relaxed) * kBucketsPerNode <= buckets) return;  // relaxed: as above
    if (growing_.exchange(1, std::memory_order_acquire) != 0) return;                 // L3 with L3
    // relaxed: L3 orders it
    if (buckets_.load(std::memory_order_relaxed) == buckets && buckets < kMostBuckets &&
        can_map(buckets, PROT_READ | PROT_WRITE)) {
      cds_lfht_resize(table_, buckets * 2);
      buckets_.store(buckets * 2, std::memory_order_relaxed);  // relaxed: L3 orders it
    }
    growing_.store(0, std::memory_order_release);  // L3 with L3
  }

  /// Of the buckets.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return buckets_.load(std::memory_order_relaxed) * sizeof(cds_lfht_node);  // relaxed: a report
  }

 private:
  static constexpr std::size_t kFirstBuckets = 64;
  /// Below 2^32 buckets liburcu reserves their addresses and finds one by its number alone.
  static constexpr std::size_t kMostBuckets = std::size_t{1} << 30;
  static constexpr std::size_t kBucketsPerNode = 1;
  /// liburcu maps a page of them at least.
  static constexpr std::size_t kFirstMappedBuckets = 4096 / sizeof(cds_lfht_node);

  /// Whether the system has a mapping for so many buckets now.
  static bool can_map(std::size_t buckets, int protection) noexcept {
    const std::size_t bytes = buckets * sizeof(cds_lfht_node);
    void* const got = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) return false;
    munmap(got, bytes);
    return true;
  }

  static int match(cds_lfht_node* at, const void* id) noexcept {
    const auto* const node = static_cast<const LfhtNode*>(at);
    static_cast<void>(node->word.load(std::memory_order_acquire));  // L2 with L1
    return MapKey::Equal()(node->key, *static_cast<const MapId*>(id)) ? 1 : 0;
  }

  cds_lfht* table_ = nullptr;
  alignas(kFalseSharingRange) atomic<std::size_t> nodes_{0};
  atomic<std::size_t> buckets_{kFirstBuckets};
  atomic<std::uint64_t> growing_{0};
};

}  // namespace occ
