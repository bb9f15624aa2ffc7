#pragma once

namespace occ {

/// Every case reports these counters: Google Benchmark's CSV takes its columns from the first.
inline constexpr const char* kCounterNames[] = {"conflicts_per_op", "retries_per_op", "publication_failures_per_op",
                                                "read_retries_per_op", "unexpected_per_op"};

/// Registers the cases of exchange.cpp.
void add_exchange_cases();

/// Registers the cases of history.cpp.
void add_history_cases();

/// Registers the cases of look_ahead.cpp.
void add_look_ahead_cases();

}  // namespace occ
