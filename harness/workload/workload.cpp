#include "harness/workload/workload.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/support/bad_input.hpp"

namespace occ {

Mix Mix::parse(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return BadInput(
        fmt::format("--mix '{}': {}; accepted are whole percentages of {} that sum to 100, "
                    "for example get=95,update=5",
                    text, why, fmt::join(kOperationKinds, ", ")));
  };
  Mix mix;
  std::array<bool, kOperationKinds.size()> seen{};
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    const std::string_view item = text.substr(at, end - at);
    at = end + 1;
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) throw refuse(fmt::format("'{}' is not KIND=PERCENT", item));
    const std::string_view kind = item.substr(0, equals);
    const std::string_view digits = item.substr(equals + 1);
    const auto known = std::ranges::find(kOperationKinds, kind);
    if (known == kOperationKinds.end()) throw refuse(fmt::format("unknown operation '{}'", kind));
    const auto which = static_cast<std::size_t>(known - kOperationKinds.begin());
    if (seen[which]) throw refuse(fmt::format("'{}' is given twice", kind));
    seen[which] = true;
    const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), mix.percent[which]);
    if (error != std::errc{} || last != digits.data() + digits.size() || mix.percent[which] > 100) {
      throw refuse(fmt::format("'{}' is not a percentage", digits));
    }
  }
  const auto sum = std::accumulate(mix.percent.begin(), mix.percent.end(), 0U);
  if (sum != 100) throw refuse(fmt::format("the sum is {}", sum));
  return mix;
}

std::string Mix::text() const {
  std::vector<std::string> parts;
  for (std::size_t kind = 0; kind < percent.size(); ++kind) {
    if (percent[kind] > 0) parts.push_back(fmt::format("{}={}", kOperationKinds[kind], percent[kind]));
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

Workload custom_workload() {
  return {.name = "custom", .summary = "the options as given"};
}

std::span<const Workload> named_workloads() {
  static const std::vector<Workload> workloads = [] {
    constexpr std::uint32_t kRetries = 1000;
    constexpr std::uint32_t kBatch = 64;
    const auto zipf = Distribution::parse("zipf:0.99");
    const auto ycsb = [&](std::string_view name, std::string_view mix, std::string_view summary) {
      return Workload{.name = std::string(name),
                      .summary = std::string(summary),
                      .body_bytes = 1000,
                      .distribution = zipf,
                      .mix = Mix::parse(mix),
                      .retry_on_conflict = kRetries};
    };
    return std::vector<Workload>{
        {.name = "stock",
         .summary = "16 products, a purchase takes one unit, restocked when empty; no unit may be sold twice",
         .documents = 16,
         .body_bytes = 64,
         .layout = SourceLayout::stock,
         .retry_on_conflict = kRetries},
        {.name = "uniform", .summary = "updates, every document equally likely", .retry_on_conflict = kRetries},
        {.name = "zipf",
         .summary = "updates, few documents take most of them",
         .distribution = zipf,
         .retry_on_conflict = kRetries},
        {.name = "read-mostly",
         .summary = "19 gets to one update, skewed",
         .distribution = zipf,
         .mix = Mix::parse("get=95,update=5"),
         .retry_on_conflict = kRetries},
        {.name = "hot",
         .summary = "every update goes to one and the same document",
         .distribution = Distribution::parse("hot:1"),
         .retry_on_conflict = kRetries},
        {.name = "get",
         .summary = "gets only, every document equally likely",
         .mix = Mix::parse("get=100"),
         .retry_on_conflict = kRetries},
        {.name = "cond",
         .summary = "get, then index on condition: two calls, as a client makes them; every document equally likely",
         .mix = Mix::parse("cond=100"),
         .retry_on_conflict = kRetries},
        {.name = "cond-zipf",
         .summary = "the same, skewed",
         .distribution = zipf,
         .mix = Mix::parse("cond=100"),
         .retry_on_conflict = kRetries},
        {.name = "cond-read-mostly",
         .summary = "19 gets to one of the same, skewed",
         .distribution = zipf,
         .mix = Mix::parse("get=95,cond=5"),
         .retry_on_conflict = kRetries},
        {.name = "cond-hot",
         .summary = "the same, on one and the same document",
         .distribution = Distribution::parse("hot:1"),
         .mix = Mix::parse("cond=100"),
         .retry_on_conflict = kRetries},
        {.name = "cond-hot16",
         .summary = "the same, on 16 documents",
         .distribution = Distribution::parse("hot:16"),
         .mix = Mix::parse("cond=100"),
         .retry_on_conflict = kRetries},
        {.name = "hot16",
         .summary = "updates of 16 documents",
         .distribution = Distribution::parse("hot:16"),
         .retry_on_conflict = kRetries},
        {.name = "creations",
         .summary = "creates in an empty table; with many documents (--docs) few are met twice",
         .documents = 10'000'000,
         .mix = Mix::parse("create=100"),
         .retry_on_conflict = kRetries,
         .fill_percent = 0},
        {.name = "churn",
         .summary =
             "half creates, half deletes, of which half find what they want; with --gc-deletes 0 ids come and go",
         .mix = Mix::parse("create=50,delete=50"),
         .retry_on_conflict = kRetries,
         .fill_percent = 50},
        {.name = "get-bulk",
         .summary = "gets by bulk calls (_mget), every document equally likely",
         .mix = Mix::parse("get=100"),
         .retry_on_conflict = kRetries,
         .batch = kBatch},
        {.name = "cond-bulk",
         .summary = "a bulk of gets, then the same documents indexed on condition by another (_mget, _bulk)",
         .mix = Mix::parse("cond=100"),
         .retry_on_conflict = kRetries,
         .batch = kBatch},
        ycsb("ycsb-a", "get=50,index=50", "YCSB's mix A over exact Zipf; a write replaces the whole document"),
        ycsb("ycsb-b", "get=95,index=5", "YCSB's mix B over exact Zipf; a write replaces the whole document"),
        ycsb("ycsb-c", "get=100", "YCSB's mix C over exact Zipf: gets only"),
        ycsb("ycsb-f", "get=50,update=50", "YCSB's mix F over exact Zipf: gets and read-modify-writes"),
    };
  }();
  return workloads;
}

Progress weakest_progress(const StrategyInfo& strategy, const Mix& mix) {
  Progress weakest = Progress::wait_free;
  if (mix.has(OperationKind::get) || mix.has(OperationKind::cond)) weakest = std::min(weakest, strategy.get);
  if (mix.has(OperationKind::create)) weakest = std::min(weakest, strategy.create);
  if (mix.percent[static_cast<std::size_t>(OperationKind::get)] < 100) weakest = std::min(weakest, strategy.write);
  return weakest;
}

}  // namespace occ
