#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/measure/cell.hpp"

namespace occ {

/// What the checks found and what recording cost, over all cells.
class RunSummary {
 public:
  /// `what`: the replicate, for people.
  void add(const std::string& what, const Cell& cell, const Measurement& measurement);

  /// Empty if nothing was measured.
  [[nodiscard]] std::string text() const;

 private:
  /// Replicates of one strategy.
  struct Verdicts {
    std::uint64_t wrong = 0;
    std::uint64_t caught = 0;
    /// Of a negative control, those in which nothing was found.
    std::vector<std::string> let_pass;
  };
  struct Speeds {
    std::vector<double> recorded;
    std::vector<double> measured;
  };

  [[nodiscard]] std::string histories_text() const;
  [[nodiscard]] std::string powerless_text() const;
  [[nodiscard]] std::string contradictions_text() const;

  std::map<std::string, Verdicts> verdicts_;
  std::vector<std::string> powerless_;
  std::map<const Cell*, Speeds> speeds_;
  std::uint64_t histories_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t not_judged_ = 0;
  std::uint64_t pairs_ = 0;
  std::uint64_t overlapping_ = 0;
  double check_s_ = 0;
};

}  // namespace occ
