#pragma once

#include <string>
#include <vector>

#include "harness/report/comparison.hpp"

namespace occ {

/// Result files by their names; a folder stands for its results.csv. Throws BadInput for one that cannot be read, or that
/// is given twice.
std::vector<ResultFile> read_result_files(const std::vector<std::string>& names);

}  // namespace occ
