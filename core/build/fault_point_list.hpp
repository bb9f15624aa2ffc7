#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace occ {

/// Places at which it matters whether a thread can be stopped for ever. Which of them a strategy has, its code says.
enum class FaultPoint : std::uint8_t {
  before_read,
  reading,
  before_publication,
  holding_lock,
  locking_key,
  claimed,
  moving_in,
  pinned,
  taking_new_memory,
  moving_chain,
  making_slot,
  growing,
};

struct FaultPointInfo {
  FaultPoint point;
  std::string_view name;
  std::string_view meaning;
};

inline constexpr FaultPointInfo kFaultPoints[] = {
    {FaultPoint::before_read, "before_read", "an operation has begun and has not looked at its document"},
    {FaultPoint::reading, "reading", "word and body are known, nothing is copied, the second look is to come"},
    {FaultPoint::before_publication, "before_publication",
     "all is computed and the number drawn, nothing is published"},
    {FaultPoint::holding_lock, "holding_lock", "inside the document's lock"},
    {FaultPoint::locking_key, "locking_key", "inside the bucket of the map of keyed locks"},
    {FaultPoint::claimed, "claimed", "the claim flag is set"},
    {FaultPoint::moving_in, "moving_in", "published, and the body is to be copied into the slot"},
    {FaultPoint::pinned, "pinned", "inside an epoch or an RCU read section, before the first look"},
    {FaultPoint::taking_new_memory, "taking_new_memory", "inside the lock of an arena, about to ask the system"},
    {FaultPoint::moving_chain, "moving_chain", "free blocks have left the pool and reached no list"},
    {FaultPoint::making_slot, "making_slot", "inside the locks of the arena and of a segment of the directory"},
    {FaultPoint::growing, "growing", "inside the lock of a segment that grows, entries copied, nothing published"},
};

constexpr std::string_view to_string(FaultPoint point) noexcept {
  return kFaultPoints[static_cast<int>(point)].name;
}

constexpr std::optional<FaultPoint> find_fault_point(std::string_view name) noexcept {
  for (const FaultPointInfo& info : kFaultPoints) {
    if (info.name == name) return info.point;
  }
  return std::nullopt;
}

}  // namespace occ
