/// Requests that concern one document, but for `_update`.
#include <fmt/format.h>

#include "harness/rest/rest_operation.hpp"
#include "harness/rest/stored_document.hpp"

namespace occ {
namespace {

void index_as(Call& call, bool create, std::optional<std::string> id) {
  Parameters& parameters = call.parameters;
  auto given = parameters.get("op_type");
  // 6.x overwrites what the request says.
  if (create && call.compatibility == Compatibility::v6) given.reset();
  const std::string op_type = given ? lower_case(*given) : std::string();
  // 6.x takes whatever is given for a create.
  if (create && given && op_type != "create" && call.compatibility != Compatibility::v6) {
    throw illegal_argument(fmt::format("opType must be 'create', found: [{}]", *given));
  }
  WriteOperation operation{.index = call.index(), .id = std::move(id), .source = call.request.body};
  parameters.refuse({"parent"});
  operation.routing = parameters.get("routing").value_or("");
  operation.empty_pipeline = parameters.empty_pipeline();
  call.require_body();
  parameters.time("timeout");
  operation.forced_refresh = parameters.forced_refresh();
  operation.parameters.version = parameters.version();
  operation.parameters.version_type = parameters.version_type();
  parameters.condition(operation.parameters);
  operation.require_alias = parameters.flag("require_alias");
  operation.active_shards = parameters.active_shards();
  if (given && !create && op_type != "create" && op_type != "index") {
    throw illegal_argument(fmt::format("opType must be 'create' or 'index', found: [{}]", *given));
  }
  // Without an id, op_type is create unless it is said to be index, or by 6.x.
  const bool otherwise = !operation.id && call.compatibility != Compatibility::v6;
  operation.parameters.create = create || (given ? op_type == "create" : otherwise);
  if (operation.parameters.create) operation.action = BulkEntry::Action::create;
  validate_and_run(call, operation);
}

/// What the handle of an index that is read is asked by.
std::string_view read_key(Call& call, const Index& index, std::string& storage) {
  const auto routing = call.parameters.get("routing").value_or("");
  if (call.index() == index.name) return key_of(index, call.id(), routing, storage);
  return key_of(index, call.id(), call.routing_of(call.index(), routing), storage);
}

}  // namespace

void index_document(Call& call) {
  index_as(call, false, call.id());
}
void index_under_made_id(Call& call) {
  index_as(call, false, std::nullopt);
}
void create_document(Call& call) {
  index_as(call, true, call.id());
}

void delete_document(Call& call) {
  Parameters& parameters = call.parameters;
  WriteOperation operation{.action = BulkEntry::Action::remove, .index = call.index(), .id = call.id()};
  parameters.refuse({"parent"});
  operation.routing = parameters.get("routing").value_or("");
  parameters.time("timeout");
  operation.forced_refresh = parameters.forced_refresh();
  operation.parameters.version = parameters.version();
  operation.parameters.version_type = parameters.version_type();
  parameters.condition(operation.parameters);
  operation.active_shards = parameters.active_shards();
  validate_and_run(call, operation);
}

void get_document(Call& call) {
  Parameters& parameters = call.parameters;
  parameters.for_reads();
  const Version version = parameters.version();
  const VersionType type = parameters.version_type();
  const SourceChoice source = parameters.source_choice_beside_stored_fields();
  parameters.refuse_unknown_and_body(call.compatibility);
  ValidationErrors errors;
  validate_get(version, type, errors);
  throw_if_any(errors);
  Handles::Held& held = call.readable(call.index());
  const auto view = call.view_for_read(held);
  std::string key;
  call.response.status = append_document(call.response.body, call.compatibility, held, read_key(call, *held.index, key),
                                         version, source, view.get());
}

void get_source(Call& call) {
  call.parameters.for_reads();
  const SourceChoice source = call.parameters.source_choice().value_or(SourceChoice());
  call.parameters.refuse_unknown_and_body(call.compatibility);
  ValidationErrors errors;
  if (call.id().empty()) errors.add("id is missing");
  if (!source.fetch) errors.add("fetching source can not be disabled");
  throw_if_any(errors);
  Handles::Held& held = call.readable(call.index());
  const auto view = call.view_for_read(held);
  std::string key;
  if (!read_document(held, read_key(call, *held.index, key), view.get())) {
    throw failure(404, "resource_not_found_exception",
                  fmt::format("Document not found [{}]/{}[{}]", held.index->name,
                              call.compatibility == Compatibility::v8 ? "" : "[_doc]/", call.id()));
  }
  append_source(call.response.body, read_stored(held.document.source.text()).source, source, call.compatibility);
  call.is_whole = true;
}

}  // namespace occ
