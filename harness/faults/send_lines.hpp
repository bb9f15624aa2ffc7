#pragma once

#include <iosfwd>

#include "harness/replicated/send.hpp"

namespace occ {

/// Writes a history as JSON lines: the first one has the bands, each other one a send, in the order of their begins; times
/// are ns since the first. What is not told is left out. Throws std::runtime_error if `out` fails.
void write_sends(std::ostream& out, const ReplicatedHistory& history);

}  // namespace occ
