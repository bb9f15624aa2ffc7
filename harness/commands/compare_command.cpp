#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "fmt/format.h"
#include "harness/commands/commands.hpp"
#include "harness/report/comparison.hpp"

namespace occ {
namespace {

struct CompareOptions {
  std::vector<std::string> files;
  ComparisonOptions comparison;
  bool winners_only = false;
  bool markdown = false;
  bool json = false;
};

std::vector<ResultFile> read_files(const std::vector<std::string>& names) {
  std::vector<ResultFile> files;
  for (const std::string& name : names) {
    std::error_code error;
    for (const ResultFile& earlier : files) {
      if (std::filesystem::equivalent(earlier.name, name, error)) {
        throw BadInput(fmt::format("{} and {} are the same file; give each result file once", earlier.name, name));
      }
    }
    if (std::filesystem::is_directory(name, error)) {
      throw BadInput(fmt::format("{} is a folder; a CSV file is expected, e.g. {}", name,
                                 (std::filesystem::path(name) / "results.csv").string()));
    }
    files.push_back({name, read_csv(name)});
  }
  return files;
}

}  // namespace

void add_compare(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("compare", "Rank the strategies of one or several result files");
  auto options = std::make_shared<CompareOptions>();
  command->add_option("FILE", options->files, "CSV files written by `occkit run`")->required();
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
  command->add_flag("--json", options->json, "All figures in JSON, for programs; what results/plot.py draws")
      ->excludes(winners_only)
      ->excludes(markdown);
  command->callback([options] {
    const std::vector<ResultFile> files = read_files(options->files);
    const Comparison comparison = compare(files, options->comparison);
    const TableStyle style = options->markdown ? TableStyle::markdown : TableStyle::text;
    const std::string text = options->json           ? describe_as_json(comparison)
                             : options->winners_only ? describe_winners(comparison, style)
                                                     : describe(comparison, style);
    std::fwrite(text.data(), 1, text.size(), stdout);
  });
}

}  // namespace occ
