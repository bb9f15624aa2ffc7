#include "harness/claims/claim.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

constexpr std::array kKeys = {"metric", "of", "over", "at_least", "at_most", "about", "within", "cores"};
constexpr std::array kPredictions = {"ramanujan_q", "wasted_by_ramanujan", "lockstep"};

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// "c" is the number of processors, "2c" twice as many.
std::string in_threads(std::string_view text, unsigned cores) {
  if (text.empty() || text.back() != 'c') return std::string(text);
  const std::string_view factor = text.substr(0, text.size() - 1);
  const auto times = factor.empty() ? std::optional(1.0) : number_in(factor);
  return times ? fmt::format("{:.0f}", *times * cores) : std::string(text);
}

std::string in_threads_each(std::string_view list, unsigned cores) {
  std::vector<std::string> each;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    std::string one = in_threads(list.substr(at, end - at), cores);
    if (std::ranges::find(each, one) == each.end()) each.push_back(std::move(one));
    at = end + 1;
  }
  return fmt::format("{}", fmt::join(each, ","));
}

/// One file, read key by key.
class Reader {
 public:
  Reader(const std::filesystem::path& file, unsigned cores) : file_(file), cores_(cores) {}

  Claim read() {
    for (const CLI::ConfigItem& item : items()) {
      if (item.name == "++" && item.parents.size() > 1 && item.parents.front() == "run")
        static_cast<void>(section(claim_.runs, section_name(item.parents)));  // It may say nothing of its own.
      if (item.name == "++" || item.name == "--") continue;
      take(item, fmt::format("{}", fmt::join(item.inputs, ",")));
    }
    for (auto& [name, options] : claim_.runs) options.insert(of_every_run_.begin(), of_every_run_.end());
    claim_.name = file_.stem().string();
    if (claim_.statement.empty()) refuse("there is no 'statement'");
    if (claim_.source.empty()) refuse("there is no 'source'");
    if (claim_.runs.empty()) refuse("there is no section [run.NAME]");
    if (expected_.empty()) refuse("there is no section [expect.NAME]");
    for (const auto& [name, keys] : expected_) claim_.expectations.push_back(expectation(name, keys));
    return std::move(claim_);
  }

 private:
  using Keys = std::map<std::string, std::string, std::less<>>;

  [[noreturn]] void refuse(std::string_view why) const {
    throw BadInput(fmt::format("the claim '{}': {}", file_.string(), why));
  }

  [[nodiscard]] std::vector<CLI::ConfigItem> items() const {
    try {
      return CLI::ConfigTOML().from_file(file_.string());
    } catch (const CLI::Error& error) {
      refuse(error.what());
    }
  }

  void take(const CLI::ConfigItem& item, const std::string& text) {
    const std::vector<std::string>& sections = item.parents;
    const std::string name = section_name(sections);
    if (sections.empty()) {
      if (item.name != "statement" && item.name != "source")
        refuse(
            fmt::format("'{}' is unknown; accepted are statement and source, [run.NAME] and [expect.NAME]", item.name));
      (item.name == "statement" ? claim_.statement : claim_.source) = text;
    } else if (sections.front() == "run") {
      Keys& options = sections.size() == 1 ? of_every_run_ : section(claim_.runs, name);
      options[item.name] = item.name == "threads" ? in_threads_each(text, cores_) : text;
    } else if (!name.empty() && sections.front() == "expect") {
      if (std::ranges::find(kKeys, item.name) == kKeys.end())
        refuse(fmt::format("[expect.{}]: '{}' is unknown; accepted are {}", name, item.name, fmt::join(kKeys, ", ")));
      section(expected_, name)[item.name] = text;
    } else {
      refuse(fmt::format("the section [{}] is unknown; accepted are [run.NAME] and [expect.NAME]",
                         fmt::join(sections, ".")));
    }
  }

  /// What stands behind the first dot, without quotes: CLI11 takes a header apart at every dot, inside of them too.
  static std::string section_name(const std::vector<std::string>& parts) {
    if (parts.size() < 2) return {};
    std::string name = fmt::format("{}", fmt::join(parts.begin() + 1, parts.end(), "."));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    return name;
  }

  /// In the order of the file.
  static Keys& section(std::vector<std::pair<std::string, Keys>>& sections, const std::string& name) {
    const auto at = std::ranges::find(sections, name, &std::pair<std::string, Keys>::first);
    return at != sections.end() ? at->second : sections.emplace_back(name, Keys{}).second;
  }

  [[nodiscard]] RowSelection selection(const std::string& expectation, std::string_view text) const {
    RowSelection selection{.run = claim_.runs.front().first, .columns = {}, .text = std::string(text)};
    bool names_run = false;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      const std::string_view part = text.substr(at, end - at);
      at = end + 1;
      if (part.empty()) continue;
      const std::size_t equals = part.find('=');
      if (equals == part.npos)
        refuse(fmt::format("[expect.{}]: '{}' is not COLUMN=VALUE, as in strategy=packed_cas threads=2", expectation,
                           part));
      const std::string_view column = part.substr(0, equals);
      const std::string_view value = part.substr(equals + 1);
      if (column == "run") {
        names_run = true;
        selection.run = value;
      } else {
        selection.columns.emplace_back(column, column == "threads" ? in_threads(value, cores_) : std::string(value));
      }
    }
    const auto known = std::ranges::find(claim_.runs, selection.run, [](const auto& run) { return run.first; });
    if (known == claim_.runs.end() || (!names_run && claim_.runs.size() > 1)) {
      std::vector<std::string> names;
      for (const auto& run : claim_.runs) names.push_back(run.first);
      refuse(fmt::format("[expect.{}]: '{}' has to name one of the runs: run={}", expectation, text,
                         fmt::join(names, ", run=")));
    }
    return selection;
  }

  /// A number, or the name of a prediction.
  [[nodiscard]] double value(const std::string& expectation, const std::string& text, const RowSelection& of) const {
    if (const auto number = number_in(text)) return *number;
    const auto threads =
        std::ranges::find(of.columns, "threads", [](const auto& column) { return std::string_view(column.first); });
    const double count = threads == of.columns.end() ? 0 : number_in(threads->second).value_or(0);
    if (std::ranges::find(kPredictions, text) == kPredictions.end() || count < 1)
      refuse(
          fmt::format("[expect.{}]: '{}' is no number; accepted are numbers and, of rows whose 'threads' are given, {}",
                      expectation, text, fmt::join(kPredictions, ", ")));
    if (text == "lockstep") return 1 - 1 / count;
    const double q = ramanujan_q(std::min(static_cast<unsigned>(count), cores_));
    return text == "ramanujan_q" ? q : 1 - 1 / q;
  }

  [[nodiscard]] Expectation expectation(const std::string& name, const Keys& keys) const {
    const auto find = [&](std::string_view key) -> std::optional<std::string> {
      const auto at = keys.find(key);
      return at == keys.end() ? std::nullopt : std::optional(at->second);
    };
    const auto metric = find("metric");
    const auto of = find("of");
    if (!metric || !of) refuse(fmt::format("[expect.{}]: 'metric' and 'of' have to be there", name));
    Expectation expectation{.name = name,
                            .metric = metric->substr(0, metric->find('/')),
                            .per = metric->find('/') == metric->npos ? "" : metric->substr(metric->find('/') + 1),
                            .of = selection(name, *of),
                            .over = {},
                            .at_least = {},
                            .at_most = {}};
    if (const auto over = find("over")) expectation.over = selection(name, *over);
    if (const auto least = find("at_least")) expectation.at_least = value(name, *least, expectation.of);
    if (const auto most = find("at_most")) expectation.at_most = value(name, *most, expectation.of);
    const auto about = find("about");
    const auto within = find("within");
    if (about.has_value() != within.has_value())
      refuse(fmt::format("[expect.{}]: 'about' and 'within' belong together", name));
    if (about) {
      const double middle = value(name, *about, expectation.of);
      const double share = value(name, *within, expectation.of);
      expectation.at_least = middle * (1 - share);
      expectation.at_most = middle * (1 + share);
    }
    if (!expectation.at_least && !expectation.at_most)
      refuse(fmt::format("[expect.{}]: one of at_least, at_most, about with within has to be there", name));
    if (const auto cores = find("cores")) {
      const auto count = number_in(*cores);
      if (!count || *count < 1 || *count > 4096 || *count != std::floor(*count))
        refuse(fmt::format("[expect.{}]: cores = {}; accepted are 1 to 4096", name, *cores));
      expectation.cores = static_cast<unsigned>(*count);
    }
    return expectation;
  }

  const std::filesystem::path& file_;
  unsigned cores_;
  Claim claim_;
  /// Of [run] itself: what the runs do not say.
  Keys of_every_run_;
  std::vector<std::pair<std::string, Keys>> expected_;
};

}  // namespace

Claim read_claim(const std::filesystem::path& file, unsigned cores) {
  return Reader(file, cores).read();
}

double ramanujan_q(unsigned n) {
  double sum = 0;
  double term = 1;
  for (unsigned k = 1; k <= n; ++k) {
    sum += term;
    term *= static_cast<double>(n - k) / n;
  }
  return sum;
}

}  // namespace occ
