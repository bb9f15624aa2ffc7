#include "harness/rest/rest_parameters.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/rest/rest_failure.hpp"

namespace occ {

Parameters::Parameters(const Request& request) : request_(request), asked_(request.query.size()) {
  if (asked_.empty()) return;
  // An answer to parameters that are wrong is printed as they ask all the same, so nothing throws here.
  const auto pretty = get("pretty");
  pretty_ = pretty && *pretty != "false";
  filter_path_ = get("filter_path").value_or("");
  ignore({"human", "error_trace"});
}

std::optional<std::string_view> Parameters::get(std::string_view name) {
  std::optional<std::string_view> value;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    if (request_.query[i].first != name) continue;
    asked_[i] = true;
    value = request_.query[i].second;
  }
  return value;
}

bool Parameters::flag(std::string_view name) {
  const auto value = get(name);
  return value && parse_boolean(name, *value);
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
  throw illegal_argument(fmt::format("request [{}] contains unrecognized parameter{}: [{}]",
                                     request_.uri.substr(0, request_.uri.find('?')), unknown.size() > 1 ? "s" : "",
                                     fmt::join(unknown, "], [")));
}

Version Parameters::version() {
  if (const auto value = get("version")) return parse_long("version", *value);
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

std::optional<bool> Parameters::fetch_source() {
  refuse({"_source_includes", "_source_excludes", "_source_include", "_source_exclude"});
  const auto value = get("_source");
  if (!value) return std::nullopt;
  if (*value == "true" || value->empty()) return true;
  if (*value == "false") return false;
  throw unsupported("source filtering is");
}

bool Parameters::forced_refresh() {
  const auto value = get("refresh");
  if (!value || *value == "false" || *value == "wait_for") return false;
  if (*value == "true" || value->empty()) return true;
  throw illegal_argument(fmt::format("Unknown value for refresh: [{}].", *value));
}

void Parameters::for_reads() {
  refuse({"routing", "parent", "stored_fields"});
  ignore({"realtime", "refresh", "preference"});
}

void Parameters::for_writes() {
  refuse({"routing", "parent", "pipeline", "require_alias"});
  ignore({"timeout", "wait_for_active_shards"});
}

}  // namespace occ
