#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace occ {

/// Ends the program, which is what a fuzzer and a test both take for a finding.
[[noreturn]] inline void fail(std::string_view what) {
  std::fwrite(what.data(), 1, what.size(), stderr);
  std::fputc('\n', stderr);
  std::abort();
}
inline void require(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

}  // namespace occ
