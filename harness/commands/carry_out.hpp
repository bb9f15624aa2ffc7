#pragma once

#include <string>

#include "harness/commands/plan.hpp"
#include "harness/report/results_folder.hpp"

namespace occ {

/// How a run ended.
struct CarriedOut {
  int exit_status = 0;
  /// What the histories showed and what stayed disturbed, in a few lines, for people.
  std::string summary;
  /// Why the server that was measured is gone; empty if it is not.
  std::string server_gone;
};

/// Measures what of the plan is not in the results yet, row by row, and tells on the terminal how far it is. Every
/// finished row is written, however it ends. `quiet`: it tells of failures only.
CarriedOut carry_out(const Plan& plan, ResultsFolder& results, bool quiet = false);

}  // namespace occ
