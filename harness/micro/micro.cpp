/// Single operations of every registered strategy under Google Benchmark: what one call costs, and what two threads do
/// to it. Reads and writes with the condition they ask for walk over documents that belong to one thread alone
/// (`hit`), or are refused by a stale condition (`conflict`); `update` runs on the thread's own documents (`hit`) and
/// on the one document that all threads share (`conflict`). Which strategy wins is for `occkit run` to say: it measures
/// whole mixes, interleaved and verified.
///
/// Names: STRATEGY/OPERATION/CASE/real_time/threads:N. Counters are per operation, and every case has all of them,
/// because --benchmark_out_format=csv takes its header from the first. Exit status 1 if an answer was wrong.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/shard.hpp"
#include "harness/micro/cases.hpp"
#include "variants/registry.hpp"

namespace occ {
namespace {

constexpr int kMaxThreads = 2;
/// Per thread: few enough for the second-level cache, so that the strategy is measured and not the memory.
constexpr std::size_t kDocumentsPerThread = 256;
constexpr std::size_t kBodyBytes = 128;
/// As in the named workloads of `occkit run`.
constexpr std::uint32_t kRetryOnConflict = 1'000;

/// Set by a case that got an answer it cannot get from a correct table.
std::atomic<bool> wrong_answer = false;

/// Where the documents of a thread begin in Fixture::ids.
std::size_t first_document(int thread) {
  return static_cast<std::size_t>(thread) * kDocumentsPerThread;
}

/// False for the strategies whose answers are known to be worthless.
template <class Table>
constexpr bool answers_count() {
  return Table::kInfo.semantics == Semantics::full || Table::kInfo.semantics == Semantics::version_only;
}

std::uint64_t counter_of(Bytes source) {
  std::uint64_t count = 0;
  std::memcpy(&count, source.data(), sizeof count);
  return count;
}

/// Adds 1 to the number in the first 8 bytes.
constexpr auto kAddOne = [](const DocumentView& current, Source& next) {
  next.assign(current.source);
  const std::uint64_t count = counter_of(current.source) + 1;
  std::memcpy(next.data(), &count, sizeof count);
  return Transformed::write;
};

/// The table that the threads of one case share: made before they start, checked and destroyed after they have ended.
template <class Table>
struct Fixture {
  Table table{TableOptions{}};
  std::vector<std::string> ids;
  /// Updates acknowledged as applied, by all threads.
  std::atomic<std::uint64_t> applied = 0;

  static inline std::unique_ptr<Fixture> current;

  static void set_up(const benchmark::State&) { current = std::make_unique<Fixture>(); }

  static void tear_down(const benchmark::State&) {
    if (answers_count<Table>()) {
      auto handle = current->table.handle();
      Document document;
      std::uint64_t sum = 0;
      for (const std::string& id : current->ids) {
        handle.get(id, document);
        sum += counter_of(document.source.bytes());
      }
      const std::uint64_t applied = current->applied;
      if (sum != applied) {
        std::fputs(fmt::format("{}: {} updates were applied, the documents count {}\n", Table::kInfo.name, applied, sum)
                       .c_str(),
                   stderr);
        wrong_answer = true;
      }
    }
    current.reset();
  }

  Fixture() {
    const std::vector<std::byte> body(kBodyBytes);
    auto handle = table.handle();
    for (std::size_t i = 0; i < kMaxThreads * kDocumentsPerThread; ++i) {
      handle.create(ids.emplace_back(fmt::format("document-{:06}", i)), body);
    }
  }
};

/// Calls operation(handle, id, place of the id among the thread's own) once per iteration, and reports what the handle
/// counted. Each call must end as `expected`, or in a conflict where it may be out of retries.
template <class Table, class Operation>
void measure(benchmark::State& state, Result expected, bool may_exhaust, Operation operation) {
  auto& fixture = *Fixture<Table>::current;
  const std::size_t first = first_document(state.thread_index());
  auto handle = fixture.table.handle();
  std::uint64_t retries = 0;
  std::uint64_t exhausted = 0;
  std::uint64_t wrong = 0;
  std::size_t at = 0;
  const Counters before = handle.counters();
  for (auto _ : state) {
    Outcome outcome = operation(handle, fixture.ids[first + at], at);
    benchmark::DoNotOptimize(outcome);
    retries += outcome.retries;
    if (outcome.result != expected) ++(may_exhaust && outcome.conflicted() ? exhausted : wrong);
    at = (at + 1) % kDocumentsPerThread;
  }
  const Counters counted = handle.counters().since(before);
  const auto per_operation = [&](std::uint64_t count) {
    return benchmark::Counter(static_cast<double>(count), benchmark::Counter::kAvgIterations);
  };
  state.SetItemsProcessed(state.iterations());
  state.counters["conflicts_per_op"] = per_operation(counted.conflicts());
  state.counters["retries_per_op"] = per_operation(retries);
  state.counters["publication_failures_per_op"] = per_operation(counted.publication_failures);
  state.counters["read_retries_per_op"] = per_operation(counted.read_retries);
  state.counters["exhausted_per_op"] = per_operation(exhausted);
  if (answers_count<Table>() && wrong != 0) {
    std::fputs(fmt::format("{}: {} of {} answers were wrong\n", Table::kInfo.name, wrong, state.iterations()).c_str(),
               stderr);
    wrong_answer = true;
  }
}

template <class Table>
void get_hit(benchmark::State& state) {
  Document document;
  measure<Table>(state, Result::found, false,
                 [&](auto& handle, const std::string& id, std::size_t) { return handle.get(id, document); });
}

template <class Table>
void get_missing(benchmark::State& state) {
  Document document;
  measure<Table>(state, Result::not_found, false,
                 [&](auto& handle, const std::string&, std::size_t) { return handle.get("missing", document); });
}

/// The words of the thread's own documents, as a client that has just read them would hold.
template <class Table>
std::vector<SeqNoTerm> read_words(int thread) {
  auto& fixture = *Fixture<Table>::current;
  auto handle = fixture.table.handle();
  Document document;
  std::vector<SeqNoTerm> words;
  for (std::size_t i = 0; i < kDocumentsPerThread; ++i) {
    words.push_back(handle.get(fixture.ids[first_document(thread) + i], document).word);
  }
  return words;
}

template <class Table>
void conditional_write_hit(benchmark::State& state) {
  auto words = read_words<Table>(state.thread_index());
  const std::vector<std::byte> body(kBodyBytes);
  measure<Table>(state, Result::updated, false, [&](auto& handle, const std::string& id, std::size_t at) {
    const Outcome outcome = handle.index(id, body, Precondition::if_word(words[at]));
    words[at] = outcome.word;
    return outcome;
  });
}

template <class Table>
void conditional_write_conflict(benchmark::State& state) {
  const std::vector<std::byte> body(kBodyBytes);
  // No shard has given out this number yet.
  const Precondition stale = Precondition::if_seq_no(static_cast<std::int64_t>(Shard::kSeqNoLimit), 1);
  measure<Table>(state, Result::conflict, false,
                 [&](auto& handle, const std::string& id, std::size_t) { return handle.index(id, body, stale); });
}

template <class Table>
void update_case(benchmark::State& state, UpdateForm form, bool shared) {
  auto& fixture = *Fixture<Table>::current;
  const UpdateOptions options{.retry_on_conflict = kRetryOnConflict, .form = form};
  std::uint64_t applied = 0;
  measure<Table>(state, Result::updated, shared, [&](auto& handle, const std::string& id, std::size_t) {
    const Outcome outcome = handle.update(shared ? fixture.ids.front() : id, kAddOne, options);
    applied += outcome.result == Result::updated ? 1 : 0;
    return outcome;
  });
  fixture.applied += applied;
}

template <class Table>
void add_case(const std::string& name, void (*run)(benchmark::State&)) {
  benchmark::RegisterBenchmark(fmt::format("{}/{}", Table::kInfo.name, name).c_str(), run)
      ->Setup(&Fixture<Table>::set_up)
      ->Teardown(&Fixture<Table>::tear_down)
      ->ThreadRange(1, kMaxThreads)
      ->UseRealTime();
}

template <class Table, UpdateForm form>
void add_update_cases() {
  if (!Table::kInfo.supports(form)) return;
  const auto name = fmt::format("update_{}", to_string(form));
  add_case<Table>(name + "/hit", [](benchmark::State& state) { update_case<Table>(state, form, false); });
  add_case<Table>(name + "/conflict", [](benchmark::State& state) { update_case<Table>(state, form, true); });
}

}  // namespace
}  // namespace occ

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  occ::for_each_strategy([]<class Table>() {
    occ::add_case<Table>("get/hit", &occ::get_hit<Table>);
    occ::add_case<Table>("get/missing", &occ::get_missing<Table>);
    occ::add_case<Table>("conditional_write/hit", &occ::conditional_write_hit<Table>);
    occ::add_case<Table>("conditional_write/conflict", &occ::conditional_write_conflict<Table>);
    occ::add_update_cases<Table, occ::UpdateForm::in_place>();
    occ::add_update_cases<Table, occ::UpdateForm::optimistic>();
  });
  occ::add_exchange_cases();
  occ::add_look_ahead_cases();
  occ::add_history_cases();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return occ::wrong_answer ? 1 : 0;
}
