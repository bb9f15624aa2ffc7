/// `_update`: its body, the merge, and the attempts.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/model/decide.hpp"
#include "core/model/reason.hpp"
#include "harness/rest/rest_operation.hpp"

namespace occ {
namespace {

Failure bad_field(std::string_view field, const Json& value) {
  return failure(400, "x_content_parse_exception",
                 fmt::format("[UpdateRequest] {} doesn't support values of type: {}", field, token_name(value)));
}

bool boolean(const std::string& key, const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value == "true" || value == "false") return value == "true";
  throw bad_field(key, value);
}

std::int64_t whole(const std::string& key, const Json& value) {
  if (!value.is_number_integer() && !value.is_string()) throw bad_field(key, value);
  return parse_long(key, scalar_text(value));
}

Json parse_stored(std::string_view source) {
  Json json = Json::parse(source, nullptr, false);
  // Through this API only objects get in; a table may be filled by other ways too.
  if (!json.is_object()) throw failure(500, "illegal_state_exception", "the document is not a JSON object");
  return json;
}

/// The document after `doc` was merged into it; nothing if that changes nothing and noops are detected.
std::optional<std::string> merged(std::string_view source, const UpdateBody& body) {
  Json json = parse_stored(source);
  if (!merge(json, *body.doc) && body.detect_noop) return std::nullopt;
  std::string text = to_text(json);
  try {
    check_json_object(text);
  } catch (const JsonError& error) {
    throw illegal_argument(fmt::format("the merged document: {}", error.what()));
  }
  return text;
}

Failure document_missing(const Call& call, const Index& index, std::string_view id) {
  return at_shard(
      failure(404, "document_missing_exception",
              fmt::format("{}[{}]: document missing", call.compatibility == Compatibility::v8 ? "" : "[_doc]", id)),
      index, id);
}

Ran failed(Failure why) {
  const int status = why.status;
  return {status, std::move(why)};
}

/// Appends the answer, with the `get` section if the source was asked for.
Ran answer(const Call& call, const Index& index, const WriteOperation& operation, const Outcome& outcome,
           std::string_view source, std::string& out) {
  const int status = append_written(call, index, operation, outcome, out);
  if (operation.update->fetch_source.value_or(false)) {
    out += R"(,"get":{"_seq_no":)";
    append_number(out, static_cast<std::int64_t>(outcome.word.seq_no()));
    out += R"(,"_primary_term":)";
    append_number(out, static_cast<std::int64_t>(outcome.word.term()));
    out += R"(,"found":true,"_source":)";
    out += shown(source);
    out += '}';
  }
  return {status, std::nullopt};
}

/// 6.x: `_update?version=N` reads under the version and writes under it, once.
Ran run_versioned(Call& call, Handles::Held& held, const WriteOperation& operation, std::string& out) {
  const Index& index = *held.index;
  const std::string& id = *operation.id;
  const Version version = operation.parameters.version;
  const Document& document = held.document;
  if (held.handle->get(id, held.document).result != Result::found) {
    if (!operation.update->doc_as_upsert) return failed(document_missing(call, index, id));
    if (operation.in_bulk) {
      return failed(at_shard(failure(409, "version_conflict_engine_exception",
                                     read_conflict_reason(kVersionNotFound, version, id, call.compatibility)),
                             index, id));
    }
    return failed(
        failure(400, "action_request_validation_exception",
                "Validation Failed: 1: create operations do not support explicit versions. use index instead;"));
  }
  if (read_conflicts(document.version, version)) {
    return failed(at_shard(failure(409, "version_conflict_engine_exception",
                                   read_conflict_reason(document.version, version, id, call.compatibility)),
                           index, id));
  }
  const auto text = merged(document.source.text(), *operation.update);
  Outcome outcome{.result = Result::noop, .version = document.version, .word = document.word};
  if (text) {
    const Precondition precondition = Precondition::if_version(version);
    outcome = held.handle->index(id, as_bytes(*text), precondition);
    if (outcome.conflicted()) return failed(conflict(call, index, id, outcome, precondition));
    if (outcome.result == Result::rejected) return failed(rejection(index, id, outcome.cause));
  }
  return answer(call, index, operation, outcome, text ? *text : document.source.text(), out);
}

}  // namespace

std::unique_ptr<UpdateBody> parse_update_body(std::string_view text, WriteParameters& parameters) {
  Json json;
  try {
    json = parse_json(text);
  } catch (const JsonError& error) {
    throw failure(400, "json_parse_exception", error.what());
  }
  if (!json.is_object()) {
    throw failure(400, "x_content_parse_exception",
                  fmt::format("[UpdateRequest] Expected START_OBJECT but was: {}", token_name(json)));
  }
  auto body = std::make_unique<UpdateBody>();
  for (auto& [key, value] : json.items()) {
    if (key == "doc" || key == "upsert") {
      if (!value.is_object()) throw bad_field(key, value);
      (key == "doc" ? body->doc : body->upsert) = std::move(value);
    } else if (key == "script") {
      body->script = true;
    } else if (key == "doc_as_upsert") {
      body->doc_as_upsert = boolean(key, value);
    } else if (key == "detect_noop") {
      body->detect_noop = boolean(key, value);
    } else if (key == "scripted_upsert") {
      if (boolean(key, value)) body->script = true;
    } else if (key == "_source") {
      if (!value.is_boolean()) throw unsupported("source filtering is");
      body->fetch_source = value.get<bool>();
    } else if (key == "if_seq_no") {
      set_if_seq_no(parameters, whole(key, value));
    } else if (key == "if_primary_term") {
      set_if_primary_term(parameters, whole(key, value));
    } else {
      throw failure(400, "x_content_parse_exception", fmt::format("[UpdateRequest] unknown field [{}]", key));
    }
  }
  return body;
}

Ran run_update(Call& call, Handles::Held& held, const WriteOperation& operation, std::string& out) {
  const UpdateBody& body = *operation.update;
  if (body.script) throw unsupported("scripts are");
  const WriteParameters& parameters = operation.parameters;
  if (parameters.version != kMatchAny) return run_versioned(call, held, operation, out);
  const Index& index = *held.index;
  const std::string& id = *operation.id;

  // What the last attempt read, which is what Elasticsearch names in the conflict that ends its retries.
  SeqNoTerm read;
  Version read_version = kVersionNotFound;
  std::string source;
  const auto transform = [&](const DocumentView& current, Source& next) {
    read = current.word;
    read_version = current.version;
    if (auto text = merged(as_text(current.source), body)) {
      source = std::move(*text);
      next.assign(as_bytes(source));
      return Transformed::write;
    }
    source = as_text(current.source);
    return Transformed::keep;
  };
  std::string upsert;
  UpdateOptions options{
      .retry_on_conflict = static_cast<std::uint32_t>(std::max(parameters.retry_on_conflict, 0)),
      .precondition = parameters.if_seq_no == kUnassignedSeqNo
                          ? Precondition::none()
                          : Precondition::if_seq_no(parameters.if_seq_no, parameters.if_primary_term)};
  if (body.upsert || body.doc_as_upsert) {
    upsert = to_text(body.upsert ? *body.upsert : *body.doc);
    options.upsert = as_bytes(upsert);
  }
  Outcome outcome;
  if (options.upsert && options.precondition.kind != Precondition::Kind::none) {
    // 6.x: the condition is that of a document, the upsert for where there is none.
    const Bytes instead = *std::exchange(options.upsert, std::nullopt);
    outcome = held.handle->update(id, transform, options);
    if (outcome.result == Result::not_found) {
      outcome = held.handle->create(id, instead);
      options.precondition = Precondition::must_not_exist();
    }
  } else {
    outcome = held.handle->update(id, transform, options);
  }
  if (outcome.result == Result::not_found) return failed(document_missing(call, index, id));
  if (outcome.result == Result::rejected) return failed(rejection(index, id, outcome.cause));
  if (outcome.conflicted()) {
    Precondition refused = options.precondition;
    if (refused.kind == Precondition::Kind::none) {
      refused = outcome.cause == Cause::version_mismatch ? Precondition::if_version(read_version)
                                                         : Precondition::if_word(read);
    }
    return failed(conflict(call, index, id, outcome, refused));
  }
  return answer(call, index, operation, outcome, outcome.result == Result::created ? upsert : source, out);
}

void update_document(Call& call) {
  Parameters& parameters = call.parameters;
  WriteOperation operation{.action = BulkEntry::Action::update, .index = call.index(), .id = call.id()};
  parameters.for_writes();
  parameters.refuse({"lang"});
  operation.forced_refresh = parameters.forced_refresh();
  const auto fetch_source = parameters.fetch_source();
  if (const auto value = parameters.get("retry_on_conflict")) {
    operation.parameters.retry_on_conflict = parse_int("retry_on_conflict", *value);
  }
  const bool versioned = parameters.get("version") || parameters.get("version_type");
  if (versioned && call.compatibility != Compatibility::v6) {
    ValidationErrors errors;
    errors.add(kInternalVersioningRefused);
    throw_if_any(errors);
  }
  parameters.condition(operation.parameters);
  call.require_body();
  operation.update = parse_update_body(call.request.body, operation.parameters);
  if (fetch_source && !operation.update->fetch_source) operation.update->fetch_source = fetch_source;
  const Version version = parameters.version();
  if (call.compatibility == Compatibility::v6) {
    operation.parameters.version = version;
    operation.parameters.version_type = parameters.version_type();
    return validate_and_run(call, operation);
  }
  // If-Match is taken for the doc, where it has no effect, and for the upsert, where it is refused.
  validate_and_run(call, operation, version);
}

}  // namespace occ
