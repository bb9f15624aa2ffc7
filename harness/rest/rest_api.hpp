#pragma once

#include "harness/rest/node.hpp"
#include "harness/rest/rest_request.hpp"
#include "harness/rest/rest_response.hpp"

namespace occ {

/// One thread's way into a node: it holds that thread's handles. Answers requests as Elasticsearch would.
///
/// Documents: GET, HEAD, PUT, POST, DELETE of /{index}/_doc/{id}; POST /{index}/_doc; PUT, POST /{index}/_create/{id};
/// POST /{index}/_update/{id}; GET, HEAD /{index}/_source/{id}; the older paths /{index}/_doc/{id}/_update, /_create and
/// /_source; _bulk and _mget. Indices: PUT, GET, HEAD, DELETE of /{index}; GET, PUT /{index}/_settings (gc_deletes,
/// number_of_replicas); _refresh. Searches: _search with scrolls, _count, _update_by_query, _delete_by_query, _reindex.
/// The node: /, /_cluster/health. The kit's own: POST /_occkit/fail_over/{index}[?shard=N], POST
/// /_occkit/advance_clock?ms=N. Anything else that Elasticsearch has is answered with 501 or as an unknown path or
/// parameter. The table of routes is rest_routes.cpp.
class Session {
 public:
  explicit Session(Node& node) : node_(node), handles_(node) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Bad requests are answered, not thrown. Throws std::bad_alloc only.
  void handle(const Request& request, Response& response);
  [[nodiscard]] Response handle(const Request& request) {
    Response response;
    handle(request, response);
    return response;
  }
  /// Lets go of indices that were deleted: for a thread that may have no request for long.
  void renew() { handles_.renew(); }

 private:
  void answer(const Request& request, Response& response);

  Node& node_;
  Handles handles_;
};

}  // namespace occ
