/// Requests that concern one document, but for `_update`.
#include <fmt/format.h>

#include "harness/rest/rest_operation.hpp"

namespace occ {
namespace {

void index_as(Call& call, bool create, std::optional<std::string> id) {
  Parameters& parameters = call.parameters;
  auto given = parameters.get("op_type");
  // 6.x overwrites what the request says.
  if (create && call.compatibility == Compatibility::v6) given.reset();
  const std::string op_type = given ? lower_case(*given) : std::string();
  if (create && given && op_type != "create") {
    throw illegal_argument(fmt::format("opType must be 'create', found: [{}]", *given));
  }
  call.require_body();
  WriteOperation operation{.index = call.index(), .id = std::move(id), .source = call.request.body};
  parameters.for_writes();
  operation.forced_refresh = parameters.forced_refresh();
  operation.parameters.version = parameters.version();
  operation.parameters.version_type = parameters.version_type();
  parameters.condition(operation.parameters);
  if (given && op_type != "create" && op_type != "index") {
    throw illegal_argument(fmt::format("opType must be 'create' or 'index', found: [{}]", *given));
  }
  // Without an id, op_type is create unless it is said to be index (since 7.5).
  operation.parameters.create = create || (given ? op_type == "create" : !operation.id);
  if (operation.parameters.create) operation.action = BulkEntry::Action::create;
  validate_and_run(call, operation);
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
  parameters.for_writes();
  operation.forced_refresh = parameters.forced_refresh();
  operation.parameters.version = parameters.version();
  operation.parameters.version_type = parameters.version_type();
  parameters.condition(operation.parameters);
  validate_and_run(call, operation);
}

void get_document(Call& call) {
  Parameters& parameters = call.parameters;
  parameters.for_reads();
  const Version version = parameters.version();
  const VersionType type = parameters.version_type();
  const bool fetch_source = parameters.fetch_source().value_or(true);
  parameters.refuse_unknown();
  ValidationErrors errors;
  validate_get(version, type, errors);
  throw_if_any(errors);
  call.response.status = append_document(call.response.body, call.compatibility, call.existing(call.index()), call.id(),
                                         version, fetch_source);
}

void get_source(Call& call) {
  call.parameters.for_reads();
  call.parameters.refuse_unknown();
  Handles::Held& held = call.existing(call.index());
  if (held.handle->get(call.id(), held.document).result != Result::found) {
    throw failure(404, "resource_not_found_exception",
                  fmt::format("Document not found [{}]/{}[{}]", held.index->name,
                              call.compatibility == Compatibility::v8 ? "" : "[_doc]/", call.id()));
  }
  call.response.body = shown(held.document.source.text());
}

}  // namespace occ
