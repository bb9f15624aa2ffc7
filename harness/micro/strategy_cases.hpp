/// The cases of one strategy in occkit_micro (micro.cpp), apart from main() so that each source file has a few strategies.
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/table/document_table.hpp"
#include "core/table/shard.hpp"
#include "harness/micro/cases.hpp"

namespace occ {
namespace micro {

inline constexpr int kMaxThreads = 2;
/// Per thread: few enough for the second-level cache, so that the strategy is measured and not the memory.
inline constexpr std::size_t kDocumentsPerThread = 256;
inline constexpr std::size_t kBodyBytes = 128;
/// As in the named workloads of `occkit run`.
inline constexpr std::uint32_t kRetryOnConflict = 1'000;

/// Set by a case that got an answer it cannot get from a correct table.
inline std::atomic<bool> wrong_answer = false;

/// Where the documents of a thread begin in Fixture::ids.
inline std::size_t first_document(int thread) {
  return static_cast<std::size_t>(thread) * kDocumentsPerThread;
}

/// False for the strategies whose answers are known to be worthless.
template <class Table>
constexpr bool answers_count() {
  return Table::kInfo.semantics == Semantics::full || Table::kInfo.semantics == Semantics::version_only;
}

inline std::uint64_t counter_of(Bytes source) {
  std::uint64_t count = 0;
  std::memcpy(&count, source.data(), sizeof count);
  return count;
}

/// Adds 1 to the number in the first 8 bytes.
inline constexpr auto kAddOne = [](const DocumentView& current, Source& next) {
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
  state.SetItemsProcessed(state.iterations());
  report(state, {.conflicts = counted.conflicts(),
                 .retries = retries,
                 .publication_failures = counted.publication_failures,
                 .read_retries = counted.read_retries,
                 .exhausted = exhausted});
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

}  // namespace micro

/// Registers the cases of every strategy, in the order of variants/registry.hpp. Each is added by one of the source files
/// that CMake writes (variants/strategy_units.cmake).
class StrategyCases {
 public:
  template <DocumentTable Table>
  void add() {
    micro::add_case<Table>("get/hit", &micro::get_hit<Table>);
    micro::add_case<Table>("get/missing", &micro::get_missing<Table>);
    micro::add_case<Table>("conditional_write/hit", &micro::conditional_write_hit<Table>);
    micro::add_case<Table>("conditional_write/conflict", &micro::conditional_write_conflict<Table>);
    micro::add_update_cases<Table, UpdateForm::in_place>();
    micro::add_update_cases<Table, UpdateForm::optimistic>();
  }
};

void add_strategies(StrategyCases& cases);

}  // namespace occ
