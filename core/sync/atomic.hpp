/// The one place where atomics are chosen. Everything in core/ and variants/ that is lock-free is built from the two
/// types below, so that a model checker can run the real headers by putting another core/sync/atomic.hpp first on the
/// include path.
#pragma once

#include <emmintrin.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/build/race_detector.hpp"

namespace occ {

template <class T>
using atomic = std::atomic<T>;

/// Sizes and alignments are those of the machine; false where a model checker's atomics, which are larger, take the
/// place of these.
inline constexpr bool kLayoutIsReal = true;

/// Two cache lines: the adjacent-line prefetcher of x86-64 pulls lines in pairs, so data of two threads is kept this
/// far apart.
inline constexpr std::size_t kFalseSharingRange = 128;

/// 16 bytes from anywhere, by one load that the compiler keeps, and keeps before what follows. A volatile access, not an
/// instruction of our choice: one in the older encoding among AVX code waits for whatever was last loaded into the upper
/// half of its register, such as the missed document of the operation before (gets were four to eight times slower on a
/// Sapphire Rapids).
[[gnu::always_inline]] inline __m128i load_16(const void* from) noexcept {
  const __m128i loaded = *static_cast<const volatile __m128i_u*>(from);
  asm volatile("" ::: "memory");
  return loaded;
}

/// Copies `words` words out of atomics that lie on a multiple of 16 bytes, as acquire loads of each one, and may copy
/// one more, to either side; what is copied is made of whole words, in no order.
///
/// On x86-64 two words go at once: an aligned vector load never tears a word (AMD64 manual vol. 2, 7.3.2; Intel SDM
/// vol. 3, 9.1.1), loads are not reordered with loads, and an instruction that the compiler cannot look into is no data
/// race to it. The race detector cannot look into it either, so for it the words go one by one.
inline void load_words_by_two(const atomic<std::uint64_t>* from, std::size_t words, std::byte* to) noexcept {
  for (std::size_t i = 0; i < words; i += 2) {
    const __m128i two = load_16(from + i);
    std::memcpy(to + 8 * i, &two, sizeof two);
  }
}
inline void load_words_by_one(const atomic<std::uint64_t>* from, std::size_t words, std::byte* to) noexcept {
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = from[i].load(std::memory_order_acquire);
    std::memcpy(to + 8 * i, &word, sizeof word);
  }
}

/// The 16 bits at `at`, counted from the lowest of the first word, as an acquire load of their word. On x86-64 by an
/// instruction of their own, for the reasons above.
inline std::uint16_t load_quarter_alone(const atomic<std::uint64_t>* from, std::size_t at) noexcept {
  std::uint32_t quarter;
  asm volatile("movzwl %1, %0" : "=r"(quarter) : "m"(reinterpret_cast<const std::uint16_t*>(from)[at]) : "memory");
  return static_cast<std::uint16_t>(quarter);
}
inline std::uint16_t load_quarter_of_word(const atomic<std::uint64_t>* from, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(from[at / 4].load(std::memory_order_acquire) >> at % 4 * 16);
}
inline std::uint16_t load_quarter(const atomic<std::uint64_t>* from, std::size_t at) noexcept {
  if constexpr (kRaceDetector) {
    return load_quarter_of_word(from, at);
  } else {
    return load_quarter_alone(from, at);
  }
}

/// A 64-bit word and a pointer that change together, by one 16-byte compare-and-swap.
///
/// Progress: every operation is wait-free.
/// Cost: the two loads are ordinary 8-byte loads, compare_exchange is one lock cmpxchg16b. The halves are loaded apart;
/// nothing here makes two loads a snapshot. The reader's rule is: load the word first, load the pointer, use it, load
/// the word again; where the word never recurs, an unchanged word proves that the pointer belonged to it.
///
/// Loading a half of a 16-byte atomic is outside the C++ standard. It rests on the architecture: on x86-64 an aligned
/// 8-byte load is single-copy atomic and cmpxchg16b writes both halves at once (Intel SDM vol. 3, 9.1.1 and 9.1.2.2),
/// and stores become visible in one total order. `__sync_bool_compare_and_swap` is used because g++ inlines it under
/// -mcx16 and the race detector sees it, whereas
/// `__atomic` on 16 bytes is a library call in g++ and Boost.Atomic's 16-byte load is itself a locked instruction.
template <class T>
class alignas(16) WordPointer {
 public:
  struct Value {
    std::uint64_t word = 0;
    T* pointer = nullptr;
  };

  explicit WordPointer(std::uint64_t word) noexcept : halves_{word, 0} {}

  [[nodiscard]] std::uint64_t load_word(std::memory_order order) const noexcept {
    return __atomic_load_n(&halves_[0], static_cast<int>(order));
  }

  [[nodiscard]] T* load_pointer(std::memory_order order) const noexcept {
    return reinterpret_cast<T*>(__atomic_load_n(&halves_[1], static_cast<int>(order)));
  }

  /// True if the pair was `expected` and is now `desired`. A full barrier either way; a failure tells nothing about
  /// what was there.
  bool compare_exchange(Value expected, Value desired) noexcept {
    return __sync_bool_compare_and_swap(reinterpret_cast<Wide*>(halves_), widen(expected), widen(desired));
  }

 private:
  __extension__ typedef unsigned __int128 Wide __attribute__((may_alias));

  static Wide widen(Value value) noexcept {
    return static_cast<Wide>(reinterpret_cast<std::uintptr_t>(value.pointer)) << 64 | value.word;
  }

  std::uint64_t halves_[2];
};

}  // namespace occ
