/// `_update`: its body, the merge, and the attempts.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/model/decide.hpp"
#include "core/model/reason.hpp"
#include "harness/rest/rest_operation.hpp"
#include "harness/rest/shard_tables.hpp"
#include "harness/rest/stored_document.hpp"
#include "harness/support/json_members.hpp"

namespace occ {
namespace {

/// "[line:column] " of a place in `text`, counted from 1, as Elasticsearch's parser counts bytes.
std::string location_of(std::string_view text, const char* place) {
  const std::string_view before = text.substr(0, static_cast<std::size_t>(place - text.data()));
  const auto line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return fmt::format("[{}:{}] ", 1 + std::ranges::count(before, '\n'), 1 + before.size() - line_begin);
}

/// A field of the body that is wrong: where it stands is found when it is told.
struct BadField {
  std::string field;
  std::string reason;
  bool at_value = true;
  std::string cause;  ///< of an illegal_argument_exception, if there is one
};

Failure located(const BadField& bad, std::string_view text) {
  std::string where;
  (void)for_each_member(text, [&](std::string_view key, std::string_view value) {
    if (where.empty() && key == bad.field) where = location_of(text, bad.at_value ? value.data() : key.data() - 1);
  });
  Failure failed = failure(400, "x_content_parse_exception", fmt::format("{}[UpdateRequest] {}", where, bad.reason));
  if (!bad.cause.empty()) failed.cause_type = "illegal_argument_exception";
  failed.cause_reason = bad.cause;
  return failed;
}

BadField bad_field(const std::string& field, const Json& value) {
  return {field, fmt::format("{} doesn't support values of type: {}", field, token_name(value))};
}

bool boolean(const std::string& key, const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (!value.is_string()) throw bad_field(key, value);
  return parse_boolean(value.get<std::string>());
}

std::int64_t whole(const std::string& key, const Json& value) {
  if (!value.is_number() && !value.is_string()) throw bad_field(key, value);
  return parse_json_long(key, value);
}

Json parse_stored(std::string_view source) {
  Json json = parse_checked(source);
  // Through this API only objects get in; a table may be filled by other ways too.
  if (!json.is_object()) throw failure(500, "illegal_state_exception", "the document is not a JSON object");
  return json;
}

/// What an update makes of the documents that it meets.
class Changer {
 public:
  Changer(Call& call, Index& index, const WriteOperation& operation)
      : call_(call), index_(index), operation_(operation) {
    if (operation.update->script) script_.emplace(call.node, *operation.update->script);
  }

  /// Of a document. Throws Failure.
  [[nodiscard]] Change update(const StoredDocument& stored, Version version) const {
    Json json = parse_stored(stored.source);
    if (script_) {
      return checked(script_->update({index_.name, *operation_.id, version, call_.node.wall_clock_ms(), stored.routing},
                                     std::move(json)));
    }
    const UpdateBody& body = *operation_.update;
    if (!merge(json, *body.doc) && body.detect_noop) return {};
    return checked({Transformed::write, to_text(json)});
  }
  /// Of the upsert, where there is none and the script is to run on that. Throws Failure.
  [[nodiscard]] Change create() const {
    return checked(script_->create(call_.node.wall_clock_ms(), *operation_.update->upsert));
  }

 private:
  [[nodiscard]] Change checked(Change change) const {
    if (change.what != Transformed::write) return change;
    check_source(change.source, *operation_.id, call_.compatibility);
    index_.mapping.see(change.source);
    return change;
  }

  Call& call_;
  Index& index_;
  const WriteOperation& operation_;
  std::optional<UpdateScript> script_;
};

Failure document_missing(const Call& call, const Index& index, std::string_view key) {
  return at_shard(failure(404, "document_missing_exception",
                          fmt::format("{}[{}]: document missing",
                                      call.compatibility == Compatibility::v8 ? "" : "[_doc]", id_of(key))),
                  index, key);
}

Ran failed(Failure why) {
  const int status = why.status;
  return {status, std::move(why)};
}

/// Appends the answer, with the `get` section if the source was asked for.
Ran answer(const Call& call, const Handles::Held& held, const WriteOperation& operation, const Outcome& outcome,
           std::string_view source, std::string& out) {
  const int status = append_written(call, held, operation, outcome, out);
  if (const auto& choice = operation.update->source_choice; choice && choice->fetch) {
    out += R"(,"get":{"_seq_no":)";
    append_number(out, static_cast<std::int64_t>(outcome.word.seq_no()));
    out += R"(,"_primary_term":)";
    append_number(out, static_cast<std::int64_t>(outcome.word.term()));
    out += R"(,"found":true)";
    if (outcome.result != Result::deleted) {
      out += R"(,"_source":)";
      // What an update answers is a map already, which 8 filters as 7 did.
      append_source(out, source, *choice, std::min(call.compatibility, Compatibility::v7));
    }
    out += '}';
  }
  return {status, std::nullopt};
}

/// A script had an upsert not written, where there is no document: a noop of nothing.
Ran answer_to_nothing(const Call& call, const Handles::Held& held, const WriteOperation& operation, std::string& out) {
  const int status = append_written(call, held, operation, {.result = Result::noop}, out);
  out += R"(,"get":{"found":false})";
  return {status, std::nullopt};
}

/// 6.x: `_update?version=N` reads under the version and writes under it, once.
Ran run_versioned(Call& call, Handles::Held& held, const WriteOperation& operation, std::string& out) {
  Index& index = *held.index;
  const std::string& id = *operation.id;
  const std::string_view key = operation.key;
  const Version version = operation.parameters.version;
  const Document& document = held.document;
  if (held.handle->get(key, held.document).result != Result::found) {
    if (!operation.update->doc_as_upsert) return failed(document_missing(call, index, key));
    if (operation.in_bulk) {
      return failed(at_shard(failure(409, "version_conflict_engine_exception",
                                     read_conflict_reason(kVersionNotFound, version, id, call.compatibility)),
                             index, key));
    }
    return failed(
        failure(400, "action_request_validation_exception",
                "Validation Failed: 1: create operations do not support explicit versions. use index instead;"));
  }
  if (read_conflicts(document.version, version)) {
    return failed(at_shard(failure(409, "version_conflict_engine_exception",
                                   read_conflict_reason(document.version, version, id, call.compatibility)),
                           index, key));
  }
  const StoredDocument stored = read_stored(document.source.text());
  const Change change = Changer(call, index, operation).update(stored, document.version);
  Outcome outcome{.result = Result::noop, .version = document.version, .word = document.word};
  if (change.what != Transformed::keep) {
    const Precondition precondition = Precondition::if_version(version);
    std::string routed;
    const auto next = as_bytes(to_stored(change.source, stored.routing, routed));
    outcome = change.what == Transformed::remove ? held.handle->remove(key, precondition)
                                                 : held.handle->index(key, next, precondition);
    if (outcome.conflicted()) return failed(conflict(call, index, key, outcome, precondition));
    if (outcome.result == Result::rejected) return failed(rejection(index, key, outcome.cause));
  }
  const bool is_written = change.what == Transformed::write;
  return answer(call, held, operation, outcome, is_written ? change.source : stored.source, out);
}

}  // namespace

namespace {

void set_field(UpdateBody& body, WriteParameters& parameters, const std::string& key, Json& value) {
  if (key == "doc" || key == "upsert") {
    if (!value.is_object()) throw bad_field(key, value);
    (key == "doc" ? body.doc : body.upsert) = std::move(value);
  } else if (key == "script") {
    if (!value.is_string() && !value.is_object()) throw bad_field(key, value);
    body.script = parse_requested_script(value);
  } else if (key == "doc_as_upsert") {
    body.doc_as_upsert = boolean(key, value);
  } else if (key == "detect_noop") {
    body.detect_noop = boolean(key, value);
  } else if (key == "scripted_upsert") {
    body.scripted_upsert = boolean(key, value);
  } else if (key == "_source") {
    if (value.is_number() || value.is_null()) throw bad_field(key, value);
    body.source_choice = parse_source_choice(value);
  } else if (key == "if_seq_no") {
    set_if_seq_no(parameters, whole(key, value));
  } else if (key == "if_primary_term") {
    set_if_primary_term(parameters, whole(key, value));
  } else {
    static const std::vector<std::string_view> known = {"_source",         "detect_noop",     "doc",
                                                        "doc_as_upsert",   "if_primary_term", "if_seq_no",
                                                        "scripted_upsert", "script",          "upsert"};
    throw BadField{key, fmt::format("unknown field [{}]{}", key, likely_fields(key, known)), false};
  }
}

}  // namespace

std::unique_ptr<UpdateBody> parse_update_body(std::string_view text, WriteParameters& parameters) {
  std::string storage;
  text = plain_json(text, storage, LoneSurrogates::keep);
  Json json;
  try {
    json = parse_json(text);
  } catch (const JsonError& error) {
    throw failure(400, "json_parse_exception", error.what());
  }
  if (!json.is_object()) {
    throw failure(400, "x_content_parse_exception",
                  fmt::format("[1:1] [UpdateRequest] Expected START_OBJECT but was: {}", token_name(json)));
  }
  auto body = std::make_unique<UpdateBody>();
  try {
    for (auto& [key, value] : json.items()) {
      try {
        set_field(*body, parameters, key, value);
      } catch (const IllegalArgument& why) {
        throw BadField{key, fmt::format("failed to parse field [{}]", key), true, why.what()};
      }
    }
  } catch (const BadField& bad) {
    throw located(bad, text);
  }
  return body;
}

Ran run_update(Call& call, Handles::Held& held, const WriteOperation& operation, std::string& out) {
  const UpdateBody& body = *operation.update;
  const WriteParameters& parameters = operation.parameters;
  if (parameters.version != kMatchAny) return run_versioned(call, held, operation, out);
  Index& index = *held.index;
  const std::string& id = *operation.id;
  const std::string_view key = operation.key;

  const Changer changer(call, index, operation);
  // What the last attempt read, which is what Elasticsearch names in the conflict that ends its retries.
  SeqNoTerm read;
  Version read_version = kVersionNotFound;
  std::string source;
  std::string routed;
  const auto transform = [&](const DocumentView& current, Source& next) {
    read = current.word;
    read_version = current.version;
    const StoredDocument stored = read_stored(as_text(current.source));
    Change change = changer.update(stored, current.version);
    if (change.what == Transformed::write) {
      source = std::move(change.source);
      next.assign(as_bytes(to_stored(source, stored.routing, routed)));
    } else {
      source = stored.source;
    }
    return change.what;
  };
  std::string upsert;
  std::string routed_upsert;
  UpdateOptions options{
      .retry_on_conflict = static_cast<std::uint32_t>(std::max(parameters.retry_on_conflict, 0)),
      .precondition = parameters.if_seq_no == kUnassignedSeqNo
                          ? Precondition::none()
                          : Precondition::if_seq_no(parameters.if_seq_no, parameters.if_primary_term)};
  const bool scripted_upsert = body.scripted_upsert && body.script && body.upsert;
  if (!scripted_upsert && (body.upsert || body.doc_as_upsert)) {
    upsert = to_text(body.doc_as_upsert ? *body.doc : *body.upsert);
    check_source(upsert, id, call.compatibility);
    index.mapping.see(upsert);
    options.upsert = as_bytes(to_stored(upsert, operation.routing, routed_upsert));
  }
  Outcome outcome;
  if (scripted_upsert) {
    // The script runs on whichever there is, which may be another one each time.
    while (true) {
      outcome = held.handle->update(key, transform, options);
      if (outcome.result != Result::not_found) break;
      Change change = changer.create();
      if (change.what != Transformed::write) return answer_to_nothing(call, held, operation, out);
      upsert = std::move(change.source);
      outcome = held.handle->create(key, as_bytes(to_stored(upsert, operation.routing, routed_upsert)));
      if (!outcome.conflicted()) break;
      if (options.retry_on_conflict == 0) {
        options.precondition = Precondition::must_not_exist();
        break;
      }
      --options.retry_on_conflict;
    }
  } else if (options.upsert && options.precondition.kind != Precondition::Kind::none) {
    // 6.x: the condition is that of a document, the upsert for where there is none.
    const Bytes instead = *std::exchange(options.upsert, std::nullopt);
    outcome = held.handle->update(key, transform, options);
    if (outcome.result == Result::not_found) {
      outcome = held.handle->create(key, instead);
      options.precondition = Precondition::must_not_exist();
    }
  } else {
    outcome = held.handle->update(key, transform, options);
  }
  if (outcome.result == Result::not_found) return failed(document_missing(call, index, key));
  if (outcome.result == Result::rejected) return failed(rejection(index, key, outcome.cause));
  if (outcome.conflicted()) {
    Precondition refused = options.precondition;
    if (refused.kind == Precondition::Kind::none) {
      refused = outcome.cause == Cause::version_mismatch ? Precondition::if_version(read_version)
                                                         : Precondition::if_word(read);
    }
    return failed(conflict(call, index, key, outcome, refused));
  }
  return answer(call, held, operation, outcome, outcome.result == Result::created ? upsert : source, out);
}

void update_document(Call& call) {
  Parameters& parameters = call.parameters;
  WriteOperation operation{.action = BulkEntry::Action::update, .index = call.index(), .id = call.id()};
  parameters.refuse({"parent"});
  operation.routing = parameters.get("routing").value_or("");
  parameters.time("timeout");
  operation.forced_refresh = parameters.forced_refresh();
  operation.active_shards = parameters.active_shards();
  const bool doc_as_upsert = parameters.flag("doc_as_upsert");
  const auto source_choice = parameters.source_choice();
  if (const auto value = parameters.get("retry_on_conflict")) {
    operation.parameters.retry_on_conflict = parse_int("retry_on_conflict", *value);
  }
  const bool versioned = parameters.has("version") || parameters.has("version_type");
  if (versioned && call.compatibility != Compatibility::v6) {
    ValidationErrors errors;
    errors.add(kInternalVersioningRefused);
    throw_if_any(errors);
  }
  parameters.condition(operation.parameters);
  operation.require_alias = parameters.flag("require_alias");
  operation.update = call.request.body.empty() ? std::make_unique<UpdateBody>()
                                               : parse_update_body(call.request.body, operation.parameters);
  operation.update->doc_as_upsert |= doc_as_upsert;
  if (!operation.update->source_choice) operation.update->source_choice = source_choice;
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
