#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/table/shard.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/interrupt.hpp"
#include "harness/commands/node_choice.hpp"
#include "harness/commands/progress.hpp"
#include "harness/commands/validators.hpp"
#include "harness/measure/verify_strategy.hpp"
#include "harness/support/near_name.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

struct VerifyOptions {
  std::vector<std::string> strategies{"all"};
  std::uint32_t threads = 4;
  std::uint64_t seed = 1;
  std::uint32_t lease = 1;
  int compat = 7;
  double seconds = 0;
};

std::vector<StrategyInfo> chosen(const std::vector<std::string>& names) {
  std::vector<StrategyInfo> all;
  if (names == std::vector<std::string>{"all"}) {
    for (const StrategyInfo& info : strategies()) {
      if (info.is_verifiable()) all.push_back(info);
    }
    return all;
  }
  for (const std::string& name : names) {
    const StrategyInfo* const info = find_strategy(name);
    if (info == nullptr || !info->is_verifiable()) {
      std::vector<std::string> known;
      for (const StrategyInfo& other : strategies()) {
        if (other.is_verifiable()) known.emplace_back(other.name);
      }
      throw BadInput(
          fmt::format("--strategy: {} '{}'{}; accepted are all, or some of {}",
                      info == nullptr ? "unknown strategy" : "nothing is promised, so there is nothing to verify, by",
                      name, info == nullptr ? did_you_mean(name, known) : "", fmt::join(known, ", ")));
    }
    all.push_back(*info);
  }
  return all;
}

std::string verdict_text(const StrategyVerdict& verdict) {
  switch (verdict.kind) {
    case StrategyVerdict::Kind::wrong:
      return fmt::format("WRONG (workload {}): {}", verdict.workload, verdict.violation);
    case StrategyVerdict::Kind::as_declared:
      return "lost update, as declared (version_only)";
    default:
      return std::string(to_string(verdict.kind));
  }
}

constexpr std::string_view kLine = "{:<30} {:>12} {:>9} {:>15} {:>10}  {}\n";

/// Prints lines to stdout; on a terminal, keeps the progress line out of their way.
class Lines {
 public:
  explicit Lines(std::size_t steps) : on_terminal_(isatty(STDERR_FILENO) != 0), progress_(steps) {
    fmt::print(fmt::runtime(kLine), "strategy", "operations", "overlap", "checked/s/core", "recording", "verdict");
    std::fflush(stdout);
  }

  void begin(const std::string& what) { progress_.begin(what); }
  void end(const std::string& what, const StrategyVerdict& verdict) {
    if (on_terminal_) {
      progress_.end(verdict_text(verdict));
      fmt::print(stderr, "\r\033[K");
    }
    fmt::print(fmt::runtime(kLine), what, fmt::format("{:.2f} M", static_cast<double>(verdict.operations) / 1e6),
               fmt::format("{:.1f} %", 100 * verdict.overlap), fmt::format("{:.1f} M", verdict.checked_per_s / 1e6),
               verdict.recording_percent ? fmt::format("{:+.0f} %", *verdict.recording_percent) : "-",
               verdict_text(verdict));
    if (verdict.kind == StrategyVerdict::Kind::wrong) fmt::print("{}", verdict.excerpt);
    std::fflush(stdout);
  }

 private:
  bool on_terminal_;
  ProgressLine progress_;
};

int verify_all(const VerifyOptions& options) {
  const std::vector<StrategyInfo> chosen_strategies = chosen(options.strategies);
  const VerifySettings settings{
      .threads = options.threads,
      .seed = options.seed,
      .seq_no_lease = options.lease,
      .compatibility = compatibility_of(options.compat),
      .seconds = options.seconds / static_cast<double>(chosen_strategies.size()),
  };
  listen_for_interrupts();
  const MeasureCell measure_cell = [&](const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                       const Recording* recording) {
    return measure(cell, conditions, replicate, interrupted, recording);
  };
  Lines lines(chosen_strategies.size());
  std::size_t verified = 0;
  std::vector<std::string> wrong;
  const auto judge = [&](const std::string& line, const std::string& name, const StrategyVerdict& verdict) {
    lines.end(line, verdict);
    if (verdict.kind == StrategyVerdict::Kind::unfinished) return false;
    if (!verdict.as_it_should_be() && (wrong.empty() || wrong.back() != name)) wrong.push_back(name);
    return true;
  };
  for (const StrategyInfo& strategy : chosen_strategies) {
    const std::string name(strategy.name);
    lines.begin(name);
    bool finished = judge(name, name, verify_strategy(strategy, settings, measure_cell));
    if (finished && strategy.semantics == Semantics::version_only)
      finished = judge("  tombstones expire", name, verify_expiry(strategy, settings, measure_cell));
    if (!finished) {
      const std::string judged = verified == 0   ? ""
                                 : wrong.empty() ? ", as they should be"
                                                 : fmt::format("; WRONG: {}", fmt::join(wrong, ", "));
      fmt::print(stderr, "interrupted while {} was under way; {} of {} strategies are verified{}\n", name, verified,
                 chosen_strategies.size(), judged);
      return kExitInterrupted;
    }
    ++verified;
  }
  return wrong.empty() ? kExitOk : kExitVerificationFailed;
}

}  // namespace

void add_verify(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand(
      "verify", "Is a strategy right? Hostile workloads, every operation recorded and checked; one line each");
  const auto options = std::make_shared<VerifyOptions>();
  command->add_option("--strategy", options->strategies, "A,B,... or all that store something")
      ->type_name("A,B,...|all")
      ->delimiter(',')
      ->default_str("all");
  command->add_option("--threads", options->threads, "Threads of each workload")
      ->transform(whole_number(2, 1024))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Seed of everything random")
      ->transform(whole_number(0, UINT64_MAX))
      ->capture_default_str();
  command->add_option("--lease", options->lease, "Sequence numbers that a handle takes at once")
      ->transform(whole_number(1, Shard::kMostAtOnce))
      ->capture_default_str();
  add_compat_option(*command, options->compat);
  command
      ->add_option("--seconds", options->seconds,
                   "Go on, with other seeds, until about so many have passed in all (default: one round of each "
                   "workload, some 5 s a strategy)")
      ->type_name("TIME")
      ->transform(seconds(0, 86'400));
  command->callback([options, &exit_status] { exit_status = verify_all(*options); });
}

}  // namespace occ
