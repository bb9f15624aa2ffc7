#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "core/build/fault_point.hpp"
#include "core/build/hash.hpp"
#include "core/memory/arena.hpp"
#include "core/slots/slot_number.hpp"
#include "core/slots/tag_match.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/spin_lock.hpp"

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
/// nothing written. A bucket is one cache line: 20 one-byte tags, compared at once, the count of the entries that did
/// not fit in and lie further on (where there are none a search ends), and 20 entries of 16 bits, the slots' numbers in
/// their segment, or 10 of 32 bits once these do not suffice. At 4 bytes of bucket for an id the buckets of a million
/// stay in a cache where pointers would not. Where a chunk of slots begins, an array says in the lines before its first
/// bucket; they are few, and warm. A slot of another id is visited in one try of 15 for an id that is absent, and of 30
/// for one that is there.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | insert to find | A1 tags store | A2 tags load | entry, the slot and its key |
/// | entry to late finder | A5 entry store | A6 entry load | the run and the slot, where a lane is used again under an old tag |
/// | growth to find | A3 array store | A4 array load | the copied buckets, and the slots in them |
///
/// Entries of several lanes share a word, and tags too; each is stored under the segment's lock, and the store that
/// hides another one carries what that one did.
///
/// Source of the layout: the metadata words of boost::unordered's and Folly's F14 open-addressing maps, and the latter's
/// count of overflows and its indexes in place of pointers; one-level copying growth is ours.
///
/// 256 segments keep inserts of a few dozen threads apart; fewer are for models.
template <class Slot, int segment_bits = 8>
class Directory {
 public:
  static constexpr std::size_t kSegments = std::size_t{1} << segment_bits;
  static std::size_t segment_of(std::uint64_t hash) noexcept {
    return segment_bits == 0 ? 0 : hash >> (64 - segment_bits) % 64;
  }

  Directory() {
    for (std::size_t i = 0; i < kSegments; ++i) publish(i, allocate(0, false));
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
    __builtin_prefetch(array.bucket(array.home(hash)));
  }

  /// Asks for the slots of the bucket whose tag is the hash's, of which the first is returned; keys are not looked at.
  /// Null: there is none. One id in thirty is behind another one that has its tag.
  [[nodiscard]] Slot* candidate(std::uint64_t hash) const noexcept {
    const Array array = Array::from(arrays_[segment_of(hash)].load(std::memory_order_acquire));  // A4 with A3
    const Word* const bucket = array.bucket(array.home(hash));
    Lanes lanes = match(bucket, tag_of(hash));
    if (lanes == 0) [[unlikely]]  // it did not fit into its bucket, or is not there
      return search_all(array, hash,
                        [](const Slot& slot) {
                          __builtin_prefetch(&slot);
                          return std::uint64_t{1};
                        })
          .slot;
    Slot* const first = array.slot(array.entry(bucket, first_of(lanes)));
    prefetch_whole(first);
    while ((lanes &= lanes - 1) != 0) prefetch_whole(array.slot(array.entry(bucket, first_of(lanes))));
    return first;
  }

  /// The place of an id that is there. If it is not, `make()` runs inside a lock and returns a slot of the segment whose
  /// key is that id, numbered at most one above the highest so far, or null if there shall be none; everybody can find
  /// it from then on, and `publish(slot)` runs, still inside the lock; the answer is no place. Until it is published a
  /// slot must look like one that has nothing in it: a thread that found it for an earlier occupant can reach it before
  /// it is here.
  template <class Make, class Publish>
  Place find_or_insert(std::uint64_t hash, std::string_view id, Make&& make, Publish&& publish_slot) {
    const std::size_t segment = segment_of(hash);
    Writer& writer = writers_[segment];
    const std::lock_guard held(writer.lock);
    // relaxed: stored under this lock
    Array array = Array::from(arrays_[segment].load(std::memory_order_relaxed));
    if (const Place place = find_in(array, hash, id); place.slot != nullptr) return place;
    if (!array.fits(writer.entries + 1, writer.numbers)) array = grow(segment, array);
    const NumberedSlot<Slot> made = make();
    if (made.slot == nullptr) return {};
    writer.numbers = std::max(writer.numbers, made.number + 1);
    array.set_run(made);
    place(array, hash, made.number);
    ++writer.entries;
    publish_slot(*made.slot);
    return {};
  }

  /// Removes a slot. `vacate()` runs inside the lock and says whether the slot may go. Null if it may not, or is not
  /// here.
  template <class Vacate>
  NumberedSlot<Slot> erase(std::uint64_t hash, Slot* slot, Vacate&& vacate) {
    const std::size_t segment = segment_of(hash);
    Writer& writer = writers_[segment];
    const std::lock_guard held(writer.lock);
    // relaxed: stored under this lock
    const Array array = Array::from(arrays_[segment].load(std::memory_order_relaxed));
    std::size_t at = array.home(hash);
    for (std::size_t probes = 0; probes < array.buckets(); ++probes, at = array.after(at)) {
      Word* const bucket = array.bucket(at);
      for (Lanes lanes = match(bucket, tag_of(hash)); lanes != 0; lanes &= lanes - 1) {
        const unsigned lane = first_of(lanes);
        const std::uint32_t number = array.entry(bucket, lane);
        if (array.slot(number) != slot) continue;
        if (!vacate()) return {};
        change_tags(bucket[lane / 8], -tag_in(lane, hash));
        for (std::size_t before = array.home(hash); before != at; before = array.after(before))
          change_tags(array.bucket(before)[kTagWords - 1], -kOneOverflow);
        --writer.entries;
        return {slot, number};
      }
      if (overflows(bucket) == 0) break;
    }
    return {};
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
  using Word = atomic<std::uint64_t>;

  // Words of a bucket; a model's is smaller, so that it is soon full.
  static constexpr std::size_t kTagWords = kLayoutIsReal ? 3 : 1;
  static constexpr std::size_t kBucketWords = kLayoutIsReal ? 8 : 2;
  static constexpr std::size_t kLineWords = 8;
  static constexpr std::size_t kLanes = 8 * kTagWords - 4;
  static_assert(64 * (kBucketWords - kTagWords) == 16 * kLanes);
  static constexpr std::uint32_t kNarrowNumbers = kLayoutIsReal ? std::uint32_t{1} << 16 : 8;

  /// Above this an insert doubles the segment. At 87 % one key in 20 lies outside its own bucket.
  static constexpr std::size_t kMaxLoadPercent = 87;

  /// In a bucket's last word of tags, above four of them: how many entries were passed on to later buckets.
  static constexpr std::uint64_t kOneOverflow = std::uint64_t{1} << 32;

  /// Lanes, a bit each.
  using Lanes = std::uint32_t;
  static constexpr Lanes kAllLanes = (Lanes{1} << kLanes) - 1;
  static unsigned first_of(Lanes lanes) noexcept { return static_cast<unsigned>(std::countr_zero(lanes)); }

  /// A pointer to 2^log2 buckets, with that and the entries' width in the bits that alignment leaves free, so that one
  /// load gives all. A lane's entry begins at the same bit in either width; wide ones leave every other lane empty.
  class Array {
   public:
    Array(Word* first, unsigned log2, bool wide) noexcept
        : packed_(reinterpret_cast<std::uint64_t>(first) | log2 | (wide ? kWide : 0)) {}
    static Array from(std::uint64_t packed) noexcept { return Array(packed); }
    [[nodiscard]] std::uint64_t packed() const noexcept { return packed_; }

    [[nodiscard]] Word* first() const noexcept { return reinterpret_cast<Word*>(packed_ & ~std::uint64_t{63}); }
    [[nodiscard]] unsigned log2() const noexcept { return static_cast<unsigned>(packed_ & 31); }
    [[nodiscard]] bool wide() const noexcept { return (packed_ & kWide) != 0; }
    [[nodiscard]] std::size_t buckets() const noexcept { return std::size_t{1} << log2(); }
    [[nodiscard]] Word* bucket(std::size_t number) const noexcept { return first() + number * kBucketWords; }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const noexcept { return (hash >> 24) & (buckets() - 1); }
    [[nodiscard]] std::size_t after(std::size_t bucket) const noexcept { return (bucket + 1) & (buckets() - 1); }

    /// Words before the buckets: for half as many slots again as lanes, since slots of one shard, or with storage for
    /// long ids, can be idle while others are wanted.
    [[nodiscard]] std::size_t run_words() const noexcept {
      return (run_of(static_cast<std::uint32_t>(3 * kLanes * buckets() / 2 - 1)) / kLineWords + 1) * kLineWords;
    }
    [[nodiscard]] bool fits(std::size_t entries, std::uint32_t number) const noexcept {
      return entries <= (wide() ? kLanes / 2 : kLanes) * buckets() * kMaxLoadPercent / 100 &&
             (wide() || number < kNarrowNumbers) && run_of(number) < run_words();
    }

    /// Where the segment's slot 0 would be if all were in one run with this one.
    [[nodiscard]] Word& run(std::uint32_t number) const noexcept {
      return first()[-1 - static_cast<std::ptrdiff_t>(run_of(number))];
    }
    void set_run(NumberedSlot<Slot> made) const noexcept {
      // relaxed: A5 carries it to whoever finds the entry
      run(made.number)
          .store(reinterpret_cast<std::uint64_t>(made.slot) - made.number * sizeof(Slot), std::memory_order_relaxed);
    }
    [[nodiscard]] Slot* slot(std::uint32_t number) const noexcept {
      // relaxed: as in set_run
      return reinterpret_cast<Slot*>(run(number).load(std::memory_order_relaxed) + number * sizeof(Slot));
    }

    [[nodiscard]] Lanes lanes() const noexcept { return wide() ? kAllLanes & 0x55555555 : kAllLanes; }
    [[nodiscard]] std::uint64_t mask() const noexcept { return wide() ? 0xffffffff : 0xffff; }
    static std::size_t word_of(unsigned lane) noexcept { return kTagWords + lane / 4; }
    static unsigned shift_of(unsigned lane) noexcept { return lane % 4 * 16; }

    [[nodiscard]] std::uint32_t entry(const Word* bucket, unsigned lane) const noexcept {
      if (wide()) [[unlikely]]
        return static_cast<std::uint32_t>(bucket[word_of(lane)].load(std::memory_order_acquire) >>
                                          shift_of(lane));  // A6 with A5
      return load_quarter(bucket + kTagWords, lane);        // A6 with A5
    }
    /// Under the segment's lock.
    void set_entry(Word* bucket, unsigned lane, std::uint32_t number) const noexcept {
      Word& word = bucket[word_of(lane)];
      // relaxed: stored under this lock
      const std::uint64_t others = word.load(std::memory_order_relaxed) & ~(mask() << shift_of(lane));
      word.store(others | std::uint64_t{number} << shift_of(lane), std::memory_order_release);  // A5 with A6
    }

   private:
    static constexpr std::uint64_t kWide = 32;
    explicit Array(std::uint64_t packed) noexcept : packed_(packed) {}
    std::uint64_t packed_;
  };

  struct alignas(kFalseSharingRange) Writer {
    mutable SpinLock lock;
    std::size_t entries = 0;
    std::uint32_t numbers = 0;  ///< one above the highest
  };

  // Bits of the hash: 0-7 tag, 24-55 bucket, 56-63 segment.
  static std::uint8_t tag_of(std::uint64_t hash) noexcept {
    const auto byte = static_cast<std::uint8_t>(hash);
    return byte == 0 ? 1 : byte;
  }
  static std::uint64_t tag_in(unsigned lane, std::uint64_t hash) noexcept {
    return std::uint64_t{tag_of(hash)} << lane % 8 * 8;
  }

  /// The lanes that have the tag, or that are free, if it is 0.
  static Lanes match(const Word* bucket, std::uint8_t tag) noexcept {
    return TagMatch<kTagWords>::lanes(bucket, tag) & kAllLanes;
  }

  /// Nearly always in the first slot that has the tag; the rest is apart, so that what it needs does not burden this.
  static Place find_in(Array array, std::uint64_t hash, std::string_view id) noexcept {
    const auto occupant_in = [id](const Slot& slot) { return slot.key.occupant_if(id); };
    const Word* const bucket = array.bucket(array.home(hash));
    if (const Lanes lanes = match(bucket, tag_of(hash)); lanes != 0) [[likely]] {
      Place place = visit(array, bucket, lanes, occupant_in);
      if (place.occupant != 0) [[likely]]
        return place;
    }
    return search_all(array, hash, occupant_in);
  }
  /// The first slot whose tag is the hash's and that `occupant_in(slot)` does not call nobody's.
  template <class OccupantIn>
  [[gnu::noinline]] static Place search_all(Array array, std::uint64_t hash, OccupantIn occupant_in) noexcept {
    std::size_t at = array.home(hash);
    for (std::size_t probes = 0; probes < array.buckets(); ++probes, at = array.after(at)) {
      const Word* const bucket = array.bucket(at);
      for (Lanes lanes = match(bucket, tag_of(hash)); lanes != 0; lanes &= lanes - 1) {
        if (Place place = visit(array, bucket, lanes, occupant_in); place.occupant != 0) return place;
      }
      if (overflows(bucket) == 0) break;
    }
    return {};
  }
  template <class OccupantIn>
  static Place visit(Array array, const Word* bucket, Lanes lanes, OccupantIn occupant_in) noexcept {
    Slot* const slot = array.slot(array.entry(bucket, first_of(lanes)));
    prefetch_rest(slot);
    const std::uint64_t occupant = occupant_in(*slot);
    return occupant == 0 ? Place{} : Place{slot, occupant};
  }

  /// The lines behind the first, for which the key is compared: so that all arrive together.
  static void prefetch_rest(const Slot* slot) noexcept {
    for (std::size_t line = 64; line < sizeof(Slot); line += 64) {
      __builtin_prefetch(reinterpret_cast<const std::byte*>(slot) + line);
    }
  }

  static void prefetch_whole(const Slot* slot) noexcept {
    __builtin_prefetch(slot);
    prefetch_rest(slot);
  }

  /// Under the segment's lock; there is a free lane, by the bound on the load.
  static void place(Array array, std::uint64_t hash, std::uint32_t number) noexcept {
    std::size_t at = array.home(hash);
    Lanes free = 0;
    for (; (free = match(array.bucket(at), 0) & array.lanes()) == 0; at = array.after(at)) {
      change_tags(array.bucket(at)[kTagWords - 1], kOneOverflow);
    }
    const unsigned lane = first_of(free);
    array.set_entry(array.bucket(at), lane, number);
    change_tags(array.bucket(at)[lane / 8], tag_in(lane, hash));
  }

  /// Under the segment's lock. Each store hides the one before it, and so carries what that one did.
  static void change_tags(Word& tags, std::uint64_t by) noexcept {
    // relaxed: stored under this lock
    tags.store(tags.load(std::memory_order_relaxed) + by, std::memory_order_release);  // A1 with A2
  }

  static std::uint64_t overflows(const Word* bucket) noexcept {
    return bucket[kTagWords - 1].load(std::memory_order_acquire) / kOneOverflow;  // A2 with A1
  }

  Array allocate(unsigned log2, bool wide) {
    const Array nowhere(nullptr, log2, wide);
    const std::size_t before = nowhere.run_words();
    return Array(arena_.template make_array<Word>(before + nowhere.buckets() * kBucketWords) + before, log2, wide);
  }

  void publish(std::size_t segment, Array array) noexcept {
    arrays_[segment].store(array.packed(), std::memory_order_release);  // A3 with A4
  }

  /// Under the segment's lock. Visits every slot of the segment for its id; readers go on in the old array meanwhile.
  Array grow(std::size_t segment, Array old) {
    const Writer& writer = writers_[segment];
    const bool wide = old.wide() || writer.numbers >= kNarrowNumbers;
    unsigned log2 = old.log2();
    while (!Array(nullptr, log2, wide).fits(writer.entries + 1, writer.numbers)) ++log2;
    const Array array = allocate(log2, wide);
    for (std::uint32_t number = 0; number < writer.numbers; number += run_length(number)) {
      array.set_run({old.slot(number), number});
    }
    typename decltype(Slot::key)::Buffer buffer;
    for (std::size_t at = 0; at < old.buckets(); ++at) {
      const Word* const bucket = old.bucket(at);
      for (Lanes used = kAllLanes & ~match(bucket, 0); used != 0; used &= used - 1) {
        const std::uint32_t number = old.entry(bucket, first_of(used));
        place(array, hash_id(old.slot(number)->key.copy(buffer)), number);
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
