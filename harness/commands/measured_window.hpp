#pragma once

#include <string>

#include "harness/workload/time_distribution.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// The windows of a client's own loop, as measured, and what is said of them.
struct MeasuredWindow {
  TimeDistribution window;
  std::string told;
  nlohmann::ordered_json json;
};

/// Measures them at a server (a URL), whose index is made and deleted, or on a table of this process (a strategy).
/// Takes about two seconds. Throws BadInput.
MeasuredWindow measure_window(const std::string& url_or_strategy);

}  // namespace occ
