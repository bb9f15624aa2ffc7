#include "harness/commands/progress.hpp"

#include <unistd.h>

#include <cstdio>

#include "fmt/format.h"

namespace occ {

ProgressLine::ProgressLine(std::size_t steps) : steps_(steps), on_terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::begin(const std::string& what) {
  current_ = what;
  noted_ = std::chrono::steady_clock::now();
  if (!on_terminal_) return;
  clear();
  fmt::print(stderr, "[{}/{}] {}{}, {} left", done_ + 1, steps_, what, last_.empty() ? "" : " (last: " + last_ + ")",
             time_left());
  std::fflush(stderr);
}

void ProgressLine::note(const std::string& state) {
  const auto now = std::chrono::steady_clock::now();
  if (now - noted_ < (on_terminal_ ? std::chrono::seconds(1) : std::chrono::seconds(10))) return;
  noted_ = now;
  clear();
  fmt::print(stderr, "[{}/{}] {}: {}{}", done_ + 1, steps_, current_, state, on_terminal_ ? "" : "\n");
  std::fflush(stderr);
}

void ProgressLine::end(const std::string& result) {
  ++done_;
  last_ = result;
  if (on_terminal_) return;
  fmt::print(stderr, "[{}/{}] {}: {}, {} left\n", done_, steps_, current_, result, time_left());
}

void ProgressLine::say(const std::string& line) {
  clear();
  fmt::print(stderr, "{}\n", line);
}

std::string ProgressLine::time_left() const {
  if (done_ == 0) return "unknown time";
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
  const auto left =
      static_cast<long>(elapsed.count() / static_cast<double>(done_) * static_cast<double>(steps_ - done_));
  if (left >= 3600) return fmt::format("{} h {} min", left / 3600, left / 60 % 60);
  return left >= 60 ? fmt::format("{} min {} s", left / 60, left % 60) : fmt::format("{} s", left);
}

void ProgressLine::clear() {
  if (on_terminal_) fmt::print(stderr, "\r\033[K");
}

}  // namespace occ
