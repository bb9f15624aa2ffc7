#include "harness/results_folder.hpp"

#include <ctime>
#include <system_error>

#include "fmt/chrono.h"
#include "fmt/format.h"
#include "harness/columns.hpp"
#include "harness/commands.hpp"
#include "harness/read_file.hpp"

namespace occ {

namespace fs = std::filesystem;

ResultsFolder::ResultsFolder(fs::path folder, std::string stem, std::ios::openmode mode)
    : folder_(std::move(folder)), stem_(std::move(stem)) {
  out_.open(csv(), mode | std::ios::binary);
  if (!out_) throw BadInput(fmt::format("--out: cannot write to '{}'", csv().string()));
}

ResultsFolder ResultsFolder::create(const fs::path& folder) {
  return create_new(folder, "results", header(), "--resume goes on with it, or name another folder");
}

ResultsFolder ResultsFolder::create(const fs::path& folder, const std::string& stem,
                                    const std::vector<std::string>& header) {
  return create_new(folder, stem, header, "name another folder");
}

ResultsFolder ResultsFolder::create_new(const fs::path& folder, const std::string& stem,
                                        const std::vector<std::string>& header, std::string_view way_out) {
  for (const char* extension : {".csv", ".json"}) {
    const fs::path file = folder / (stem + extension);
    std::error_code unknown;
    if (fs::exists(file, unknown)) {
      throw BadInput(fmt::format("--out: '{}' is there already and is not overwritten; {}", file.string(), way_out));
    }
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw BadInput(fmt::format("--out: cannot make the folder '{}': {}", folder.string(), error.message()));
  ResultsFolder results(folder, stem, std::ios::out);
  results.append(header);
  return results;
}

ResultsFolder ResultsFolder::reopen(const fs::path& folder) {
  const fs::path csv = folder / "results.csv";
  if (std::error_code unknown; !fs::exists(csv, unknown))
    throw BadInput(fmt::format("--resume: there is no '{}'", csv.string()));
  CsvTable rows = read_csv(csv);
  if (rows.header != header()) {
    throw BadInput(fmt::format("--resume: '{}' has other columns than this program writes", csv.string()));
  }
  if (rows.unterminated) {
    const std::string text = read_file(csv);
    const std::size_t keep = text.find_last_of('\n') + 1;
    rows = parse_csv(std::string_view(text).substr(0, keep), csv.string());
    fs::resize_file(csv, keep);
  }
  ResultsFolder results(folder, "results", std::ios::out | std::ios::app);
  results.rows_ = std::move(rows);
  return results;
}

void ResultsFolder::append(const std::vector<std::string>& row) {
  out_ << csv_line(row) << std::flush;
  if (!out_) throw std::runtime_error(fmt::format("cannot write to '{}'; the disk may be full", csv().string()));
}

void ResultsFolder::write_provenance(const nlohmann::ordered_json& provenance) {
  // Replaced as a whole, so that an interruption leaves the old one or the new one.
  const fs::path fresh = folder_ / (stem_ + ".json.new");
  {
    std::ofstream out(fresh, std::ios::binary);
    out << provenance.dump(2) << '\n' << std::flush;
    if (!out) throw std::runtime_error(fmt::format("cannot write to '{}'; the disk may be full", fresh.string()));
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
