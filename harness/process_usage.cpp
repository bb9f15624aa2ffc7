#include "harness/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>

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
  std::ifstream file{"/proc/self/status"};
  for (std::string label; file >> label; file.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    std::uint64_t* const field = label == "VmRSS:"   ? &usage.rss_bytes
                                 : label == "VmHWM:" ? &usage.rss_peak_bytes
                                                     : nullptr;
    if (field == nullptr) continue;
    std::uint64_t kib = 0;
    file >> kib;
    *field = kib * 1024;
  }
  return usage;
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
