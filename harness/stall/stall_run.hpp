#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"

namespace occ {

/// What survivors do while a thread is stopped. One document, A, is that of the stopped thread (B that of the second
/// one); creations are told apart by the directory's segment in which the stopped thread creates.
enum class StallOperation : std::uint8_t {
  get_same,
  get_other,
  update_same,
  update_other,
  create_same,
  create_other,
};
inline constexpr std::array<std::string_view, 6> kStallOperations{"get_same",     "get_other",   "update_same",
                                                                  "update_other", "create_same", "create_other"};
inline constexpr std::size_t kStallOperationCount = kStallOperations.size();

/// What one cell does. Times in milliseconds.
struct StallCell {
  std::string strategy;
  /// Of FaultPoint; empty: say which points the strategy has, and stop nobody.
  std::string point;
  /// Survivors for each operation.
  unsigned threads = 1;
  /// Before the first stop, and after the release.
  double duration_ms = 300;
  /// With one thread stopped; with two, half as long.
  double park_ms = 1000;
};

enum class StallPhase : std::uint8_t { before, stopping, one, two, after };
inline constexpr std::array<std::string_view, 5> kStallPhases{"before", "stopping", "one", "two", "after"};

/// What happened in a slice of 50 ms, or of an eighth of a phase where that is less.
struct StallSlice {
  /// ms since the cell began, at the slice's ends.
  double begin_ms = 0;
  double end_ms = 0;
  StallPhase phase = StallPhase::before;
  /// Threads stopped.
  unsigned parked = 0;
  /// Operations completed, by StallOperation; conflicts are none.
  std::array<std::uint64_t, kStallOperationCount> operations{};
  /// What the table asked of the system; nothing where the table could not say it for a lock that somebody holds.
  std::optional<std::uint64_t> table_bytes;
  std::uint64_t rss_bytes = 0;
};

/// What one cell found.
struct StallRun {
  /// Points that the strategy has, where that was asked.
  std::vector<std::string> points;
  /// Threads that were stopped: 0 if the first one did not come to the point in time.
  unsigned parked = 0;
  std::vector<StallSlice> slices;
};

/// Between the cell's process and its parent. from_json throws nlohmann::json::exception.
void to_json(nlohmann::json& json, const StallRun& run);
void from_json(const nlohmann::json& json, StallRun& run);

}  // namespace occ
