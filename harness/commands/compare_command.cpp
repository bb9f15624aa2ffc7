#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "fmt/format.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/result_files.hpp"
#include "harness/report/comparison.hpp"
#include "harness/support/json_text.hpp"
#include "harness/support/terminal.hpp"

namespace occ {
namespace {

struct CompareOptions {
  std::vector<std::string> files;
  ComparisonOptions comparison;
  bool winners_only = false;
  bool markdown = false;
  bool json = false;
  bool rows = false;
  std::string export_markdown;
};

/// A line of JSON for each row, with its file; numbers are numbers, what is empty is null.
std::string rows_as_json(const std::vector<ResultFile>& files) {
  std::string out;
  for (const ResultFile& file : files) {
    for (const std::vector<std::string>& fields : file.table.rows) {
      nlohmann::ordered_json row{{"file", file.name}};
      for (std::size_t column = 0; column < fields.size(); ++column) {
        const std::string& text = fields[column];
        const auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
        nlohmann::ordered_json& value = row[file.table.header[column]];
        if (!text.empty()) value = parsed.is_number() ? parsed : nlohmann::ordered_json(text);
      }
      out += to_text(row) + "\n";
    }
  }
  return out;
}

/// Who wins stands out on a terminal, and so does what must not be believed.
std::string with_colours(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1);
    const std::string_view line = std::string_view(text).substr(at, end - at);
    const auto colour = line.starts_with("winner ")      ? std::optional(Colour::good)
                        : line.starts_with("voided")     ? std::optional(Colour::bad)
                        : line.starts_with("disturbed ") ? std::optional(Colour::warning)
                                                         : std::nullopt;
    out += (colour ? coloured(line, *colour, true) : std::string(line)) + "\n";
    at = end + 1;
  }
  return out;
}

void write_new(const std::string& name, const std::string& text) {
  std::error_code error;
  if (std::filesystem::exists(name, error))
    throw BadInput(
        fmt::format("--export-markdown: '{}' is there already and is not overwritten; name another file", name));
  errno = 0;
  std::ofstream file(name, std::ios::binary);
  if (!file)
    throw BadInput(fmt::format("--export-markdown '{}': accepted is a new file in a folder that is there", name));
  file << text << std::flush;
  if (!file) throw CannotWrite(fmt::format("to '{}'", name));
}

}  // namespace

void add_compare(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("compare", "Rank the strategies of one or several result files");
  auto options = std::make_shared<CompareOptions>();
  command->add_option("FILE", options->files, "CSV files written by `occkit run`, or its folders")->required();
  command->add_option(
      "--baseline", options->comparison.baseline,
      "Strategy, or strategy/update_form, to divide by (default: the first registered one that is there)");
  command
      ->add_option("--metric", options->comparison.metric,
                   "Column to compare, or conflicts_per_1000, publication_failures_per_1000, retries_per_update")
      ->capture_default_str();
  command->add_option("--seed", options->comparison.seed, "Seed of the bootstrap")->capture_default_str();
  CLI::Option* const winners_only =
      command->add_flag("--short", options->winners_only, "Only the winner per workload and thread count");
  CLI::Option* const markdown = command->add_flag("--markdown", options->markdown, "Tables in Markdown");
  CLI::Option* const json =
      command->add_flag("--json", options->json, "All figures in JSON, for programs; what results/plot.py draws")
          ->excludes(winners_only)
          ->excludes(markdown);
  command
      ->add_flag("--rows", options->rows,
                 "The rows themselves instead, as JSON, one a line: numbers are numbers, what is empty is null")
      ->excludes(winners_only)
      ->excludes(markdown)
      ->excludes(json);
  command->add_option("--export-markdown", options->export_markdown, "Write the tables to a new file too, in Markdown")
      ->type_name("FILE.md");
  command->callback([options] {
    const std::vector<ResultFile> files = read_result_files(options->files);
    if (options->rows) {
      const std::string rows = rows_as_json(files);
      std::fwrite(rows.data(), 1, rows.size(), stdout);
      return;
    }
    const Comparison comparison = compare(files, options->comparison);
    if (!options->export_markdown.empty()) {
      write_new(options->export_markdown, options->winners_only ? describe_winners(comparison, TableStyle::markdown)
                                                                : describe(comparison, TableStyle::markdown));
    }
    const TableStyle style = options->markdown ? TableStyle::markdown : TableStyle::text;
    const bool in_colour = style == TableStyle::text && !options->json;
    const std::string text = options->json           ? describe_as_json(comparison)
                             : options->winners_only ? describe_winners(comparison, style)
                                                     : describe(comparison, style);
    const std::string shown = in_colour && shows_colour(STDOUT_FILENO) ? with_colours(text) : text;
    std::fwrite(shown.data(), 1, shown.size(), stdout);
  });
}

}  // namespace occ
