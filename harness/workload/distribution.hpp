#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/support/random.hpp"

namespace occ {

/// Which documents are operated on, and how often.
struct Distribution {
  enum class Kind {
    uniform,
    /// Rank k with probability proportional to k^-theta.
    zipf,
    /// Uniform over `hot_documents` of all documents.
    hot,
  };
  Kind kind = Kind::uniform;
  double theta = 0;
  std::uint64_t hot_documents = 0;

  /// One of "uniform", "zipf:THETA", "hot:K"; anything else throws BadInput, which names them.
  static Distribution parse(std::string_view text);
  /// What parse() turns into this very distribution.
  [[nodiscard]] std::string text() const;
  /// Throws BadInput unless this distribution can be drawn from `documents` documents: 1 to 2^32 - 1 of them, and at
  /// least `hot_documents`.
  void check(std::uint64_t documents) const;

  friend bool operator==(const Distribution&, const Distribution&) = default;
};

/// The probability that two operations go to the same document: the sum of p_i^2.
[[nodiscard]] double collision_probability(const Distribution& distribution, std::uint64_t documents);

/// The chi-square p-value of `sample` (document indexes) against the distribution, whose ranks are spread over the
/// documents by Permutation{documents, permutation_seed}. Cells are the 64 hottest documents and, for the tail, bands
/// of ranks with at least five expected each; a document that must not occur gives 0. Uniform in [0, 1] over seeds
/// where the generator is right.
[[nodiscard]] double generator_p(const Distribution& distribution, std::uint64_t documents,
                                 std::uint64_t permutation_seed, std::span<const std::uint32_t> sample);

/// One thread's source of document indexes in [0, documents), for use in the timed loop. Skewed distributions are drawn
/// beforehand into a ring of 2^20 (4 MiB, read in order, under 1 ns an index), which then repeats: a thread meets at
/// most 2^20 different documents. Uniform indexes are drawn as they are asked for (some 3 ns more), since a ring would
/// confine each thread to a fraction of a large table.
class IndexRing {
 public:
  static constexpr std::size_t kSize = std::size_t{1} << 20U;

  /// All threads of a run share the permutation seed, so that they agree on which documents are hot; each has its own
  /// stream seed (see stream_seed). Throws BadInput as Distribution::check does. Takes tens of milliseconds.
  IndexRing(const Distribution& distribution, std::uint64_t documents, std::uint64_t permutation_seed,
            std::uint64_t seed);

  std::uint32_t next() noexcept {
    if (ring_.empty()) return static_cast<std::uint32_t>(random_.below(documents_));
    return ring_[position_++ & (kSize - 1)];
  }

  /// What the next `count` calls of next() will give; changes nothing. For generator_p.
  [[nodiscard]] std::vector<std::uint32_t> sample(std::size_t count = kSize) const;

 private:
  std::uint64_t documents_;
  Random random_;
  std::vector<std::uint32_t> ring_;
  std::size_t position_ = 0;
};

}  // namespace occ
