#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "harness/rest/rest_call.hpp"
#include "harness/rest/rest_script.hpp"
#include "harness/support/bulk_parser.hpp"

namespace occ {

/// The body of `_update`.
struct UpdateBody {
  std::optional<Json> doc;
  std::optional<Json> upsert;
  bool doc_as_upsert = false;
  bool detect_noop = true;
  std::optional<RequestedScript> script;
  bool scripted_upsert = false;
  std::optional<SourceChoice> source_choice;
};

/// One write on one document, read from a URL or from an action line of `_bulk`: both end up here and are validated,
/// run and answered by the same code.
struct WriteOperation {
  BulkEntry::Action action = BulkEntry::Action::index;
  std::string index;
  std::optional<std::string> id;  ///< absent: to be made up (index and create only)
  std::string routing;            ///< empty: none
  WriteParameters parameters;
  std::string_view source;             ///< index and create: the document, as it was sent
  std::unique_ptr<UpdateBody> update;  ///< update only
  std::string_view key;                ///< what the handle is asked by: set by run(), good as long as that runs
  bool forced_refresh = false;
  bool require_alias = false;
  bool empty_pipeline = false;
  std::optional<std::int64_t> active_shards;  ///< wait_for_active_shards
  /// An item of `_bulk`: a noop is then answered with the shard group's `_shards`, as Elasticsearch does.
  bool in_bulk = false;
  /// Where another item has said whether the index is made if there is none.
  std::optional<bool> index_must_exist;

  /// A delete makes no index, unless the client keeps the versions.
  [[nodiscard]] bool makes_index() const noexcept {
    return action != BulkEntry::Action::remove || parameters.version_type != VersionType::internal;
  }
};

/// "index", "create", "update" or "delete".
[[nodiscard]] std::string_view name_of(BulkEntry::Action action) noexcept;

/// Adds what is wrong with it, in the engine's order. `upsert_version` is the one that the request gave for the upsert
/// document.
void validate(const WriteOperation& operation, Version upsert_version, Compatibility compatibility,
              ValidationErrors& errors);

/// How a write ended: its status, and the failure if it is one.
struct Ran {
  int status;
  std::optional<Failure> failed;
};

/// Runs a validated operation. Appends the answer's fields to `out` without the closing brace; nothing if it failed.
/// `id` is filled in if it was absent.
[[nodiscard]] Ran run(Call& call, WriteOperation& operation, std::string& out);

/// Validates, runs and answers the one operation of a request. Throws Failure.
void validate_and_run(Call& call, WriteOperation& operation, Version upsert_version = kMatchAny);

/// What index, create, delete and update share.

/// A document that is to be stored, as far as a table without mappings can be wrong about it. Throws Failure.
void check_source(std::string_view source, std::string_view id, Compatibility compatibility);

[[nodiscard]] Failure conflict(const Call& call, const Index& index, std::string_view key, const Outcome& outcome,
                               const Precondition& precondition);
/// A write that no state of the document allows.
[[nodiscard]] Failure rejection(const Index& index, std::string_view key, Cause cause);
/// Counts a write that was not refused, and appends its answer; the status.
int append_written(const Call& call, const Handles::Held& held, const WriteOperation& operation, const Outcome& outcome,
                   std::string& out);

/// rest_update.cpp: throws Failure and IllegalArgument. Fields of the body win over the URL's parameters.
[[nodiscard]] std::unique_ptr<UpdateBody> parse_update_body(std::string_view text, WriteParameters& parameters);
[[nodiscard]] Ran run_update(Call& call, Handles::Held& held, const WriteOperation& operation, std::string& out);

}  // namespace occ
