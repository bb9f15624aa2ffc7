#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace occ {

/// Where, by what and from what a result was made: processor, cores online, SMT, governor, kernel,
/// huge pages, compiler, flags, commit, allocator, clock, load, performance counters. What the system does not tell is
/// null. Names nobody's machine or account.
nlohmann::json environment();

/// Of this program, "0.2.0".
std::string program_version();

/// What makes a machine a bad place for measuring.
struct MachineState {
  /// Processors that other processes, and the host, use at the moment, and those that there are.
  double others = 0;
  std::size_t processors = 1;
  /// Those of them that this process may use.
  std::size_t usable = 1;
  /// Negative where it is unknown.
  double load_average = -1;
  /// Empty where the system does not tell.
  std::string governor;
  bool has_invariant_clock = true;
};

/// Looks for a fifth of a second.
MachineState look_at_machine();

/// What is wrong with it for so many threads, and what to do: a line each.
std::vector<std::string> machine_warnings(const MachineState& machine, std::uint32_t most_threads);

}  // namespace occ
