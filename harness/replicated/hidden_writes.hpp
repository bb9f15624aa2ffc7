#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "harness/replicated/send.hpp"

namespace occ {

/// The earliest begin of sends that may have happened without anybody having seen it, by what they do.
struct HiddenSupply {
  std::uint64_t index = Send::kNever;
  std::uint64_t create = Send::kNever;
  std::uint64_t remove = Send::kNever;
  std::uint64_t update = Send::kNever;
  /// Those that name the state at which a path begins, and those that name what was seen within it.
  std::uint64_t conditional_index = Send::kNever;
  std::uint64_t conditional_remove = Send::kNever;
  std::uint64_t later_index = Send::kNever;
  std::uint64_t later_remove = Send::kNever;
  /// There is one of the latter.
  bool later_once = true;
};

/// What hidden writes can make of a document: for so many of them, and a state after them, the earliest time at which
/// they can have happened; kNever where they cannot make it. Sends without conditions may happen any number of times,
/// so three stand for more.
class HiddenPaths {
 public:
  static constexpr std::size_t kMost = 3;

  HiddenPaths(bool is_live, const HiddenSupply& supply) {
    for (auto& of_count : earliest_) of_count.fill({Send::kNever, Send::kNever});
    earliest_[0][0][is_live ? 1 : 0] = 0;
    for (std::size_t count = 0; count < kMost; ++count) {
      for (const std::size_t used : {0U, 1U}) {
        const auto [absent, live] = earliest_[count][used];
        const std::uint64_t any = std::min(absent, live);
        std::uint64_t to_live =
            std::min({std::max(any, supply.index), std::max(absent, supply.create), std::max(live, supply.update)});
        std::uint64_t to_absent = std::max(any, supply.remove);
        if (count == 0 && used == 0) {
          to_live = std::min(to_live, supply.conditional_index);
          to_absent = std::min(to_absent, supply.conditional_remove);
        }
        auto& [next_absent, next_live] = earliest_[count + 1][used];
        next_absent = std::min(next_absent, to_absent);
        next_live = std::min(next_live, to_live);
        if (count == 0 || (used == 1 && supply.later_once)) continue;
        auto& [then_absent, then_live] = earliest_[count + 1][1];
        then_absent = std::min(then_absent, std::max(live, supply.later_remove));
        then_live = std::min(then_live, std::max(live, supply.later_index));
      }
    }
  }

  /// After exactly `count` of them.
  [[nodiscard]] std::uint64_t exactly(std::uint64_t count, bool is_live) const noexcept {
    const auto& of_count = earliest_[std::min<std::uint64_t>(count, kMost)];
    return std::min(of_count[0][is_live ? 1 : 0], of_count[1][is_live ? 1 : 0]);
  }
  [[nodiscard]] std::uint64_t within(std::uint64_t least, std::uint64_t most, bool is_live) const noexcept {
    std::uint64_t earliest = Send::kNever;
    for (std::uint64_t count = least; count <= std::min<std::uint64_t>(most, kMost); ++count)
      earliest = std::min(earliest, exactly(count, is_live));
    return earliest;
  }

 private:
  /// By count, by whether one that names what was seen within is among them, then absent and live.
  std::array<std::array<std::array<std::uint64_t, 2>, 2>, kMost + 1> earliest_;
};

}  // namespace occ
