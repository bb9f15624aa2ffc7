#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/model/document.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/word_copy.hpp"

namespace occ {

/// The id of a slot, and which of the ids that the slot has had it is: its occupant. An occupant is a number that never
/// comes back in a slot, so whoever found a slot for an id asks later, at the cost of one load, whether it still is
/// that id's. Ids of up to kInlineBytes lie in the slot itself, longer ones in memory that stays with the slot.
///
/// A slot that has had a long id has only long ones, so that a size above kInlineBytes always goes with a pointer.
/// Read while another thread may give the slot to another id, so every access is an atomic word.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | new id to finder | K1 store of the header | K2 first load of the header | the words of the id |
/// | new id to late finder | K3 stores of the words | K4 loads of the words | that the id before has left: the second look at the header differs |
///
/// The second load of the header is relaxed: the loads K4 before it keep it behind them.
class SlotKey {
 public:
  static constexpr std::size_t kInlineBytes = 40;
  /// Of storage for an id that does not fit inline: capacity in bytes, whole words.
  static constexpr std::size_t external_bytes(std::size_t id_bytes) noexcept {
    return id_bytes <= kInlineBytes ? 0 : id_bytes <= 128 ? 128 : kMaxIdBytes;
  }
  using Words = atomic<std::uint64_t>;
  using Buffer = std::array<char, kMaxIdBytes>;

  /// Who holds the slot, if it is this id's, of at most kMaxIdBytes; else 0, which is nobody. Wait-free.
  [[nodiscard]] OCCKIT_INLINE std::uint64_t occupant_if(std::string_view id) const noexcept {
    std::uint64_t header = header_.load(std::memory_order_acquire);  // K2 with K1
    if ((header & (kSizeMask | kQueued)) != id.size()) [[unlikely]] {
      header &= ~kQueued;
      if ((header & kSizeMask) != id.size()) return 0;
    }
    if (!equal_bytes(words_for(id.size()), id)) [[unlikely]]  // K4 with K3
      return 0;
    // relaxed: ordered behind K4
    if (!same(header_.load(std::memory_order_relaxed), header)) [[unlikely]]
      return 0;
    return header;
  }

  /// Whether an id as long as the occupant's is the occupant's. Means nothing unless the slot is found to be held_by it
  /// afterwards.
  [[nodiscard]] OCCKIT_INLINE bool matches_unvalidated(std::uint64_t occupant, std::string_view id) const noexcept {
    return same(header_.load(std::memory_order_acquire), occupant) &&  // K2 with K1
           equal_bytes(words_for(id.size()), id);                      // K4 with K3
  }

  /// False for ever once the slot has been taken from that occupant.
  [[nodiscard]] bool held_by(std::uint64_t occupant) const noexcept {
    // relaxed: whoever reads what a later occupant published is behind its header by that edge
    return same(header_.load(std::memory_order_relaxed), occupant);
  }

  /// 0 only if it is held_by that occupant, and nearly always then. To be joined with what else can be different.
  [[nodiscard]] std::uint64_t difference_to(std::uint64_t occupant) const noexcept {
    return header_.load(std::memory_order_relaxed) ^ occupant;  // relaxed: as in held_by
  }

  /// The id, copied into `buffer`, if the slot is that occupant's.
  [[nodiscard]] std::optional<std::string_view> copy_if(std::uint64_t occupant, Buffer& buffer) const noexcept {
    const std::size_t size = occupant & kSizeMask;
    const Words* const words = words_for(size);
    for (std::size_t at = 0; at < size; at += 8) {
      const std::uint64_t word = words[at / 8].load(std::memory_order_acquire);  // K4 with K3
      std::memcpy(buffer.data() + at, &word, 8);
    }
    if (!held_by(occupant)) return std::nullopt;
    return std::string_view(buffer.data(), size);
  }
  /// The id, by who keeps others from giving the slot away.
  [[nodiscard]] std::string_view copy(Buffer& buffer) const noexcept { return *copy_if(occupant(), buffer); }

  /// Takes the slot from its occupant; only one thread may do so. `next` is for the list of idle slots.
  void detach(void* next) noexcept {
    const std::uint64_t queued = header_.load(std::memory_order_relaxed) & kQueued;  // relaxed: a mark, see try_queue
    header_.store(next_generation() | queued, std::memory_order_relaxed);            // relaxed: K3 below releases it
    inline_[1].store(reinterpret_cast<std::uint64_t>(next), std::memory_order_release);  // K3 with K4
  }
  [[nodiscard]] void* next() const noexcept {
    // relaxed: only asked by whom the slot belongs to
    return reinterpret_cast<void*>(inline_[1].load(std::memory_order_relaxed));
  }

  /// Gives a slot that nobody holds to an id. `external`: the slot's storage, if external_bytes(id.size()) is not 0.
  void assign(std::string_view id, Words* external) noexcept {
    Words* words = inline_;
    if (id.size() > kInlineBytes) {
      // relaxed: it is the same for every long id of the slot, and K1 carries it to whoever sees the first
      inline_[0].store(reinterpret_cast<std::uint64_t>(external), std::memory_order_relaxed);
      words = external;
    }
    for (std::size_t at = 0; at < id.size(); at += 8)
      words[at / 8].store(word_at(id.data(), id.size(), at), std::memory_order_release);  // K3 with K4
    const std::uint64_t queued = header_.load(std::memory_order_relaxed) & kQueued;    // relaxed: a mark, see try_queue
    header_.store(next_generation() | queued | id.size(), std::memory_order_release);  // K1 with K2
  }

  /// The storage that stays with the slot, if its last id did not fit inline.
  [[nodiscard]] Words* external() const noexcept {
    // relaxed: only asked by whom the slot belongs to
    return reinterpret_cast<Words*>(inline_[0].load(std::memory_order_relaxed));
  }

  /// A mark that the slot waits in somebody's queue. True if it was not there. A mark that a change of occupant
  /// overwrites costs a second place in a queue, nothing else.
  bool try_queue() noexcept {
    // K5 with K5: who takes the mark away sees what was written before it was found there
    return (header_.fetch_or(kQueued, std::memory_order_acq_rel) & kQueued) == 0;
  }
  void unqueue() noexcept {
    header_.fetch_and(~kQueued, std::memory_order_acq_rel);  // K5 with K5
  }
  [[nodiscard]] std::uint64_t occupant() const noexcept {
    return header_.load(std::memory_order_acquire) & ~kQueued;  // K2 with K1
  }
  [[nodiscard]] static bool is_nobody(std::uint64_t occupant) noexcept { return (occupant & kSizeMask) == 0; }

 private:
  // The header: size of the id in bytes, 0 while nobody holds the slot; the mark; a generation, which every change of
  // the occupant raises and which does not wrap in a machine's life. The mark is rare: what has none is compared whole.
  static constexpr std::uint64_t kSizeMask = 0x7fff;
  static constexpr std::uint64_t kQueued = std::uint64_t{1} << 15;
  static constexpr std::uint64_t kOneGeneration = std::uint64_t{1} << 16;

  static bool same(std::uint64_t header, std::uint64_t occupant) noexcept {
    if (header == occupant) [[likely]]
      return true;
    return (header & ~kQueued) == occupant;
  }

  [[nodiscard]] std::uint64_t next_generation() const noexcept {
    // relaxed: only who owns the slot changes the generation
    return (header_.load(std::memory_order_relaxed) & ~(kOneGeneration - 1)) + kOneGeneration;
  }

  [[nodiscard]] const Words* words_for(std::size_t size) const noexcept {
    if (size <= kInlineBytes) [[likely]]
      return inline_;
    // relaxed: as in assign
    return reinterpret_cast<const Words*>(inline_[0].load(std::memory_order_relaxed));
  }

  atomic<std::uint64_t> header_{0};
  Words inline_[kInlineBytes / 8]{};
};
static_assert(!kLayoutIsReal || sizeof(SlotKey) == 48);

}  // namespace occ
