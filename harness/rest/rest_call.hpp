#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/rest/node.hpp"
#include "harness/rest/rest_failure.hpp"
#include "harness/rest/rest_parameters.hpp"
#include "harness/rest/rest_response.hpp"
#include "harness/rest/rest_validation.hpp"

namespace occ {

/// One request on its way through a session.
struct Call {
  Node& node;
  Handles& handles;
  const Request& request;
  Response& response;
  Compatibility compatibility;
  Parameters parameters;
  /// The answer is an error or a document's source, which are told whole whatever filter_path asks for.
  bool is_whole = false;
  /// The answer is plain text.
  bool is_text = false;

  /// The index that the path names first.
  [[nodiscard]] const std::string& index() const { return request.path[0]; }
  /// The list of indices that the path begins with; empty for all: "/a,b/_refresh", "/_refresh".
  [[nodiscard]] std::string_view indices() const {
    const std::string& first = request.path[0];
    return request.path.size() > 1 || !first.starts_with('_') ? std::string_view(first) : std::string_view();
  }
  /// The id in /{index}/_doc/{id} and its like.
  [[nodiscard]] const std::string& id() const { return request.path[2]; }
  [[nodiscard]] bool is(std::string_view method) const { return request.method == method; }

  /// Throws Failure: 404, index_not_found_exception.
  [[nodiscard]] Handles::Held& existing(std::string_view name) const;
  /// As existing, for requests on one document, which name what they did not find an expression.
  [[nodiscard]] Handles::Held& readable(std::string_view name) const;
  /// What a read with `realtime=false` sees; null for others. Refreshes if the request asks for it.
  [[nodiscard]] std::shared_ptr<const SearchView> view_for_read(Handles::Held& held) const;
  /// Makes the index if there is none, as a first write does. Throws Failure if the name is none.
  [[nodiscard]] Handles::Held& existing_or_new(std::string_view name) const;
  /// As readable, for a write through an alias: the index that it writes to.
  [[nodiscard]] Handles::Held& writable(std::string_view name) const;
  /// The routing of a request on one document of `name`, which may be an alias with one of its own. Throws Failure.
  [[nodiscard]] std::string routing_of(std::string_view name, std::string_view routing) const;
  /// Throws Failure: 400, parse_exception.
  void require_body() const;
  /// The body, which must be a JSON object. Throws Failure.
  [[nodiscard]] Json json_body() const;
};

/// Answers one route of rest_routes.cpp: fills call.response. Throws Failure, IllegalArgument and BulkError, which
/// Session answers.
using Answering = void (*)(Call& call);

// rest_documents.cpp
void get_document(Call& call);
void get_source(Call& call);
void index_document(Call& call);
void index_under_made_id(Call& call);
void create_document(Call& call);
void delete_document(Call& call);
// rest_update.cpp
void update_document(Call& call);
// rest_bulk.cpp
void bulk(Call& call);
// rest_mget.cpp
void mget(Call& call);
// rest_indices.cpp
void create_index(Call& call);
void delete_index(Call& call);
void index_exists(Call& call);
void get_index(Call& call);
void get_settings(Call& call);
void put_settings(Call& call);
void refresh(Call& call);
// rest_mapping.cpp
void get_mapping(Call& call);
void put_mapping(Call& call);
// rest_aliases.cpp
void get_aliases(Call& call);
void alias_exists(Call& call);
void put_alias(Call& call);
void delete_alias(Call& call);
void update_aliases(Call& call);
// rest_stored_scripts.cpp
void get_stored_script(Call& call);
void put_stored_script(Call& call);
void delete_stored_script(Call& call);
// rest_cat.cpp
void cat_aliases(Call& call);
void cat_count(Call& call);
void cat_health(Call& call);
void cat_indices(Call& call);
void cat_shards(Call& call);
// rest_nodes.cpp
void nodes_info(Call& call);
void all_stats(Call& call);
// rest_search.cpp
void search_documents(Call& call);
void count_documents(Call& call);
// rest_scroll.cpp
void next_page(Call& call);
void clear_scrolls(Call& call);
// rest_by_query.cpp
void update_by_query(Call& call);
void delete_by_query(Call& call);
// rest_reindex.cpp
void reindex(Call& call);
// rest_cluster.cpp
void node_info(Call& call);
void cluster_health(Call& call);
void fail_over(Call& call);
void advance_clock(Call& call);

// What they share.

/// rest_index_names.cpp: the indices that a list with wildcards stands for, in its order. Throws Failure: 404.
[[nodiscard]] std::vector<std::shared_ptr<Index>> resolved(const Call& call, std::string_view list,
                                                           const IndexOptions& options);

/// rest_aliases.cpp: true if `name` is of a list with wildcards, from which a '-' takes away; an empty list has all.
[[nodiscard]] bool is_listed(std::string_view list, std::string_view name);
/// rest_indices.cpp: numbers of its shards, as `_stats` has them by shard.
[[nodiscard]] Json shard_stats(const Index& index);
/// rest_cluster.cpp: the version that is imitated.
[[nodiscard]] std::string_view version_number(Compatibility compatibility);

/// MetaDataCreateIndexService.validateIndexOrAliasName. Throws Failure.
void check_index_name(std::string_view name);
[[nodiscard]] Failure no_such_index(std::string_view name, Compatibility compatibility);
[[nodiscard]] Failure too_many_indices();
void throw_if_any(const ValidationErrors& errors);
/// Names the index and the shard of a failed operation on a document; `key` is what its handle is asked by.
[[nodiscard]] Failure at_shard(Failure failed, const Index& index, std::string_view key);
/// What a document's handle is asked by, in `storage` where it is not the id itself. Throws Failure: 400 if the index
/// asks for a routing and there is none.
[[nodiscard]] std::string_view key_of(const Index& index, std::string_view id, std::string_view routing,
                                      std::string& storage);
/// `{"_index":...,"_type":...,"_id":...` without its closing brace.
void append_named(std::string& out, Compatibility compatibility, std::string_view index, std::string_view id);
/// A stored source as answers carry it: as it was sent, since every way in checks that it is a JSON object. A strategy
/// that keeps nothing hands out an empty one.
[[nodiscard]] inline std::string_view shown(std::string_view source) noexcept {
  return source.empty() ? "{}" : source;
}
/// Copies a document into held.document, from the view if there is one; `key` as in at_shard. False if there is none.
bool read_document(Handles::Held& held, std::string_view key, const SearchView* view);
/// Reads a document and appends its answer, closed; `key` as in at_shard. Returns the status, 200 or 404; a version
/// conflict is thrown, `out` then unchanged.
int append_document(std::string& out, Compatibility compatibility, Handles::Held& held, std::string_view key,
                    Version version, const SourceChoice& source, const SearchView* view);
/// Appends the part of a stored source that is chosen.
void append_source(std::string& out, std::string_view stored, const SourceChoice& choice,
                   Compatibility compatibility = Compatibility::v7);

}  // namespace occ
