#include "harness/commands/measured_window.hpp"

#include <chrono>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/history/recording_handle.hpp"
#include "harness/http/server_address.hpp"
#include "harness/measure/window_probe.hpp"
#include "harness/remote/remote_table.hpp"
#include "harness/support/bad_input.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

constexpr double kSeconds = 2;
constexpr std::uint32_t kDocuments = 16;
constexpr std::size_t kBodyBytes = 100;
constexpr std::chrono::seconds kPatience{10};

MeasuredWindows measure(AnyHandle& handle, SourceLayout layout, const StrategyInfo& info) {
  ProcessorPaceClock clock(publishes_with_store(info));
  return measure_windows(handle, Documents::generated(layout, kDocuments, kBodyBytes, "counter"), kSeconds, clock);
}

MeasuredWindows measure_at_server(const std::string& url) {
  RemoteServer server({.addresses = {read_server_address(url)}, .patience = kPatience});
  server.greet(false);
  RemoteTable table(server, {});
  return measure(*table.handle(), SourceLayout::json, table.info());
}

MeasuredWindows measure_on_table(const std::string& strategy) {
  const StrategyInfo* const info = find_strategy(strategy);
  if (info == nullptr || !info->is_verifiable()) {
    std::vector<std::string_view> known;
    for (const StrategyInfo& each : strategies()) {
      if (each.is_verifiable()) known.push_back(each.name);
    }
    throw BadInput(fmt::format("--measure '{}': accepted are a server's URL, such as http://127.0.0.1:9200, and {}",
                               strategy, fmt::join(known, ", ")));
  }
  const auto table = make_table(strategy);
  return measure(*table->handle(), SourceLayout::counter, *info);
}

}  // namespace

MeasuredWindow measure_window(const std::string& url_or_strategy) {
  const bool is_url = url_or_strategy.find("://") != std::string::npos;
  const MeasuredWindows found = is_url ? measure_at_server(url_or_strategy) : measure_on_table(url_or_strategy);
  const auto percentile = [&](double percent) {
    return static_cast<double>(found.middle.percentile_ns(percent)) * 1e-9;
  };
  MeasuredWindow result{.window = found.distribution(fmt::format("as measured at {}", url_or_strategy)),
                        .told = {},
                        .json = {{"at", url_or_strategy}, {"attempts", found.middle.count()}}};
  result.told = fmt::format(
      "measured at {}: {} attempts of one client, from the middle of the read to the middle of the write\n"
      "window                 mean {}, p50 {}, p99 {}; between the calls {}, with both calls {} (means)\n",
      url_or_strategy, found.middle.count(), time_text(result.window.mean_s()), time_text(percentile(50)),
      time_text(percentile(99)), time_text(found.shortest_mean_s), time_text(found.longest_mean_s));
  result.json["window_s"] = {{"mean", result.window.mean_s()},
                             {"p50", percentile(50)},
                             {"p99", percentile(99)},
                             {"shortest_mean", found.shortest_mean_s},
                             {"longest_mean", found.longest_mean_s}};
  return result;
}

}  // namespace occ
