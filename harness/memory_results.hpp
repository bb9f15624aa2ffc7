#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/memory_growth.hpp"

namespace occ {

/// One strategy's memory, at every point.
struct StrategyMemory {
  std::string_view strategy;
  std::uint64_t body_bytes = 0;
  std::vector<MemoryPoint> points;
};

/// What a document has to take at least, and what memory is counted in: its id, its source and 24 bytes for {word,
/// version, length}.
std::uint64_t payload_bytes(std::uint64_t body_bytes);

/// A column of memory.csv, which has a row for each strategy and point.
struct MemoryColumn {
  std::string name;
  /// With unit.
  std::string meaning;
  std::function<std::string(const StrategyMemory& of, const MemoryPoint& at)> value;
};

/// In the order of the file.
const std::vector<MemoryColumn>& memory_columns();

/// For people: what each strategy takes for a document, the mean over the points in bytes and in payloads, and the
/// worst peak. Strategies have the same points and sources.
std::string memory_text(std::span<const StrategyMemory> strategies);

}  // namespace occ
