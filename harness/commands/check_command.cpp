#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "harness/commands/commands.hpp"
#include "harness/commands/validators.hpp"
#include "harness/history/history_file.hpp"

namespace occ {
namespace {

struct CheckOptions {
  std::string file;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
};

std::string count(std::uint64_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

HistoryFile read(const std::string& file) {
  if (file == "-") return read_history(std::cin, "standard input");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw BadInput(fmt::format("cannot read '{}': {}", file, std::strerror(errno)));
  return read_history(in, file);
}

int check(const CheckOptions& options) {
  const HistoryFile file = read(options.file);
  const HistoryReport report = check_history(file.entries(), file.rules, options.threads);
  fmt::print("{} on {}, checked in {:.3f} s by {}\n", count(report.operations, "operation"),
             count(report.documents, "document"), report.check_s, count(report.check_threads, "thread"));
  fmt::print("{:.1f} % of {} neighbours of different threads overlapped in time{}\n", report.overlap() * 100,
             report.pairs, report.overlapping == 0 ? ": a check without overlap has no power" : "");
  fmt::print(
      "{} of {} judged{}{}\n", report.judged, count(report.operations, "operation"),
      report.not_judged == 0 ? ""
                             : fmt::format("; {} not, because too much is open in their documents", report.not_judged),
      report.judged + report.not_judged == report.operations
          ? ""
          : fmt::format("; {} without an answer, or rejected", report.operations - report.judged - report.not_judged));
  if (report.documents_of_known_shard < report.documents) {
    fmt::print("numbers compared across {} of {}: of the others no shard is known\n", report.documents_of_known_shard,
               count(report.documents, "document"));
  }
  if (report.wrong_documents == 0) {
    if (report.judged == 0) {
      fmt::print("no verdict: nothing could be judged\n");
      return kExitVerificationFailed;
    }
    fmt::print("linearizable: one order explains every answer{}\n", report.not_judged == 0 ? "" : " that was judged");
    return kExitOk;
  }
  fmt::print("NOT linearizable: {} of {} wrong{}\n\n", report.wrong_documents, count(report.documents, "document"),
             report.contradictions.size() < report.wrong_documents ? "; the shortest contradictions" : "");
  const auto id_of = [&file](std::uint32_t document) { return file.ids[document]; };
  bool across = false;
  for (const Contradiction& each : report.contradictions) {
    fmt::print("{}\n", describe(each, FunctionRef<std::string(std::uint32_t)>(id_of), file.rules));
    across |= std::ranges::any_of(each.operations,
                                  [&](const HistoryEntry& entry) { return entry.document != each.document; });
  }
  if (across && !file.says_shards)
    fmt::print(
        "The first line does not say how many shards there are, so there is one; if there are more: \"shards\".\n");
  return kExitVerificationFailed;
}

}  // namespace

void add_check(CLI::App& app, int& exit_status) {
  const auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "Check a recorded history, this program's or another's: does one order explain every answer?");
  command->add_option("FILE", options->file, "JSON lines, see results/README.md; - is standard input")->required();
  command->add_option("--threads", options->threads, "Threads that check")
      ->transform(whole_number(1, 1024))
      ->capture_default_str();
  command->callback([options, &exit_status] { exit_status = check(*options); });
}

}  // namespace occ
