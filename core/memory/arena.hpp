#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>
#include <vector>

#include "core/build/fault_point.hpp"
#include "core/sync/atomic.hpp"

namespace occ {

/// Memory that is never given back before the arena's end: what a table is made of. Small at first; from 2 MiB on it
/// comes in whole huge pages, where the system offers them (transparent_hugepage `madvise` or `always`), since a lookup
/// in a large table misses the address cache as often as the others. Blocking (one mutex).
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    for (const auto& destroy : destroyers_) destroy();
    for (const Region& region : regions_) {
      if (region.mapped) {
        munmap(region.start, region.bytes);
      } else {
        ::operator delete(region.start, kAlignment);
      }
    }
  }

  /// Aligned to a cache line. Throws std::bad_alloc.
  [[nodiscard]] std::byte* take(std::size_t bytes) {
    bytes = rounded(bytes, kLine);
    const std::lock_guard held(lock_);
    fault_point(FaultPoint::taking_new_memory);
    if (bytes > kHugePage / 2) return add(rounded(bytes, kPage)).start;
    if (bytes > free_bytes_) {
      const Region region = add(std::max(rounded(bytes, kSmallest), std::clamp(bytes_, kSmallest, kHugePage)));
      free_ = region.start;
      free_bytes_ = region.bytes;
    }
    std::byte* const at = free_;
    free_ += bytes;
    free_bytes_ -= bytes;
    return at;
  }

  /// Value-initialised, outside the mutex. Throws std::bad_alloc.
  template <class T>
  [[nodiscard]] T* make_array(std::size_t size) {
    static_assert(alignof(T) <= kLine);
    T* const first = reinterpret_cast<T*>(take(size * sizeof(T)));
    std::uninitialized_value_construct_n(first, size);
    if constexpr (!std::is_trivially_destructible_v<T>) {
      const std::lock_guard held(lock_);
      destroyers_.push_back([first, size] { std::destroy_n(first, size); });
    }
    return first;
  }

  /// Asked of the system.
  [[nodiscard]] std::size_t bytes() const noexcept {
    const std::lock_guard held(lock_);
    return bytes_;
  }

 private:
  struct Region {
    std::byte* start;
    std::size_t bytes;
    bool mapped;
  };

  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kSmallest = std::size_t{64} << 10;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static constexpr std::align_val_t kAlignment{kFalseSharingRange};

  static constexpr std::size_t rounded(std::size_t bytes, std::size_t to) noexcept {
    return (bytes + to - 1) / to * to;
  }

  Region add(std::size_t bytes) {
    if (regions_.size() == regions_.capacity()) regions_.reserve(std::max<std::size_t>(8, 2 * regions_.size()));
    Region region{nullptr, bytes, bytes >= kHugePage};
    region.start = region.mapped ? map(bytes) : static_cast<std::byte*>(::operator new(bytes, kAlignment));
    regions_.push_back(region);
    bytes_ += bytes;
    return region;
  }

  static std::byte* map(std::size_t bytes) {
    const bool huge = bytes % kHugePage == 0;
    // As much more as it takes to begin at a huge page.
    const std::size_t asked = huge ? bytes + kHugePage - kPage : bytes;
    void* const got = mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) throw std::bad_alloc();
    if (!huge) return static_cast<std::byte*>(got);
    const auto from = reinterpret_cast<std::uintptr_t>(got);
    const std::uintptr_t start = rounded(from, kHugePage);
    if (start != from) munmap(got, start - from);
    if (const std::size_t behind = from + asked - (start + bytes); behind != 0) {
      munmap(reinterpret_cast<void*>(start + bytes), behind);
    }
    madvise(reinterpret_cast<void*>(start), bytes, MADV_HUGEPAGE);  // a wish; without it the table only is slower
    return reinterpret_cast<std::byte*>(start);
  }

  mutable std::mutex lock_;
  std::vector<Region> regions_;
  std::vector<std::function<void()>> destroyers_;
  std::size_t bytes_ = 0;
  std::byte* free_ = nullptr;
  std::size_t free_bytes_ = 0;
};

}  // namespace occ
