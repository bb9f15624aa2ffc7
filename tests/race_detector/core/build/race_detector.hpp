/// Stands in for core/build/race_detector.hpp in builds for ThreadSanitizer.
#pragma once

#include <sanitizer/tsan_interface.h>

namespace occ {

inline constexpr bool kRaceDetector = true;

inline void tell_race_detector_of_release(void* at) noexcept {
  __tsan_release(at);
}
inline void tell_race_detector_of_acquire(void* at) noexcept {
  __tsan_acquire(at);
}

}  // namespace occ
