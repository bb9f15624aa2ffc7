/// What checking a history costs: operations per second, and per core with threads. A history of 4 threads that read and
/// update; each item is one operation, from the recorded buffers to the report.
#include "harness/history/history.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "harness/micro/cases.hpp"

namespace occ {
namespace {

constexpr std::uint32_t kOperations = 4'000'000;
constexpr std::uint16_t kThreads = 4;

/// `skew` 0 is uniform; otherwise ranks are as those of a Zipf law with that exponent, by its continuous form.
struct Shape {
  const char* name;
  std::uint32_t documents;
  double skew;
};
constexpr Shape kShapes[] = {{"uniform_100k", 100'000, 0}, {"zipf_0.99_100k", 100'000, 0.99}, {"one_hot", 1, 0}};

/// A correct history: half reads, half updates, one update in eight of them in conflict; neighbours overlap.
struct History {
  std::array<std::vector<HistoryEntry>, kThreads> threads;
  HistoryRules rules;

  explicit History(const Shape& shape) : rules{.documents = shape.documents} {
    rules.shards.assign(shape.documents, 0);
    struct Document {
      SeqNoTerm word;
      SeqNoTerm before;
      Version version = 0;
      std::uint32_t source = 0;
      std::uint32_t source_before = 0;
      std::uint64_t since = 0;
    };
    std::vector<Document> documents(shape.documents);
    std::vector<std::uint32_t> places(shape.documents);
    for (std::uint32_t i = 0; i < shape.documents; ++i) places[i] = i;
    std::mt19937_64 random(1);
    std::shuffle(places.begin(), places.end(), random);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::uint64_t seq_no = 0;
    std::uint64_t clock = 1000;
    for (std::uint32_t i = 0; i < kOperations; ++i) {
      double rank = uniform(random);
      if (shape.skew != 0) {
        const double power = 1 - shape.skew;
        rank = (std::pow(1 + rank * (std::pow(shape.documents, power) - 1), 1 / power) - 1) / shape.documents;
      }
      const std::uint32_t place = std::min(static_cast<std::uint32_t>(rank * shape.documents), shape.documents - 1);
      Document& document = documents[places[place]];
      HistoryEntry entry;
      entry.document = places[place];
      entry.thread = static_cast<std::uint16_t>(random() % kThreads);
      clock += 100;
      entry.begin = clock - 180;
      entry.end = clock + 180;
      entry.decided_on = entry.word = document.word;
      const auto draw = random() % 16;
      if (document.version == 0 || draw < 8) {
        const bool create = document.version == 0;
        entry.kind = create ? HistoryKind::index : HistoryKind::update;
        entry.precondition = create ? Precondition::Kind::must_not_exist : Precondition::Kind::none;
        if (!create) entry.condition = document.word.bits();
        entry.read = create ? 0 : document.source;
        const bool race = !create && document.version > 1 && draw == 0;
        entry.result = create ? Result::created : race ? Result::conflict : Result::updated;
        if (race) {
          entry.cause = Cause::seq_no_mismatch;
          entry.condition = document.before.bits();
          entry.read = document.source_before;
          entry.begin = document.since - 1;
        } else {
          document.before = document.word;
          document.source_before = document.source;
          document.word = entry.word = SeqNoTerm(++seq_no, 1);
          document.source = entry.wrote = static_cast<std::uint32_t>(random()) | 1U;
          document.since = clock;
          ++document.version;
        }
        entry.version = document.version;
      } else {
        entry.result = Result::found;
        entry.version = document.version;
        entry.read = document.source;
      }
      threads[entry.thread].push_back(entry);
    }
  }
};

void check(benchmark::State& state, const Shape& shape) {
  static const Shape* made = nullptr;
  static std::unique_ptr<History> history;
  if (made != &shape) {
    history = std::make_unique<History>(shape);
    made = &shape;
  }
  const std::vector<std::span<const HistoryEntry>> threads(history->threads.begin(), history->threads.end());
  std::uint64_t wrong = 0;
  for (auto _ : state) {
    const HistoryReport report = check_history(threads, history->rules, static_cast<unsigned>(state.range(0)));
    wrong += report.wrong_documents;
  }
  if (wrong != 0) state.SkipWithError("a correct history was accused");
  state.SetItemsProcessed(state.iterations() * kOperations);
  report(state);
}

}  // namespace

void add_history_cases() {
  for (const Shape& shape : kShapes) {
    benchmark::RegisterBenchmark((std::string("check_history/") + shape.name).c_str(),
                                 [&shape](benchmark::State& state) { check(state, shape); })
        ->ArgName("workers")
        ->Arg(1)
        ->Arg(2)
        ->Unit(benchmark::kMillisecond)
        ->MeasureProcessCPUTime();
  }
}

}  // namespace occ
