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

/// One file of rows in a folder of results: STEM.csv.
struct ResultsTable {
  std::string stem;
  std::vector<std::string> header;
};

/// The folder of one run: results.csv, one row per replicate, and results.json, what they were made from (or memory.csv
/// and memory.json, and the like). Every row is in the file before the next measurement begins. Nobody else writes to it
/// meanwhile.
class ResultsFolder {
 public:
  /// A new one. Throws BadInput if there are results already, somebody writes to it, or it cannot be written.
  static ResultsFolder create(const std::filesystem::path& folder);
  /// A new one with other files of rows, one at least, that nobody resumes. The first one gives its name to the .json.
  static ResultsFolder create(const std::filesystem::path& folder, const std::vector<ResultsTable>& tables);

  /// Throws BadInput where create(folder) would because of what is in it; makes nothing.
  static void check_new(const std::filesystem::path& folder);

  /// One that a run was stopped in. A row cut in the middle is dropped. Throws BadInput if there is none, or its
  /// columns are others, or somebody else writes to it.
  static ResultsFolder reopen(const std::filesystem::path& folder);

  /// Both throw CannotWrite. `table` counts those that it was created with.
  void append(const std::vector<std::string>& row, std::size_t table = 0);
  void write_provenance(const nlohmann::ordered_json& provenance);

  [[nodiscard]] const std::filesystem::path& csv(std::size_t table = 0) const { return files_.at(table).path; }
  [[nodiscard]] std::filesystem::path json() const { return std::filesystem::path(csv()).replace_extension(".json"); }
  /// What was there when it was opened.
  [[nodiscard]] const CsvTable& rows() const { return rows_; }

 private:
  struct File {
    std::filesystem::path path;
    std::ofstream out;
  };

  explicit ResultsFolder(FolderLock lock) : lock_(std::move(lock)) {}
  static void refuse_results(const std::filesystem::path& folder, const std::vector<ResultsTable>& tables,
                             std::string_view way_out);
  static ResultsFolder create_new(const std::filesystem::path& folder, const std::vector<ResultsTable>& tables,
                                  std::string_view way_out);
  void open(const std::filesystem::path& path, std::ios::openmode mode);

  FolderLock lock_;
  std::vector<File> files_;
  CsvTable rows_;
};

/// results.json of a folder. Throws BadInput if it cannot be read.
nlohmann::ordered_json read_provenance(const std::filesystem::path& folder);

/// 20260131T123000Z
std::string utc_stamp();

}  // namespace occ
