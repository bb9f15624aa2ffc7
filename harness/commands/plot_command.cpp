#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/App.hpp"
#include "fmt/format.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/program_place.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;

/// The one that Debian's matplotlib is installed for.
constexpr const char* kPython = "/usr/bin/python3";

/// What draws rows of one kind.
struct Script {
  const char* name;
  /// Of a folder that stands for its rows.
  const char* file;
  /// A column that only rows of this kind have; null: any others.
  const char* column;
};
constexpr std::array kScripts = {
    Script{"plot_stall.py", "stall.csv", "memory_growth_bytes_per_s"},
    Script{"plot_stall.py", "stall_series.csv", "begin_ms"}, Script{"plot_faults.py", "timeline.csv", "at_ms"},
    Script{"plot_load.py", "load.csv", "server_us_per_request"}, Script{"plot.py", "results.csv", nullptr}};

struct PlotOptions {
  std::vector<std::string> files;
  std::string out, baseline, point;
  std::string python = kPython;
};

/// A folder stands for the rows in it.
std::string file_of(const std::string& given) {
  std::error_code error;
  if (!fs::is_directory(given, error)) return given;
  for (const Script& script : kScripts) {
    const fs::path file = fs::path(given) / script.file;
    if (fs::exists(file, error)) return file.string();
  }
  throw BadInput(
      fmt::format("{} is a folder without rows; accepted are CSV files, and folders with a results.csv, stall.csv, "
                  "timeline.csv or load.csv",
                  given));
}

/// By the header.
const Script& script_for(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string header;
  if (!in || !std::getline(in, header)) {
    throw BadInput(fmt::format("cannot read '{}': {}; accepted are CSV files of occkit", file,
                               in.eof() ? "it is empty" : std::strerror(errno)));
  }
  header = "," + header.substr(0, header.find('\r')) + ",";
  return *std::ranges::find_if(kScripts, [&](const Script& script) {
    return script.column == nullptr || header.find(fmt::format(",{},", script.column)) != header.npos;
  });
}

fs::path find_script(const char* name) {
  const ProgramPlace place = program_place();
  std::error_code error;
  for (const fs::path& folder : {place.tree / "results", place.share / "results"}) {
    if (fs::exists(folder / name, error)) return folder / name;
  }
  throw BadInput(fmt::format("plot: {} draws these rows, and is neither in {} nor in {}", name,
                             (place.tree / "results").string(), (place.share / "results").string()));
}

/// Takes the place of this program, and so has its terminal and gives its exit status. Throws BadInput if it cannot.
void become(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::fflush(stdout);
  execvp(arguments.front(), arguments.data());
  throw BadInput(
      fmt::format("--python '{}': {}; accepted is a Python 3 with matplotlib (Debian: apt-get install "
                  "python3-matplotlib, which is for {})",
                  command.front(), std::strerror(errno), kPython));
}

void plot(const PlotOptions& options) {
  std::vector<std::string> files;
  for (const std::string& given : options.files) files.push_back(file_of(given));
  const Script& script = script_for(files.front());
  for (const std::string& file : files) {
    if (std::string_view(script_for(file).name) != script.name)
      throw BadInput(fmt::format("{} and {} have rows of two kinds; plot each by itself", files.front(), file));
  }
  const bool is_run = script.column == nullptr;
  const bool is_stall = std::string_view(script.name) == kScripts.front().name;
  if (!is_run && files.size() > 1) throw BadInput(fmt::format("plot: {} draws one file at a time", script.name));
  if (!is_run && !options.baseline.empty()) throw BadInput("--baseline: accepted with rows of `occkit run`");
  if (!is_stall && !options.point.empty()) throw BadInput("--point: accepted with rows of `occkit stall`");
  // -B: nothing is written beside the script.
  std::vector<std::string> command{options.python, "-B", find_script(script.name).string()};
  const auto pass_on = [&](const char* option, const std::string& value) {
    if (!value.empty()) command.push_back(fmt::format("{}={}", option, value));
  };
  if (is_run) pass_on("--occkit", program_place().program.string());
  pass_on("--out", options.out);
  pass_on("--baseline", options.baseline);
  pass_on("--point", options.point);
  command.emplace_back("--");
  command.insert(command.end(), files.begin(), files.end());
  become(command);
}

}  // namespace

void add_plot(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("plot", "Draw figures of result files, as PNG and SVG");
  const auto options = std::make_shared<PlotOptions>();
  command
      ->add_option("FILE", options->files,
                   "CSV files of `occkit run`, or one of `occkit stall` or harness/load/load.py; or their folders")
      ->required();
  command->add_option("--out", options->out, "Folder for the figures (default: that of the first file)")
      ->type_name("DIR");
  command->add_option("--baseline", options->baseline,
                      "Of `occkit run`: strategy, or strategy/update_form, that ratios divide by (default: that of "
                      "occkit compare)");
  command->add_option("--point", options->point,
                      "Of `occkit stall`: where the thread is stopped (default: the most telling of each strategy)");
  command->add_option("--python", options->python, "Python that has matplotlib")
      ->type_name("PROGRAM")
      ->capture_default_str();
  command->callback([options] { plot(*options); });
}

}  // namespace occ
