#include "harness/support/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace occ {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

struct MachineTimes {
  double busy_s = 0;
  double steal_s = 0;
};

MachineTimes machine_times() {
  std::ifstream file{"/proc/stat"};
  std::string label;
  double user = 0;
  double nice = 0;
  double system = 0;
  double idle = 0;
  double io_wait = 0;
  double interrupt = 0;
  double soft_interrupt = 0;
  double steal = 0;
  file >> label >> user >> nice >> system >> idle >> io_wait >> interrupt >> soft_interrupt >> steal;
  const auto ticks_per_s = static_cast<double>(sysconf(_SC_CLK_TCK));
  // Guests' time is part of user and nice already.
  return {.busy_s = (user + nice + system + interrupt + soft_interrupt) / ticks_per_s, .steal_s = steal / ticks_per_s};
}

/// Calls take(label, bytes) for each line of a file of the kernel that gives a size in kB.
template <class Take>
void for_each_kib(const char* path, Take&& take) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words{line};
    std::string label;
    std::string unit;
    std::uint64_t kib = 0;
    if (words >> label >> kib >> unit && unit == "kB") take(label, kib * 1024);
  }
}

}  // namespace

CpuTimes CpuTimes::now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const MachineTimes machine = machine_times();
  return {.user_s = seconds(usage.ru_utime),
          .sys_s = seconds(usage.ru_stime),
          .machine_s = machine.busy_s,
          .steal_s = machine.steal_s,
          .involuntary_switches = static_cast<std::uint64_t>(usage.ru_nivcsw),
          .voluntary_switches = static_cast<std::uint64_t>(usage.ru_nvcsw)};
}

CpuTimes CpuTimes::since(const CpuTimes& earlier) const noexcept {
  return {.user_s = user_s - earlier.user_s,
          .sys_s = sys_s - earlier.sys_s,
          .machine_s = machine_s - earlier.machine_s,
          .steal_s = steal_s - earlier.steal_s,
          .involuntary_switches = involuntary_switches - earlier.involuntary_switches,
          .voluntary_switches = voluntary_switches - earlier.voluntary_switches};
}

double CpuTimes::other_s() const noexcept {
  return std::max(0.0, machine_s - user_s - sys_s);
}

MemoryUsage MemoryUsage::now() {
  MemoryUsage usage;
  for_each_kib("/proc/self/status", [&](std::string_view label, std::uint64_t bytes) {
    if (label == "VmRSS:") usage.rss_bytes = bytes;
    if (label == "VmHWM:") usage.rss_peak_bytes = bytes;
  });
  return usage;
}

std::uint64_t huge_page_bytes() {
  std::uint64_t huge = 0;
  for_each_kib("/proc/self/smaps_rollup", [&](std::string_view label, std::uint64_t bytes) {
    if (label == "AnonHugePages:") huge = bytes;
  });
  return huge;
}

std::uint64_t physical_memory_bytes() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

bool reset_peak_rss() {
  std::ofstream file{"/proc/self/clear_refs"};
  file << "5" << std::flush;
  return file.good();
}

std::optional<double> processor_mhz(std::span<const int> processors) {
  double sum = 0;
  for (const int processor : processors) {
    std::ifstream file{"/sys/devices/system/cpu/cpu" + std::to_string(processor) + "/cpufreq/scaling_cur_freq"};
    double khz = 0;
    if (!(file >> khz)) return std::nullopt;
    sum += khz / 1e3;
  }
  if (processors.empty()) return std::nullopt;
  return sum / static_cast<double>(processors.size());
}

double load_average() {
  double average = 0;
  return getloadavg(&average, 1) == 1 ? average : -1;
}

}  // namespace occ
