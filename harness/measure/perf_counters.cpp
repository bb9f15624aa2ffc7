#include "harness/measure/perf_counters.hpp"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace occ {
namespace {

constexpr std::array<std::uint64_t, 3> kConfigs{PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS,
                                                PERF_COUNT_HW_CACHE_MISSES};
constexpr std::array<const char*, 3> kNames{"cycles", "instructions", "cache misses"};

std::optional<std::uint64_t> sum(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) noexcept {
  if (!a || !b) return std::nullopt;
  return *a + *b;
}

std::optional<std::uint64_t> read_scaled(int file) noexcept {
  struct {
    std::uint64_t value;
    std::uint64_t enabled_ns;
    std::uint64_t running_ns;
  } reading{};
  if (file < 0 || ::read(file, &reading, sizeof reading) != sizeof reading || reading.running_ns == 0) {
    return std::nullopt;
  }
  if (reading.running_ns == reading.enabled_ns) return reading.value;
  return static_cast<std::uint64_t>(static_cast<double>(reading.value) * static_cast<double>(reading.enabled_ns) /
                                    static_cast<double>(reading.running_ns));
}

}  // namespace

void PerfCounts::merge(const PerfCounts& other) noexcept {
  cycles = sum(cycles, other.cycles);
  instructions = sum(instructions, other.instructions);
  cache_misses = sum(cache_misses, other.cache_misses);
}

PerfCounters::PerfCounters() noexcept {
  for (std::size_t event = 0; event < kEvents; ++event) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_HARDWARE;
    attributes.size = sizeof attributes;
    attributes.config = kConfigs[event];
    attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    attributes.disabled = 1;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    files_[event] = static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
    if (files_[event] < 0) errors_[event] = errno;
  }
}

PerfCounters::~PerfCounters() {
  for (const int file : files_) {
    if (file >= 0) ::close(file);
  }
}

void PerfCounters::start() noexcept {
  for (const int file : files_) {
    if (file < 0) continue;
    ::ioctl(file, PERF_EVENT_IOC_RESET, 0);
    ::ioctl(file, PERF_EVENT_IOC_ENABLE, 0);
  }
}

void PerfCounters::stop() noexcept {
  for (const int file : files_) {
    if (file >= 0) ::ioctl(file, PERF_EVENT_IOC_DISABLE, 0);
  }
}

PerfCounts PerfCounters::read() const noexcept {
  return {
      .cycles = read_scaled(files_[0]), .instructions = read_scaled(files_[1]), .cache_misses = read_scaled(files_[2])};
}

std::string PerfCounters::why_not() const {
  std::string text;
  for (std::size_t event = 0; event < kEvents; ++event) {
    if (files_[event] >= 0) continue;
    if (!text.empty()) text += "; ";
    text += kNames[event];
    text += ": ";
    text += std::strerror(errors_[event]);
  }
  return text;
}

}  // namespace occ
