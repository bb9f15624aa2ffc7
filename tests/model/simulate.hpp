#pragma once

#include <chrono>
#include <cstdio>
#include <sstream>
#include <string>

#include "core/atomic.hpp"

namespace occ::model {

/// Runs `Test` as `params` say and reports; false if an execution failed, after its history.
template <class Test>
bool simulate(const char* name, rl::test_params& params, const std::string& how) {
  std::ostringstream progress;
  params.progress_stream = &progress;
  params.execution_depth_limit = 4000;
  const auto began = std::chrono::steady_clock::now();
  const bool passed = rl::simulate<Test>(params);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%-44s %s: %llu executions, %s, %.1f s\n", name, passed ? "passed" : "FAILED",
              static_cast<unsigned long long>(params.stop_iteration), how.c_str(), took.count());
  std::fflush(stdout);
  return passed;
}

/// Explores every execution with at most `switches` forced changes of thread, and in each every value that the memory
/// model allows a load to return.
template <class Test>
bool explore(const char* name, unsigned switches) {
  rl::test_params params;
  params.search_type = rl::sched_bound;
  params.context_bound = switches;
  return simulate<Test>(name, params, "all with at most " + std::to_string(switches) + " forced switches");
}

/// Runs `executions` executions, each choice in them made at random.
template <class Test>
bool sample(const char* name, unsigned executions) {
  rl::test_params params;
  params.search_type = rl::sched_random;
  params.iteration_count = executions;
  return simulate<Test>(name, params, "at random");
}

}  // namespace occ::model
