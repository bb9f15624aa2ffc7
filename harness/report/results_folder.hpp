#pragma once

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/support/csv.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// Keeps a folder for one writer: two would tear each other's rows. Ends with the process at the latest.
class FolderLock {
 public:
  /// Throws BadInput if somebody else has it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  int file_;
};

/// The folder of one run: results.csv, one row per replicate, and results.json, what they were made from (or memory.csv
/// and memory.json). Every row is in the file before the next measurement begins. Nobody else writes to it meanwhile.
class ResultsFolder {
 public:
  /// A new one. Throws BadInput if there are results already, somebody writes to it, or it cannot be written.
  static ResultsFolder create(const std::filesystem::path& folder);
  /// A new one whose files have another stem and another header, and that nobody resumes.
  static ResultsFolder create(const std::filesystem::path& folder, const std::string& stem,
                              const std::vector<std::string>& header);

  /// Throws BadInput where create(folder) would because of what is in it; makes nothing.
  static void check_new(const std::filesystem::path& folder);

  /// One that a run was stopped in. A row cut in the middle is dropped. Throws BadInput if there is none, or its
  /// columns are others, or somebody else writes to it.
  static ResultsFolder reopen(const std::filesystem::path& folder);

  /// Both throw CannotWrite.
  void append(const std::vector<std::string>& row);
  void write_provenance(const nlohmann::ordered_json& provenance);

  [[nodiscard]] std::filesystem::path csv() const { return folder_ / (stem_ + ".csv"); }
  [[nodiscard]] std::filesystem::path json() const { return folder_ / (stem_ + ".json"); }
  /// What was there when it was opened.
  [[nodiscard]] const CsvTable& rows() const { return rows_; }

 private:
  ResultsFolder(FolderLock lock, std::filesystem::path folder, std::string stem, std::ios::openmode mode);
  static void refuse_results(const std::filesystem::path& folder, const std::string& stem, std::string_view way_out);
  static ResultsFolder create_new(const std::filesystem::path& folder, const std::string& stem,
                                  const std::vector<std::string>& header, std::string_view way_out);

  FolderLock lock_;
  std::filesystem::path folder_;
  std::string stem_;
  std::ofstream out_;
  CsvTable rows_;
};

/// results.json of a folder. Throws BadInput if it cannot be read.
nlohmann::ordered_json read_provenance(const std::filesystem::path& folder);

/// 20260131T123000Z
std::string utc_stamp();

}  // namespace occ
