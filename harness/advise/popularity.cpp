#include "harness/advise/popularity.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/read_file.hpp"
#include "harness/workload/number_lines.hpp"

namespace occ {
namespace {

constexpr std::uint64_t kOneByOne = 1000;
constexpr double kClassWidth = 1.02;

std::vector<DocumentClass> zipf_classes(const Zipf& zipf, std::uint64_t documents, double theta) {
  std::vector<DocumentClass> classes;
  for (std::uint64_t rank = 1; rank <= std::min(documents, kOneByOne); ++rank)
    classes.push_back({zipf.probability(rank), 1});
  if (documents <= kOneByOne) return classes;
  const double all = Zipf::harmonic(documents, theta);
  double below = Zipf::harmonic(kOneByOne, theta);
  for (std::uint64_t begin = kOneByOne; begin < documents;) {
    const auto wide = static_cast<std::uint64_t>(static_cast<double>(begin) * kClassWidth);
    const std::uint64_t end = std::min(documents, wide);
    const double sum = Zipf::harmonic(end, theta);
    const auto count = static_cast<double>(end - begin);
    classes.push_back({(sum - below) / all / count, count});
    below = sum;
    begin = end;
  }
  return classes;
}

}  // namespace

Popularity Popularity::of(const Distribution& distribution, std::uint64_t documents) {
  if (documents > kMostDocuments)
    throw BadInput(fmt::format("--docs {}: accepted are 1 to {}", documents, kMostDocuments));
  distribution.check(documents);
  Popularity result(documents, distribution.text());
  result.distribution_ = distribution;
  result.drawn_from_ = distribution.kind == Distribution::Kind::hot ? distribution.hot_documents : documents;
  if (distribution.kind == Distribution::Kind::zipf) result.zipf_.emplace_back(documents, distribution.theta);
  return result;
}

Popularity Popularity::of_counts(std::vector<double> counts, std::string name) {
  if (counts.empty() || counts.size() > kMostDocuments)
    throw BadInput(fmt::format("{}: {} documents; accepted are 1 to {}", name, counts.size(), kMostDocuments));
  if (std::ranges::any_of(counts, [](double count) { return !(count >= 0) || !std::isfinite(count); }))
    throw BadInput(fmt::format("{}: a count is below 0; accepted are counts of operations", name));
  const double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (!(sum > 0)) throw BadInput(fmt::format("{}: every count is 0; accepted are counts of operations", name));
  Popularity result(counts.size(), std::move(name));
  for (double& count : counts) count /= sum;
  result.counts_ = std::move(counts);
  result.make_aliases();
  return result;
}

Popularity Popularity::read_counts(const std::string& file) {
  std::vector<double> counts;
  for (const NumberLine& line : read_number_lines("--counts", file, 1)) counts.push_back(line.numbers.front());
  return of_counts(std::move(counts), fmt::format("counts:{}", file));
}

Popularity Popularity::read_ids(const std::string& file) {
  const std::string text = read_file(file);
  std::unordered_map<std::string_view, double> seen;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view id = std::string_view(text).substr(at, end - at);
    if (id.ends_with('\r')) id.remove_suffix(1);
    if (!id.empty()) ++seen[id];
    at = end + 1;
  }
  if (seen.empty())
    throw BadInput(fmt::format("--ids: '{}' has no id; accepted is a file with one in each line", file));
  std::vector<double> counts;
  for (const auto& [id, count] : seen) counts.push_back(count);
  std::ranges::sort(counts, std::greater());
  return of_counts(std::move(counts), fmt::format("ids:{}", file));
}

double Popularity::collision_probability() const {
  if (counts_.empty()) return occ::collision_probability(distribution_, documents_);
  return std::transform_reduce(counts_.begin(), counts_.end(), 0.0, std::plus(), [](double p) { return p * p; });
}

std::vector<DocumentClass> Popularity::classes() const {
  if (!zipf_.empty()) return zipf_classes(zipf_.front(), documents_, distribution_.theta);
  if (counts_.empty()) return {{1 / static_cast<double>(drawn_from_), static_cast<double>(drawn_from_)}};
  std::vector<double> sorted = counts_;
  std::ranges::sort(sorted, std::greater());
  std::vector<DocumentClass> classes;
  for (const double p : sorted) {
    if (p == 0) break;
    if (!classes.empty() && classes.back().probability == p) {
      ++classes.back().documents;
    } else {
      classes.push_back({p, 1});
    }
  }
  return classes;
}

double Popularity::probability(std::uint32_t document) const {
  if (!zipf_.empty()) return zipf_.front().probability(document + 1);
  if (counts_.empty()) return document < drawn_from_ ? 1 / static_cast<double>(drawn_from_) : 0;
  return counts_[document];
}

/// Vose 1991.
void Popularity::make_aliases() {
  const auto n = static_cast<double>(counts_.size());
  kept_.resize(counts_.size());
  alias_.resize(counts_.size());
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < counts_.size(); ++i) {
    kept_[i] = counts_[i] * n;
    alias_[i] = i;
    (kept_[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const std::uint32_t poor = small.back();
    const std::uint32_t rich = large.back();
    small.pop_back();
    alias_[poor] = rich;
    kept_[rich] -= 1 - kept_[poor];
    if (kept_[rich] >= 1) continue;
    large.pop_back();
    small.push_back(rich);
  }
  // What is left is 1 but for rounding.
  for (const std::uint32_t i : small) kept_[i] = 1;
}

std::uint32_t Popularity::draw(Random& random) const noexcept {
  if (!zipf_.empty()) return static_cast<std::uint32_t>(zipf_.front()(random) - 1);
  if (counts_.empty()) return static_cast<std::uint32_t>(random.below(drawn_from_));
  const auto column = static_cast<std::uint32_t>(random.below(counts_.size()));
  return random.uniform() <= kept_[column] ? column : alias_[column];
}

}  // namespace occ
