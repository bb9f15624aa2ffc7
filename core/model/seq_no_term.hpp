#pragma once

#include <compare>
#include <cstdint>

namespace occ {

/// `_seq_no` and `_primary_term` of one write, packed into the 64-bit word that strategies compare and swap.
///
///     63                                    16 15                2   1   0
///     +---------------------------------------+------------------+---+---+
///     |               seq_no (48)             | primary term (14)| M | V |
///     +---------------------------------------+------------------+---+---+
///
/// V, the vacant flag: the slot was never written, or its tombstone was purged; it holds no document, no tombstone and
/// no body, and what a number it has is that of the last write. M, the moving flag: somebody is copying a body into the
/// slot (PackedSlot). Words of one slot only ever grow: seq_no is the high part and every write draws a new one after it
/// has read the word that it replaces.
class SeqNoTerm {
 public:
  static constexpr int kSeqNoBits = 48;
  static constexpr int kTermBits = 14;
  static constexpr int kFlagBits = 2;
  static_assert(kSeqNoBits + kTermBits + kFlagBits == 64);
  static constexpr std::uint64_t kMaxSeqNo = (std::uint64_t{1} << kSeqNoBits) - 1;
  static constexpr std::uint64_t kMaxTerm = (std::uint64_t{1} << kTermBits) - 1;

  constexpr SeqNoTerm() noexcept = default;
  constexpr SeqNoTerm(std::uint64_t seq_no, std::uint64_t term) noexcept
      : bits_((seq_no << (kTermBits + kFlagBits)) | (term << kFlagBits)) {}

  static constexpr SeqNoTerm from_bits(std::uint64_t bits) noexcept {
    SeqNoTerm word;
    word.bits_ = bits;
    return word;
  }
  /// What a slot holds before its first write.
  static constexpr SeqNoTerm never_written() noexcept { return from_bits(kVacant); }

  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr std::uint64_t seq_no() const noexcept { return bits_ >> (kTermBits + kFlagBits); }
  [[nodiscard]] constexpr std::uint64_t term() const noexcept { return (bits_ >> kFlagBits) & kMaxTerm; }
  /// What a slot holds after its last write was purged.
  [[nodiscard]] constexpr SeqNoTerm vacated() const noexcept { return from_bits(bits_ | kVacant); }
  [[nodiscard]] constexpr bool vacant() const noexcept { return (bits_ & kVacant) != 0; }
  /// The same write's word while a body moves into the slot, and when none does.
  [[nodiscard]] constexpr SeqNoTerm with_moving() const noexcept { return from_bits(bits_ | kMoving); }
  [[nodiscard]] constexpr SeqNoTerm without_moving() const noexcept { return from_bits(bits_ & ~kMoving); }
  [[nodiscard]] constexpr bool moving() const noexcept { return (bits_ & kMoving) != 0; }
  /// Vacant, moving: 0 if neither.
  [[nodiscard]] constexpr std::uint64_t flags() const noexcept { return bits_ & (kVacant | kMoving); }
  [[nodiscard]] constexpr bool plain() const noexcept { return flags() == 0; }

  /// Order of writes within a document: seq_no decides, since it grows across primary terms too.
  friend constexpr auto operator<=>(SeqNoTerm, SeqNoTerm) noexcept = default;

 private:
  static constexpr std::uint64_t kVacant = 1;
  static constexpr std::uint64_t kMoving = 2;
  std::uint64_t bits_ = kVacant;
};

}  // namespace occ
