/// What single operations take, measured apart from the harness: one thread, every operation between fences, in a loop
/// that contains nothing else. The percentiles of `occkit run` are held against it (results/latency).
///
///     build/release/occkit_latency RESULTS.csv
///
/// For each strategy of the file, and each of its workloads with one thread, uniform documents and nothing but gets, but
/// updates or but conditional writes: p50 here, in the same documents, beside the median of the replicates' p50 there.
/// Exit status 1 if they differ by more than --within.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "harness/commands/commands.hpp"
#include "harness/micro/latency_loop.hpp"
#include "harness/support/csv.hpp"
#include "harness/support/statistics.hpp"
#include "harness/workload/counter_source.hpp"

namespace occ {
namespace {

using latency::Case;
using latency::Operation;

/// ns of a tick, over a tenth of a second.
double ns_per_tick() {
  const auto began = std::chrono::steady_clock::now();
  const std::uint64_t first = latency::fenced_stamp(false);
  while (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(100)) {
  }
  const std::uint64_t last = latency::fenced_stamp(false);
  const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - began;
  return elapsed.count() / static_cast<double>(last - first);
}

std::string_view name_of(Operation operation) {
  constexpr std::string_view kNames[] = {"get", "update", "cond"};
  return kNames[static_cast<std::size_t>(operation)];
}

/// Keeps nothing that one could look at, or not all of it.
bool is_floor(std::string_view semantics) {
  return semantics == "none" || semantics == "floor";
}

/// The replicates' p50 in ns of each case that a result file has.
std::map<Case, std::vector<double>> read_cases(const std::string& file) {
  const CsvTable table = read_csv(file);
  std::map<Case, std::vector<double>> cases;
  for (const auto& row : table.rows) {
    const auto text = [&](std::string_view name) {
      const auto column = table.find_column(name);
      if (!column)
        throw BadInput(fmt::format("{}: no column '{}'; a CSV written by `occkit run` is expected", file, name));
      return row[*column];
    };
    constexpr std::pair<std::string_view, Operation> kMixes[] = {
        {"get=100", Operation::get}, {"update=100", Operation::update}, {"cond=100", Operation::cond}};
    const auto mix = std::ranges::find(kMixes, text("mix"), &std::pair<std::string_view, Operation>::first);
    if (mix == std::end(kMixes) || is_floor(text("semantics")) || text("threads") != "1" || text("dist") != "uniform" ||
        text("client") != "update" || text("transform") != "counter" || text("batch") != "1" ||
        text("fill_percent") != "100" || text("think_ns") != "0" || text("checked") == "history" ||
        text("disturbed") == "yes" ||
        std::strtoul(text("body_bytes").c_str(), nullptr, 10) < CounterSource::kLeastStampedBytes) {
      continue;
    }
    cases[{.strategy = text("strategy"),
           .operation = mix->second,
           .documents = static_cast<std::uint32_t>(std::strtoul(text("docs").c_str(), nullptr, 10)),
           .body_bytes = std::strtoul(text("body_bytes").c_str(), nullptr, 10)}]
        .push_back(std::strtod(text("latency_p50_ns").c_str(), nullptr));
  }
  if (cases.empty()) {
    throw BadInput(fmt::format(
        "{}: no undisturbed row of one thread, uniform documents of 24 bytes and more and nothing but gets, "
        "updates or conditional writes",
        file));
  }
  return cases;
}

/// All cases once in a round, so that what disturbs the machine for a while meets each of them in one round only.
int compare_with(const std::string& file, std::size_t operations, unsigned rounds, double within_percent) {
  const auto cases = read_cases(file);
  LatencyLoops loops;
  add_strategies(loops);
  const double tick_ns = ns_per_tick();
  std::map<Case, std::vector<double>> of_loop;
  for (unsigned round = 1; round <= rounds; ++round) {
    fmt::print(stderr, "round {} of {}: {} cases\n", round, rounds, cases.size());
    for (const auto& [which, of_run] : cases) {
      if (const LatencyLoops::Loop loop = loops.find(which.strategy); loop != nullptr)
        of_loop[which].push_back(loop(which, operations / rounds, tick_ns));
    }
  }
  int status = kExitOk;
  fmt::print("| strategy | operation | documents | body | p50 of the loop, ns | p50 of the run, ns | run / loop | |\n");
  fmt::print("|---|---|---:|---:|---:|---:|---:|---|\n");
  for (const auto& [which, values] : of_loop) {
    const double loop_ns = median(values);
    const double run_ns = median(cases.at(which));
    const bool agrees = std::abs(run_ns / loop_ns - 1) <= within_percent / 100;
    if (!agrees) status = kExitVerificationFailed;
    fmt::print("| {} | {} | {} | {} | {:.0f} | {:.0f} | {:.2f} | {} |\n", which.strategy, name_of(which.operation),
               which.documents, which.body_bytes, loop_ns, run_ns, run_ns / loop_ns, agrees ? "" : "differs");
  }
  return status;
}

}  // namespace
}  // namespace occ

int main(int argc, char** argv) {
  CLI::App app{"occkit_latency: p50 of single operations in a plain loop, beside that of a run"};
  std::string file;
  std::size_t operations = 1'000'000;
  unsigned rounds = 5;
  double within_percent = 10;
  app.add_option("RESULTS.csv", file, "written by occkit run")->required();
  app.add_option("--operations", operations, "of each case, in all rounds")
      ->capture_default_str()
      ->check(CLI::Range(1000, 100'000'000));
  app.add_option("--rounds", rounds, "of which the median counts")->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--within", within_percent, "percent by which the two may differ")->capture_default_str();
  try {
    app.parse(argc, argv);
    return occ::compare_with(file, operations, rounds, within_percent);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? occ::kExitOk : occ::kExitBadInput;
  } catch (const occ::BadInput& error) {
    fmt::print(stderr, "occkit_latency: {}\n", error.what());
    return occ::kExitBadInput;
  }
}
