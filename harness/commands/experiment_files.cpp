#include "harness/commands/experiment_files.hpp"

#include <algorithm>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/program_place.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/near_name.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders() {
  const ProgramPlace place = program_place();
  return {place.tree / "harness" / "experiments", place.share / "experiments"};
}

}  // namespace

fs::path find_experiment(const std::string& name) {
  std::error_code error;
  if (fs::exists(name, error)) return name;
  std::vector<std::string> names;
  for (const fs::path& folder : folders()) {
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() != ".toml") continue;
      if (entry.path().stem() == name) return entry.path();
      names.push_back(entry.path().stem().string());
    }
  }
  std::ranges::sort(names);
  throw BadInput(fmt::format("--config: cannot read '{}': no such file{}{}", name, did_you_mean(name, names),
                             names.empty() ? "" : fmt::format("; experiments are {}", fmt::join(names, ", "))));
}

std::vector<fs::path> claim_files() {
  for (const fs::path& folder : folders()) {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder / "claims", error)) {
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    if (!files.empty()) return files;
  }
  return {};
}

}  // namespace occ
