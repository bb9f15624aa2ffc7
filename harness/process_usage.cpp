#include "harness/process_usage.hpp"

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

double machine_seconds() {
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
  // Guests' time is part of user and nice already.
  return (user + nice + system + interrupt + soft_interrupt + steal) / static_cast<double>(sysconf(_SC_CLK_TCK));
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
  return {.user_s = seconds(usage.ru_utime), .sys_s = seconds(usage.ru_stime), .machine_s = machine_seconds()};
}

CpuTimes CpuTimes::since(const CpuTimes& earlier) const noexcept {
  return {
      .user_s = user_s - earlier.user_s, .sys_s = sys_s - earlier.sys_s, .machine_s = machine_s - earlier.machine_s};
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

double load_average() {
  double average = 0;
  return getloadavg(&average, 1) == 1 ? average : -1;
}

}  // namespace occ
