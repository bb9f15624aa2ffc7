/// How many cache misses of neighbouring operations are under way at a time, by how many instructions an operation has:
/// each reads one of a million records of three cache lines, chosen at random, and executes as many instructions more as
/// the case's name says, which do not depend on what was read. The time of an operation does not grow with them but in
/// steps: one where the processor, which looks ahead a fixed number of instructions, no longer reaches the next record
/// but one, and one where it no longer reaches the next.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/arena.hpp"
#include "harness/micro/cases.hpp"
#include "harness/random.hpp"

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
void look_ahead(benchmark::State& state) {
  const Records& records = *Records::current;
  std::size_t at = 0;
  std::uint64_t sum = 0;
  for (auto _ : state) {
    const Record& record = records.first[records.order[at++ % Records::kOrder]];
    sum += record.words[0] + record.words[8] + record.words[16];
    execute<kInstructions>();
  }
  benchmark::DoNotOptimize(sum);
  for (const char* name : kCounterNames) state.counters[name] = 0;
}

constexpr int kStep = 40;

template <int... kSteps>
void add(std::integer_sequence<int, kSteps...>) {
  const auto one = [](int instructions, auto* function) {
    benchmark::RegisterBenchmark(("look_ahead/" + std::to_string(instructions)).c_str(), function)
        ->Setup(Records::set_up)
        ->Teardown(Records::tear_down);
  };
  (one(kStep * (kSteps + 1), look_ahead<kStep*(kSteps + 1)>), ...);
}

}  // namespace

void add_look_ahead_cases() {
  add(std::make_integer_sequence<int, 15>{});
}

}  // namespace occ
