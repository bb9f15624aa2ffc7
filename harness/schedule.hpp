#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace occ {

/// One measurement to be made: which cell, which replicate (counted from 1, apart for those that are recorded).
struct Step {
  std::size_t cell;
  std::uint32_t replicate;
  /// For the check of its history.
  bool is_recorded;
};

/// Every replicate of every cell, in complete blocks: all cells once in a random order, then all again in another, so
/// that slow changes of the machine meet every cell alike and an interrupted run is balanced. The recorded ones come
/// first: what is wrong is to be found out before it is measured. The same seed gives the same order.
std::vector<Step> make_schedule(std::size_t cells, std::uint32_t recorded, std::uint32_t replicates,
                                std::uint64_t seed);

}  // namespace occ
