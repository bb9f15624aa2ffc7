#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "harness/history/history.hpp"

namespace occ {

/// Calls work(0) to work(workers - 1) at the same time, the last of them on this thread. The first exception comes out
/// after all have ended.
void in_parallel(unsigned workers, const std::function<void(unsigned)>& work);

/// Which entries belong to which document: pointers, in the order of the threads and, within a thread, of its
/// operations. A counting sort, so linear. Memory: 8 bytes an entry, kept, and 4 bytes a document and worker meanwhile.
class EntriesByDocument {
 public:
  /// Throws std::out_of_range if an entry's document is not below `documents`, std::length_error beyond 2^32 - 1
  /// entries.
  EntriesByDocument(std::span<const std::span<const HistoryEntry>> threads, std::uint32_t documents, unsigned workers);

  [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
  /// Some neighbours of a thread begin together: there are bulk calls.
  [[nodiscard]] bool has_calls() const noexcept { return has_calls_; }
  [[nodiscard]] std::span<const HistoryEntry* const> of(std::uint32_t document) const noexcept {
    return {order_.get() + first_[document], first_[document + 1] - first_[document]};
  }
  /// So many places behind the last entry may be read too; they hold null pointers. For prefetching.
  static constexpr std::size_t kBehind = 16;

 private:
  std::size_t entries_ = 0;
  bool has_calls_ = false;
  std::vector<std::uint32_t> first_;
  std::unique_ptr<const HistoryEntry*[]> order_;
};

/// What one operation says about one version of its document.
struct VersionItem {
  /// The version's word; its lowest bit, which is 0 in every written word, is set if the operation only saw the version.
  /// So ascending keys are: a write, those that saw it, the next write.
  std::uint64_t key;
  const HistoryEntry* entry;

  static VersionItem written(const HistoryEntry& entry) noexcept { return {entry.word.bits(), &entry}; }
  static VersionItem seen(SeqNoTerm word, const HistoryEntry& entry) noexcept { return {word.bits() | 1U, &entry}; }
  [[nodiscard]] bool is_write() const noexcept { return (key & 1U) == 0; }
  [[nodiscard]] SeqNoTerm word() const noexcept { return SeqNoTerm::from_bits(key & ~std::uint64_t{1}); }
};

/// Sorts by key, equal keys in their old order: a merge sort that starts from the ascending runs it finds. In a correct
/// history each thread's operations on one document are one run, so a document with millions of operations costs one
/// comparison for each of them and doubling of threads. `spare` and `runs` are kept for their memory.
void sort_by_version(std::vector<VersionItem>& items, std::vector<VersionItem>& spare, std::vector<std::size_t>& runs);

}  // namespace occ
