#include "harness/report/predicted_retries.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "fmt/format.h"
#include "harness/advise/advice.hpp"
#include "harness/measure/operation_counts.hpp"
#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

// Why the model says nothing is thrown as BadInput, as by what reads distributions and times.

double number_in(const LoadTexts& row, const char* column, double least) {
  const std::string& text = row.at(column);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= least) || value > UINT32_MAX)
    throw BadInput(fmt::format("the rows do not say {}", column));
  return value;
}

TimeDistribution time_in(const LoadTexts& row, const char* column) {
  const std::string& text = row.at(column);
  if (text.starts_with("file:")) throw BadInput(fmt::format("{} is a file, which the rows do not have", column));
  return TimeDistribution::parse(column, text.empty() ? "0" : text, 0);
}

/// The mix has nothing but operations of this kind.
bool has_only(const LoadTexts& row, const char* kind) {
  return row.at("mix") == fmt::format("{}=100", kind);
}

void check_operations(const LoadTexts& row) {
  const std::string& mix = row.at("mix");
  if (!has_only(row, "update") && !has_only(row, "cond")) {
    const bool any = mix.find("update") != mix.npos || mix.find("cond") != mix.npos;
    throw BadInput(any ? "other operations come between the updates" : "no write has a condition");
  }
  if (has_only(row, "update") && row.at("client") == "update" && row.at("update_form") == "in_place")
    throw BadInput("updates in place never conflict");
  if (row.at("batch") != "1") throw BadInput("a bulk call is an attempt at many documents");
  if (!row.at("server").empty()) throw BadInput("at a server the calls are in the window, and no row says their part");
  if (row.at("workload").find(" workers ") != std::string::npos)
    throw BadInput("requests queue at the server, which makes windows longer");
}

BackoffPolicy backoff_in(const LoadTexts& row) {
  const std::string& text = row.at("backoff");
  if (text.empty() || text == "none") return {};
  if (text.find(':') == std::string::npos) throw BadInput("the strategy's own back-off has no times to reckon with");
  return BackoffPolicy::parse(text);
}

RetryLoad load_in(const LoadTexts& row, unsigned processors) {
  RetryLoad load;
  load.backoff = backoff_in(row);
  load.window = time_in(row, "think_within");
  const bool works = row.at("think_ns") != "0" && !row.at("think_ns").empty();
  if (works == (load.window.mean_s() > 0))
    throw BadInput(works ? "windows both wait and work" : "no window is known: nobody waits or works in it by plan");
  if (works) load.window = TimeDistribution::parse("think_ns", row.at("think_ns") + "ns", 0);
  if (const std::string& rate = row.at("rate_per_s"); !rate.empty()) {
    if (works) throw BadInput("operations of an open load wait for threads that work");
    load.rate_per_s = number_in(row, "rate_per_s", 1e-6);
    return load;
  }
  const double threads = number_in(row, "threads", 1);
  const double clients = row.at("clients").empty() ? threads : number_in(row, "clients", 1);
  double at_once = clients;
  if (works) {
    if (processors == 0) throw BadInput("how many processors the machine had is not known");
    at_once = std::min({clients, threads, static_cast<double>(processors)});
  }
  load.clients = static_cast<std::uint64_t>(at_once);
  // Fewer at once begin as many operations if each thinks for so much shorter.
  load.think = time_in(row, "think_between").scaled(at_once / clients);
  return load;
}

}  // namespace

double PredictedRetries::share(std::size_t bin) const {
  const auto count = static_cast<std::uint32_t>(bin);
  if (bin + 1 < kRetryBins) return prediction->with_retries(count);
  return prediction->retries < count ? 0 : prediction->beyond(count - 1);
}

PredictedRetries predict_retries(const LoadTexts& row, unsigned processors) {
  PredictedRetries result;
  try {
    check_operations(row);
    const RetryLoad load = load_in(row, processors);
    const auto documents = static_cast<std::uint64_t>(number_in(row, "docs", 1));
    const Popularity popularity = Popularity::of(Distribution::parse(row.at("dist")), documents);
    const double retries = has_only(row, "cond") ? 0 : number_in(row, "retry_on_conflict", 0);
    std::optional<RetryPrediction> there =
        RetryModel(load, popularity.classes()).predict(static_cast<std::uint32_t>(retries));
    if (!there) throw BadInput("the hottest document is asked for faster than it can be committed");
    const bool overloaded = there->hottest_conflict > 0 && there->hottest_rho >= kOverloadedRho;
    const std::string often =
        fmt::format("the hottest document is committed {:.2g} times in a window", there->hottest_rho);
    if (overloaded && load.clients > 0 && load.think.mean_s() <= load.window.mean_s())
      throw BadInput(often + ", and clients hardly think, so attempts are in step");
    result.asked = load_text(load, popularity);
    result.tells_retries = !overloaded;
    if (overloaded) result.why_not = often;
    result.prediction = std::move(there);
  } catch (const BadInput& nothing) {
    result.why_not = nothing.what();
  }
  return result;
}

}  // namespace occ
