#include "harness/measure/window_probe.hpp"

#include <utility>
#include <vector>

#include "harness/history/remote_outcome.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/workload/increment.hpp"

namespace occ {

TimeDistribution MeasuredWindows::distribution(std::string text) const {
  std::vector<TimeDistribution::Cell> cells;
  double before_ns = 0;
  middle.for_each_cell([&](std::uint64_t lowest_ns, std::uint64_t highest_ns, std::uint64_t count) {
    // Nothing was in between, and a cell begins where the one before ends.
    if (static_cast<double>(lowest_ns) > before_ns) cells.push_back({static_cast<double>(lowest_ns) * 1e-9, 0});
    before_ns = static_cast<double>(highest_ns + 1);
    cells.push_back({before_ns * 1e-9, static_cast<double>(count)});
  });
  return TimeDistribution::histogram(std::move(cells), std::move(text));
}

MeasuredWindows measure_windows(AnyHandle& handle, const Documents& documents, double seconds, PaceClock& clock) {
  DocId id;
  Source next;
  for (std::uint32_t i = 0; i < documents.size(); ++i) {
    documents.write_initial(i, next);
    (void)handle.create(documents.id(i, id), next.bytes());
  }
  MeasuredWindows windows;
  Increment increment(documents, 0);
  Document document;
  double shortest_ns = 0;
  double longest_ns = 0;
  const std::uint64_t end_ns = clock.now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::uint64_t attempts = 0;
  for (std::uint32_t index = 0; attempts == 0 || (attempts < kMostAttempts && clock.now_ns() < end_ns);
       index = (index + 1) % documents.size()) {
    const std::string_view name = documents.id(index, id);
    try {
      const std::uint64_t read_begins = clock.now_ns();
      if (handle.get(name, document).result != Result::found)
        throw BadInput("--measure: a document that was written is not found again");
      const std::uint64_t read_ends = clock.now_ns();
      increment.aim(index);
      increment.in_place(document, next);
      const std::uint64_t write_begins = clock.now_ns();
      (void)handle.index(name, document.source.bytes(), Precondition::if_word(document.word));
      const std::uint64_t write_ends = clock.now_ns();
      windows.middle.record((write_begins + write_ends) / 2 - (read_begins + read_ends) / 2);
      shortest_ns += static_cast<double>(write_begins - read_ends);
      longest_ns += static_cast<double>(write_ends - read_begins);
      ++attempts;
    } catch (const UnknownOutcome&) {
      // No answer, no window.
    }
  }
  windows.shortest_mean_s = shortest_ns * 1e-9 / static_cast<double>(attempts);
  windows.longest_mean_s = longest_ns * 1e-9 / static_cast<double>(attempts);
  return windows;
}

}  // namespace occ
