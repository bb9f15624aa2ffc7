#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

#include "core/sync/atomic.hpp"

namespace occ::model {

/// Keeps what fits: Relacy watches the allocator while it writes its report, so a stream that grows will not do.
class Report : public std::streambuf {
 public:
  Report() { setp(text_, text_ + sizeof text_ - 1); }
  [[nodiscard]] const char* text() {
    *pptr() = 0;
    return text_;
  }

 protected:
  int overflow(int character) override { return character == EOF ? 0 : character; }

 private:
  static inline char text_[1 << 20];
};

/// One search through the executions of one test.
struct Scenario {
  const char* name;
  std::string how;
  rl::test_params params;
  bool (*simulate)(rl::test_params&);

  /// Reports in one line; after the history of the first execution that failed, if one did.
  bool run() {
    Report report;
    std::ostream stream(&report);
    params.progress_stream = &stream;
    params.output_stream = &stream;
    params.execution_depth_limit = 20'000;
    const auto began = std::chrono::steady_clock::now();
    const bool passed = simulate(params);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (!passed) std::fputs(report.text(), stdout);
    std::printf("%-34s %s: %llu executions, %s, %.1f s\n", name, passed ? "passed" : "FAILED",
                static_cast<unsigned long long>(params.stop_iteration), how.c_str(), took.count());
    std::fflush(stdout);
    return passed;
  }
};

/// Every execution with at most `switches` forced changes of thread, and in each, every load returning either of the
/// two newest values that the memory model allows it.
template <class Test>
Scenario explore(const char* name, unsigned switches) {
  rl::test_params params;
  params.search_type = rl::sched_bound;
  params.context_bound = switches;
  return {name, "all with at most " + std::to_string(switches) + " forced switches", params, &rl::simulate<Test>};
}

/// Every execution at all; loads as in explore.
template <class Test>
Scenario explore_all(const char* name) {
  rl::test_params params;
  params.search_type = rl::sched_full;
  return {name, "all", params, &rl::simulate<Test>};
}

/// `executions` executions, each choice in them made at random, a thread being stopped for long now and then; loads
/// return one of the three newest values.
template <class Test>
Scenario sample(const char* name, unsigned executions) {
  rl::test_params params;
  params.search_type = rl::sched_random;
  params.iteration_count = executions;
  return {name, "at random", params, &rl::simulate<Test>};
}

/// main() of a model program: `PROGRAM [--list | SCENARIO...]`, all scenarios if none is named. Ends at the first
/// execution that fails. Status 0: all passed, 1: one failed, 2: no such scenario.
inline int run_scenarios(int count, char** arguments, std::vector<Scenario> scenarios) {
  const auto is = [](const char* name) { return [name](const Scenario& s) { return std::strcmp(s.name, name) == 0; }; };
  if (count == 2 && std::strcmp(arguments[1], "--list") == 0) {
    for (const Scenario& scenario : scenarios) std::printf("%-34s %s\n", scenario.name, scenario.how.c_str());
    return 0;
  }
  for (int i = 1; i < count; ++i) {
    if (std::ranges::none_of(scenarios, is(arguments[i]))) {
      std::fprintf(stderr, "no scenario '%s'; --list names them\n", arguments[i]);
      return 2;
    }
  }
  for (Scenario& scenario : scenarios) {
    const bool chosen =
        count == 1 || std::any_of(arguments + 1, arguments + count, [&](char* name) { return is(name)(scenario); });
    if (chosen && !scenario.run()) return 1;
  }
  return 0;
}

}  // namespace occ::model
