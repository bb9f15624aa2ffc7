#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace occ {

/// How a child process ended.
struct ChildEnd {
  /// What it wrote to its standard output and to its standard error.
  std::string output;
  std::string errors;
  /// Empty if it ended with status 0; else in words: its status, the signal, or that it took too long.
  std::string problem;
};

/// Runs `command` (a program's path, then its arguments) and waits for its end; kills it at the time limit, or once
/// `give_up`, which is asked every 100 ms, says so. Throws std::system_error if there can be no child.
ChildEnd run_child(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                   const std::function<bool()>& give_up);

}  // namespace occ
