#include "harness/faults/fault_results.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace occ {
namespace {

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}
double milliseconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

bool in_window(const Send& send, const FaultObservation& seen) {
  return send.end_ns >= seen.begin_ns && send.end_ns <= seen.end_ns;
}

/// Of each client the longest time of the window without an acknowledged write, ascending.
std::vector<std::uint64_t> outages(const FaultObservation& seen, std::uint32_t clients) {
  std::vector<std::vector<std::uint64_t>> times(clients);
  for (const Send& send : seen.history.sends) {
    if (send.acknowledged() && send.client < clients && in_window(send, seen))
      times[send.client].push_back(send.end_ns);
  }
  std::vector<std::uint64_t> longest;
  for (auto& of_client : times) {
    std::ranges::sort(of_client);
    of_client.push_back(seen.end_ns);
    std::uint64_t last = seen.begin_ns;
    std::uint64_t most = 0;
    for (const std::uint64_t time : of_client) {
      most = std::max(most, time - last);
      last = time;
    }
    longest.push_back(most);
  }
  std::ranges::sort(longest);
  return longest;
}

std::uint64_t count(const FaultObservation& seen, SendAnswer answer, bool writes) {
  return static_cast<std::uint64_t>(std::ranges::count_if(seen.history.sends, [&](const Send& send) {
    return send.answer == answer && send.is_write() == writes && in_window(send, seen);
  }));
}

std::string commands_text(const FaultOptions& options, bool heals) {
  std::vector<std::string> all;
  for (const FaultCommand& each : options.commands) {
    if (each.heals == heals) all.push_back(fmt::format("{:g}s: {}", each.at_s, each.command));
  }
  return fmt::format("{}", fmt::join(all, "; "));
}

std::uint64_t last_command_ns(const FaultObservation& seen) {
  std::uint64_t last = seen.begin_ns;
  for (const FaultEnd& end : seen.commands) last = std::max(last, end.end_ns);
  return last;
}

/// The columns of one finding: all, those that are impossible, and for reads their greatest age.
void add_finding(Columns<FaultRow>& columns, Finding finding, const std::string& meaning, bool has_age) {
  const std::string name(to_string(finding));
  columns.push_back({name, meaning, [finding](const FaultRow& row) { return number(row.judgement[finding].count()); }});
  columns.push_back({name + "_impossible", "those of them that the contract does not allow",
                     [finding](const FaultRow& row) { return number(row.judgement[finding].impossible); }});
  if (!has_age) return;
  columns.push_back({name + "_ms",
                     "how long before the read what it did not show had been acknowledged, or seen, at most, in ms",
                     [finding](const FaultRow& row) {
                       const FindingCount& found = row.judgement[finding];
                       return found.count() == 0 ? "" : number(milliseconds(found.greatest_age_ns));
                     }});
}

Columns<FaultRow> what_was_run() {
  using Row = FaultRow;
  return {
      {"engine", "who answered", [](const Row& row) { return row.server.name(); }},
      {"nodes", "of the cluster", [](const Row& row) { return number(row.server.nodes()); }},
      {"replicas", "copies beside the primary", [](const Row& row) { return number(row.server.options().replicas); }},
      {"clients", "each sends one request at a time", [](const Row& row) { return number(row.options.clients); }},
      {"docs", "documents at a time", [](const Row& row) { return number(row.options.documents); }},
      {"request_timeout_s", "how long a client waits for an answer",
       [](const Row& row) {
         return number(std::chrono::duration<double>(row.server.options().request_timeout).count());
       }},
      {"stay", "clients stay at their address whatever happens",
       [](const Row& row) { return row.options.stay ? "yes" : "no"; }},
      {"seed", "of the clients' choices", [](const Row& row) { return number(row.options.seed); }},
      {"faults", "commands that harm, with their times",
       [](const Row& row) { return commands_text(row.options, false); }},
      {"heals", "commands that heal", [](const Row& row) { return commands_text(row.options, true); }},
      {"command_failures", "commands that did not end with status 0",
       [](const Row& row) {
         return number(
             std::ranges::count_if(row.seen.commands, [](const FaultEnd& end) { return !end.problem.empty(); }));
       }},
      {"window_s", "from the first request until the last answer",
       [](const Row& row) { return number(seconds(row.seen.end_ns - row.seen.begin_ns)); }},
  };
}

Columns<FaultRow> what_was_answered() {
  using Row = FaultRow;
  const auto outage = [](const Row& row, bool worst) {
    const auto all = outages(row.seen, row.options.clients);
    return number(seconds(all.at(worst ? all.size() - 1 : all.size() / 2)));
  };
  return {
      {"sends", "requests, each sent once", [](const Row& row) { return number(row.judgement.sends); }},
      {"writes_per_s", "acknowledged writes of the window by its length",
       [](const Row& row) {
         return number(static_cast<double>(count(row.seen, SendAnswer::acknowledged, true)) /
                       seconds(row.seen.end_ns - row.seen.begin_ns));
       }},
      {"reads", "answered reads", [](const Row& row) { return number(row.judgement.reads); }},
      {"acknowledged", "acknowledged writes", [](const Row& row) { return number(row.judgement.acknowledged); }},
      {"partial_writes", "acknowledged writes that not all copies had",
       [](const Row& row) { return number(row.judgement.partial); }},
      {"conflicts", "writes answered with 409", [](const Row& row) { return number(row.judgement.conflicts); }},
      {"terms", "different primary terms of acknowledged writes",
       [](const Row& row) { return number(row.judgement.terms.size()); }},
      {"unknown", "writes without an answer, or with one that says nothing (5xx, 429)",
       [](const Row& row) { return number(row.judgement.unknown); }},
      {"unknown_happened", "of these, those that are in the committed order",
       [](const Row& row) { return number(row.judgement.unknown_happened); }},
      {"unknown_not_happened", "of these, those that cannot be",
       [](const Row& row) { return number(row.judgement.unknown_not_happened); }},
      {"outage_median_s", "the longest time without an acknowledged write, of the median client",
       [outage](const Row& row) { return outage(row, false); }},
      {"outage_worst_s", "the same of the worst client", [outage](const Row& row) { return outage(row, true); }},
      {"copies_back_s", "from the end of the last command until all copies are there; empty: they are not",
       [](const Row& row) {
         const std::uint64_t last = last_command_ns(row.seen);
         return row.seen.well_ns == Send::kNever ? ""
                                                 : number(seconds(row.seen.well_ns - std::min(row.seen.well_ns, last)));
       }},
      {"closed", "yes: at the end all copies were there, and each document was written and read once more",
       [](const Row& row) { return row.seen.is_closed ? "yes" : "no"; }},
  };
}

}  // namespace

const Columns<FaultRow>& fault_columns() {
  static const Columns<FaultRow> columns = [] {
    Columns<FaultRow> all = what_was_run();
    std::ranges::move(what_was_answered(), std::back_inserter(all));
    all.push_back({"contract", "what the history is held against: atomic, or replicated",
                   [](const FaultRow& row) { return std::string(to_string(row.judgement.contract)); }});
    add_finding(all, Finding::lost_write, "acknowledged writes that are not in the committed order", false);
    add_finding(all, Finding::applied_twice, "writes that made two versions", false);
    add_finding(all, Finding::number_twice, "_seq_nos of two writes", false);
    add_finding(all, Finding::stale_read, "reads older than what was acknowledged before them", true);
    add_finding(all, Finding::inverted_read, "reads older than what an earlier one had seen", true);
    add_finding(all, Finding::backwards_read, "reads older than what the same client had seen", true);
    add_finding(all, Finding::dirty_read, "reads of what was never committed", false);
    add_finding(all, Finding::undecided, "words of which nobody can say whether they were committed", false);
    all.push_back({"impossible", "all that the contract does not allow, that of no column of its own too",
                   [](const FaultRow& row) { return number(row.judgement.impossible()); }});
    all.push_back({"verified", "yes: nothing impossible",
                   [](const FaultRow& row) { return row.judgement.impossible() == 0 ? "yes" : "no"; }});
    return all;
  }();
  return columns;
}

const Columns<TimelineStep>& timeline_columns() {
  using Row = TimelineStep;
  static const Columns<Row> columns{
      {"at_ms", "when the step begins, since the first request", [](const Row& row) { return number(row.at_ms); }},
      {"reads", "answered in it", [](const Row& row) { return number(row.reads); }},
      {"writes", "acknowledged in it", [](const Row& row) { return number(row.writes); }},
      {"conflicts", "409s in it", [](const Row& row) { return number(row.conflicts); }},
      {"refused", "surely not carried out", [](const Row& row) { return number(row.refused); }},
      {"unknown", "requests that began in it and have no answer", [](const Row& row) { return number(row.unknown); }},
      {"stale", "stale reads that began in it", [](const Row& row) { return number(row.stale); }},
      {"inverted", "inverted and backwards ones", [](const Row& row) { return number(row.inverted); }},
      {"dirty", "dirty ones", [](const Row& row) { return number(row.dirty); }},
      {"term", "the highest primary term of what was acknowledged so far",
       [](const Row& row) { return number(row.term); }},
      {"fault", "yes: from the first fault until all copies are there again",
       [](const Row& row) { return row.is_fault ? "yes" : "no"; }},
      {"commands", "that began in it", [](const Row& row) { return row.commands; }},
  };
  return columns;
}

std::vector<TimelineStep> timeline_of(const FaultObservation& seen, const Judgement& judgement) {
  std::uint64_t last_ns = seen.end_ns;
  for (const Send& send : seen.history.sends) {
    if (send.end_ns != Send::kNever) last_ns = std::max(last_ns, send.end_ns);
  }
  const std::uint64_t step_ns = kStepMs * 1'000'000;
  std::vector<TimelineStep> steps((last_ns - seen.begin_ns) / step_ns + 1);
  const auto at = [&](std::uint64_t ns) -> TimelineStep& {
    return steps[std::min((std::max(ns, seen.begin_ns) - seen.begin_ns) / step_ns, steps.size() - 1)];
  };
  for (const Send& send : seen.history.sends) {
    if (send.answer == SendAnswer::unknown) {
      ++at(send.begin_ns).unknown;
      continue;
    }
    TimelineStep& step = at(send.end_ns);
    step.conflicts += send.answer == SendAnswer::conflict ? 1 : 0;
    step.refused += send.answer == SendAnswer::refused ? 1 : 0;
    step.reads += send.answer == SendAnswer::found || send.answer == SendAnswer::not_found ? 1 : 0;
    if (!send.acknowledged()) continue;
    ++step.writes;
    step.term = std::max(step.term, send.word.term());
  }
  for (const ReadMark& mark : judgement.marks) {
    TimelineStep& step = at(mark.begin_ns);
    ++(mark.finding == Finding::stale_read   ? step.stale
       : mark.finding == Finding::dirty_read ? step.dirty
                                             : step.inverted);
  }
  for (const FaultEnd& end : seen.commands) {
    std::string& commands = at(end.begin_ns).commands;
    commands += (commands.empty() ? "" : "; ") + end.command.command;
  }
  std::uint64_t term = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::uint64_t begin_ns = seen.begin_ns + i * step_ns;
    steps[i].at_ms = i * kStepMs;
    steps[i].term = term = std::max(term, steps[i].term);
    steps[i].is_fault = std::ranges::any_of(seen.history.bands, [&](const FaultBand& band) {
      return band.begin_ns < begin_ns + step_ns && band.end_ns >= begin_ns;
    });
  }
  return steps;
}

std::string fault_text(const FaultRow& row) {
  const Judgement& judgement = row.judgement;
  const auto longest = outages(row.seen, row.options.clients);
  std::string text = fmt::format(
      "{}: {} acknowledged writes, {} reads, {} conflicts, {} terms\n"
      "without an acknowledged write: {:.2f} s (median client), {:.2f} s (worst)\n"
      "writes of unknown outcome: {}; {} of them happened, {} did not\n",
      row.server.name(), judgement.acknowledged, judgement.reads, judgement.conflicts, judgement.terms.size(),
      seconds(longest.at(longest.size() / 2)), seconds(longest.back()), judgement.unknown, judgement.unknown_happened,
      judgement.unknown_not_happened);
  if (row.seen.well_ns != Send::kNever) {
    text += fmt::format("all copies back {:.1f} s after the last command\n",
                        seconds(row.seen.well_ns - std::min(row.seen.well_ns, last_command_ns(row.seen))));
  }
  if (!row.seen.is_closed) text += "the end is not known: not every document could be written and read once more\n";
  return text;
}

}  // namespace occ
