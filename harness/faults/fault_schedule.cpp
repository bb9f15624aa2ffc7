#include "harness/faults/fault_schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "harness/support/bad_input.hpp"
#include "harness/support/child_process.hpp"
#include "harness/support/quantity.hpp"

namespace occ {
namespace {

/// Longer than a node takes to start.
constexpr std::chrono::minutes kLongestCommand{5};
constexpr double kLongestS = 24 * 3600;

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

}  // namespace

std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

FaultCommand read_fault(std::string_view option, std::string_view text, bool heals) {
  const auto colon = text.find(':');
  const auto at_s = parse_seconds(trimmed(text.substr(0, colon)), 0, kLongestS);
  std::string command = colon == text.npos ? "" : trimmed(text.substr(colon + 1));
  if (!at_s || command.empty()) {
    throw BadInput(fmt::format("{} '{}': accepted are a time of the window and a command, as '2s: kill -STOP 4711'",
                               option, text));
  }
  return {.at_s = *at_s, .heals = heals, .command = std::move(command)};
}

std::vector<FaultEnd> carry_out_faults(std::vector<FaultCommand> commands, std::uint64_t begin_ns,
                                       const std::function<bool()>& stopped,
                                       const std::function<void(const FaultCommand&, const FaultEnd*)>& told) {
  std::ranges::stable_sort(commands, {}, &FaultCommand::at_s);
  std::vector<FaultEnd> ends;
  for (const FaultCommand& command : commands) {
    const auto due_ns = begin_ns + static_cast<std::uint64_t>(command.at_s * 1e9);
    while (now_ns() < due_ns && !stopped()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const bool was_harmed = std::ranges::any_of(ends, [](const FaultEnd& end) { return !end.command.heals; });
    if (stopped() && !(command.heals && was_harmed)) continue;
    told(command, nullptr);
    FaultEnd end{.command = command, .begin_ns = now_ns()};
    const ChildEnd child = run_child({"/bin/sh", "-c", command.command}, kLongestCommand, [] { return false; });
    end.end_ns = now_ns();
    if (!child.problem.empty()) {
      const std::string said = trimmed(child.errors.empty() ? child.output : child.errors);
      end.problem = child.problem + (said.empty() ? "" : ": " + said);
    }
    told(command, &end);
    ends.push_back(std::move(end));
  }
  return ends;
}

}  // namespace occ
