#pragma once

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "harness/csv.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// The folder of one run: results.csv, one row per replicate, and results.json, what they were made from. Every row is
/// in the file before the next measurement begins.
class ResultsFolder {
 public:
  /// A new one. Throws BadInput if there are results already or the folder cannot be written.
  static ResultsFolder create(const std::filesystem::path& folder);

  /// One that a run was stopped in. A row cut in the middle is dropped. Throws BadInput if there is none, or its
  /// columns are others.
  static ResultsFolder reopen(const std::filesystem::path& folder);

  void append(const std::vector<std::string>& row);
  void write_provenance(const nlohmann::ordered_json& provenance);

  [[nodiscard]] std::filesystem::path csv() const { return folder_ / "results.csv"; }
  [[nodiscard]] std::filesystem::path json() const { return folder_ / "results.json"; }
  /// What was there when it was opened.
  [[nodiscard]] const CsvTable& rows() const { return rows_; }

 private:
  ResultsFolder(std::filesystem::path folder, std::ios::openmode mode);

  std::filesystem::path folder_;
  std::ofstream out_;
  CsvTable rows_;
};

/// results.json of a folder. Throws BadInput if it cannot be read.
nlohmann::ordered_json read_provenance(const std::filesystem::path& folder);

/// 20260131T123000Z
std::string utc_stamp();

}  // namespace occ
