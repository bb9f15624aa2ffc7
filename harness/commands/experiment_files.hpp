#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace occ {

/// The option file that --config names: itself if it is there, or an experiment by its name ("main" for main.toml) where
/// this program was built (harness/experiments) or installed (share/occkit/experiments). Throws BadInput, which lists the
/// experiments.
std::filesystem::path find_experiment(const std::string& name);

/// The claims of this project, in claims/ beside the experiments; none if there is no such folder.
std::vector<std::filesystem::path> claim_files();

}  // namespace occ
