#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/build/fault_point_list.hpp"
#include "core/model/strategy_info.hpp"
#include "harness/stall/stall_run.hpp"

namespace occ {

/// What survivors of one kind of operation did while threads were stopped.
enum class Survival : std::uint8_t {
  progressed,  ///< kLeastOperations or more in each quarter of the time
  stalled,     ///< none in the second half
  unclear,     ///< neither; or nothing before the stop or after the release, so that the machine may be too busy
};
std::string_view to_string(Survival survival);

/// Survivors are slow where threads outnumber cores, and creations are slowed on purpose; a stalled one can finish what
/// it had under way, but not in every quarter of the time.
inline constexpr std::uint64_t kLeastOperations = 2;
/// Memory may grow by this beyond the ids created, and still count as bounded: regions of 2 MiB, chains in caches and
/// batches that wait for a grace period are all below it.
inline constexpr std::uint64_t kMemoryAllowanceBytes = std::uint64_t{16} << 20;
/// A slot, a body, and room in the directory, for each id created meanwhile.
inline constexpr std::uint64_t kBytesPerCreatedId = 512;

enum class Judgement : std::uint8_t {
  as_declared,
  /// It stalled, or its memory grew, against what the strategy declares.
  fault,
  /// It stalled for want of new memory, which every strategy declares blocking: what a strategy of unbounded memory
  /// needs while a thread is stopped.
  new_memory,
};
std::string_view to_string(Judgement judgement);

/// One kind of operation while one or two threads were stopped at one point.
struct StallRow {
  FaultPoint point{};
  unsigned parked = 0;
  StallOperation operation{};
  Progress declared{};
  double before_per_s = 0;
  double during_s = 0;
  double during_per_s = 0;
  double after_per_s = 0;
  std::uint64_t least_quarter = 0;
  std::uint64_t second_half = 0;
  Survival survival{};
  Judgement judgement{};
  /// "table" (what it asked of the system) or, where the stopped thread holds a lock that the answer needs, "rss".
  std::string memory_source;
  double memory_growth_bytes = 0;
  bool memory_grows = false;
  Judgement memory_judgement{};

  /// It cannot be said whether the declaration holds. One that is declared blocking may be slow.
  [[nodiscard]] bool unclear() const noexcept {
    return survival == Survival::unclear && declared != Progress::blocking;
  }
};

/// What a cell shows of a strategy that declares `info`: six rows for one thread stopped, six more if there was a
/// second.
std::vector<StallRow> judge(const StrategyInfo& info, FaultPoint point, const StallRun& run);

/// One kind of operation over all points: what was declared and what was measured.
struct MeasuredProgress {
  Progress declared{};
  /// blocking or lock_free: a stopped thread cannot tell lock_free from better.
  Progress measured = Progress::lock_free;
  /// Who stops, at worst: "same document", "same segment", "all".
  std::string_view reach;
  bool fault = false;
};

struct StallSummary {
  MeasuredProgress get;
  MeasuredProgress write;
  MeasuredProgress create;
  /// Updates stalled because memory that grows without bound met a stopped thread inside the pool's mutex.
  bool new_memory = false;
  bool unclear = false;
  bool memory_grows = false;
  bool memory_fault = false;

  [[nodiscard]] bool fault() const noexcept { return get.fault || write.fault || create.fault || memory_fault; }
};

/// `rows` of one strategy.
StallSummary summarize(const StrategyInfo& info, std::span<const StallRow> rows);

}  // namespace occ
