#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/commands/options.hpp"
#include "harness/commands/rate_search.hpp"
#include "harness/measure/cell.hpp"
#include "harness/remote/remote_server.hpp"

namespace occ {

/// What a run will do: options with every default filled in, checked.
struct Plan {
  Conditions conditions;
  std::uint32_t replicates = 8;
  /// How often a disturbed replicate is measured again, at most.
  std::uint32_t repeats = 2;
  /// See Agenda.
  std::optional<double> until_percent;
  /// Replicates beside those, of every strategy that promises something, whose history is recorded and checked.
  std::uint32_t check_replicates = 1;
  Recording recording;
  std::vector<StrategyInfo> strategies;
  std::vector<std::uint32_t> threads;
  std::vector<Workload> workloads;
  /// One for each workload; only one if they were loaded. Cells point into these two, so a Plan is not copied.
  std::deque<Documents> documents;
  /// Of `--rate auto`: cells are recorded at the rate that it begins with, and measured at those that it asks for.
  std::optional<RateSearch> rate_search;
  /// Every strategy x workload x thread count.
  std::vector<Cell> cells;
  /// Behind --url; null without. Not asked yet: see RemoteServer::greet.
  std::unique_ptr<RemoteServer> server;
  /// What the user should know, for example a strategy that is left out.
  std::vector<std::string> notes;

  [[nodiscard]] bool is_checked(const Cell& cell) const {
    return check_replicates > 0 && cell.strategy.is_verifiable();
  }

  /// What one replicate takes on a quiet machine, in s, roughly; what is behind --url comes on top.
  [[nodiscard]] double step_s(const Cell& cell, bool is_recorded) const;
  /// What measuring all replicates takes on a quiet machine, in s, roughly; what is behind --url comes on top.
  [[nodiscard]] double estimated_s() const;
  /// Replicates whose history is recorded, of all cells.
  [[nodiscard]] std::size_t histories() const;

  Plan() = default;
  Plan(Plan&&) = default;
  Plan(const Plan&) = delete;
};

/// Throws BadInput, which says what was wrong and what is accepted.
Plan make_plan(const Options& options);

/// "all" and leaving it out become the names of today's strategies, so that a later resumption means the same.
void name_strategies(Options& options);

}  // namespace occ
