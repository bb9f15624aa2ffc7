#include "harness/rest/search_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace occ {
namespace {

constexpr std::string_view kElsewhere[] = {
    "aggregations",  "aggs",        "collapse",      "docvalue_fields", "explain",
    "ext",           "fields",      "highlight",     "indices_boost",   "knn",
    "pit",           "post_filter", "profile",       "rescore",         "runtime_mappings",
    "script_fields", "slice",       "stored_fields", "suggest"};

Failure not_a_number(const std::string& text) {
  return failure(400, "number_format_exception", fmt::format("For input string: \"{}\"", text));
}

void check_track(std::int64_t up_to) {
  if (up_to < -1) {
    throw illegal_argument(fmt::format("[track_total_hits] parameter must be positive or equals to -1, got {}", up_to));
  }
}

/// True of what changes nothing: an empty aggregation, `explain: false`.
bool is_void(const Json& value) {
  return value == false || (value.is_structured() && value.empty());
}

std::vector<Json> search_after(const Json& value, const BodyText& body) {
  if (value.empty()) throw illegal_argument("Values must contains at least one value.");
  std::vector<Json> values;
  for (const Json& each : value) {
    if (each.is_structured()) {
      throw body.parsing(each,
                         fmt::format("Expected [VALUE_STRING] or [VALUE_NUMBER] or [VALUE_BOOLEAN] or [VALUE_NULL] "
                                     "but found [{}] inside search_after.",
                                     token_name(each)));
    }
    values.push_back(each);
  }
  return values;
}

SourceChoice source_choice(const Json& value, const BodyText& body) {
  if (value.is_number() || value.is_null()) {
    throw body.parsing(value,
                       fmt::format("Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT] but "
                                   "found [{}]",
                                   token_name(value)));
  }
  return parse_source_choice(value);
}

/// -1 is what is not given.
std::optional<std::int32_t> size_of(std::int32_t size) {
  if (size < -1) throw illegal_argument(fmt::format("[size] parameter cannot be negative, found [{}]", size));
  return size == -1 ? std::nullopt : std::optional(size);
}
std::optional<std::int32_t> from_of(std::int32_t from) {
  if (from < -1) throw illegal_argument("[from] parameter cannot be negative");
  return from == -1 ? std::nullopt : std::optional(from);
}

bool boolean(const Json& value) {
  return parse_boolean(scalar_text(value));
}

/// A scalar that the body has at its top. False for a key that is none.
bool take_scalar(const std::string& key, const Json& value, SearchRequest& into) {
  if (key == "from") {
    into.from = from_of(int_member(value));
  } else if (key == "size") {
    into.size = size_of(int_member(value));
  } else if (key == "version") {
    into.version = boolean(value);
  } else if (key == "seq_no_primary_term") {
    into.seq_no_primary_term = boolean(value);
  } else if (key == "track_scores") {
    into.track_scores = boolean(value);
  } else if (key == "terminate_after") {
    into.terminate_after = int_member(value);
    if (into.terminate_after < 0) throw illegal_argument("terminateAfter must be > 0");
  } else if (key == "min_score") {
    if (!value.is_number()) throw not_a_number(scalar_text(value));
    into.min_score = value.get<float>();
  } else if (key == "timeout") {
    (void)parse_time_ms("timeout", scalar_text(value));
  } else if (key == "track_total_hits") {
    if (value.is_boolean()) {
      into.track_total_hits = value.get<bool>() ? SearchRequest::kExactly : SearchRequest::kUntracked;
    } else {
      into.track_total_hits = int_member(value);
      check_track(into.track_total_hits);
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool SearchRequest::shows_scores() const {
  return track_scores || by_score() ||
         std::ranges::any_of(sort, [](const SortKey& key) { return key.kind == SortKey::Kind::score; });
}

void check_keep_alive(std::string_view given, std::int64_t ms) {
  constexpr std::int64_t kMostMs = std::int64_t{24} * 3'600'000;
  if (ms <= kMostMs) return;
  throw illegal_argument(
      fmt::format("Keep alive for request ({}) is too large. It must be less than (1d). This limit can "
                  "be set by changing the [search.max_keep_alive] cluster level setting.",
                  given));
}

std::int32_t int_member(const Json& value) {
  try {
    if (value.is_number() || value.is_string()) return parse_json_int("", value);
  } catch (const IllegalArgument&) {
    throw not_a_number(scalar_text(value));
  }
  throw not_a_number(scalar_text(value));
}

void read_search_body(const Json& object, const BodyText& body, SearchRequest& into,
                      FunctionRef<bool(const std::string& key, const Json& value)> take) {
  for (const auto& [key, value] : object.items()) {
    if (take(key, value)) continue;
    const bool is_scalar = !value.is_structured() && !value.is_null();
    if (key == "query" && value.is_object()) {
      into.query = parse_query(value, body);
    } else if (key == "sort" && !value.is_null()) {
      into.sort = parse_sort(value, body);
    } else if (key == "_source") {
      into.source = source_choice(value, body);
    } else if (key == "search_after" && value.is_array()) {
      into.search_after = search_after(value, body);
    } else if (key == "stats" && value.is_array()) {
      continue;  // names of groups, for statistics
    } else if (is_scalar && take_scalar(key, value, into)) {
      continue;
    } else if (std::ranges::find(kElsewhere, key) != std::end(kElsewhere)) {
      if (!is_void(value)) throw unsupported(fmt::format("[{}] of a search is", key));
    } else {
      throw body.parsing(value, fmt::format("Unknown key for a {} in [{}].", token_name(value), key));
    }
  }
}

std::optional<std::int32_t> int_parameter(Parameters& parameters, std::string_view name) {
  const auto value = parameters.get(name);
  if (!value) return std::nullopt;
  try {
    return parse_int(name, *value);
  } catch (const IllegalArgument&) {
    Failure bad = illegal_argument(fmt::format("Failed to parse int parameter [{}] with value [{}]", name, *value));
    bad.cause_type = "number_format_exception";
    bad.cause_reason = fmt::format("For input string: \"{}\"", *value);
    throw bad;
  }
}

void read_search_parameters(Parameters& parameters, SearchRequest& into) {
  parameters.refuse({"q", "routing", "stored_fields", "docvalue_fields", "suggest_field", "suggest_text", "source"});
  parameters.ignore({"preference", "request_cache", "batched_reduce_size", "max_concurrent_shard_requests", "stats",
                     "pre_filter_shard_size", "allow_partial_search_results", "ccs_minimize_roundtrips", "typed_keys",
                     "ignore_throttled", "df", "analyzer", "analyze_wildcard", "default_operator", "lenient"});
  if (parameters.flag("explain")) throw unsupported("the parameter [explain] is");
  if (const auto from = int_parameter(parameters, "from")) into.from = from_of(*from);
  if (const auto size = int_parameter(parameters, "size")) into.size = size_of(*size);
  into.version = parameters.flag("version", into.version);
  into.seq_no_primary_term = parameters.flag("seq_no_primary_term", into.seq_no_primary_term);
  into.track_scores = parameters.flag("track_scores", into.track_scores);
  if (const auto choice = parameters.source_choice()) into.source = choice;
  if (const auto sort = parameters.get("sort")) into.sort = parse_sort(*sort);
  if (const auto after = int_parameter(parameters, "terminate_after")) {
    if (*after < 0) throw illegal_argument("terminateAfter must be > 0");
    into.terminate_after = *after;
  }
  if (const auto tracked = parameters.get("track_total_hits"); tracked && (*tracked == "true" || *tracked == "false")) {
    into.track_total_hits = *tracked == "true" ? SearchRequest::kExactly : SearchRequest::kUntracked;
  } else if (tracked) {
    into.track_total_hits = *int_parameter(parameters, "track_total_hits");
    check_track(into.track_total_hits);
  }
  if (const auto type = parameters.get("search_type");
      type && *type != "query_then_fetch" && *type != "dfs_query_then_fetch") {
    throw illegal_argument(fmt::format("No search type for [{}]", *type));
  }
  parameters.time("timeout");
  if (const auto scroll = parameters.get("scroll")) {
    into.scroll_ms = parse_time_ms("scroll", *scroll);
    into.scroll = *scroll;
  }
  into.total_as_number = parameters.flag("rest_total_hits_as_int");
}

}  // namespace occ
