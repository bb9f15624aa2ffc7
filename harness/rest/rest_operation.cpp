#include "harness/rest/rest_operation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/model/reason.hpp"
#include "harness/rest/shard_tables.hpp"
#include "harness/rest/stored_document.hpp"

namespace occ {
namespace {

std::string_view parsing_exception(Compatibility compatibility) {
  return compatibility == Compatibility::v8 ? "document_parsing_exception" : "mapper_parsing_exception";
}

/// What a request says beside its document.
bool is_metadata(std::string_view key) {
  constexpr std::string_view kNames[] = {"_field_names", "_id",     "_ignored", "_index",  "_routing",
                                         "_seq_no",      "_source", "_type",    "_version"};
  return std::ranges::find(kNames, key) != std::end(kNames);
}

/// As Java prints a map, a list or a value.
std::string preview(const Json& value) {
  if (!value.is_structured()) return scalar_text(value);
  std::string out(1, value.is_object() ? '{' : '[');
  for (const auto& [key, element] : value.items()) {
    if (out.size() > 1) out += ", ";
    if (value.is_object()) out.append(key).append("=");
    out += preview(element);
  }
  return out + (value.is_object() ? '}' : ']');
}

Failure metadata_in_document(std::string_view source, std::string_view field, std::string_view id,
                             Compatibility compatibility) {
  const Json document = parse_checked(source);
  Failure bad = failure(400, parsing_exception(compatibility),
                        fmt::format("failed to parse field [{0}] of type [{0}] in document with id '{1}'. Preview of "
                                    "field's value: '{2}'",
                                    field, id, document.is_object() ? preview(document[std::string(field)]) : ""));
  bad.cause_type = bad.type;
  bad.cause_reason = fmt::format(
      "Field [{}] is a metadata field and cannot be added inside a document. Use the index API request parameters.",
      field);
  bad.root_is_cause = true;
  return bad;
}

Failure no_such_alias(std::string_view name, Compatibility compatibility) {
  Failure missing = no_such_index(name, compatibility);
  missing.resource.clear();
  missing.reason += fmt::format(" and [require_alias] request flag is [true] and [{}] is not an alias", name);
  return missing;
}

/// The one copy that there is here is all that will ever be active: nobody is kept waiting for another.
void check_active_shards(const WriteOperation& operation, const Index& index) {
  if (!operation.active_shards) return;
  const std::int64_t wanted = *operation.active_shards == kAllCopies
                                  ? index.copies.load(std::memory_order_relaxed)  // relaxed: a setting
                                  : *operation.active_shards;
  if (wanted <= 1) return;
  throw failure(503, "unavailable_shards_exception",
                fmt::format("[{}][{}] Not enough active copies to meet shard count of [{}] (have 1, needed {}).",
                            index.name, index.table->shard_of(operation.key),
                            *operation.active_shards == kAllCopies ? "ALL" : std::to_string(wanted), wanted));
}
}  // namespace

void check_source(std::string_view source, std::string_view id, Compatibility compatibility) {
  const auto check_key = [&](std::string_view key) {
    if (key.starts_with('_') && is_metadata(key)) throw metadata_in_document(source, key, id, compatibility);
  };
  try {
    check_json_object(source, check_key);
  } catch (const JsonError& error) {
    Failure bad = failure(400, parsing_exception(compatibility), "failed to parse");
    bad.cause_type = "json_parse_exception";
    bad.cause_reason = error.what();
    throw bad;
  }
}

namespace {

Ran run_write(Call& call, Handles::Held& held, const WriteOperation& operation, std::string& out) {
  const std::string& id = *operation.id;
  const Precondition precondition = precondition_of(operation.parameters);
  Outcome outcome;
  if (operation.action == BulkEntry::Action::remove) {
    outcome = held.handle->remove(operation.key, precondition);
  } else {
    check_source(operation.source, id, call.compatibility);
    held.index->mapping.see(operation.source);
    std::string plain;
    std::string routed;
    const std::string_view kept =
        to_stored(plain_json(operation.source, plain, LoneSurrogates::keep), operation.routing, routed);
    outcome = held.handle->index(operation.key, as_bytes(kept), precondition);
  }
  if (outcome.conflicted()) return {409, conflict(call, *held.index, operation.key, outcome, precondition)};
  if (outcome.result == Result::rejected) {
    Failure why = rejection(*held.index, operation.key, outcome.cause);
    return {why.status, std::move(why)};
  }
  return {append_written(call, held, operation, outcome, out), std::nullopt};
}

/// Before the write is answered.
void note_for_searches(const Call& call, Handles::Held& held, const WriteOperation& operation, const Ran& ran) {
  if (ran.failed) return;
  const bool may_delete =
      operation.action == BulkEntry::Action::remove || (operation.update && operation.update->script.has_value());
  held.note(operation.key, ran.status == 201, may_delete);
  if (call.parameters.refreshes()) held.index->views.want_refresh();
}

}  // namespace

std::string_view name_of(BulkEntry::Action action) noexcept {
  constexpr std::string_view kNames[] = {"index", "create", "update", "delete"};
  return kNames[static_cast<int>(action)];
}

void validate(const WriteOperation& operation, Version upsert_version, Compatibility compatibility,
              ValidationErrors& errors) {
  const std::optional<std::string_view> id = operation.id;
  switch (operation.action) {
    case BulkEntry::Action::index:
    case BulkEntry::Action::create:
      validate_index(operation.parameters, id, compatibility, errors);
      if (operation.empty_pipeline) errors.add("pipeline cannot be an empty string");
      return;
    case BulkEntry::Action::remove:
      return validate_remove(operation.parameters, id, compatibility, errors);
    case BulkEntry::Action::update:
      return validate_update(operation.parameters, id,
                             {.doc = operation.update->doc.has_value(),
                              .script = operation.update->script.has_value(),
                              .upsert = operation.update->upsert.has_value(),
                              .doc_as_upsert = operation.update->doc_as_upsert,
                              .upsert_version = upsert_version},
                             compatibility, errors);
  }
}

Ran run(Call& call, WriteOperation& operation, std::string& out) {
  if (!operation.id) {
    operation.id = call.node.make_id();
    // 6.x knows that there is no such document, and looks at no condition.
    if (call.compatibility == Compatibility::v6) operation.parameters.if_seq_no = kUnassignedSeqNo;
  }
  try {
    if (operation.id->empty()) throw illegal_argument("if _id is specified it must not be empty");
    if (operation.require_alias && !call.handles.find_alias(operation.index)) {
      throw no_such_alias(operation.index, call.compatibility);
    }
    const bool existing_only = operation.index_must_exist.value_or(!operation.makes_index());
    Handles::Held& held = existing_only ? call.writable(operation.index) : call.existing_or_new(operation.index);
    if (operation.index != held.index->name) {
      operation.routing = call.routing_of(operation.index, operation.routing);
      operation.index = held.index->name;
    }
    std::string key;
    operation.key = key_of(*held.index, *operation.id, operation.routing, key);
    check_active_shards(operation, *held.index);
    Ran ran = operation.action == BulkEntry::Action::update ? run_update(call, held, operation, out)
                                                            : run_write(call, held, operation, out);
    note_for_searches(call, held, operation, ran);
    return ran;
  } catch (Failure& why) {
    return {why.status, std::move(why)};
  }
}

void validate_and_run(Call& call, WriteOperation& operation, Version upsert_version) {
  if (operation.action == BulkEntry::Action::remove) {
    call.parameters.refuse_unknown_and_body(call.compatibility);
  } else {
    call.parameters.refuse_unknown();
  }
  ValidationErrors errors;
  validate(operation, upsert_version, call.compatibility, errors);
  throw_if_any(errors);
  const Ran ran = run(call, operation, call.response.body);
  if (call.parameters.refreshes()) call.handles.finish_refresh(operation.index);
  if (ran.failed) {
    call.is_whole = true;
    return respond(call.response, *ran.failed);
  }
  call.response.status = ran.status;
  call.response.body += '}';
  if (ran.status != 201) return;
  call.response.headers.emplace_back(
      "Location", fmt::format("/{}/_doc/{}", percent_encoded(operation.index), percent_encoded(*operation.id)));
}

Failure conflict(const Call& call, const Index& index, std::string_view key, const Outcome& outcome,
                 const Precondition& precondition) {
  return at_shard(failure(409, "version_conflict_engine_exception",
                          conflict_reason(outcome, precondition, id_of(key), call.compatibility)),
                  index, key);
}

Failure rejection(const Index& index, std::string_view key, Cause cause) {
  const auto because = [cause] {
    switch (cause) {
      case Cause::id_empty:
        return illegal_argument("if _id is specified it must not be empty");
      case Cause::id_too_long:
        return illegal_argument(fmt::format("id is longer than {} bytes", kMaxIdBytes));
      case Cause::source_too_large:
        return failure(413, "illegal_argument_exception",
                       fmt::format("source is larger than {} bytes", kMaxSourceBytes));
      case Cause::seq_no_exhausted:
        return failure(500, "illegal_state_exception", "the shard has no sequence number left");
      case Cause::version_exhausted:
        return failure(500, "illegal_state_exception", "the document's version is the largest there is");
      default:
        return failure(500, "illegal_state_exception", "the strategy does not have the requested form of update");
    }
  };
  return at_shard(because(), index, key);
}

int append_written(const Call& call, const Handles::Held& held, const WriteOperation& operation, const Outcome& outcome,
                   std::string& out) {
  const Index& index = *held.index;
  const auto shards = static_cast<std::uint32_t>(held.counts->size());
  (*held.counts)[shards == 1 ? 0 : index.table->shard_of(operation.key)].add(outcome.result);
  const bool noop = outcome.result == Result::noop;
  append_named(out, call.compatibility, index.name, *operation.id);
  out += R"(,"_version":)";
  append_number(out, outcome.version);
  out += R"(,"result":")";
  out += to_string(outcome.result);
  out += '"';
  if (operation.forced_refresh && (!noop || operation.in_bulk)) out += R"(,"forced_refresh":true)";
  if (noop && !operation.in_bulk) {
    out += R"(,"_shards":{"total":0,"successful":0,"failed":0})";
  } else {
    out += R"(,"_shards":{"total":)";
    append_number(out, index.copies.load(std::memory_order_relaxed));  // relaxed: a setting, it orders nothing
    out += R"(,"successful":1,"failed":0})";
  }
  // Since 7.4 for a noop too, but not for one where there is no document.
  if ((!noop || call.compatibility != Compatibility::v6) && outcome.version != kVersionNotFound) {
    out += R"(,"_seq_no":)";
    append_number(out, static_cast<std::int64_t>(outcome.word.seq_no()));
    out += R"(,"_primary_term":)";
    append_number(out, static_cast<std::int64_t>(outcome.word.term()));
  }
  return outcome.result == Result::created ? 201 : outcome.result == Result::not_found ? 404 : 200;
}

}  // namespace occ
