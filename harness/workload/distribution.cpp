#include "harness/workload/distribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "harness/support/bad_input.hpp"
#include "harness/support/permutation.hpp"
#include "harness/workload/zipf.hpp"

namespace occ {
namespace {

constexpr double kHighestTheta = 100;
constexpr std::uint64_t kHeadCells = 64;
constexpr std::uint64_t kEvenCells = 128;
constexpr double kLeastExpected = 5;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// How many ranks the distribution gives any probability.
std::uint64_t support(const Distribution& distribution, std::uint64_t documents) {
  return distribution.kind == Distribution::Kind::hot ? distribution.hot_documents : documents;
}

/// The ranks, counted from 0, that are below `end` and in no band before.
struct Band {
  std::uint64_t end;
  double probability;
};

/// Single ranks at the head of a Zipf distribution, then bands that double in width; bands of even width otherwise.
std::vector<Band> bands(const Distribution& distribution, std::uint64_t documents) {
  const std::uint64_t ranks = support(distribution, documents);
  std::vector<Band> result;
  if (distribution.kind == Distribution::Kind::zipf) {
    const double normaliser = Zipf::harmonic(ranks, distribution.theta);
    double below = 0;
    for (std::uint64_t end = 1;; end = std::min(ranks, end < kHeadCells ? end + 1 : end * 2)) {
      const double sum = Zipf::harmonic(end, distribution.theta);
      result.push_back({end, std::max(0.0, sum - below) / normaliser});
      below = sum;
      if (end == ranks) return result;
    }
  }
  const std::uint64_t cells = std::min(ranks, kEvenCells);
  std::uint64_t begin = 0;
  for (std::uint64_t cell = 1; cell <= cells; ++cell) {
    const auto end = static_cast<std::uint64_t>(Uint128{ranks} * cell / cells);
    result.push_back({end, static_cast<double>(end - begin) / static_cast<double>(ranks)});
    begin = end;
  }
  return result;
}

}  // namespace

Distribution Distribution::parse(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return BadInput{fmt::format("distribution '{}': {}; accepted are uniform | zipf:THETA | hot:K", text, why)};
  };
  if (text == "uniform") return {};
  if (text.starts_with("zipf:")) {
    const auto theta = number<double>(text.substr(5));
    if (!theta || !(*theta > 0) || *theta > kHighestTheta) {
      throw refuse(fmt::format("THETA must be a number above 0 and at most {}", kHighestTheta));
    }
    return {.kind = Kind::zipf, .theta = *theta};
  }
  if (text.starts_with("hot:")) {
    const auto documents = number<std::uint64_t>(text.substr(4));
    if (!documents || *documents == 0) throw refuse("K must be a whole number of documents, 1 or more");
    return {.kind = Kind::hot, .hot_documents = *documents};
  }
  throw refuse("unknown");
}

std::string Distribution::text() const {
  switch (kind) {
    case Kind::zipf:
      return fmt::format("zipf:{}", theta);
    case Kind::hot:
      return fmt::format("hot:{}", hot_documents);
    default:
      return "uniform";
  }
}

void Distribution::check(std::uint64_t documents) const {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (documents == 0 || documents > kMost) {
    throw BadInput{fmt::format("{} documents: accepted are 1 to {}", documents, kMost)};
  }
  if (kind == Kind::hot && hot_documents > documents) {
    throw BadInput{fmt::format("distribution '{}' needs {} documents, but there are {}; accepted are hot:1 to hot:{}",
                               text(), hot_documents, documents, documents)};
  }
}

double collision_probability(const Distribution& distribution, std::uint64_t documents) {
  if (distribution.kind == Distribution::Kind::zipf) {
    const double normaliser = Zipf::harmonic(documents, distribution.theta);
    return Zipf::harmonic(documents, 2 * distribution.theta) / (normaliser * normaliser);
  }
  return 1 / static_cast<double>(support(distribution, documents));
}

double generator_p(const Distribution& distribution, std::uint64_t documents, std::uint64_t permutation_seed,
                   std::span<const std::uint32_t> sample) {
  const std::vector<Band> cells = bands(distribution, documents);
  const Permutation permutation{documents, permutation_seed};
  std::vector<std::uint64_t> observed(cells.size());
  for (const std::uint32_t index : sample) {
    if (index >= documents) return 0;
    const std::uint64_t rank = permutation.inverse(index);
    const auto cell = std::upper_bound(cells.begin(), cells.end(), rank,
                                       [](std::uint64_t value, const Band& band) { return value < band.end; });
    if (cell == cells.end()) return 0;
    ++observed[static_cast<std::size_t>(cell - cells.begin())];
  }

  // Neighbouring cells are joined until each expects enough; what is left at the end joins the last.
  struct Cell {
    double expected = 0;
    double observed = 0;
  };
  std::vector<Cell> joined;
  Cell open;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    open.expected += cells[i].probability * static_cast<double>(sample.size());
    open.observed += static_cast<double>(observed[i]);
    if (open.expected < kLeastExpected) continue;
    joined.push_back(open);
    open = {};
  }
  if (joined.size() + (open.expected > 0 ? 1 : 0) < 2) return 1;
  joined.back().expected += open.expected;
  joined.back().observed += open.observed;
  if (joined.size() < 2) return 1;

  double statistic = 0;
  for (const Cell& cell : joined) {
    const double difference = cell.observed - cell.expected;
    statistic += difference * difference / cell.expected;
  }
  const boost::math::chi_squared expected_statistic{static_cast<double>(joined.size() - 1)};
  return boost::math::cdf(boost::math::complement(expected_statistic, statistic));
}

IndexRing::IndexRing(const Distribution& distribution, std::uint64_t documents, std::uint64_t permutation_seed,
                     std::uint64_t seed)
    : documents_{documents}, random_{seed} {
  distribution.check(documents);
  if (distribution.kind == Distribution::Kind::uniform) return;
  const Permutation permutation{documents, permutation_seed};
  const Zipf zipf{documents, distribution.theta};
  ring_.resize(kSize);
  for (std::uint32_t& index : ring_) {
    const std::uint64_t rank =
        distribution.kind == Distribution::Kind::zipf ? zipf(random_) - 1 : random_.below(distribution.hot_documents);
    index = static_cast<std::uint32_t>(permutation(rank));
  }
}

std::vector<std::uint32_t> IndexRing::sample(std::size_t count) const {
  IndexRing copy = *this;
  std::vector<std::uint32_t> indexes(count);
  for (std::uint32_t& index : indexes) index = copy.next();
  return indexes;
}

}  // namespace occ
