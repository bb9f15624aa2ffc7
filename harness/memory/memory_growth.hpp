#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/table/any_table.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// The memory of a table at one moment of its fill. Bytes.
struct MemorySample {
  std::uint64_t documents = 0;
  /// As the table accounts for itself (MemoryUse): what it asked of the system, or of an allocator.
  std::uint64_t table_bytes = 0;
  /// Resident bytes of this process beyond those before the table was made; what malloc could give back, it has.
  std::uint64_t resident_bytes = 0;
  /// The most of them since the sample before.
  std::uint64_t resident_peak_bytes = 0;
};

/// The memory of a table with so many documents, and how far it rose on the way there from the point before (the first:
/// from half as many).
struct MemoryPoint {
  std::uint64_t documents = 0;
  std::uint64_t table_bytes = 0;
  std::uint64_t resident_bytes = 0;
  /// Resident bytes in huge pages, all of this process; nothing where the system does not tell.
  std::uint64_t huge_page_bytes = 0;
  /// How many times as much memory was in use at the worst moment as at the best one after it: 1 if memory never
  /// shrank. `table_peak` sees what lasts from one sample to the next, `resident_peak` every page.
  double table_peak = 1;
  double resident_peak = 1;
};

/// Takes a new sample every so many documents.
std::uint64_t documents_per_sample(std::span<const std::uint64_t> points);

/// Fills a table that `make` makes with documents of DocId's ids and `body_bytes` each, one at a time, by one thread,
/// up to the last of `points`, which ascend. To be called where nothing else happens in the process. Throws
/// std::runtime_error if the table refuses a document.
std::vector<MemoryPoint> measure_memory(const std::function<std::unique_ptr<AnyTable>()>& make,
                                        std::span<const std::uint64_t> points, std::size_t body_bytes);

/// The peaks of each point, from all samples of a fill in order. `points` has their number of documents already.
void judge_peaks(std::span<const MemorySample> samples, std::span<MemoryPoint> points);

/// Rounds of a churn, in each of which so many ids that were never there before are created, and then deleted.
inline constexpr std::uint64_t kChurnRounds = 20;

/// The memory of a table through which ever new ids pass, none of which is left after a round. Bytes.
struct ChurnMemory {
  std::uint64_t ids_per_round = 0;
  std::uint64_t first_table_bytes = 0;
  std::uint64_t last_table_bytes = 0;
  std::uint64_t first_resident_bytes = 0;
  std::uint64_t last_resident_bytes = 0;

  /// Resident bytes that each id after the first round has left behind.
  [[nodiscard]] double bytes_per_id() const;
  /// More than what the unevenness of hashes explains: a directory keeps as much as it ever needed at one time, which
  /// becomes a little more with every round.
  [[nodiscard]] bool grows() const { return bytes_per_id() > 16; }
};

/// As measure_memory; tombstones expire at once.
ChurnMemory measure_churn(const std::function<std::unique_ptr<AnyTable>()>& make, std::uint64_t ids_per_round,
                          std::size_t body_bytes);

/// Between the process that measures and its parent. from_json throws nlohmann::json::exception.
void to_json(nlohmann::json& json, const MemoryPoint& point);
void from_json(const nlohmann::json& json, MemoryPoint& point);
void to_json(nlohmann::json& json, const ChurnMemory& churn);
void from_json(const nlohmann::json& json, ChurnMemory& churn);

}  // namespace occ
