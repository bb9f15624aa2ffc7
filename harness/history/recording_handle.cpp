#include "harness/history/recording_handle.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace occ {
namespace {

/// Answers at once.
struct IdleHandle {
  Outcome get(std::string_view, Document&) { return {.result = Result::found}; }
};

template <class Handle>
double ns_per_get(Handle& handle, Document& document, int calls) {
  const CycleClock& clock = CycleClock::instance();
  const std::uint64_t began = clock.now();
  for (int call = 0; call < calls; ++call) {
    const Outcome outcome = handle.get("", document);
    asm volatile("" : : "m"(outcome) : "memory");
  }
  return static_cast<double>(clock.to_ns(clock.now() - began)) / calls;
}

double measure_recording_ns() {
  constexpr int kCalls = 20'000;
  constexpr int kTries = 5;
  constexpr std::size_t kSourceBytes = 100;
  Document document;
  document.source.resize_for_overwrite(kSourceBytes);
  std::fill_n(document.source.data(), kSourceBytes, std::byte{0});
  double least = std::numeric_limits<double>::max();
  for (int attempt = 0; attempt < kTries; ++attempt) {
    IdleHandle idle;
    HistoryBuffer buffer(kCalls, 0);
    const RecordedDocuments all(1, 1, 0);
    RecordingHandle recording(idle, buffer, all, false);
    recording.aim(0);
    least = std::min(least, ns_per_get(recording, document, kCalls) - ns_per_get(idle, document, kCalls));
  }
  return std::max(0.0, least);
}

}  // namespace

double recording_cost_ns() {
  static const double cost = measure_recording_ns();
  return cost;
}

}  // namespace occ
