#include "harness/rest/rest_parameters.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "harness/rest/rest_failure.hpp"

namespace occ {
namespace {

/// 1 less the edit distance by the longer length (Lucene's LevenshteinDistance).
float likeness(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return 1.0F - static_cast<float>(row[b.size()]) / static_cast<float>(std::max(a.size(), b.size()));
}

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  // As Java splits: what is empty counts but at the end.
  while (text.ends_with(',')) text.remove_suffix(1);
  while (!text.empty()) {
    const auto end = text.find(',');
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return parts;
}

/// Longer names are nobody's slip.
constexpr std::size_t kLongestName = 100;

/// Those that are more than `least` alike, the most alike first.
std::string meant(std::string_view given, std::vector<std::string_view> known, float least, std::string_view question) {
  if (given.size() > kLongestName) return {};
  std::ranges::sort(known);
  known.erase(std::unique(known.begin(), known.end()), known.end());
  std::vector<std::pair<float, std::string_view>> like;
  for (const auto name : known) {
    if (const float how = likeness(given, name); how > least) like.emplace_back(how, name);
  }
  if (like.empty()) return {};
  std::ranges::stable_sort(like, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string_view> names;
  names.reserve(like.size());
  for (const auto& [how, name] : like) names.push_back(name);
  return fmt::format("{}{}[{}]?", question, names.size() == 1 ? "" : "any of ", fmt::join(names, ", "));
}

}  // namespace

std::string did_you_mean(std::string_view given, std::vector<std::string_view> known) {
  return meant(given, std::move(known), 0.5F, " -> did you mean ");
}

std::string likely_fields(std::string_view given, std::vector<std::string_view> known) {
  return meant(given, std::move(known), 0.5F, " did you mean ");
}

std::string likely_settings(std::string_view given, std::vector<std::string_view> known) {
  return meant(given, std::move(known), 0.7F, " did you mean ");
}

Parameters::Parameters(const Request& request) : request_(request), asked_(request.query.size()) {
  if (asked_.empty()) return;
  // An answer to parameters that are wrong is printed as they ask all the same, so nothing throws here.
  const auto pretty = get("pretty");
  pretty_ = pretty && (pretty->empty() || *pretty == "true");
  filter_path_ = get("filter_path").value_or("");
  ignore({"human", "error_trace"});
  // Answers are JSON. What is no format of Elasticsearch's does nothing there either; another is unknown here.
  if (std::ranges::none_of(request.query, [](const auto& each) {
        return each.first == "format" && (each.second == "yaml" || each.second == "cbor" || each.second == "smile");
      })) {
    (void)get("format");
  }
}

void Parameters::check_printing() {
  if (asked_.empty()) return;
  try {
    (void)flag("pretty");
    (void)flag("human");
  } catch (const IllegalArgument&) {
    pretty_ = false;
    throw;
  }
  try {
    (void)flag("error_trace");
  } catch (const IllegalArgument& why) {
    throw Failure{.status = 400, .reason = why.what()};
  }
}

std::optional<std::string_view> Parameters::get(std::string_view name) {
  if (asked_.empty()) return std::nullopt;
  known_.push_back(name);
  std::optional<std::string_view> value;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    if (request_.query[i].first != name) continue;
    asked_[i] = true;
    value = request_.query[i].second;
  }
  return value;
}

bool Parameters::has(std::string_view name) const {
  return std::ranges::any_of(request_.query, [name](const auto& each) { return each.first == name; });
}

bool Parameters::flag(std::string_view name) {
  return flag(name, false);
}

bool Parameters::flag(std::string_view name, bool otherwise) {
  const auto value = get(name);
  return value ? parse_boolean(*value) : otherwise;
}

void Parameters::ignore(std::initializer_list<std::string_view> names) {
  if (asked_.empty()) return;
  for (const auto name : names) (void)get(name);
}

void Parameters::refuse(std::initializer_list<std::string_view> names) {
  if (asked_.empty()) return;
  for (const auto name : names) {
    if (get(name)) throw unsupported(fmt::format("the parameter [{}] is", name));
  }
}

void Parameters::refuse_unknown() const {
  if (std::ranges::find(asked_, false) == asked_.end()) return;
  std::vector<std::string_view> unknown;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    if (!asked_[i]) unknown.push_back(request_.query[i].first);
  }
  std::ranges::sort(unknown);
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  std::vector<std::string> named;
  named.reserve(unknown.size());
  for (const auto name : unknown) named.push_back(fmt::format("[{}]{}", name, did_you_mean(name, known_)));
  throw illegal_argument(fmt::format("request [{}] contains unrecognized parameter{}: {}", path_text(request_),
                                     unknown.size() > 1 ? "s" : "", fmt::join(named, ", ")));
}

void Parameters::refuse_unknown_and_body(Compatibility compatibility) const {
  refuse_unknown();
  if (request_.body.empty() || compatibility == Compatibility::v6) return;
  throw illegal_argument(
      fmt::format("request [{} {}] does not support having a body", request_.method, path_text(request_)));
}

Version Parameters::version() {
  if (has("version")) return parse_long("version", *get("version"));
  const std::string* header = find_header(request_, "if-match");
  if (!header) return kMatchAny;
  try {
    return parse_long("If-Match", *header);
  } catch (const IllegalArgument&) {
    throw failure(400, "number_format_exception", fmt::format("For input string: \"{}\"", *header));
  }
}

VersionType Parameters::version_type() {
  const auto value = get("version_type");
  return value ? parse_version_type(*value) : VersionType::internal;
}

void Parameters::condition(WriteParameters& into) {
  if (const auto value = get("if_seq_no")) set_if_seq_no(into, parse_long("if_seq_no", *value));
  if (const auto value = get("if_primary_term")) set_if_primary_term(into, parse_long("if_primary_term", *value));
}

std::optional<SourceChoice> Parameters::source_choice() {
  const auto given = get("_source");
  auto includes = get("_source_includes");
  const auto excludes = get("_source_excludes");
  if (!given && !includes && !excludes) return std::nullopt;
  SourceChoice choice;
  if (given && *given == "false") {
    choice.fetch = false;
  } else if (given && *given != "true" && !includes) {
    includes = given;
  }
  choice.includes = parts_of(includes.value_or(""));
  choice.excludes = parts_of(excludes.value_or(""));
  check_patterns(choice);
  return choice;
}

SourceChoice Parameters::source_choice_beside_stored_fields() {
  const auto fields = get("stored_fields");
  const auto given = source_choice();
  if (given) return *given;
  SourceChoice choice;
  choice.fetch = !fields || std::ranges::count(parts_of(*fields), "_source") > 0;
  return choice;
}

bool Parameters::forced_refresh() {
  const auto value = get("refresh");
  if (!value || *value == "false") return false;
  refreshes_ = true;
  if (*value == "wait_for") return false;
  if (*value == "true" || value->empty()) return true;
  throw illegal_argument(fmt::format("Unknown value for refresh: [{}].", *value));
}

void Parameters::time(std::string_view name) {
  if (const auto value = get(name)) (void)parse_time_ms(name, *value);
}

std::optional<std::int64_t> Parameters::active_shards() {
  const auto value = get("wait_for_active_shards");
  if (!value) return std::nullopt;
  if (*value == "all") return kAllCopies;
  const auto number = [&]() -> std::int64_t {
    try {
      return parse_int("wait_for_active_shards", *value);
    } catch (const IllegalArgument& why) {
      throw illegal_argument(fmt::format("cannot parse ActiveShardCount[{}]", *value), why);
    }
  }();
  if (number < 0) throw illegal_argument("shard count cannot be a negative value");
  return number;
}

bool Parameters::empty_pipeline() {
  const auto value = get("pipeline");
  if (!value || *value == "_none") return false;
  if (value->empty()) return true;
  throw unsupported("the parameter [pipeline] is");
}

IndexOptions Parameters::index_options(bool allow_no_indices) {
  IndexOptions options{.ignore_unavailable = flag("ignore_unavailable", false),
                       .allow_no_indices = flag("allow_no_indices", allow_no_indices)};
  const auto states = get("expand_wildcards");
  if (!states || states->empty()) return options;
  options.expand_open = false;
  for (const std::string& state : parts_of(*states)) {
    if (state == "open" || state == "all" || state == "closed") {
      options.expand_open |= state != "closed";
      options.expand_closed |= state != "open";
    } else if (state == "none") {
      options.expand_open = options.expand_closed = false;
    } else if (state != "hidden") {
      throw illegal_argument(fmt::format("No valid expand wildcard value [{}]", state));
    }
  }
  return options;
}

void Parameters::for_reads() {
  refreshes_ = flag("refresh");
  refuse({"parent"});
  ignore({"preference", "routing"});
  realtime_ = flag("realtime", true);
}

}  // namespace occ
