#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/rest/rest_response.hpp"
#include "harness/support/write_parameters.hpp"

namespace occ {

/// A request or an item of one that is answered with an error, in Elasticsearch's shape. Thrown where it ends a request.
struct Failure {
  int status = 500;
  std::string_view type;  ///< a literal; empty: the answer's `error` is the reason alone, as for unknown paths
  std::string reason;
  /// What Elasticsearch adds where it knows them; left out where empty.
  std::string resource;                ///< `resource.id` of a missing index
  std::vector<std::string> resources;  ///< the same, where a list stands for nothing
  std::string index_uuid;
  std::string shard;
  std::string index;
  std::string details;          ///< what it has besides, its root cause too: members of JSON
  std::string root;             ///< the root causes, where they are told otherwise: elements of JSON
  std::string_view cause_type;  ///< of `caused_by`
  std::string cause_reason;
  std::string cause_details;                          ///< what the cause has besides: members of JSON
  std::string_view resource_type = "index_or_alias";  ///< of `resource`
  bool root_is_cause = false;  ///< the root cause is told as the cause, where it is not the failure itself
  bool has_status = true;      ///< the answer says `status` too
  std::string allow;           ///< the header Allow of a 405
};

[[nodiscard]] Failure failure(int status, std::string_view type, std::string reason);
/// 400, illegal_argument_exception.
[[nodiscard]] Failure illegal_argument(std::string reason);
/// The same, with what was no number as its cause, if that is what was wrong.
[[nodiscard]] Failure illegal_argument(const IllegalArgument& why);
[[nodiscard]] Failure illegal_argument(std::string reason, const IllegalArgument& why);
/// 501 for what Elasticsearch has and the kit has not: "`what` not supported by occkit", so `what` ends in "is" or "are".
[[nodiscard]] Failure unsupported(std::string_view what);

/// Appends the `error` object as an item of `_bulk` carries it: without root_cause.
void append_error(std::string& out, const Failure& failed);
/// Appends the `error` object as an answer carries it: with root_cause.
void append_error_with_root(std::string& out, const Failure& failed);
/// Makes `response` the answer to a failed request: `{"error": ..., "status": N}`.
void respond(Response& response, const Failure& failed);

}  // namespace occ
