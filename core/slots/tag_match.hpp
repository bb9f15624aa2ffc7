#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/build/race_detector.hpp"
#include "core/sync/atomic.hpp"

namespace occ {

/// Which bytes of a row of atomic words are `tag`, a bit each, from the lowest byte of the first word on. Bytes are those
/// of acquire loads of the words; in which order, nobody may ask. The words lie on a multiple of 16 bytes.
template <unsigned words>
class TagMatch {
 public:
  static std::uint32_t lanes(const atomic<std::uint64_t>* tags, std::uint8_t tag) noexcept {
    if constexpr (kLayoutIsReal && !kRaceDetector) {
      return at_once(tags, tag);
    } else {
      return one_by_one(tags, tag);
    }
  }

  /// No branch between the words: one on what a missed line holds would keep the next operation from beginning meanwhile.
  static std::uint32_t at_once(const atomic<std::uint64_t>* tags, std::uint8_t tag) noexcept {
    __m128i seen[(words + 1) / 2];
    load_words_by_two(tags, words, reinterpret_cast<std::byte*>(seen));  // A2 with A1
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
    std::uint32_t lanes = 0;
    for (unsigned pair = 0; pair < (words + 1) / 2; ++pair) {
      lanes |= static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(seen[pair], wanted))) << 16 * pair;
    }
    return lanes & kAll;
  }

  static std::uint32_t one_by_one(const atomic<std::uint64_t>* tags, std::uint8_t tag) noexcept {
    std::uint32_t lanes = 0;
    for (unsigned word = 0; word < words; ++word) {
      const std::uint64_t seen = tags[word].load(std::memory_order_acquire);  // A2 with A1
      for (unsigned byte = 0; byte < 8; ++byte) {
        lanes |= static_cast<std::uint32_t>((seen >> 8 * byte & 0xff) == tag) << (8 * word + byte);
      }
    }
    return lanes;
  }

 private:
  static_assert(words <= 4);
  static constexpr std::uint32_t kAll = words == 4 ? ~std::uint32_t{0} : (std::uint32_t{1} << 8 * words % 32) - 1;
};

}  // namespace occ
