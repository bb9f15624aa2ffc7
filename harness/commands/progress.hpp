#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "harness/support/terminal.hpp"

namespace occ {

/// Tells on the terminal how far a run is: one line written over and over on a terminal, cut to its width, plain lines
/// elsewhere.
class ProgressLine {
 public:
  /// `quiet`: only what say() says.
  explicit ProgressLine(std::size_t steps = 0, bool quiet = false);
  ~ProgressLine();

  /// Before a step: what is measured now, what the last one gave, how long all the rest will take.
  void begin(const std::string& what);
  /// Where the number of steps is not known before: so many are still to come, the one that begins among them.
  void expect(std::size_t steps) { steps_ = done_ + steps; }
  /// What is still to come takes so long, whoever calls it has reason to believe; without it, by the steps so far.
  void expect_s(double seconds) { left_s_ = seconds; }
  /// How far a long step is: shown once in a while. Between begin() and end(), from any one thread at a time.
  void note(const std::string& state);
  /// After a step. `result` in a few words.
  void end(const std::string& result);
  /// A line that stays; in that colour where colours are shown.
  void say(const std::string& line);
  void say(const std::string& line, Colour colour);

 private:
  [[nodiscard]] std::string time_left() const;
  void show(const std::string& line);
  void clear();

  std::size_t steps_;
  std::size_t done_ = 0;
  bool quiet_;
  bool on_terminal_;
  std::optional<double> left_s_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point noted_;
  std::string current_;
  std::string last_;
};

}  // namespace occ
