#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/rest/rest_operation.hpp"
#include "harness/rest/search_run.hpp"

namespace occ {

/// What `_update_by_query`, `_delete_by_query` and `_reindex` share: a search, and then a conditional write for each
/// hit, batch by batch.
struct ByQuery {
  SearchRequest search;
  bool proceed = false;              ///< conflicts=proceed: they are counted, and nothing else
  std::int32_t max_docs = kAll;      ///< documents that may be changed
  std::int32_t scroll_size = 1'000;  ///< documents of a batch
  bool refreshes = false;
  std::optional<std::int64_t> active_shards;

  static constexpr std::int32_t kAll = -1;
};

/// A member of a body that all three take: `conflicts`, `max_docs`, `size`. False for another.
[[nodiscard]] bool take_by_query_member(const std::string& key, const Json& value, const BodyText& body, ByQuery& into);
/// Takes the parameters that all three take, but for those of a search. Throws Failure and IllegalArgument.
void read_by_query_parameters(Parameters& parameters, ByQuery& into);
/// What cannot be, in Elasticsearch's order.
void validate(const ByQuery& by_query, ValidationErrors& errors);

/// What is to become of a hit: nothing, or a write.
struct HitWrite {
  bool noop = false;
  WriteOperation operation;
  std::string source;  ///< that the operation looks at
};

/// Counts of what was done, as the answers tell them.
struct ByQueryTally {
  std::size_t total = 0;
  std::uint64_t updated = 0;
  std::uint64_t created = 0;
  std::uint64_t deleted = 0;
  std::uint64_t noops = 0;
  std::uint64_t batches = 0;
  std::uint64_t version_conflicts = 0;
  std::string failures;  ///< elements of JSON
  int status = 200;
};

/// Searches and writes. `write_for` is asked for every hit of a batch before any of them is written, and may throw
/// Failure, which ends the request. A failed write ends it after its batch, unless it is a conflict and those are to be
/// passed by.
[[nodiscard]] ByQueryTally run_by_query(
    Call& call, const std::vector<std::shared_ptr<Index>>& indices, ByQuery& by_query,
    FunctionRef<HitWrite(const std::string& index, const ViewDocument& hit)> write_for);

/// Which of its counts an answer tells.
struct Told {
  bool updated = false;
  bool created = false;
};
void answer_by_query(Call& call, const ByQueryTally& tally, std::int64_t began_ms, Told told);

}  // namespace occ
