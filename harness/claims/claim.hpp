#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace occ {

/// The rows of one run in which each of these columns has the value beside it.
struct RowSelection {
  std::string run;
  std::vector<std::pair<std::string, std::string>> columns;
  /// As the claim's file has it.
  std::string text;
};

/// A number that rows must show: a column, or one by another, of some rows, or as a ratio to the same of others.
struct Expectation {
  std::string name;
  std::string metric;
  /// Empty: the metric is a column by itself.
  std::string per;
  RowSelection of;
  std::optional<RowSelection> over;
  std::optional<double> at_least;
  std::optional<double> at_most;
  /// On fewer processors it cannot be seen.
  unsigned cores = 1;
};

/// A sentence about strategies, where it comes from, what is run to see it, and what must be seen.
struct Claim {
  /// Of its file, without .toml.
  std::string name;
  std::string statement;
  std::string source;
  /// Options of `occkit run` by name, for each run. All of them are measured in turn, round by round.
  std::vector<std::pair<std::string, std::map<std::string, std::string, std::less<>>>> runs;
  std::vector<Expectation> expectations;
};

/// Reads a claim from its file. harness/claims/README.md says what stands in one. `cores` are those of the machine it is
/// asked on: "c", "2c" and the like in numbers of threads mean so many, and predictions depend on it. Throws BadInput.
[[nodiscard]] Claim read_claim(const std::filesystem::path& file, unsigned cores);

/// Ramanujan's Q(n) = 1 + (n-1)/n + (n-1)(n-2)/n^2 + ...: the attempts that one commit takes where `n` clients retry on
/// one document without pause and each attempt takes an exponential time (Alistarh, Censor-Hillel, Shavit 2013).
[[nodiscard]] double ramanujan_q(unsigned n);

}  // namespace occ
