/// The loop of occkit_latency (latency.cpp) for one strategy, apart from main() so that each source file has a few.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/table/document_table.hpp"
#include "fmt/format.h"
#include "harness/commands/commands.hpp"
#include "harness/support/random.hpp"
#include "harness/workload/counter_source.hpp"
#include "harness/workload/documents.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace occ {
namespace latency {

/// A fence on both sides of the stamp, so that nothing of the operation is before or behind it.
inline std::uint64_t fenced_stamp(bool wait_for_stores) {
#if defined(__x86_64__)
  if (wait_for_stores) _mm_mfence();
  _mm_lfence();
  const std::uint64_t ticks = __rdtsc();
  _mm_lfence();
  return ticks;
#else
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  std::ignore = wait_for_stores;
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
#endif
}

enum class Operation : std::uint8_t { get, update, cond };

struct Case {
  std::string strategy;
  Operation operation = Operation::get;
  std::uint32_t documents = 0;
  std::size_t body_bytes = 0;
  auto operator<=>(const Case&) const = default;
};

/// Looks at a source that was read, as any reader does, and ends the program if it is not the document's.
inline void look_at(std::uint32_t index, Bytes source) {
  if (CounterSource::whole(index, source)) return;
  std::fputs(fmt::format("occkit_latency: document {} has a source that nobody wrote\n", index).c_str(), stderr);
  std::exit(kExitVerificationFailed);
}

/// The median of so many operations, in ns.
template <class Table>
double median_ns(const Case& which, std::size_t operations, double tick_ns) {
  const Documents documents = Documents::generated(SourceLayout::counter, which.documents, which.body_bytes, "counter");
  Table table{TableOptions{}};
  auto handle = table.handle();
  Source source;
  for (std::uint32_t index = 0; index < documents.size(); ++index) {
    DocId id;
    documents.write_initial(index, source);
    handle.create(documents.id(index, id), source.bytes());
  }
  constexpr bool kStores = Table::kInfo.semantics != Semantics::none;
  constexpr bool kPublishesWithStore = Table::kInfo.write == Progress::blocking;

  std::vector<std::uint32_t> order(operations);
  Random random(1);
  for (std::uint32_t& index : order) index = static_cast<std::uint32_t>(random.below(documents.size()));
  std::vector<std::uint32_t> ticks;
  ticks.reserve(operations);
  Document document;
  std::uint32_t at = 0;
  const auto add_one = [&](const DocumentView& current, Source& next) {
    if (kStores) look_at(at, current.source);
    next.assign(current.source);
    if (kStores) CounterSource::set_stamped_counter(next, CounterSource::counter(current.source) + 1);
    return Transformed::write;
  };
  const UpdateOptions options{.retry_on_conflict = 1000};
  // Put together some time before they are used, as a caller has them who got them with a request, and so few that they
  // stay in the nearest cache.
  std::array<DocId, 64> buffers;
  std::array<std::string_view, buffers.size()> ids;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t index = order[i];
    if (i % ids.size() == 0) {
      for (std::size_t ahead = 0; ahead < std::min(ids.size(), order.size() - i); ++ahead)
        ids[ahead] = buffers[ahead](order[i + ahead]);
    }
    const std::string_view id = ids[i % ids.size()];
    at = index;
    const std::uint64_t begin = fenced_stamp(kPublishesWithStore);
    switch (which.operation) {
      case Operation::get:
        handle.get(id, document);
        if (kStores) look_at(index, document.source.bytes());
        break;
      case Operation::update:
        handle.update(id, add_one, options);
        break;
      case Operation::cond:
        handle.get(id, document);
        if (kStores) {
          look_at(index, document.source.bytes());
          CounterSource::set_stamped_counter(document.source, CounterSource::counter(document.source.bytes()) + 1);
        }
        handle.index(id, document.source.bytes(), Precondition::if_word(document.word));
        break;
    }
    ticks.push_back(static_cast<std::uint32_t>(fenced_stamp(kPublishesWithStore) - begin));
  }
  std::nth_element(ticks.begin(), ticks.begin() + static_cast<std::ptrdiff_t>(ticks.size() / 2), ticks.end());
  return tick_ns * ticks[ticks.size() / 2];
}

}  // namespace latency

/// The loop of every strategy. Each is added by one of the source files that CMake writes (variants/strategy_units.cmake).
class LatencyLoops {
 public:
  using Loop = double (*)(const latency::Case& which, std::size_t operations, double tick_ns);

  template <DocumentTable Table>
  void add() {
    loops_.push_back({Table::kInfo.name, &latency::median_ns<Table>});
  }
  /// Null if there is none of that name.
  [[nodiscard]] Loop find(std::string_view strategy) const noexcept {
    const auto found = std::ranges::find(loops_, strategy, &Named::name);
    return found == loops_.end() ? nullptr : found->loop;
  }

 private:
  struct Named {
    std::string_view name;
    Loop loop;
  };
  std::vector<Named> loops_;
};

void add_strategies(LatencyLoops& loops);

}  // namespace occ
