#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <span>

#include "core/sync/atomic.hpp"
#include "harness/history/history.hpp"

namespace occ {

/// There is no room to record another operation, so it was not begun.
struct HistoryFull : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "the history buffer is full"; }
};

/// What one thread did, in the order in which it did it. A fixed number of entries of one cache line each, in pages
/// that are all touched on construction, so that recording asks nothing of the system. One per thread; full() may be
/// asked by others.
class alignas(kFalseSharingRange) HistoryBuffer {
 public:
  /// Throws std::bad_alloc.
  HistoryBuffer(std::size_t capacity, std::uint16_t thread) : capacity_(capacity), thread_(thread) {
    if (capacity == 0) return;
    void* const pages = mmap(nullptr, capacity * sizeof(HistoryEntry), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    entries_ = static_cast<HistoryEntry*>(pages);
  }
  HistoryBuffer(const HistoryBuffer&) = delete;
  HistoryBuffer& operator=(const HistoryBuffer&) = delete;
  ~HistoryBuffer() {
    if (entries_ != nullptr) munmap(entries_, capacity_ * sizeof(HistoryEntry));
  }

  /// An entry for an operation that is about to begin; until it is filled in, the operation has no answer. Throws
  /// HistoryFull: nothing is ever dropped, since a write that is missing would look like an impossible read.
  HistoryEntry& append() {
    if (size_ == capacity_) {
      full_.store(true, std::memory_order_relaxed);  // relaxed: it carries no data
      throw HistoryFull{};
    }
    HistoryEntry& entry = *new (entries_ + size_) HistoryEntry;
    ++size_;
    entry.thread = thread_;
    return entry;
  }

  /// Throws HistoryFull unless there is room for so many operations that are about to begin together.
  void need(std::size_t operations) {
    if (capacity_ - size_ >= operations) return;
    full_.store(true, std::memory_order_relaxed);  // relaxed: it carries no data
    throw HistoryFull{};
  }

  /// An operation was not begun for want of room.
  [[nodiscard]] bool full() const noexcept {
    return full_.load(std::memory_order_relaxed);  // relaxed: as above
  }
  [[nodiscard]] std::span<const HistoryEntry> entries() const noexcept { return {entries_, size_}; }

 private:
  HistoryEntry* entries_ = nullptr;
  std::size_t capacity_;
  std::size_t size_ = 0;
  std::uint16_t thread_;
  std::atomic<bool> full_{false};
};

}  // namespace occ
