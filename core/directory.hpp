#pragma once

#include <bit>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "core/arena.hpp"
#include "core/atomic.hpp"
#include "core/fault_point.hpp"
#include "core/hash.hpp"
#include "core/spin_lock.hpp"

namespace occ {

/// id -> slot, for every strategy that keeps its documents in slots. A slot's address never changes; growth copies
/// entries only.
///
/// Progress: find is wait-free (bounded by the probe length) and never waits for a thread that grows, inserts or erases.
/// find_or_insert and erase are blocking: in one of the 256 segments they wait for each other, and for its growth. Two
/// inserts of one id meet in one segment's lock, so an id never has two slots.
///
/// Linearization: find of a present id, at its look at the slot's key; find of an absent id, at its load of the
/// segment's array, or at an erase of that id since then: inserts and erases after a growth go to the new array only,
/// and before that load they had not ended. Old arrays stay until the directory dies, so a reader in one is safe;
/// together they are smaller than the current ones.
///
/// Cost of find: one line of 2 KiB shared by all (warm), one dependent miss for the bucket, no locked instruction,
/// nothing written. A bucket is one cache line: a word of seven one-byte tags, compared at once, and seven entries of a
/// 48-bit pointer and 16 more bits of the hash, so a slot of another id is visited in one of 2^23 tries only. A bucket
/// counts the entries that did not fit in and lie further on; where none does, a search ends.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | insert to find | A1 tags store | A2 tags load | entry, the slot and its key |
/// | entry to late finder | A5 entry store | A6 entry load | the slot, where a lane is used again under an old tag |
/// | growth to find | A3 array store | A4 array load | the copied buckets, and the slots in them |
///
/// Source of the layout: the metadata words of boost::unordered's and Folly's F14 open-addressing maps, and the latter's
/// count of overflows; one-level copying growth is ours.
///
/// 256 segments keep inserts of a few dozen threads apart; fewer are for models.
template <class Slot, int segment_bits = 8>
class Directory {
 public:
  Directory() {
    for (std::size_t i = 0; i < kSegments; ++i) publish(i, allocate(0));
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// A slot, and who held it when it was found to be of the id that was looked for. Null: there was none.
  struct Place {
    Slot* slot = nullptr;
    std::uint64_t occupant = 0;
  };

  [[nodiscard]] Place find(std::uint64_t hash, std::string_view id) const noexcept {
    return find_in(Array::from(arrays_[segment_of(hash)].load(std::memory_order_acquire)), hash, id);  // A4 with A3
  }

  // For a caller that is about to look up several ids, so that their misses overlap. Hints: a lookup afterwards decides.

  /// Asks for the bucket in which `find` begins.
  void prefetch(std::uint64_t hash) const noexcept {
    // relaxed: only an address is made of it
    const Array array = Array::from(arrays_[segment_of(hash)].load(std::memory_order_relaxed));
    __builtin_prefetch(&array.first[array.home(hash)]);
  }

  /// Asks for the first slot whose entry has the bits of the hash that entries have; its key is not looked at. Null:
  /// there is none.
  [[nodiscard]] Slot* candidate(std::uint64_t hash) const noexcept {
    const Array array = Array::from(arrays_[segment_of(hash)].load(std::memory_order_acquire));  // A4 with A3
    return search(array, hash,
                  [](const Slot& slot) {
                    __builtin_prefetch(&slot);
                    return std::uint64_t{1};
                  })
        .slot;
  }

  /// The place of an id that is there. If it is not, `make()` runs inside a lock and returns a slot whose key is that
  /// id, or null if there shall be none; everybody can find it from then on, and `publish(slot)` runs, still inside the
  /// lock; the answer is no place. Until it is published a slot must look like one that has nothing in it: a thread
  /// that found it for an earlier occupant can reach it before it is here.
  template <class Make, class Publish>
  Place find_or_insert(std::uint64_t hash, std::string_view id, Make&& make, Publish&& publish_slot) {
    const std::size_t segment = segment_of(hash);
    Writer& writer = writers_[segment];
    const std::lock_guard held(writer.lock);
    // relaxed: stored under this lock
    Array array = Array::from(arrays_[segment].load(std::memory_order_relaxed));
    if (const Place place = find_in(array, hash, id); place.slot != nullptr) return place;
    if (writer.entries + 1 > array.buckets() * kLanes * kMaxLoadPercent / 100) array = grow(segment, array);
    Slot* const slot = make();
    if (slot == nullptr) return {};
    place(array, hash, entry_of(hash, slot));
    ++writer.entries;
    publish_slot(*slot);
    return {};
  }

  /// Removes a slot. `vacate()` runs inside the lock and says whether the slot may go. False if it may not, or is not
  /// here.
  template <class Vacate>
  bool erase(std::uint64_t hash, const Slot* slot, Vacate&& vacate) {
    const std::size_t segment = segment_of(hash);
    Writer& writer = writers_[segment];
    const std::lock_guard held(writer.lock);
    // relaxed: stored under this lock
    const Array array = Array::from(arrays_[segment].load(std::memory_order_relaxed));
    const std::uint64_t wanted = entry_of(hash, slot);
    std::size_t at = array.home(hash);
    for (std::size_t probes = 0; probes < array.buckets(); ++probes, at = array.after(at)) {
      Bucket& bucket = array.first[at];
      const std::uint64_t tags = bucket.tags.load(std::memory_order_relaxed);  // relaxed: stored under this lock
      for (std::uint64_t lanes = match(tags, tag_of(hash)); lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes) / 8);
        // relaxed: stored under this lock
        if (bucket.entries[lane].load(std::memory_order_relaxed) != wanted) continue;
        if (!vacate()) return false;
        bucket.tags.store(tags & ~(std::uint64_t{0xff} << (8 * lane)), std::memory_order_release);  // A1 with A2
        for (std::size_t before = array.home(hash); before != at; before = array.after(before))
          count_overflow(array.first[before], -1);
        --writer.entries;
        return true;
      }
      if (tags < kOneOverflow) break;
    }
    return false;
  }

  /// Documents of any kind, tombstones included. Exact while nobody inserts.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t sum = 0;
    for (const Writer& writer : writers_) {
      const std::lock_guard held(writer.lock);
      sum += writer.entries;
    }
    return sum;
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return sizeof *this + arena_.bytes(); }

 private:
  static constexpr std::size_t kSegments = std::size_t{1} << segment_bits;
  static constexpr std::size_t kLanes = 7;
  /// Above this an insert doubles the segment. At 75 % one key in seven lies outside its own bucket.
  static constexpr std::size_t kMaxLoadPercent = 75;
  static constexpr int kPointerBits = 48;

  struct alignas(64) Bucket {
    /// Bytes 0 to 6: the tag of each lane, 0 if free. Byte 7: how many entries were passed on to later buckets; at 255
    /// it stays.
    atomic<std::uint64_t> tags{0};
    atomic<std::uint64_t> entries[kLanes]{};
  };
  static_assert(!kLayoutIsReal || sizeof(Bucket) == 64);
  static constexpr std::uint64_t kOneOverflow = std::uint64_t{1} << 56;
  static constexpr std::uint64_t kEachLane = 0x0001010101010101;

  /// A pointer to 2^log2 buckets with the logarithm in the bits that alignment leaves free, so that one load gives
  /// both.
  struct Array {
    Bucket* first;
    unsigned log2;
    static Array from(std::uint64_t packed) noexcept {
      return {reinterpret_cast<Bucket*>(packed & ~std::uint64_t{63}), static_cast<unsigned>(packed & 63)};
    }
    [[nodiscard]] std::uint64_t packed() const noexcept { return reinterpret_cast<std::uint64_t>(first) | log2; }
    [[nodiscard]] std::size_t buckets() const noexcept { return std::size_t{1} << log2; }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const noexcept { return (hash >> 24) & (buckets() - 1); }
    [[nodiscard]] std::size_t after(std::size_t bucket) const noexcept { return (bucket + 1) & (buckets() - 1); }
  };

  struct alignas(kFalseSharingRange) Writer {
    mutable SpinLock lock;
    std::size_t entries = 0;
  };

  // Bits of the hash: 0-6 tag, 7-22 in the entry, 24-55 bucket, 56-63 segment.
  static std::size_t segment_of(std::uint64_t hash) noexcept {
    return segment_bits == 0 ? 0 : hash >> (64 - segment_bits) % 64;
  }
  static std::uint64_t tag_of(std::uint64_t hash) noexcept { return (hash & 0x7f) | 0x80; }
  static std::uint64_t fingerprint_of(std::uint64_t hash) noexcept { return (hash >> 7) & 0xffff; }
  static std::uint64_t entry_of(std::uint64_t hash, const Slot* slot) noexcept {
    return fingerprint_of(hash) << kPointerBits | reinterpret_cast<std::uint64_t>(slot);
  }
  static Slot* slot_of(std::uint64_t entry) noexcept {
    return reinterpret_cast<Slot*>(entry & ((std::uint64_t{1} << kPointerBits) - 1));
  }

  /// The high bit of each byte that may equal `tag`; a byte above a true match can be reported wrongly, never one be
  /// missed.
  static std::uint64_t match(std::uint64_t tags, std::uint64_t tag) noexcept {
    const std::uint64_t difference = tags ^ (kEachLane * tag);
    return (difference - kEachLane) & ~difference & (kEachLane << 7);
  }

  static Place find_in(Array array, std::uint64_t hash, std::string_view id) noexcept {
    return search(array, hash, [id](const Slot& slot) { return slot.key.occupant_if(id); });
  }

  /// The first slot whose entry has the bits of the hash and that `occupant_in(slot)` does not call nobody's.
  template <class OccupantIn>
  static Place search(Array array, std::uint64_t hash, OccupantIn occupant_in) noexcept {
    std::size_t at = array.home(hash);
    for (std::size_t probes = 0; probes < array.buckets(); ++probes, at = array.after(at)) {
      const Bucket& bucket = array.first[at];
      const std::uint64_t tags = bucket.tags.load(std::memory_order_acquire);  // A2 with A1
      for (std::uint64_t lanes = match(tags, tag_of(hash)); lanes != 0; lanes &= lanes - 1) {
        const std::uint64_t entry =
            bucket.entries[std::countr_zero(lanes) / 8].load(std::memory_order_acquire);  // A6 with A5
        if (entry >> kPointerBits != fingerprint_of(hash)) continue;
        prefetch_slot(slot_of(entry));
        if (const std::uint64_t occupant = occupant_in(*slot_of(entry))) return {slot_of(entry), occupant};
      }
      if (tags < kOneOverflow) break;
    }
    return {};
  }

  /// The lines behind the first, for which the key is compared: so that all arrive together.
  static void prefetch_slot(const Slot* slot) noexcept {
    for (std::size_t line = 64; line < sizeof(Slot); line += 64) {
      __builtin_prefetch(reinterpret_cast<const std::byte*>(slot) + line);
    }
  }

  /// Under the segment's lock; there is a free lane, by the bound on the load.
  static void place(Array array, std::uint64_t hash, std::uint64_t entry) noexcept {
    for (std::size_t at = array.home(hash);; at = array.after(at)) {
      Bucket& bucket = array.first[at];
      const std::uint64_t tags = bucket.tags.load(std::memory_order_relaxed);  // relaxed: stored under this lock
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if ((tags >> (8 * lane) & 0xff) != 0) continue;
        bucket.entries[lane].store(entry, std::memory_order_release);                     // A5 with A6
        bucket.tags.store(tags | tag_of(hash) << (8 * lane), std::memory_order_release);  // A1 with A2
        return;
      }
      count_overflow(bucket, 1);
    }
  }

  /// Under the segment's lock.
  static void count_overflow(Bucket& bucket, int by) noexcept {
    const std::uint64_t tags = bucket.tags.load(std::memory_order_relaxed);  // relaxed: stored under this lock
    if (tags >> 56 == 255) return;                                           // no longer exact
    // A1 with A2: it hides the store that published a lane
    bucket.tags.store(by > 0 ? tags + kOneOverflow : tags - kOneOverflow, std::memory_order_release);
  }

  Array allocate(unsigned log2) { return {arena_.template make_array<Bucket>(std::size_t{1} << log2), log2}; }

  void publish(std::size_t segment, Array array) noexcept {
    arrays_[segment].store(array.packed(), std::memory_order_release);  // A3 with A4
  }

  /// Under the segment's lock. Visits every slot of the segment for its id; readers go on in the old array meanwhile.
  Array grow(std::size_t segment, Array old) {
    const Array array = allocate(old.log2 + 1);
    typename decltype(Slot::key)::Buffer buffer;
    for (std::size_t at = 0; at < old.buckets(); ++at) {
      const Bucket& bucket = old.first[at];
      const std::uint64_t tags = bucket.tags.load(std::memory_order_relaxed);  // relaxed: stored under this lock
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if ((tags >> (8 * lane) & 0xff) == 0) continue;
        const std::uint64_t entry = bucket.entries[lane].load(std::memory_order_relaxed);  // relaxed: as above
        place(array, hash_id(slot_of(entry)->key.copy(buffer)), entry);
      }
    }
    fault_point(FaultPoint::growing);
    publish(segment, array);
    return array;
  }

  Arena arena_;
  atomic<std::uint64_t> arrays_[kSegments]{};
  Writer writers_[kSegments];
};

}  // namespace occ
