#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/advise/simulation.hpp"
#include "harness/measure/latency_histogram.hpp"

namespace occ {

/// One replicate of a simulation.
struct SimulatedRow {
  const SimulationLoad& load;
  const SimulationResult& result;
  const LatencyHistogram& latency;
  /// Tells simulations apart: the strategy is then simulated:LABEL.
  const std::string& label;
  std::uint32_t replicate;
  std::uint64_t seed;
};

/// As a row of `occkit run`: threads are clients (1 in an open loop), think_ns is the mean window, and what a simulation
/// has no notion of is empty. `columns` are the names of the file's columns.
[[nodiscard]] std::vector<std::string> fields(const SimulatedRow& row, const std::vector<std::string>& columns);

/// "hot:1 think 20ms window 2ms": rows that differ in it are not compared.
[[nodiscard]] std::string workload_name(const SimulationLoad& load);

}  // namespace occ
