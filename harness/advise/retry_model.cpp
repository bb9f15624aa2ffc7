#include "harness/advise/retry_model.hpp"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <utility>

#include "fmt/format.h"

namespace occ {
namespace {

/// Of all operations those of one class.
double share(const DocumentClass& documents) {
  return documents.probability * documents.documents;
}

/// q^(retries + 1): all attempts conflict.
double all_fail(double q, std::uint32_t retries) {
  if (retries == kUnboundedRetries) return q < 1 ? 0 : 1;
  return std::pow(q, static_cast<double>(retries) + 1);
}

double attempts_of(double q, std::uint32_t retries) {
  if (q < 1) return (1 - all_fail(q, retries)) / (1 - q);
  return static_cast<double>(retries) + 1;
}

/// The zero of an ascending function between `low` and `high`, where it is below and above 0.
template <class F>
double zero(F&& function, double low, double high, double at_low, double at_high) {
  if (at_low >= 0) return low;
  if (at_high <= 0) return high;
  std::uintmax_t steps = 100;
  const auto [a, b] = boost::math::tools::toms748_solve(function, low, high, at_low, at_high,
                                                        boost::math::tools::eps_tolerance<double>(40), steps);
  return (a + b) / 2;
}

std::string who_text(const RetryLoad& load) {
  if (load.clients == 0) return fmt::format("{:g} operations/s", load.rate_per_s);
  std::string text = fmt::format("{} client{}", load.clients, load.clients == 1 ? "" : "s");
  if (load.think.mean_s() > 0) text += fmt::format(", think {}", load.think.text());
  return text;
}

}  // namespace

std::string load_text(const RetryLoad& load, const Popularity& popularity) {
  return fmt::format("{}, window {}, {} of {} document{}, back-off {}", who_text(load), load.window.text(),
                     popularity.text(), popularity.documents(), popularity.documents() == 1 ? "" : "s",
                     load.backoff.text());
}

double RetryPrediction::with_retries(std::uint32_t count) const {
  if (count > retries) return 0;
  double sum = 0;
  for (const ClassPrediction& each : classes) {
    const double reaches = std::pow(each.conflict, count);
    sum += share(each.documents) * (count == retries ? reaches : reaches * (1 - each.conflict));
  }
  return sum;
}

double RetryPrediction::beyond(std::uint32_t count) const {
  double sum = 0;
  for (const ClassPrediction& each : classes) sum += share(each.documents) * all_fail(each.conflict, count);
  return sum;
}

RetryModel::RetryModel(RetryLoad load, std::vector<DocumentClass> classes, std::shared_ptr<const ConflictCurve> curve)
    : load_(std::move(load)), classes_(std::move(classes)), curve_(std::move(curve)) {}

RetryModel::RetryModel(const RetryLoad& load, std::vector<DocumentClass> classes)
    : RetryModel(load, std::move(classes), std::make_shared<const ConflictCurve>(load.window)) {}

RetryModel RetryModel::with(RetryLoad load, std::vector<DocumentClass> classes) const {
  return {std::move(load), std::move(classes), curve_};
}

double RetryModel::conflict_at(double operations_per_s, double p, std::uint32_t retries) const {
  const double others =
      load_.clients == 0 ? 1 : (static_cast<double>(load_.clients) - 1) / static_cast<double>(load_.clients);
  const double offered = operations_per_s * p * load_.window.mean_s() * others;
  if (offered <= 0) return 0;
  const auto surplus = [&](double q) { return q - curve_->conflict(offered * (1 - all_fail(q, retries))); };
  return zero(surplus, 0.0, 1.0, surplus(0), surplus(1));
}

double RetryModel::waits_s(double conflict, std::uint32_t retries) const {
  if (load_.backoff.kind == BackoffPolicy::Kind::none) return 0;
  constexpr double kRare = 1e-15;
  double sum = 0;
  double reaches = conflict;
  for (std::uint32_t k = 0; k < retries && reaches > kRare; ++k) {
    const double wait = load_.backoff.mean_s(k);
    // From the longest wait on all are alike; as many as attempts of so many tries.
    if (wait >= load_.backoff.mean_s(kUnboundedRetries))
      return sum + wait * reaches * attempts_of(conflict, retries == kUnboundedRetries ? retries : retries - k - 1);
    sum += reaches * wait;
    reaches *= conflict;
  }
  return sum;
}

RetryPrediction RetryModel::at_rate(double operations_per_s, std::uint32_t retries) const {
  RetryPrediction result;
  result.retries = retries;
  result.operations_per_s = operations_per_s;
  result.attempts_per_operation = 0;
  double conflicts = 0;
  const double window = load_.window.mean_s();
  for (const DocumentClass& documents : classes_) {
    const double q = conflict_at(operations_per_s, documents.probability, retries);
    const double attempts = attempts_of(q, retries);
    const double rho = operations_per_s * documents.probability * (1 - all_fail(q, retries)) * window;
    result.classes.push_back({documents, rho, q, attempts});
    result.attempts_per_operation += share(documents) * attempts;
    conflicts += share(documents) * attempts * q;
    result.operation_s += share(documents) * (attempts * window + waits_s(q, retries));
    result.hottest_rho = std::max(result.hottest_rho, rho);
    result.hottest_conflict = std::max(result.hottest_conflict, q);
  }
  result.conflict = conflicts / result.attempts_per_operation;
  return result;
}

std::optional<RetryPrediction> RetryModel::predict(std::uint32_t retries) const {
  if (load_.clients == 0) {
    RetryPrediction result = at_rate(load_.rate_per_s, retries);
    if (result.hottest_conflict >= 1 - 1e-9) return std::nullopt;
    return result;
  }
  const auto clients = static_cast<double>(load_.clients);
  const double think = load_.think.mean_s();
  // Operations are waited for by so many clients too many.
  const auto surplus = [&](double rate) {
    const RetryPrediction there = at_rate(rate, retries);
    return std::isfinite(there.operation_s) ? rate * (think + there.operation_s) - clients : clients;
  };
  const double most = clients / (think + load_.window.mean_s());
  return at_rate(zero(surplus, 0.0, most, -clients, surplus(most)), retries);
}

std::optional<RetryPrediction> RetryModel::fewest_retries(double target, std::uint32_t most) const {
  const auto is_enough = [&](const std::optional<RetryPrediction>& there) {
    return there && there->exhausted() < target;
  };
  std::optional<RetryPrediction> best = predict(0);
  if (is_enough(best)) return best;
  std::uint32_t too_few = 0;
  std::uint32_t enough = 0;
  for (std::uint32_t step = 1; enough == 0; step *= 2) {
    const std::uint32_t tried = std::min(step, most);
    best = predict(tried);
    if (is_enough(best)) {
      enough = tried;
    } else if (tried == most) {
      return std::nullopt;
    } else {
      too_few = tried;
    }
  }
  while (enough - too_few > 1) {
    const std::uint32_t middle = too_few + (enough - too_few) / 2;
    std::optional<RetryPrediction> there = predict(middle);
    if (is_enough(there)) {
      enough = middle;
      best = std::move(there);
    } else {
      too_few = middle;
    }
  }
  return best;
}

}  // namespace occ
