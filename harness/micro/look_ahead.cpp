/// How many cache misses of neighbouring operations are under way at a time, by how many instructions an operation has:
/// each reads one of a million records of three cache lines, chosen at random, and executes as many instructions more as
/// the case's name says. The time of an operation does not grow with them but in steps: one where the processor, which
/// looks ahead a fixed number of instructions, no longer reaches the next record but one, and one where it no longer
/// reaches the next. Those of `look_ahead` do not depend on what was read. Those of `look_ahead_waiting` all do, and the
/// step comes much earlier: what waits for its operands lies in a smaller place than what has been executed.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/memory/arena.hpp"
#include "harness/micro/cases.hpp"
#include "harness/support/random.hpp"

namespace occ {
namespace {

struct alignas(64) Record {
  std::array<std::uint64_t, 24> words;
};

struct Records {
  static constexpr std::uint64_t kSize = 1'000'000;
  static constexpr std::size_t kOrder = std::size_t{1} << 20;

  Arena arena;
  Record* first = arena.make_array<Record>(kSize);
  std::vector<std::uint32_t> order;
  static inline std::unique_ptr<Records> current;

  Records() {
    Random random(1);
    for (std::uint64_t i = 0; i < kSize; ++i) first[i].words.fill(i);  // touched, or all would be the page of zeros
    for (std::size_t i = 0; i < kOrder; ++i) order.push_back(static_cast<std::uint32_t>(random.below(kSize)));
  }
  static void set_up(const benchmark::State&) { current = std::make_unique<Records>(); }
  static void tear_down(const benchmark::State&) { current.reset(); }
};

/// A register, the flags, memory, nothing: each kind is held by something else until it retires, and the processor has
/// less of some than of others.
template <int kInstructions>
void execute() {
  std::uint64_t stored = 0;
  asm volatile(
      ".rept %c1\n"
      "lea 1(%2), %%rcx\n"
      "test %2, %2\n"
      "mov %2, %0\n"
      "nop\n"
      ".endr"
      : "=m"(stored)
      : "i"(kInstructions / 4), "r"(std::uint64_t{1})
      : "rcx", "cc");
}

template <int kInstructions>
void execute_after(std::uint64_t read) {
  asm volatile(
      ".rept %c0\n"
      "lea 1(%1), %%rcx\n"
      ".endr"
      :
      : "i"(kInstructions), "r"(read)
      : "rcx");
}

template <int kInstructions, bool waiting>
void look_ahead(benchmark::State& state) {
  const Records& records = *Records::current;
  std::size_t at = 0;
  std::uint64_t sum = 0;
  for (auto _ : state) {
    const Record& record = records.first[records.order[at++ % Records::kOrder]];
    const std::uint64_t read = record.words[0] + record.words[8] + record.words[16];
    sum += read;
    if constexpr (waiting) {
      execute_after<kInstructions>(read);
    } else {
      execute<kInstructions>();
    }
  }
  benchmark::DoNotOptimize(sum);
  report(state);
}

/// One case for each multiple of `step`.
template <bool waiting, int step, int... kSteps>
void add(const std::string& name, std::integer_sequence<int, kSteps...>) {
  const auto one = [&](int instructions, auto* function) {
    benchmark::RegisterBenchmark((name + "/" + std::to_string(instructions)).c_str(), function)
        ->Setup(Records::set_up)
        ->Teardown(Records::tear_down);
  };
  (one(step * (kSteps + 1), look_ahead<step*(kSteps + 1), waiting>), ...);
}

}  // namespace

void add_look_ahead_cases() {
  add<false, 40>("look_ahead", std::make_integer_sequence<int, 15>{});
  add<true, 10>("look_ahead_waiting", std::make_integer_sequence<int, 12>{});
}

}  // namespace occ
