#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace occ {

/// Ends the program, which is what a fuzzer and a test both take for a finding.
[[noreturn]] inline void fail(std::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}
inline void require(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

}  // namespace occ
