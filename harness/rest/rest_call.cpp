#include "harness/rest/rest_call.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/model/decide.hpp"
#include "core/model/reason.hpp"

namespace occ {

Handles::Held& Call::existing(std::string_view name) const {
  Handles::Held* held = handles.find(name);
  if (!held) throw no_such_index(name, compatibility);
  return *held;
}

Handles::Held& Call::readable(std::string_view name) const {
  if (Handles::Held* held = handles.find(name)) return *held;
  Failure missing = no_such_index(name, compatibility);
  if (compatibility != Compatibility::v8) missing.resource_type = "index_expression";
  throw missing;
}

Handles::Held& Call::existing_or_new(std::string_view name) const {
  for (;;) {
    if (Handles::Held* held = handles.find(name)) return *held;
    check_index_name(name);
    // Somebody may delete it before it is found: then it is made again.
    if (!node.create(name, node.default_settings()).first) throw too_many_indices();
  }
}

void Call::require_body() const {
  if (request.body.empty()) throw failure(400, "parse_exception", "request body is required");
}

Json Call::json_body() const {
  try {
    Json json = parse_json(request.body);
    if (json.is_object()) return json;
  } catch (const JsonError& error) {
    throw failure(400, "parse_exception", fmt::format("Failed to parse content to map: {}", error.what()));
  }
  throw failure(400, "parse_exception", "Failed to parse content to map: a JSON object is expected");
}

void check_index_name(std::string_view name) {
  const auto invalid = [&](std::string_view why) {
    Failure bad = failure(400, "invalid_index_name_exception", fmt::format("Invalid index name [{}], {}", name, why));
    bad.index_uuid = "_na_";
    bad.index = name;
    return bad;
  };
  if (name.find_first_of("\\/*?\"<>| ,") != name.npos) {
    throw invalid(R"(must not contain the following characters [ , ", *, \, <, |, ,, >, /, ?])");
  }
  if (name.find('#') != name.npos) throw invalid("must not contain '#'");
  if (name.find(':') != name.npos) throw invalid("must not contain ':'");
  if (name.find_first_of("-_+") == 0) throw invalid("must not start with '_', '-', or '+'");
  constexpr std::size_t kMostBytes = 255;
  if (name.size() > kMostBytes) {
    throw invalid(fmt::format("index name is too long, ({} > {})", name.size(), kMostBytes));
  }
  if (name == "." || name == "..") throw invalid("must not be '.' or '..'");
  if (!is_lower_case(name)) throw invalid("must be lowercase");
}

Failure no_such_index(std::string_view name, Compatibility compatibility) {
  Failure missing =
      failure(404, "index_not_found_exception",
              compatibility == Compatibility::v6 ? "no such index" : fmt::format("no such index [{}]", name));
  missing.resource = name;
  missing.index_uuid = "_na_";
  missing.index = name;
  return missing;
}

Failure too_many_indices() {
  return failure(
      400, "validation_exception",
      fmt::format("Validation Failed: 1: this node has [{0}]/[{0}] indices, no more are made;", Node::kMaxIndices));
}

void throw_if_any(const ValidationErrors& errors) {
  if (!errors.empty()) throw failure(400, "action_request_validation_exception", errors.reason());
}

Failure at_shard(Failure failed, const Index& index, std::string_view id) {
  failed.index_uuid = index.uuid;
  failed.shard = std::to_string(index.table->shard_of(id));
  failed.index = index.name;
  return failed;
}

void append_named(std::string& out, Compatibility compatibility, std::string_view index, std::string_view id) {
  out += R"({"_index":)";
  append_quoted(out, index);
  if (compatibility != Compatibility::v8) out += R"(,"_type":"_doc")";
  out += R"(,"_id":)";
  append_quoted(out, id);
}

std::shared_ptr<const SearchView> Call::view_for_read(Handles::Held& held) const {
  const std::int64_t now_ms = node.options().clock->now_ms();
  if (parameters.refreshes()) held.index->views.refresh(held.view_source(), now_ms);
  return parameters.realtime() ? nullptr : held.index->views.current(held.view_source(), now_ms);
}

bool read_document(Handles::Held& held, std::string_view id, const SearchView* view) {
  if (!view) return held.handle->get(id, held.document).result == Result::found;
  const ViewDocument* document = view->find(id);
  if (!document) return false;
  held.document.version = document->version;
  held.document.word = document->word;
  held.document.source.assign(as_bytes(document->source));
  return true;
}

int append_document(std::string& out, Compatibility compatibility, Handles::Held& held, std::string_view id,
                    Version version, const SourceChoice& source, const SearchView* view) {
  Document& document = held.document;
  if (!read_document(held, id, view)) {
    append_named(out, compatibility, held.index->name, id);
    out += R"(,"found":false})";
    return 404;
  }
  if (version != kMatchAny && read_conflicts(document.version, version)) {
    throw at_shard(failure(409, "version_conflict_engine_exception",
                           read_conflict_reason(document.version, version, id, compatibility)),
                   *held.index, id);
  }
  append_named(out, compatibility, held.index->name, id);
  out += R"(,"_version":)";
  append_number(out, document.version);
  out += R"(,"_seq_no":)";
  append_number(out, static_cast<std::int64_t>(document.word.seq_no()));
  out += R"(,"_primary_term":)";
  append_number(out, static_cast<std::int64_t>(document.word.term()));
  out += R"(,"found":true)";
  if (source.fetch) {
    out += R"(,"_source":)";
    append_source(out, document.source.text(), source);
  }
  out += '}';
  return 200;
}

void append_source(std::string& out, std::string_view stored, const SourceChoice& choice) {
  if (choice.is_whole()) {
    out += shown(stored);
    return;
  }
  const Json json = parse_checked(shown(stored));
  out += to_text(json.is_object() ? chosen_part(json, choice) : json);
}

}  // namespace occ
