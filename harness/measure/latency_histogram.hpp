#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace occ {

/// Latencies of 0 ns to 100 s, in the log-linear layout of HdrHistogram with two significant digits: below 256 ns every
/// value has its own cell, above that each power of two has 128. 31 KiB. Recording takes constant time and no lock; one
/// histogram per thread, merged after the threads have stopped. Merging loses nothing.
///
/// A percentile is never below the true one and exceeds it by less than 1/128 (0.79 %). Values above 100 s share the
/// last cell; max_ns() is always exact.
class LatencyHistogram {
 public:
  static constexpr std::uint64_t kHighestNs = 100'000'000'000;
  static constexpr double kRelativeError = 1.0 / 128;

  void record(std::uint64_t latency_ns) noexcept {
    max_ns_ = std::max(max_ns_, latency_ns);
    ++cells_[cell_of(std::min(latency_ns, kHighestNs))];
  }

  void merge(const LatencyHistogram& other) noexcept {
    max_ns_ = std::max(max_ns_, other.max_ns_);
    for (std::size_t cell = 0; cell < kCells; ++cell) cells_[cell] += other.cells_[cell];
  }

  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t cell : cells_) sum += cell;
    return sum;
  }

  /// The smallest recorded latency that `percent` (0 to 100) of all do not exceed, in ns; 0 if nothing was recorded.
  [[nodiscard]] std::uint64_t percentile_ns(double percent) const noexcept {
    const std::uint64_t total = count();
    if (total == 0) return 0;
    const double wanted = std::ceil(percent / 100 * static_cast<double>(total));
    const std::uint64_t rank = std::clamp<std::uint64_t>(wanted > 0 ? static_cast<std::uint64_t>(wanted) : 1, 1, total);
    std::uint64_t seen = 0;
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      seen += cells_[cell];
      if (seen >= rank) return cell + 1 == kCells ? max_ns_ : std::min(highest_in(cell), max_ns_);
    }
    return max_ns_;
  }

  [[nodiscard]] std::uint64_t max_ns() const noexcept { return max_ns_; }

  /// Calls `visit(lowest_ns, highest_ns, count)` for every cell with something in it, in ascending order.
  template <class Visit>
  void for_each_cell(Visit&& visit) const {
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      if (cells_[cell] > 0) visit(cell == 0 ? 0 : highest_in(cell - 1) + 1, highest_in(cell), cells_[cell]);
    }
  }

  friend bool operator==(const LatencyHistogram&, const LatencyHistogram&) = default;

 private:
  static constexpr unsigned kPrecisionBits = 8;
  static constexpr std::size_t kHalf = std::size_t{1} << (kPrecisionBits - 1);

  static constexpr unsigned shift_of(std::uint64_t value) noexcept {
    return static_cast<unsigned>(std::bit_width(value | ((1U << kPrecisionBits) - 1))) - kPrecisionBits;
  }
  static constexpr std::size_t cell_of(std::uint64_t value) noexcept {
    const unsigned shift = shift_of(value);
    return shift * kHalf + static_cast<std::size_t>(value >> shift);
  }
  static constexpr std::uint64_t highest_in(std::size_t cell) noexcept {
    const std::size_t shift = cell < 2 * kHalf ? 0 : cell / kHalf - 1;
    return ((cell - shift * kHalf + 1) << shift) - 1;
  }

  static constexpr std::size_t kHighestShift = std::bit_width(kHighestNs) - kPrecisionBits;
  static constexpr std::size_t kCells = kHighestShift * kHalf + (kHighestNs >> kHighestShift) + 1;

  std::uint64_t max_ns_ = 0;
  std::array<std::uint64_t, kCells> cells_{};
};

}  // namespace occ
