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
constexpr const char* kRunStem = "results";
constexpr const char* kWayOut = "--resume goes on with it, or name another folder";

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

ResultsFolder::ResultsFolder(FolderLock lock, fs::path folder, std::string stem, std::ios::openmode mode)
    : lock_(std::move(lock)), folder_(std::move(folder)), stem_(std::move(stem)) {
  out_.open(csv(), mode | std::ios::binary);
  if (out_) return;
  const int error = errno;
  if (is_out_of_space(error)) throw CannotWrite(fmt::format("to '{}'", csv().string()), error);
  throw BadInput(
      fmt::format("--out: cannot write to '{}': {}", csv().string(), std::generic_category().message(error)));
}

void ResultsFolder::refuse_results(const fs::path& folder, const std::string& stem, std::string_view way_out) {
  for (const char* extension : {".csv", ".json"}) {
    const fs::path file = folder / (stem + extension);
    std::error_code unknown;
    if (fs::exists(file, unknown)) {
      throw BadInput(fmt::format("--out: '{}' is there already and is not overwritten; {}", file.string(), way_out));
    }
  }
}

void ResultsFolder::check_new(const fs::path& folder) {
  refuse_results(folder, kRunStem, kWayOut);
}

ResultsFolder ResultsFolder::create(const fs::path& folder) {
  return create_new(folder, kRunStem, header(result_columns()), kWayOut);
}

ResultsFolder ResultsFolder::create(const fs::path& folder, const std::string& stem,
                                    const std::vector<std::string>& header) {
  return create_new(folder, stem, header, "name another folder");
}

ResultsFolder ResultsFolder::create_new(const fs::path& folder, const std::string& stem,
                                        const std::vector<std::string>& header, std::string_view way_out) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error && is_out_of_space(error.value()))
    throw CannotWrite(fmt::format("the folder '{}'", folder.string()), error.value());
  if (error) throw BadInput(fmt::format("--out: cannot make the folder '{}': {}", folder.string(), error.message()));
  FolderLock lock(folder);
  refuse_results(folder, stem, way_out);
  ResultsFolder results(std::move(lock), folder, stem, std::ios::out);
  results.append(header);
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
  ResultsFolder results(std::move(lock), folder, "results", std::ios::out | std::ios::app);
  results.rows_ = std::move(rows);
  return results;
}

void ResultsFolder::append(const std::vector<std::string>& row) {
  errno = 0;
  out_ << csv_line(row) << std::flush;
  if (!out_) throw CannotWrite(fmt::format("to '{}'", csv().string()));
}

void ResultsFolder::write_provenance(const nlohmann::ordered_json& provenance) {
  // Replaced as a whole, so that an interruption leaves the old one or the new one.
  const fs::path fresh = folder_ / (stem_ + ".json.new");
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
