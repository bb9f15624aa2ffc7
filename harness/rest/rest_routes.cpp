#include "harness/rest/rest_routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace occ {
namespace {

struct Answerer {
  std::string_view method;
  Answering answer = nullptr;
};

struct Route {
  /// {index} stands for any segment that does not begin with '_', {indices} for _all too, {id} for any; segments that
  /// are not there are empty.
  std::array<std::string_view, 4> pattern;
  std::array<Answerer, 5> answerers;
  /// Elasticsearch 8 has it no more.
  bool typed = false;
};

/// The first that fits is taken.
constexpr Route kRoutes[] = {
    {{"{index}", "_doc", "_bulk"}, {{{"PUT", bulk}, {"POST", bulk}}}, true},
    {{"{index}", "_doc", "_mget"}, {{{"GET", mget}, {"POST", mget}}}, true},
    {{"{indices}", "_doc", "_search"}, {{{"GET", search_documents}, {"POST", search_documents}}}, true},
    {{"{indices}", "_doc", "_count"}, {{{"GET", count_documents}, {"POST", count_documents}}}, true},
    {{"{index}", "_doc", "{id}"},
     {{{"GET", get_document},
       {"HEAD", get_document},
       {"PUT", index_document},
       {"POST", index_document},
       {"DELETE", delete_document}}}},
    {{"{index}", "_update", "{id}"}, {{{"POST", update_document}}}},
    {{"{index}", "_create", "{id}"}, {{{"PUT", create_document}, {"POST", create_document}}}},
    {{"{index}", "_doc"}, {{{"POST", index_under_made_id}}}},
    {{"{index}", "_source", "{id}"}, {{{"GET", get_source}, {"HEAD", get_source}}}},
    {{"{index}", "_bulk"}, {{{"PUT", bulk}, {"POST", bulk}}}},
    {{"_bulk"}, {{{"PUT", bulk}, {"POST", bulk}}}},
    {{"{index}", "_mget"}, {{{"GET", mget}, {"POST", mget}}}},
    {{"_mget"}, {{{"GET", mget}, {"POST", mget}}}},
    {{"{index}", "_doc", "{id}", "_update"}, {{{"POST", update_document}}}, true},
    {{"{index}", "_doc", "{id}", "_create"}, {{{"PUT", create_document}, {"POST", create_document}}}, true},
    {{"{index}", "_doc", "{id}", "_source"}, {{{"GET", get_source}, {"HEAD", get_source}}}, true},
    {{"{indices}"}, {{{"PUT", create_index}, {"DELETE", delete_index}, {"HEAD", index_exists}, {"GET", get_index}}}},
    {{"{indices}", "_settings"}, {{{"GET", get_settings}, {"PUT", put_settings}}}},
    {{"_settings"}, {{{"GET", get_settings}, {"PUT", put_settings}}}},
    {{"{indices}", "_settings", "{id}"}, {{{"GET", get_settings}}}},
    {{"_settings", "{id}"}, {{{"GET", get_settings}}}},
    {{"{indices}", "_stats"}, {{{"GET", all_stats}}}},
    {{"{indices}", "_stats", "{id}"}, {{{"GET", all_stats}}}},
    {{"_stats"}, {{{"GET", all_stats}}}},
    {{"_stats", "{id}"}, {{{"GET", all_stats}}}},
    {{"{indices}", "_mapping"}, {{{"GET", get_mapping}, {"PUT", put_mapping}, {"POST", put_mapping}}}},
    {{"{indices}", "_mappings"}, {{{"GET", get_mapping}, {"PUT", put_mapping}, {"POST", put_mapping}}}},
    {{"{indices}", "_mapping", "{id}"}, {{{"GET", get_mapping}, {"PUT", put_mapping}, {"POST", put_mapping}}}, true},
    {{"_mapping"}, {{{"GET", get_mapping}}}},
    {{"_mappings"}, {{{"GET", get_mapping}}}},
    {{"_alias"}, {{{"GET", get_aliases}, {"HEAD", alias_exists}, {"PUT", put_alias}, {"POST", put_alias}}}},
    {{"_alias", "{id}"}, {{{"GET", get_aliases}, {"HEAD", alias_exists}, {"PUT", put_alias}, {"POST", put_alias}}}},
    {{"{indices}", "_alias"}, {{{"GET", get_aliases}, {"HEAD", alias_exists}, {"PUT", put_alias}}}},
    {{"{indices}", "_alias", "{id}"},
     {{{"GET", get_aliases},
       {"HEAD", alias_exists},
       {"PUT", put_alias},
       {"POST", put_alias},
       {"DELETE", delete_alias}}}},
    {{"_aliases"}, {{{"GET", get_aliases}, {"POST", update_aliases}}}},
    {{"{indices}", "_aliases"}, {{{"GET", get_aliases}, {"PUT", put_alias}}}},
    {{"{indices}", "_aliases", "{id}"}, {{{"PUT", put_alias}, {"POST", put_alias}, {"DELETE", delete_alias}}}},
    {{"_aliases", "{id}"}, {{{"PUT", put_alias}, {"POST", put_alias}}}},
    {{"_scripts", "{id}"},
     {{{"GET", get_stored_script},
       {"PUT", put_stored_script},
       {"POST", put_stored_script},
       {"DELETE", delete_stored_script}}}},
    {{"_scripts", "{id}", "{id}"}, {{{"PUT", put_stored_script}, {"POST", put_stored_script}}}},
    {{"_cat", "aliases"}, {{{"GET", cat_aliases}}}},
    {{"_cat", "aliases", "{id}"}, {{{"GET", cat_aliases}}}},
    {{"_cat", "count"}, {{{"GET", cat_count}}}},
    {{"_cat", "count", "{indices}"}, {{{"GET", cat_count}}}},
    {{"_cat", "health"}, {{{"GET", cat_health}}}},
    {{"_cat", "indices"}, {{{"GET", cat_indices}}}},
    {{"_cat", "indices", "{indices}"}, {{{"GET", cat_indices}}}},
    {{"_cat", "shards"}, {{{"GET", cat_shards}}}},
    {{"_cat", "shards", "{indices}"}, {{{"GET", cat_shards}}}},
    {{"_nodes"}, {{{"GET", nodes_info}}}},
    {{"_nodes", "http"}, {{{"GET", nodes_info}}}},
    {{"_nodes", "_all"}, {{{"GET", nodes_info}}}},
    {{"_nodes", "_local"}, {{{"GET", nodes_info}}}},
    {{"_nodes", "_all", "http"}, {{{"GET", nodes_info}}}},
    {{"_nodes", "_local", "http"}, {{{"GET", nodes_info}}}},
    {{"{indices}", "_refresh"}, {{{"POST", refresh}, {"GET", refresh}}}},
    {{"_refresh"}, {{{"POST", refresh}, {"GET", refresh}}}},
    {{"_search"}, {{{"GET", search_documents}, {"POST", search_documents}}}},
    {{"_search", "scroll"}, {{{"GET", next_page}, {"POST", next_page}, {"DELETE", clear_scrolls}}}},
    {{"_search", "scroll", "{id}"}, {{{"GET", next_page}, {"POST", next_page}, {"DELETE", clear_scrolls}}}},
    {{"_count"}, {{{"GET", count_documents}, {"POST", count_documents}}}},
    {{"{indices}", "_search"}, {{{"GET", search_documents}, {"POST", search_documents}}}},
    {{"{indices}", "_count"}, {{{"GET", count_documents}, {"POST", count_documents}}}},
    {{"{indices}", "_update_by_query"}, {{{"POST", update_by_query}}}},
    {{"{indices}", "_delete_by_query"}, {{{"POST", delete_by_query}}}},
    {{"_reindex"}, {{{"POST", reindex}}}},
    {{}, {{{"GET", node_info}, {"HEAD", node_info}}}},
    {{"_cluster", "health"}, {{{"GET", cluster_health}}}},
    {{"_cluster", "health", "{index}"}, {{{"GET", cluster_health}}}},
    {{"_occkit", "fail_over", "{index}"}, {{{"POST", fail_over}}}},
    {{"_occkit", "advance_clock"}, {{{"POST", advance_clock}}}},
};

bool fits(std::string_view pattern, std::string_view segment) {
  if (pattern == "{id}") return true;
  if (pattern == "{index}") return !segment.starts_with('_');
  if (pattern == "{indices}") return !segment.starts_with('_') || segment == "_all";
  return pattern == segment;
}

bool fits(const Route& route, const std::vector<std::string>& path) {
  if (path.size() > route.pattern.size()) return false;
  for (std::size_t i = 0; i < route.pattern.size(); ++i) {
    const bool there = i < path.size();
    if (there != !route.pattern[i].empty() || (there && !fits(route.pattern[i], path[i]))) return false;
  }
  return true;
}

/// What of Elasticsearch people and clients are likely to try, at the first or the second place of a path.
bool elasticsearch_has(std::string_view what) {
  constexpr std::string_view kNames[] = {
      "_alias",       "_aliases",    "_all",          "_analyze",        "_async_search",
      "_cache",       "_cat",        "_clone",        "_close",          "_cluster",
      "_data_stream", "_eql",        "_explain",      "_features",       "_field_caps",
      "_flush",       "_forcemerge", "_ilm",          "_index_template", "_ingest",
      "_license",     "_mapping",    "_mappings",     "_msearch",        "_mtermvectors",
      "_nodes",       "_open",       "_pit",          "_rank_eval",      "_recovery",
      "_render",      "_rollover",   "_scripts",      "_security",       "_segments",
      "_shrink",      "_slm",        "_snapshot",     "_split",          "_sql",
      "_stats",       "_tasks",      "_template",     "_termvectors",    "_component_template",
      "_xpack",       "_validate",   "_search_shards"};
  return std::ranges::find(kNames, what) != std::end(kNames);
}

Failure nothing_there(const Request& request) {
  const auto& path = request.path;
  // What is below a search that is answered: templates.
  if (path.size() >= 2 && path[path.size() - 2] == "_search")
    return unsupported(fmt::format("[_search/{}] is", path.back()));
  if (!path.empty() && elasticsearch_has(path[0])) return unsupported(fmt::format("[{}] is", path[0]));
  if (path.size() >= 2 && !path[0].starts_with('_')) {
    if (elasticsearch_has(path[1])) return unsupported(fmt::format("[{}] is", path[1]));
    if (!path[1].empty() && !path[1].starts_with('_') && path.size() <= 3) {
      return unsupported(fmt::format("the type [{}]: types other than _doc are", path[1]));
    }
  }
  return {.status = 400,
          .reason = fmt::format("no handler found for uri [{}] and method [{}]", request.uri, request.method),
          .has_status = false};
}

Failure not_allowed(const Request& request, const Route& route) {
  std::string spaced;
  std::string allow;
  for (const Answerer& each : route.answerers) {
    if (!each.answer) break;
    spaced.append(spaced.empty() ? "" : ", ").append(each.method);
    allow.append(allow.empty() ? "" : ",").append(each.method);
  }
  return {.status = 405,
          .reason = fmt::format("Incorrect HTTP method for uri [{}] and method [{}], allowed: [{}]", request.uri,
                                request.method, spaced),
          .allow = allow};
}

}  // namespace

Answering find_route(const Request& request, Compatibility compatibility) {
  for (const Route& route : kRoutes) {
    if ((route.typed && compatibility == Compatibility::v8) || !fits(route, request.path)) continue;
    for (const Answerer& each : route.answerers) {
      if (each.method == request.method && each.answer) return each.answer;
    }
    throw not_allowed(request, route);
  }
  throw nothing_there(request);
}

}  // namespace occ
