#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/App.hpp"
#include "fmt/format.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/result_files.hpp"
#include "harness/report/environment.hpp"
#include "harness/report/html_page.hpp"
#include "harness/support/json_text.hpp"
#include "harness/support/read_file.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;

/// Where Debian's libjs-dygraphs has the library.
constexpr const char* kChartsFolder = "/usr/share/javascript/dygraphs";

struct ReportOptions {
  std::vector<std::string> files;
  std::string out;
  std::string charts = kChartsFolder;
  std::string history;
  ComparisonOptions comparison;
};

/// The JSON beside a CSV file; null if there is none.
nlohmann::ordered_json read_provenance_of(const fs::path& csv) {
  const fs::path path = fs::path(csv).replace_extension(".json");
  std::error_code error;
  if (!fs::exists(path, error)) return nullptr;
  try {
    return parse_json(read_file(path));
  } catch (const JsonError& wrong) {
    throw BadInput(fmt::format("{}: not the JSON of a run: {}", path.string(), wrong.what()));
  }
}

/// Without the line that names its source map: a report loads nothing.
std::string without_source_map(std::string text) {
  for (const std::string_view mark : {"//# sourceMappingURL=", "/*# sourceMappingURL="}) {
    if (const auto at = text.rfind(mark); at != std::string::npos) text.erase(at);
  }
  return text;
}

void read_charts(const ReportOptions& options, ReportInput& input) {
  const fs::path folder = options.charts;
  const fs::path script = folder / "dygraph.min.js";
  std::error_code error;
  if (!fs::exists(script, error)) {
    if (options.charts != kChartsFolder) {
      throw BadInput(
          fmt::format("--charts: '{}' has no dygraph.min.js; accepted is the folder of dygraphs 2, by default {}",
                      options.charts, kChartsFolder));
    }
    input.why_no_charts = fmt::format(
        "There are no charts: {} was not there when this report was made (Debian: apt-get install libjs-dygraphs).",
        script.string());
    return;
  }
  ChartLibrary library{without_source_map(read_file(script)),
                       without_source_map(read_file(folder / "dygraph.min.css"))};
  // Neither may end the element that it stands in.
  if (library.script.find("</script") != std::string::npos || library.script.find("<!--") != std::string::npos ||
      library.style.find("</style") != std::string::npos) {
    throw BadInput(fmt::format("--charts: '{}' cannot stand in a page: it has the end of a script or a style in it",
                               script.string()));
  }
  input.charts = std::move(library);
}

ReportedHistory read_and_check(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  if (!in) throw BadInput(fmt::format("--history: cannot read '{}': {}", name, std::strerror(errno)));
  ReportedHistory history{name, read_history(in, name), {}};
  history.report = check_history(history.file.entries(), history.file.rules, std::thread::hardware_concurrency());
  return history;
}

/// A report takes the place of a report only. Throws BadInput, as for a place where no file can be.
void check_place(const fs::path& out) {
  std::error_code error;
  const fs::path folder = out.parent_path();
  if (out.filename().empty() || fs::is_directory(out, error) || (!folder.empty() && !fs::is_directory(folder, error)))
    throw BadInput(fmt::format("--out '{}': accepted is a file in a folder that is there", out.string()));
  if (!fs::exists(out, error)) return;
  std::ifstream in(out, std::ios::binary);
  std::string beginning(kReportBeginning.size(), ' ');
  in.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  if (!in || beginning != kReportBeginning) {
    throw BadInput(fmt::format("--out: '{}' is there already, is no report, and is not overwritten; name another file",
                               out.string()));
  }
}

/// Whole or not at all.
void write_whole(const fs::path& out, const std::string& text) {
  const fs::path fresh = out.string() + ".new";
  errno = 0;
  {
    std::ofstream file(fresh, std::ios::binary);
    file << text << std::flush;
    if (!file) {
      const int why = errno;
      std::error_code ignored;
      fs::remove(fresh, ignored);
      throw CannotWrite(fmt::format("to '{}'", out.string()), why);
    }
  }
  fs::rename(fresh, out);
}

int report(const ReportOptions& options) {
  ReportInput input;
  for (ResultFile& file : read_result_files(options.files)) {
    const std::string name = file.name;
    input.files.push_back({std::move(file), read_file(name), read_provenance_of(name)});
  }
  const fs::path beside = fs::path(input.files.front().result.name).parent_path() / "report.html";
  const fs::path out = options.out.empty() ? beside : fs::path(options.out);
  check_place(out);
  input.comparison = options.comparison;
  input.version = program_version();
  if (!options.history.empty()) input.history = read_and_check(options.history);
  read_charts(options, input);
  write_whole(out, html_report(input));
  if (!input.charts) fmt::print(stderr, "note: {}\n", input.why_no_charts);
  fmt::print("{}\n", out.string());
  return kExitOk;
}

}  // namespace

void add_report(CLI::App& app, int& exit_status) {
  CLI::App* command =
      app.add_subcommand("report", "Make a page of result files: who wins, charts, every replicate; one file, offline");
  const auto options = std::make_shared<ReportOptions>();
  command->add_option("FILE", options->files, "CSV files written by `occkit run`, or its folders")->required();
  command->add_option("--out", options->out, "The page (default: report.html beside the first file)")
      ->type_name("FILE.html");
  command->add_option(
      "--baseline", options->comparison.baseline,
      "Strategy, or strategy/update_form, to divide by in the tables (default: that of occkit compare)");
  command->add_option("--seed", options->comparison.seed, "Seed of the bootstrap")->capture_default_str();
  command
      ->add_option("--history", options->history,
                   "A history that `occkit run --history` wrote: it is checked, contradictions are drawn")
      ->type_name("FILE.jsonl");
  command->add_option("--charts", options->charts, "Folder of the library that draws the charts")
      ->type_name("DIR")
      ->capture_default_str();
  command->callback([options, &exit_status] { exit_status = report(*options); });
}

}  // namespace occ
