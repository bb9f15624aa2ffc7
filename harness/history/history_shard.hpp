#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "harness/history/history.hpp"

namespace occ {

/// A number of a shard, so that equal keys are one number given twice. The primary term does not count: numbers go on
/// across terms.
inline std::uint64_t number_key(std::uint32_t shard, SeqNoTerm word) noexcept {
  return std::uint64_t{shard} << SeqNoTerm::kSeqNoBits | word.seq_no();
}

/// What documents of one shard have in common, and adds what is wrong to the report. `keys`: the numbers that the
/// documents were given, each document's without doubles. With `has_calls`: items of one bulk call that wrote in one
/// shard drew their numbers in their order.
void check_shards(std::span<const std::span<const HistoryEntry>> threads, const HistoryRules& rules, bool has_calls,
                  std::span<const std::vector<std::uint64_t>> keys, HistoryReport& report);

}  // namespace occ
