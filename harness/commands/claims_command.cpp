#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "CLI/App.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/claims/claim.hpp"
#include "harness/claims/judge.hpp"
#include "harness/commands/carry_out.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/experiment_files.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/plan.hpp"
#include "harness/commands/validators.hpp"
#include "harness/report/environment.hpp"
#include "harness/report/results_folder.hpp"
#include "harness/support/near_name.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

struct ClaimsOptions {
  std::vector<std::string> names;
  std::uint32_t rounds = 8;
  std::string out;
  std::string judged;
  bool list = false;
  bool markdown = false;
  bool json = false;
};

/// The files that are meant: all of the project's if nobody is named.
std::vector<fs::path> named_files(const std::vector<std::string>& names) {
  const std::vector<fs::path> known = claim_files();
  if (names.empty()) {
    if (known.empty())
      throw BadInput("claims: none are built or installed beside this program; accepted are names of files");
    return known;
  }
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    std::error_code unknown;
    if (fs::is_regular_file(name, unknown)) {
      files.emplace_back(name);
      continue;
    }
    const auto at = std::ranges::find(known, name, [](const fs::path& file) { return file.stem().string(); });
    if (at == known.end()) {
      std::vector<std::string> stems;
      for (const fs::path& each : known) stems.push_back(each.stem().string());
      throw BadInput(fmt::format("claims: there is no claim '{}'{}; accepted are files and {}", name,
                                 did_you_mean(name, stems), fmt::join(stems, ", ")));
    }
    files.push_back(*at);
  }
  return files;
}

/// A run's rows of one round, OUT/CLAIM/RUN-ROUND.
fs::path folder_of(const fs::path& out, const Claim& claim, const std::string& run, std::size_t round) {
  return out / claim.name / fmt::format("{}-{}", run, round);
}

/// The options of one run in one round. Histories are checked in the first; every row of every round is verified.
Options options_of(const std::map<std::string, std::string, std::less<>>& run, std::size_t round) {
  Options options(run.begin(), run.end());
  options["replicates"] = "1";
  options["seed"] = fmt::format("{}", round);
  if (round > 1) options["check"] = "none";
  return options;
}

/// Throws BadInput for options that `occkit run` does not take, before anything is measured.
void check_options(const Claim& claim) {
  constexpr std::array kOurs = {"out", "replicates", "seed"};
  for (const auto& [name, run] : claim.runs) {
    const auto refuse = [&](std::string_view why) {
      return BadInput(fmt::format("the claim '{}': [run.{}]: {}", claim.name, name, why));
    };
    for (const auto& [option, text] : run) {
      if (std::ranges::find(kOurs, option) != kOurs.end())
        throw refuse(fmt::format("'{}' is not a claim's to say", option));
      const auto known = options_in_files();
      if (std::ranges::find(known, option) == known.end())
        throw refuse(fmt::format("unknown option '{}'{}; accepted are {}", option, did_you_mean(option, known),
                                 fmt::join(known, ", ")));
      try {
        static_cast<void>(plain_text({{option, text}}, option));
      } catch (const BadInput& wrong) {
        throw refuse(wrong.what());
      }
    }
  }
}

/// What one claim measures. Runs take turns, and in every second round the other way round, so that what is slow for a
/// while meets all of them. The exit status.
int measure_claim(const Claim& claim, const ClaimsOptions& options, const fs::path& out) {
  int status = kExitOk;
  for (std::size_t round = 1; round <= options.rounds; ++round) {
    for (std::size_t i = 0; i < claim.runs.size(); ++i) {
      const auto& [name, run] = claim.runs[round % 2 == 1 ? i : claim.runs.size() - 1 - i];
      Options given = options_of(run, round);
      name_strategies(given);
      const Plan plan = make_plan(given);
      ResultsFolder results = ResultsFolder::create(folder_of(out, claim, name, round));
      results.write_provenance({{"claim", claim.name}, {"run", name}, {"round", round}, {"options", given}});
      if (round == 1) {
        for (const std::string& note : plan.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
      }
      const CarriedOut ended = carry_out(plan, results);
      if (ended.exit_status == kExitInterrupted) return kExitInterrupted;
      if (ended.exit_status == kExitVerificationFailed) status = kExitVerificationFailed;
    }
  }
  return status;
}

/// All rows of a claim that are there.
std::vector<ClaimRows> rows_of(const Claim& claim, const fs::path& out) {
  std::vector<ClaimRows> all;
  for (const auto& [name, run] : claim.runs) {
    for (std::size_t round = 1;; ++round) {
      const fs::path file = folder_of(out, claim, name, round) / "results.csv";
      std::error_code unknown;
      if (!fs::exists(file, unknown)) break;
      all.push_back({.run = name, .round = round, .file = file.string(), .table = read_csv(file)});
    }
  }
  return all;
}

std::string as_text(const Claim& claim, const JudgedClaim& judged) {
  std::string text =
      fmt::format("{}: {}\n  {}\n  source: {}\n", claim.name, to_string(judged.verdict), claim.statement, claim.source);
  for (std::size_t i = 0; i < claim.expectations.size(); ++i) {
    const Expectation& expectation = claim.expectations[i];
    text += fmt::format("  {}: {}: {}\n", expectation.name, to_string(judged.expectations[i].verdict),
                        describe(expectation, judged.expectations[i]));
  }
  return text;
}

/// One row for each expectation.
std::string as_markdown(const std::vector<std::pair<Claim, JudgedClaim>>& all) {
  std::string text = "| claim | what is seen | measured, expected | verdict |\n|---|---|---|---|\n";
  for (const auto& [claim, judged] : all) {
    for (std::size_t i = 0; i < claim.expectations.size(); ++i) {
      text += fmt::format("| {} | {} | {} | {} |\n", i == 0 ? claim.statement : "", claim.expectations[i].name,
                          describe(claim.expectations[i], judged.expectations[i]),
                          to_string(judged.expectations[i].verdict));
    }
  }
  return text;
}

OrderedJson as_json(const Claim& claim, const JudgedClaim& judged) {
  OrderedJson expectations = OrderedJson::array();
  for (std::size_t i = 0; i < claim.expectations.size(); ++i) {
    const Expectation& expectation = claim.expectations[i];
    const JudgedExpectation& found = judged.expectations[i];
    OrderedJson one{{"name", expectation.name},
                    {"metric", expectation.per.empty() ? expectation.metric
                                                       : fmt::format("{}/{}", expectation.metric, expectation.per)},
                    {"of", expectation.of.text},
                    {"over", expectation.over ? OrderedJson(expectation.over->text) : OrderedJson(nullptr)},
                    {"at_least", expectation.at_least ? OrderedJson(*expectation.at_least) : OrderedJson(nullptr)},
                    {"at_most", expectation.at_most ? OrderedJson(*expectation.at_most) : OrderedJson(nullptr)},
                    {"rounds", found.rounds},
                    {"verdict", to_string(found.verdict)},
                    {"why", found.why}};
    if (found.measured) {
      one["median"] = found.measured->median;
      one["low"] = found.measured->low;
      one["high"] = found.measured->high;
    }
    expectations.push_back(std::move(one));
  }
  return {{"name", claim.name},
          {"statement", claim.statement},
          {"source", claim.source},
          {"verdict", to_string(judged.verdict)},
          {"expectations", expectations}};
}

std::vector<Claim> read_claims(const ClaimsOptions& options, unsigned cores) {
  std::vector<Claim> claims;
  std::set<std::string> names;
  for (const fs::path& file : named_files(options.names)) {
    claims.push_back(read_claim(file, cores));
    if (!names.insert(claims.back().name).second)
      throw BadInput(fmt::format("claims: '{}' is given twice", claims.back().name));
  }
  std::ranges::for_each(claims, check_options);
  return claims;
}

int claims(const ClaimsOptions& options) {
  const auto cores = static_cast<unsigned>(processors().size());
  const std::vector<Claim> all = read_claims(options, cores);
  if (options.list) {
    for (const Claim& claim : all) fmt::print("{}\n    {}\n    {}\n", claim.name, claim.statement, claim.source);
    return kExitOk;
  }
  int status = kExitOk;
  fs::path out = options.judged;
  if (out.empty()) {
    out = options.out.empty() ? fs::path("results") / ("claims-" + utc_stamp()) : fs::path(options.out);
    std::error_code unknown;
    if (fs::exists(out, unknown))
      throw BadInput(
          fmt::format("--out: '{}' is there already and is not overwritten; name another folder", out.string()));
    listen_for_interrupts();
    for (std::size_t i = 0; i < all.size() && status != kExitInterrupted; ++i) {
      std::fprintf(stderr, "claim %zu of %zu: %s\n", i + 1, all.size(), all[i].statement.c_str());
      status = std::max(status, measure_claim(all[i], options, out));
    }
  } else if (!fs::is_directory(out)) {
    throw BadInput(
        fmt::format("--judge: there is no folder '{}'; accepted is one that occkit claims has left", out.string()));
  }
  std::vector<std::pair<Claim, JudgedClaim>> judged;
  for (const Claim& claim : all) judged.emplace_back(claim, judge(claim, rows_of(claim, out), cores));
  OrderedJson json{{"processors", cores}, {"claims", OrderedJson::array()}};
  for (const auto& [claim, verdict] : judged) {
    json["claims"].push_back(as_json(claim, verdict));
    if (!options.json && !options.markdown) fmt::print("{}\n", as_text(claim, verdict));
    if (verdict.verdict == ClaimVerdict::fails) status = std::max(status, kExitVerificationFailed);
  }
  if (options.json) fmt::print("{}\n", json.dump(2));
  if (options.markdown) fmt::print("{}", as_markdown(judged));
  if (status == kExitInterrupted)
    std::fprintf(stderr, "interrupted; finished rounds are in %s, and occkit claims --judge judges them\n",
                 out.c_str());
  return status;
}

}  // namespace

void add_claims(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand(
      "claims",
      "Measure what is said of strategies, and say what holds on this machine; status 1 if something does not");
  const auto options = std::make_shared<ClaimsOptions>();
  command->add_option("CLAIM", options->names,
                      "names (see --list) or files (default: all of harness/experiments/claims)");
  command->add_option("--rounds", options->rounds, "each measures every run once; a verdict needs 6 undisturbed ones")
      ->type_name("N")
      ->transform(whole_number(1, 1000))
      ->capture_default_str();
  CLI::Option* const out =
      command->add_option("--out", options->out, "folder for the rows (default: results/claims-<UTC time>)")
          ->type_name("DIR");
  command->add_option("--judge", options->judged, "measure nothing; judge the rows that an earlier --out has")
      ->type_name("DIR")
      ->excludes(out);
  command->add_flag("--list", options->list, "the claims and their sources; measure nothing");
  CLI::Option* const markdown = command->add_flag("--markdown", options->markdown, "a table in Markdown");
  command->add_flag("--json", options->json, "everything in JSON, for programs")->excludes(markdown);
  command->callback([options, &exit_status] { exit_status = claims(*options); });
}

}  // namespace occ
