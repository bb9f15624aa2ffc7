#include "harness/commands/progress.hpp"

#include <unistd.h>

#include <cstdio>

#include "fmt/format.h"

namespace occ {

ProgressLine::ProgressLine(std::size_t steps, bool quiet)
    : steps_(steps), quiet_(quiet), on_terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::begin(const std::string& what) {
  current_ = what;
  noted_ = std::chrono::steady_clock::now();
  if (!on_terminal_ || quiet_) return;
  show(fmt::format("[{}/{}] {} left: {}{}", done_ + 1, steps_, time_left(), what,
                   last_.empty() ? "" : " (last: " + last_ + ")"));
}

void ProgressLine::note(const std::string& state) {
  const auto now = std::chrono::steady_clock::now();
  if (quiet_ || now - noted_ < (on_terminal_ ? std::chrono::seconds(1) : std::chrono::seconds(10))) return;
  noted_ = now;
  show(fmt::format("[{}/{}] {}: {}", done_ + 1, steps_, current_, state));
}

void ProgressLine::end(const std::string& result) {
  ++done_;
  last_ = result;
  if (on_terminal_ || quiet_) return;
  show(fmt::format("[{}/{}] {}: {}, {} left", done_, steps_, current_, result, time_left()));
}

void ProgressLine::say(const std::string& line) {
  clear();
  fmt::print(stderr, "{}\n", line);
}

void ProgressLine::say(const std::string& line, Colour colour) {
  say(coloured(line, colour, shows_colour(STDERR_FILENO)));
}

std::string ProgressLine::time_left() const {
  if (!left_s_ && done_ == 0) return "unknown time";
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
  const double by_steps = elapsed.count() / static_cast<double>(done_) * static_cast<double>(steps_ - done_);
  const auto left = static_cast<long>(left_s_ ? *left_s_ : by_steps);
  if (left >= 3600) return fmt::format("{} h {} min", left / 3600, left / 60 % 60);
  return left >= 60 ? fmt::format("{} min {} s", left / 60, left % 60) : fmt::format("{} s", left);
}

/// The last column stays free: some terminals go on to the next line once it is written.
void ProgressLine::show(const std::string& line) {
  clear();
  const std::size_t width = terminal_width(STDERR_FILENO);
  fmt::print(stderr, "{}{}", width > 1 ? cut_to(line, width - 1) : line, on_terminal_ ? "" : "\n");
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (on_terminal_ && !quiet_) fmt::print(stderr, "\r\033[K");
}

}  // namespace occ
