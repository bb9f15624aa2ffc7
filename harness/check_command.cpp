#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "harness/commands.hpp"
#include "harness/history_file.hpp"

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
  if (report.wrong_documents == 0) {
    fmt::print("linearizable: one order explains every answer\n");
    return kExitOk;
  }
  fmt::print("NOT linearizable: {} of {} wrong{}\n\n", report.wrong_documents, count(report.documents, "document"),
             report.contradictions.size() < report.wrong_documents ? "; the shortest contradictions" : "");
  for (const Contradiction& each : report.contradictions)
    fmt::print("{}\n", describe(each, file.ids[each.document], file.rules));
  return kExitVerificationFailed;
}

}  // namespace

void add_check(CLI::App& app, int& exit_status) {
  const auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "Check a recorded history, this program's or another's: does one order explain every answer?");
  command->add_option("FILE", options->file, "JSON lines, see results/README.md; - is standard input")->required();
  command->add_option("--threads", options->threads, "Threads that check")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([options, &exit_status] { exit_status = check(*options); });
}

}  // namespace occ
