#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/report/comparison.hpp"

namespace occ {

/// How a competitor is drawn, in figures (results/drawing.py) and in reports alike.
struct Look {
  std::string color;
  /// As matplotlib names it.
  std::string marker;
  /// Lengths of strokes and gaps in widths of the line; empty: solid.
  std::vector<double> dash;
};

/// Competitors that are ranked somewhere, by label, in the order in which they are drawn.
struct Competitors {
  std::vector<std::string> labels;
  std::map<std::string, Look> looks;
};

/// page/looks.json names most of them. What it does not name gets a look by a checksum of its name, the same form or
/// source once more another dash.
Competitors competitors_of(const Comparison& comparison);

}  // namespace occ
