#pragma once

#include <string>
#include <vector>

namespace occ {

struct StallOptions {
  std::vector<std::string> strategies{"all"};
  std::vector<std::string> points{"all"};
  unsigned threads = 1;
  double duration_s = 0.3;
  double park_s = 1;
  std::string out;
  std::string cell_program;
};

/// Stops threads at the points of the strategies, one cell after the other, each in a process of its own; writes what
/// came of it and says it. The exit status. Throws BadInput.
int stall(const StallOptions& options);

}  // namespace occ
