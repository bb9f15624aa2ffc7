#include "harness/report/environment.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "build_info.hpp"
#include "harness/measure/cell.hpp"
#include "harness/measure/perf_counters.hpp"
#include "harness/support/cycle_clock.hpp"
#include "harness/support/process_usage.hpp"

#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

namespace occ {
namespace {

using nlohmann::json;

json first_line(const char* path) {
  std::ifstream file{path};
  std::string line;
  if (!std::getline(file, line)) return nullptr;
  return line;
}

/// The value of the first "key : value" line of /proc/cpuinfo or /proc/meminfo.
json value_of(const char* path, std::string_view key) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return nullptr;
}

/// The word in brackets, as in "always [madvise] never".
json chosen(const char* path) {
  const json line = first_line(path);
  if (!line.is_string()) return nullptr;
  const auto& text = line.get_ref<const std::string&>();
  const auto open = text.find('[');
  const auto close = text.find(']');
  if (open == std::string::npos || close == std::string::npos) return text;
  return text.substr(open + 1, close - open - 1);
}

/// Found at run time, since an allocator can be preloaded.
std::string allocator() {
  const auto linked = [](const char* symbol) { return ::dlsym(RTLD_DEFAULT, symbol) != nullptr; };
  if (linked("__asan_init")) return "AddressSanitizer";
  if (linked("__tsan_init")) return "ThreadSanitizer";
  if (linked("mallctl")) return "jemalloc";
  if (linked("tc_version")) return "tcmalloc";
  if (linked("mi_version")) return "mimalloc";
#if defined(__GLIBC__)
  return fmt::format("glibc {}", gnu_get_libc_version());
#else
  return "the C library's";
#endif
}

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("gcc {}", __VERSION__);
#endif
}

json smt() {
  const json active = first_line("/sys/devices/system/cpu/smt/active");
  if (!active.is_string()) return nullptr;
  return active == "1";
}

json virtual_machine() {
  const json flags = value_of("/proc/cpuinfo", "flags");
  if (!flags.is_string()) return nullptr;
  return (" " + flags.get_ref<const std::string&>() + " ").find(" hypervisor ") != std::string::npos;
}

json dirty() {
  constexpr std::string_view kAnswer = build_info::kDirty;
  return kAnswer == "unknown" ? json(nullptr) : json(kAnswer == "yes");
}

constexpr const char* kGovernorFile = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";

}  // namespace

std::string program_version() {
  return build_info::kVersion;
}

MachineState look_at_machine() {
  const auto began = std::chrono::steady_clock::now();
  const CpuTimes before = CpuTimes::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const CpuTimes used = CpuTimes::now().since(before);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  const json governor = first_line(kGovernorFile);
  return {.others = (used.other_s() + used.steal_s) / elapsed.count(),
          .processors = static_cast<std::size_t>(::sysconf(_SC_NPROCESSORS_ONLN)),
          .usable = processors().size(),
          .load_average = load_average(),
          .governor = governor.is_string() ? governor.get<std::string>() : "",
          .has_invariant_clock = CycleClock::instance().is_tsc()};
}

std::vector<std::string> machine_warnings(const MachineState& machine, std::uint32_t most_threads) {
  std::vector<std::string> warnings;
  // The kernel counts in steps of 10 ms, on each processor, and 200 ms were looked at.
  const double most_others = 0.05 + 0.1 * std::sqrt(static_cast<double>(machine.processors));
  if (machine.others > most_others) {
    warnings.push_back(
        fmt::format("other programs use {:.1f} of {} processors{}: find them with top, and stop them or wait for them",
                    machine.others, machine.processors,
                    machine.load_average < 0 ? "" : fmt::format(" (load average {:.1f})", machine.load_average)));
  }
  if (!machine.governor.empty() && machine.governor != "performance") {
    warnings.push_back(
        fmt::format("the frequency governor is {}, so that speed follows load: set it with "
                    "cpupower frequency-set --governor performance",
                    machine.governor));
  }
  if (!machine.has_invariant_clock) {
    warnings.emplace_back(
        "there is no time stamp counter of constant rate, so that latencies hold calls of clock_gettime: compare "
        "throughput only, or measure where /proc/cpuinfo has constant_tsc and nonstop_tsc");
  }
  if (most_threads > machine.usable) {
    warnings.push_back(
        fmt::format("{} threads share {} processors, so that latencies hold the time slices of others: leave such "
                    "counts out of --threads unless that is the question",
                    most_threads, machine.usable));
  }
  return warnings;
}

json environment() {
  utsname system{};
  ::uname(&system);
  const CycleClock& clock = CycleClock::instance();
  const double load = load_average();
  const std::string no_counters = PerfCounters{}.why_not();
  return {
      {"cpu",
       {{"model", value_of("/proc/cpuinfo", "model name")},
        {"family", value_of("/proc/cpuinfo", "cpu family")},
        {"architecture", system.machine},
        {"cores_online", ::sysconf(_SC_NPROCESSORS_ONLN)},
        {"smt_active", smt()},
        {"governor", first_line(kGovernorFile)},
        {"virtual_machine", virtual_machine()}}},
      {"memory", value_of("/proc/meminfo", "MemTotal")},
      {"kernel", fmt::format("{} {}", system.sysname, system.release)},
      {"transparent_hugepage", chosen("/sys/kernel/mm/transparent_hugepage/enabled")},
      {"compiler", compiler()},
      {"build_type", build_info::kBuildType},
      {"flags", build_info::kFlags},
      {"commit", build_info::kCommit},
      {"dirty", dirty()},
      {"version", build_info::kVersion},
      {"allocator", allocator()},
      {"clock",
       {{"source", clock.is_tsc() ? "tsc" : "CLOCK_MONOTONIC"},
        {"ticks_per_second", clock.ticks_per_second()},
        {"cost_ns", clock.cost_ns()}}},
      {"load_average", load < 0 ? json(nullptr) : json(load)},
      {"performance_counters", no_counters.empty() ? "available" : "not available: " + no_counters},
  };
}

}  // namespace occ
