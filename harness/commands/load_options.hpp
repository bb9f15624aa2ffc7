#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "harness/advise/popularity.hpp"
#include "harness/advise/retry_model.hpp"

namespace occ {

/// The load that `occkit simulate` and `occkit advise` are asked about, as its options say it.
struct LoadOptions {
  std::vector<std::uint64_t> clients;
  std::vector<double> rates_per_s;
  std::vector<std::string> think{"0"};
  std::string window;
  std::uint64_t documents = 1;
  std::string distribution;
  std::string counts;
  std::string ids;
  std::string backoff = "none";
};

/// Adds them to `command`; they fill `into`, which must live as long.
void add_load_options(CLI::App& command, LoadOptions& into);

/// Throws BadInput. One load for each think time and each number of clients, or for each rate. `measured`: the windows,
/// if no option says them.
[[nodiscard]] std::vector<RetryLoad> loads_of(const LoadOptions& options,
                                              const std::optional<TimeDistribution>& measured = std::nullopt);
[[nodiscard]] Popularity popularity_of(const LoadOptions& options);

}  // namespace occ
