#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace occ {

/// A command of the shell at a time of the window.
struct FaultCommand {
  double at_s = 0;
  bool heals = false;
  std::string command;
};

/// "2s: COMMAND", the time as of options. Throws BadInput; `option` is for its message.
FaultCommand read_fault(std::string_view option, std::string_view text, bool heals);

/// What became of one. Times are ns of the steady clock.
struct FaultEnd {
  FaultCommand command;
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  /// Empty if it ended with status 0; else how it ended, and what it said.
  std::string problem;
};

/// Carries them out in the order of their times from `begin_ns` on, one after the other, and returns after the last.
/// Once `stopped` says so, what heals is carried out at once, and what does harm no more. `told` is called before and
/// after each.
std::vector<FaultEnd> carry_out_faults(std::vector<FaultCommand> commands, std::uint64_t begin_ns,
                                       const std::function<bool()>& stopped,
                                       const std::function<void(const FaultCommand&, const FaultEnd*)>& told);

/// ns of the steady clock.
std::uint64_t now_ns() noexcept;

}  // namespace occ
