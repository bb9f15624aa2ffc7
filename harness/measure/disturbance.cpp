#include "harness/measure/disturbance.hpp"

#include <cmath>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace occ {
namespace {

bool names(const std::string& by, std::string_view reason) {
  return ("+" + by + "+").find(fmt::format("+{}+", reason)) != std::string::npos;
}

}  // namespace

std::string Disturbance::text() const {
  std::vector<std::string> parts;
  if (names(by, "cpu_other"))
    parts.push_back(fmt::format("others took {:.0f} % of a processor", 100 * cpu_other_share));
  if (names(by, "steal")) parts.push_back(fmt::format("the host took {:.0f} % of a processor", 100 * steal_share));
  if (names(by, "switches")) parts.push_back(fmt::format("{} involuntary switches", involuntary_switches));
  if (names(by, "frequency")) parts.push_back(fmt::format("{:.0f} MHz", mhz.value_or(0)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

Disturbance judge(const WindowReadings& readings, std::optional<double> usual_mhz, const DisturbanceLimits& limits) {
  Disturbance found{.involuntary_switches = readings.cpu.involuntary_switches, .mhz = readings.mhz, .by = {}};
  if (!(readings.window_s > 0)) return found;
  found.cpu_other_share = readings.cpu.other_s() / readings.window_s;
  found.steal_share = readings.cpu.steal_s / readings.window_s;

  std::vector<std::string_view> by;
  const double most_s =
      limits.share * readings.window_s + limits.resolution_s * std::sqrt(static_cast<double>(readings.processors));
  if (!readings.is_remote && readings.cpu.other_s() > most_s) by.emplace_back("cpu_other");
  if (readings.cpu.steal_s > most_s) by.emplace_back("steal");
  const double most_switches = limits.few_switches + static_cast<double>(readings.cpu.voluntary_switches) +
                               limits.switches_per_s * readings.window_s * readings.threads;
  if (!readings.is_remote && readings.threads <= readings.processors &&
      static_cast<double>(readings.cpu.involuntary_switches) > most_switches) {
    by.emplace_back("switches");
  }
  if (readings.mhz && usual_mhz && *readings.mhz < limits.frequency * *usual_mhz) by.emplace_back("frequency");
  found.by = fmt::format("{}", fmt::join(by, "+"));
  return found;
}

std::string describe(const DisturbanceLimits& limits) {
  return fmt::format(
      "others, or the host, took more than {:.0f} % of the window on one processor (and {:.0f} ms for each square root "
      "of the processors, which is the kernel's resolution); more than {:.0f} involuntary switches a second and thread "
      "beyond {:.0f} and the times that threads of the process went to sleep, where the threads are no more than the "
      "processors; less than {:.0f} % of the frequency that is usual for the cell, where it can be read",
      100 * limits.share, 1e3 * limits.resolution_s, limits.switches_per_s, limits.few_switches,
      100 * limits.frequency);
}

}  // namespace occ
