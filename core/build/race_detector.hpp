#pragma once

namespace occ {

/// Whether ThreadSanitizer watches. It sees neither what stands in an `asm` nor liburcu's barriers: where it watches,
/// the copies and comparisons are those that it sees, word by word, and grace periods are told to it. Both forms are
/// compiled everywhere, and tests hold them against each other.
///
/// This project's builds for ThreadSanitizer, and nothing else, find tests/race_detector/core/build/race_detector.hpp first.
/// So does a program of your own that is to be checked by it.
inline constexpr bool kRaceDetector = false;

/// What comes before the one at some address comes before what follows the other there.
inline void tell_race_detector_of_release(void*) noexcept {}
inline void tell_race_detector_of_acquire(void*) noexcept {}

}  // namespace occ
