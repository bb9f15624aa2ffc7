#include "harness/report/html_looks.hpp"

#include <algorithm>
#include <boost/crc.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "page_files.hpp"

namespace occ {
namespace {

using Json = nlohmann::ordered_json;
using Dashes = std::vector<std::vector<double>>;

const Json& looks_file() {
  static const Json file = Json::parse(page_files::kLooks);
  return file;
}

std::uint32_t checksum(const std::string& name) {
  boost::crc_32_type crc;
  crc.process_bytes(name.data(), name.size());
  return crc.checksum();
}

/// Of each strategy. Only where two that the file does not name meet does one look depend on the other.
std::map<std::string, Look> looks_of(const std::set<std::string>& strategies) {
  const Json& named = looks_file()["strategies"];
  const Json& others = looks_file()["others"];
  const std::size_t colors = others["colors_and_markers"].size();
  const std::size_t count = colors * others["dashes"].size();
  std::map<std::string, Look> looks;
  std::set<std::size_t> taken;
  for (const std::string& name : strategies) {
    if (const auto at = named.find(name); at != named.end()) {
      looks[name] = {(*at)[0], (*at)[1], (*at)[2]};
      continue;
    }
    const std::size_t first = checksum(name) % count;
    std::size_t place = first;
    for (std::size_t k = 0; k < count && taken.contains(place); ++k) place = (first + k) % count;
    taken.insert(place);
    const Json& color = others["colors_and_markers"][place % colors];
    looks[name] = {color[0], color[1], others["dashes"][place / colors]};
  }
  return looks;
}

/// "#rrggbb", nearer to white.
std::string paler(const std::string& color) {
  std::string out = "#";
  for (std::size_t at = 1; at + 1 < color.size(); at += 2) {
    unsigned part = 0;
    std::from_chars(color.data() + at, color.data() + at + 2, part, 16);
    out += fmt::format("{:02x}", static_cast<unsigned>(std::lround(255 - 0.55 * (255 - part))));
  }
  return out;
}

}  // namespace

Competitors competitors_of(const Comparison& comparison) {
  std::map<std::string, const Entry*> found;
  std::set<std::string> strategies;
  for (const ComparedCell& cell : comparison.cells) {
    for (const Entry& entry : cell.entries) {
      if (entry.standing == Standing::voided || entry.standing == Standing::control || entry.replicates == 0) continue;
      found[entry.label] = &entry;
      strategies.insert(entry.strategy);
    }
  }
  const Json& named = looks_file()["strategies"];
  const auto order = [&](const std::string& label) {
    const Entry& entry = *found.at(label);
    const auto place = std::distance(named.begin(), named.find(entry.strategy));
    return std::tuple(place, entry.strategy, entry.source, label);
  };
  Competitors competitors;
  for (const auto& [label, entry] : found) competitors.labels.push_back(label);
  std::ranges::sort(competitors.labels, {}, order);

  const std::map<std::string, Look> looks = looks_of(strategies);
  const Dashes of_forms = looks_file()["dashes_of_other_forms"];
  const Dashes of_sources = looks_file()["dashes_of_other_sources"];
  std::map<std::pair<std::string, std::size_t>, std::size_t> forms;
  for (const std::string& label : competitors.labels) {
    const Entry& entry = *found.at(label);
    Look look = looks.at(entry.strategy);
    if (const std::size_t before = forms[{entry.strategy, entry.source}]++; before > 0)
      look.dash = of_forms[(before - 1) % of_forms.size()];
    if (entry.source > 0) {
      look.color = paler(look.color);
      look.dash = of_sources[(entry.source - 1) % of_sources.size()];
    }
    competitors.looks[label] = look;
  }
  return competitors;
}

}  // namespace occ
