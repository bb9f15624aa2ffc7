#include "harness/commands/result_files.hpp"

#include <filesystem>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"

namespace occ {

std::vector<ResultFile> read_result_files(const std::vector<std::string>& names) {
  std::vector<ResultFile> files;
  for (const std::string& given : names) {
    std::error_code error;
    std::string name = given;
    if (std::filesystem::is_directory(given, error)) {
      name = (std::filesystem::path(given) / "results.csv").string();
      if (!std::filesystem::exists(name, error)) {
        throw BadInput(fmt::format(
            "{} is a folder without a results.csv; accepted are CSV files, and folders of `occkit run`", given));
      }
    }
    for (const ResultFile& earlier : files) {
      if (std::filesystem::equivalent(earlier.name, name, error))
        throw BadInput(fmt::format("{} and {} are the same file; give each result file once", earlier.name, name));
    }
    files.push_back({name, read_csv(name)});
  }
  return files;
}

}  // namespace occ
