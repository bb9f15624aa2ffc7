#pragma once

#include <cstdint>

#include "core/build/fault_point.hpp"
#include "core/build/inlining.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/spin_wait.hpp"

namespace occ {

/// The right to write a document whose word carries a claim flag. A writer sets the flag by one compare-and-swap on the
/// document's own word, overwrites the document in place, and stores the next word, which publishes what it wrote.
/// Readers copy the document and look at the word again. The claim ends with this object: by the word that was
/// published, or by the old word if none was.
///
///     bit 0 of the word   clear: free, the word is the last write's
///                         set: claimed, a write is under way, or the document is nobody's
///
/// Free words of one document only ever grow, but for a claim that is given up: it puts the old word back before it has
/// touched the document. So an unchanged free word proves that what was copied in between was whole.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | publication to reader | C1 store of the free word | C2 first load of the word | what the claimer wrote |
/// | publication to claimer | C1 store of the free word | C4 compare_exchange | the same, for the next one to overwrite |
/// | overwriting to stale reader | stores into the document | loads from it | the claim C4, so that C6 differs |
///
/// The third edge is the strategy's own: its stores release and its loads acquire. C6, the second load of the word, is
/// relaxed: those loads keep it behind them.
///
/// Progress: blocking; readers and writers of one document wait for its claimer, nobody else does.
class Claim {
 public:
  static constexpr std::uint64_t kFlag = 1;
  /// What take_when_free returns in place of a free word.
  static constexpr std::uint64_t kGone = kFlag;

  /// Takes the claim if the word is `bits` still, which was free. The claim is then to be made an object at once.
  [[nodiscard]] OCCKIT_INLINE static bool take(atomic<std::uint64_t>& word, std::uint64_t bits) noexcept {
    // C4; relaxed on failure: C2 loads again
    return word.compare_exchange_strong(bits, bits | kFlag, std::memory_order_acquire, std::memory_order_relaxed);
  }

  /// Waits until nobody holds the claim and takes it. The word before it; or kGone, without a claim, if `gone(word)` says
  /// that this is no longer the document. `failed()` is called before each wait.
  template <class Gone, class Failed>
  [[nodiscard]] OCCKIT_INLINE static std::uint64_t take_when_free(atomic<std::uint64_t>& word, const Gone& gone,
                                                                  const Failed& failed) noexcept {
    SpinWait wait;
    for (;;) {
      const std::uint64_t bits = word.load(std::memory_order_relaxed);  // relaxed: the exchange checks it
      if ((bits & kFlag) == 0 && take(word, bits)) [[likely]] {
        if (!gone(bits)) [[likely]]
          return bits;
        word.store(bits, std::memory_order_release);  // C1 with C2, C4
        return kGone;
      }
      if (gone(bits)) return kGone;
      failed();
      wait.pause();
    }
  }

  /// Calls `copy(word)` until nobody came between two looks at the word, and waits while it is claimed. False, and what
  /// was copied means nothing, if `gone(word)` says that this is no longer the document. Adds to `retries` how often
  /// somebody came between.
  template <class Gone, class Copy>
  OCCKIT_INLINE static bool read(const atomic<std::uint64_t>& word, std::uint64_t& retries, const Gone& gone,
                                 const Copy& copy) {
    SpinWait wait;
    for (;;) {
      const std::uint64_t bits = word.load(std::memory_order_acquire);  // C2 with C1
      if (gone(bits)) [[unlikely]]
        return false;
      if ((bits & kFlag) != 0) [[unlikely]] {
        wait.pause();
        continue;
      }
      copy(bits);
      fault_point(FaultPoint::reading);
      // C6 relaxed: the loads of `copy` keep it behind them
      if (word.load(std::memory_order_relaxed) == bits) [[likely]]
        return true;
      ++retries;
    }
  }

  /// Of who has taken it; `bits` is the word before the claim.
  OCCKIT_INLINE Claim(atomic<std::uint64_t>& word, std::uint64_t bits) noexcept : word_(word), bits_(bits) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  OCCKIT_INLINE Claim(Claim&& other) noexcept : word_(other.word_), bits_(other.bits_) { other.keep(); }
  OCCKIT_INLINE ~Claim() {
    if (!kept_) [[likely]]
      word_.store(bits_, std::memory_order_release);  // C1 with C2, C4
  }
  /// What was written gets this word when the claim ends.
  OCCKIT_INLINE void publish(std::uint64_t bits) noexcept { bits_ = bits; }
  /// The document stays claimed, for whoever gives its place to another one.
  void keep() noexcept { kept_ = true; }

 private:
  atomic<std::uint64_t>& word_;
  std::uint64_t bits_;
  bool kept_ = false;
};

}  // namespace occ
