/// Single operations of every registered strategy under Google Benchmark: what one call costs, and what two threads do
/// to it. Reads and writes with the condition they ask for walk over documents that belong to one thread alone
/// (`hit`), or are refused by a stale condition (`conflict`); `update` runs on the thread's own documents (`hit`) and
/// on the one document that all threads share (`conflict`). Which strategy wins is for `occkit run` to say: it measures
/// whole mixes, interleaved and verified.
///
/// Names: STRATEGY/OPERATION/CASE/real_time/threads:N. Counters are per operation. Exit status 1 if an answer was wrong.
#include <benchmark/benchmark.h>

#include "harness/micro/cases.hpp"
#include "harness/micro/strategy_cases.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  occ::StrategyCases strategies;
  occ::add_strategies(strategies);
  occ::add_exchange_cases();
  occ::add_look_ahead_cases();
  occ::add_history_cases();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return occ::micro::wrong_answer ? 1 : 0;
}
