#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "harness/measure/measure_table.hpp"

namespace occ {

/// The share of the filled documents that one of the threads that fill the table creates.
struct Share {
  std::uint32_t first;
  std::uint32_t end;
};

/// The buffers of a recorded replicate: the workers', then the fillers', then that of the last look.
class Recorder {
 public:
  /// `permutation_seed` spreads the ranks over the documents, as for the workers.
  Recorder(const Recording& recording, const Cell& cell, const std::vector<Share>& fillers, std::uint64_t seed,
           std::uint64_t permutation_seed)
      : documents_(cell.documents->size(), recording.chosen(cell.documents->size()), seed,
                   {.documents = recording.hottest(cell.documents->size(), cell.workload->distribution),
                    .permutation_seed = permutation_seed}),
        workers_(cell.threads) {
    std::vector<std::uint64_t> fill;
    std::uint64_t fixed = recording.chosen(cell.documents->size());
    for (const Share& share : fillers) {
      std::uint64_t recorded = 0;
      for (std::uint32_t index = share.first; index < share.end; ++index)
        recorded += documents_.contains(index) ? 1 : 0;
      fill.push_back(recorded);
      fixed += recorded;
    }
    const std::uint64_t left = recording.operations > fixed ? recording.operations - fixed : 0;
    for (std::uint32_t worker = 0; worker < workers_; ++worker) add(left / workers_);
    for (const std::uint64_t recorded : fill) add(recorded);
    add(recording.chosen(cell.documents->size()));
  }

  [[nodiscard]] RecordInto worker(std::uint32_t i) { return {buffers_[i], documents_}; }
  [[nodiscard]] RecordInto filler(std::size_t i) { return {buffers_[workers_ + i], documents_}; }
  [[nodiscard]] RecordInto last_look() { return {buffers_.back(), documents_}; }

  /// A worker has no room left.
  [[nodiscard]] bool full() const {
    return std::any_of(buffers_.begin(), buffers_.begin() + workers_,
                       [](const HistoryBuffer& buffer) { return buffer.full(); });
  }
  /// What the workers did.
  [[nodiscard]] std::uint64_t workload_operations() const {
    std::uint64_t sum = 0;
    for (std::uint32_t worker = 0; worker < workers_; ++worker) sum += buffers_[worker].entries().size();
    return sum;
  }
  [[nodiscard]] std::vector<std::span<const HistoryEntry>> threads() const {
    std::vector<std::span<const HistoryEntry>> all;
    for (const HistoryBuffer& buffer : buffers_) all.push_back(buffer.entries());
    return all;
  }

 private:
  void add(std::uint64_t capacity) { buffers_.emplace_back(capacity, static_cast<std::uint16_t>(buffers_.size())); }

  RecordedDocuments documents_;
  std::uint32_t workers_;
  std::deque<HistoryBuffer> buffers_;
};

/// Reads every recorded document once, so that a write that was lost at the end is missed.
void look_at_all(AnyTable& table, const Documents& documents, RecordInto record);

/// The check of what was recorded of a replicate; exports it too, if it is to be. Throws BadInput or CannotWrite for
/// where it is exported to.
CheckedHistory check_recorded(const AnyTable& table, const Recorder& recorder, const Recording& recording,
                              const Cell& cell, const Conditions& conditions, std::uint32_t replicate);

}  // namespace occ
