#include "harness/schedule.hpp"

#include <utility>

#include "harness/random.hpp"

namespace occ {

std::vector<Step> make_schedule(std::size_t cells, std::uint32_t recorded, std::uint32_t replicates,
                                std::uint64_t seed) {
  Random random(mix64(seed));
  std::vector<Step> steps;
  const auto add_blocks = [&](std::uint32_t count, bool is_recorded) {
    for (std::uint32_t replicate = 1; replicate <= count; ++replicate) {
      const std::size_t block = steps.size();
      for (std::size_t cell = 0; cell < cells; ++cell) {
        steps.push_back({cell, replicate, is_recorded});
        std::swap(steps.back(), steps[block + random.below(cell + 1)]);
      }
    }
  };
  add_blocks(recorded, true);
  add_blocks(replicates, false);
  return steps;
}

}  // namespace occ
