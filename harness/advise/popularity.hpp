#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/support/random.hpp"
#include "harness/workload/distribution.hpp"
#include "harness/workload/zipf.hpp"

namespace occ {

/// Documents that are alike: each is chosen with this probability, and there are so many.
struct DocumentClass {
  double probability;
  double documents;
};

/// How often each document is operated on. Immutable.
class Popularity {
 public:
  static constexpr std::uint64_t kMostDocuments = 100'000'000;

  /// Throws BadInput as Distribution::check does, and for more than kMostDocuments.
  static Popularity of(const Distribution& distribution, std::uint64_t documents);
  /// By how often each was seen. `name` is for text(). Throws BadInput if no count is above 0.
  static Popularity of_counts(std::vector<double> counts, std::string name);
  /// A file with a count in each line, one for each document.
  static Popularity read_counts(const std::string& file);
  /// A file with an id in each line, one for each operation.
  static Popularity read_ids(const std::string& file);

  [[nodiscard]] std::uint64_t documents() const noexcept { return documents_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The probability that two operations meet: the sum of p^2.
  [[nodiscard]] double collision_probability() const;

  /// The hottest first. Their probabilities sum to 1. A Zipf distribution's first 1000 documents are one by one, the
  /// others in classes whose ranks differ by 2 %, with the exact sum of their probabilities.
  [[nodiscard]] std::vector<DocumentClass> classes() const;

  /// Of the document that draw() calls so.
  [[nodiscard]] double probability(std::uint32_t document) const;

  /// One document's number, 0 the hottest (of counts: in the order of the file). At most some 60 ns.
  [[nodiscard]] std::uint32_t draw(Random& random) const noexcept;

 private:
  Popularity(std::uint64_t documents, std::string text) : documents_(documents), text_(std::move(text)) {}
  void make_aliases();

  std::uint64_t documents_;
  std::string text_;
  Distribution distribution_;
  std::uint64_t drawn_from_ = 1;
  std::vector<Zipf> zipf_;  // none or one
  std::vector<double> counts_;
  /// Walker's aliases of counts: column i is i itself below kept_[i], and alias_[i] above.
  std::vector<double> kept_;
  std::vector<std::uint32_t> alias_;
};

}  // namespace occ
