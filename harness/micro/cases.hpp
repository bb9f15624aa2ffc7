#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace occ {

/// What happened to the operations of a case.
struct PerOperation {
  std::uint64_t conflicts = 0;
  std::uint64_t retries = 0;
  std::uint64_t publication_failures = 0;
  std::uint64_t read_retries = 0;
  std::uint64_t exhausted = 0;
};

/// Every case reports by this alone, so that all have the same counters: Google Benchmark's CSV takes its columns from
/// the first case and ends the program at one that has others.
inline void report(benchmark::State& state, const PerOperation& counted = {}) {
  const auto add = [&state](const char* name, std::uint64_t count) {
    state.counters[name] = benchmark::Counter(static_cast<double>(count), benchmark::Counter::kAvgIterations);
  };
  add("conflicts_per_op", counted.conflicts);
  add("retries_per_op", counted.retries);
  add("publication_failures_per_op", counted.publication_failures);
  add("read_retries_per_op", counted.read_retries);
  add("exhausted_per_op", counted.exhausted);
}

/// Registers the cases of exchange.cpp.
void add_exchange_cases();

/// Registers the cases of history.cpp.
void add_history_cases();

/// Registers the cases of look_ahead.cpp.
void add_look_ahead_cases();

}  // namespace occ
