/// `_search` and `_count`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "harness/rest/search_run.hpp"

namespace occ {

/// rest_scroll.cpp: answers the first page.
void open_scroll(Call& call, const std::vector<std::shared_ptr<Index>>& indices, const SearchRequest& request);

namespace {

/// What a request says that cannot be.
void validate(const SearchRequest& request) {
  ValidationErrors errors;
  if (request.scroll_ms) {
    if (request.track_total_hits == SearchRequest::kUntracked) {
      errors.add("disabling [track_total_hits] is not allowed in a scroll context");
    }
    if (request.first() > 0) errors.add("using [from] is not allowed in a scroll context");
    if (request.size == 0) errors.add("[size] cannot be [0] in a scroll context");
  }
  throw_if_any(errors);
}

void settle_total(Call& call, SearchRequest& request, bool tracks_given) {
  if (call.compatibility == Compatibility::v6) request.total_as_number = true;
  if (!request.total_as_number && !request.scroll_ms) return;
  // A number has no relation beside it, and scrolls count all.
  if (request.total_as_number && tracks_given && request.track_total_hits != SearchRequest::kExactly &&
      request.track_total_hits != SearchRequest::kUntracked) {
    throw illegal_argument(
        fmt::format("[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {}",
                    request.track_total_hits));
  }
  if (request.track_total_hits != SearchRequest::kUntracked) request.track_total_hits = SearchRequest::kExactly;
}

/// `"caused_by":{...}` of a failure, or nothing.
std::string cause_of(const Failure& why) {
  if (why.cause_type.empty()) return {};
  std::string told;
  append_error(told, why);
  return R"("caused_by":)" + to_text(parse_checked(told)["caused_by"]);
}

/// What `_count` says of a body: it takes nothing but a query.
Query count_query(const BodyText& body) {
  Query query;
  for (const auto& [key, value] : body.json().items()) {
    if (key != "query") throw body.parsing(value, fmt::format("request does not support [{}]", key), BodyText::At::key);
    try {
      query = parse_query(value, body);
    } catch (const Failure& why) {
      if (why.status != 400 || why.type == "parsing_exception") throw;
      Failure outer = body.parsing(value, "Failed to parse");
      // It stands where the inner one does.
      unsigned line = 0;
      unsigned column = 0;
      const auto at = why.reason.find("[1:") == why.reason.npos ? why.reason.find('[') : why.reason.find("[1:");
      if (at != why.reason.npos && std::sscanf(why.reason.c_str() + at, "[%u:%u]", &line, &column) == 2) {
        outer.details = fmt::format(R"("line":{},"col":{})", line, column);
      }
      outer.cause_type = why.type;
      outer.cause_reason = why.reason;
      outer.cause_details = cause_of(why);
      throw outer;
    }
  }
  return query;
}

}  // namespace

void search_documents(Call& call) {
  const BodyText body(call.request.body);
  SearchRequest request;
  read_search_body(body.json(), body, request, [](const std::string&, const Json&) { return false; });
  const bool tracks_given = body.json().contains("track_total_hits") || call.parameters.has("track_total_hits");
  read_search_parameters(call.parameters, request);
  const IndexOptions options = call.parameters.index_options();
  call.parameters.refuse_unknown();
  settle_total(call, request, tracks_given);
  validate(request);
  const auto indices = resolved(call, call.indices(), options);
  if (request.scroll_ms) return open_scroll(call, indices, request);

  const std::int64_t began_ms = call.node.options().clock->now_ms();
  const SearchResult result = search(call, indices, request, request.first() + request.most());
  std::string& out = call.response.body;
  out += fmt::format(R"({{"took":{},"timed_out":false,)", call.node.options().clock->now_ms() - began_ms);
  if (result.terminated_early)
    out += *result.terminated_early ? R"("terminated_early":true,)" : R"("terminated_early":false,)";
  append_shards(out, result);
  out += ',';
  const std::size_t begin = std::min(request.first(), result.hits.size());
  append_hits(out, call, result, request, begin, std::min(begin + request.most(), result.hits.size()));
  out += '}';
}

void count_documents(Call& call) {
  const BodyText body(call.request.body);
  SearchRequest request{.query = count_query(body), .size = 0};
  call.parameters.refuse({"q", "routing"});
  call.parameters.ignore(
      {"preference", "df", "analyzer", "analyze_wildcard", "default_operator", "lenient", "ignore_throttled"});
  if (const auto score = call.parameters.get("min_score")) {
    try {
      request.min_score = std::stof(std::string(*score));
    } catch (const std::exception&) {
      throw illegal_argument(fmt::format("Failed to parse float parameter [min_score] with value [{}]", *score));
    }
  }
  if (const auto after = int_parameter(call.parameters, "terminate_after")) {
    if (*after < 0) throw illegal_argument("terminateAfter must be > 0");
    request.terminate_after = *after;
  }
  const IndexOptions options = call.parameters.index_options();
  call.parameters.refuse_unknown();
  request.sort.push_back({.kind = SortKey::Kind::doc});  // no scores are wanted
  const SearchResult result = search(call, resolved(call, call.indices(), options), request, 0);
  std::string& out = call.response.body;
  out += '{';
  if (result.terminated_early)
    out += *result.terminated_early ? R"("terminated_early":true,)" : R"("terminated_early":false,)";
  out += fmt::format(R"("count":{},)", result.total);
  append_shards(out, result);
  out += '}';
}

}  // namespace occ
