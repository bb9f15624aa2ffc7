#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/memory/memory_growth.hpp"
#include "harness/support/column.hpp"

namespace occ {

/// One strategy's memory, at every point.
struct StrategyMemory {
  std::string_view strategy;
  std::uint64_t body_bytes = 0;
  std::vector<MemoryPoint> points;
  /// Absent if it was not measured.
  std::optional<ChurnMemory> churn;
};

/// What a document has to take at least, and what memory is counted in: its id, its source and 24 bytes for {word,
/// version, length}.
std::uint64_t payload_bytes(std::uint64_t body_bytes);

/// What one row of memory.csv is made from: a strategy at a point.
struct MemoryRow {
  const StrategyMemory& of;
  const MemoryPoint& at;
};

/// The columns of memory.csv.
const Columns<MemoryRow>& memory_columns();

/// For people: what each strategy takes for a document, the mean over the points in bytes and in payloads, and the
/// worst peak, and what ids leave behind that are gone. Strategies have the same points and sources.
std::string memory_text(std::span<const StrategyMemory> strategies);

}  // namespace occ
