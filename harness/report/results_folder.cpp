#include "harness/report/results_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

#include "fmt/chrono.h"
#include "fmt/format.h"
#include "harness/report/columns.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/read_file.hpp"

namespace occ {

namespace fs = std::filesystem;

namespace {

/// The files of a run, and what one can do where they are there already.
constexpr const char* kWayOut = "--resume goes on with it, or name another folder";

std::vector<ResultsTable> run_tables() {
  return {{"results", header(result_columns())}};
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) : file_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  // Where a file system knows no locks, there are none.
  if (file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(file_);
    throw BadInput(fmt::format(
        "'{}' is written to by another run at the moment; wait for its end, or name another folder", folder.string()));
  }
}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

void ResultsFolder::open(const fs::path& path, std::ios::openmode mode) {
  errno = 0;
  File& file = files_.emplace_back(path, std::ofstream(path, mode | std::ios::binary));
  if (file.out) return;
  const int error = errno;
  if (is_out_of_space(error)) throw CannotWrite(fmt::format("to '{}'", path.string()), error);
  throw BadInput(fmt::format("--out: cannot write to '{}': {}", path.string(), std::generic_category().message(error)));
}

void ResultsFolder::refuse_results(const fs::path& folder, const std::vector<ResultsTable>& tables,
                                   std::string_view way_out) {
  std::vector<std::string> names{tables.front().stem + ".json"};
  for (const ResultsTable& table : tables) names.push_back(table.stem + ".csv");
  for (const std::string& name : names) {
    const fs::path file = folder / name;
    std::error_code unknown;
    if (fs::exists(file, unknown)) {
      throw BadInput(fmt::format("--out: '{}' is there already and is not overwritten; {}", file.string(), way_out));
    }
  }
}

void ResultsFolder::check_new(const fs::path& folder) {
  refuse_results(folder, run_tables(), kWayOut);
}

ResultsFolder ResultsFolder::create(const fs::path& folder) {
  return create_new(folder, run_tables(), kWayOut);
}

ResultsFolder ResultsFolder::create(const fs::path& folder, const std::vector<ResultsTable>& tables) {
  return create_new(folder, tables, "name another folder");
}

ResultsFolder ResultsFolder::create_new(const fs::path& folder, const std::vector<ResultsTable>& tables,
                                        std::string_view way_out) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error && is_out_of_space(error.value()))
    throw CannotWrite(fmt::format("the folder '{}'", folder.string()), error.value());
  if (error) throw BadInput(fmt::format("--out: cannot make the folder '{}': {}", folder.string(), error.message()));
  FolderLock lock(folder);
  refuse_results(folder, tables, way_out);
  ResultsFolder results(std::move(lock));
  for (const ResultsTable& table : tables) {
    results.open(folder / (table.stem + ".csv"), std::ios::out);
    results.append(table.header, results.files_.size() - 1);
  }
  return results;
}

ResultsFolder ResultsFolder::reopen(const fs::path& folder) {
  const fs::path csv = folder / "results.csv";
  if (std::error_code unknown; !fs::exists(csv, unknown))
    throw BadInput(fmt::format("--resume: there is no '{}'", csv.string()));
  FolderLock lock(folder);
  CsvTable rows = read_csv(csv);
  if (rows.header != header(result_columns())) {
    throw BadInput(fmt::format("--resume: '{}' has other columns than this program writes", csv.string()));
  }
  if (rows.unterminated) {
    const std::string text = read_file(csv);
    const std::size_t keep = text.find_last_of('\n') + 1;
    rows = parse_csv(std::string_view(text).substr(0, keep), csv.string());
    fs::resize_file(csv, keep);
  }
  ResultsFolder results(std::move(lock));
  results.open(csv, std::ios::out | std::ios::app);
  results.rows_ = std::move(rows);
  return results;
}

void ResultsFolder::append(const std::vector<std::string>& row, std::size_t table) {
  File& file = files_.at(table);
  errno = 0;
  file.out << csv_line(row) << std::flush;
  if (!file.out) throw CannotWrite(fmt::format("to '{}'", file.path.string()));
}

void ResultsFolder::write_provenance(const nlohmann::ordered_json& provenance) {
  // Replaced as a whole, so that an interruption leaves the old one or the new one.
  const fs::path fresh = json().concat(".new");
  {
    errno = 0;
    std::ofstream out(fresh, std::ios::binary);
    out << provenance.dump(2) << '\n' << std::flush;
    if (!out) throw CannotWrite(fmt::format("to '{}'", fresh.string()));
  }
  fs::rename(fresh, json());
}

nlohmann::ordered_json read_provenance(const fs::path& folder) {
  std::ifstream in(folder / "results.json", std::ios::binary);
  auto provenance = nlohmann::ordered_json::parse(in, nullptr, false);
  if (!provenance.is_object()) {
    throw BadInput(fmt::format("--resume: cannot read '{}'", (folder / "results.json").string()));
  }
  return provenance;
}

std::string utc_stamp() {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace occ
