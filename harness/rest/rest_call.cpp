#include "harness/rest/rest_call.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/model/decide.hpp"
#include "core/model/reason.hpp"
#include "harness/rest/filter_path.hpp"
#include "harness/rest/shard_tables.hpp"
#include "harness/rest/stored_document.hpp"

namespace occ {
namespace {

bool has_wildcard(std::string_view pattern) {
  return pattern.find('*') != pattern.npos;
}

}  // namespace

Handles::Held& Call::existing(std::string_view name) const {
  Handles::Held* held = handles.find(name);
  if (!held) throw no_such_index(name, compatibility);
  return *held;
}

Handles::Held& Call::readable(std::string_view name) const {
  if (Handles::Held* held = handles.find(name)) return *held;
  if (const AliasTargets* targets = handles.find_alias(name)) return existing(only_index(name, *targets));
  Failure missing = no_such_index(name, compatibility);
  if (compatibility != Compatibility::v8) missing.resource_type = "index_expression";
  throw missing;
}

Handles::Held& Call::writable(std::string_view name) const {
  if (Handles::Held* held = handles.find(name)) return *held;
  if (const AliasTargets* targets = handles.find_alias(name)) return existing(write_index(name, *targets));
  return readable(name);
}

std::string Call::routing_of(std::string_view name, std::string_view routing) const {
  if (handles.find(name)) return std::string(routing);
  const AliasTargets* targets = handles.find_alias(name);
  if (!targets) return std::string(routing);
  // Of several only the one that takes writes can have been meant.
  const auto& index = targets->size() == 1 ? targets->begin()->first : write_index(name, *targets);
  return std::string(routing_through(name, targets->find(index)->second, routing));
}

Handles::Held& Call::existing_or_new(std::string_view name) const {
  for (;;) {
    if (Handles::Held* held = handles.find(name)) return *held;
    if (const AliasTargets* targets = handles.find_alias(name)) return existing(write_index(name, *targets));
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
  // As 8 says it; before it looked at the first character all the same, and answered with 500.
  if (name.empty()) throw invalid("must not be empty");
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

std::string_view key_of(const Index& index, std::string_view id, std::string_view routing, std::string& storage) {
  if (routing.empty()) {
    if (!index.mapping.routing_required()) return id;
    Failure missing = failure(400, "routing_missing_exception",
                              fmt::format("routing is required for [{}]/[_doc]/[{}]", index.name, id));
    missing.index_uuid = "_na_";
    missing.index = index.name;
    throw missing;
  }
  if (index.table->shards() == 1) return id;
  storage = routed_key(id, routing);
  return storage;
}

Failure at_shard(Failure failed, const Index& index, std::string_view key) {
  failed.index_uuid = index.uuid;
  failed.shard = std::to_string(index.table->shard_of(key));
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

bool read_document(Handles::Held& held, std::string_view key, const SearchView* view) {
  if (!view) return held.handle->get(key, held.document).result == Result::found;
  const ViewDocument* document = view->find(held.index->table->shard_of(key), id_of(key));
  if (!document) return false;
  held.document.version = document->version;
  held.document.word = document->word;
  held.document.source.assign(as_bytes(document->kept));
  return true;
}

int append_document(std::string& out, Compatibility compatibility, Handles::Held& held, std::string_view key,
                    Version version, const SourceChoice& source, const SearchView* view) {
  const std::string_view id = id_of(key);
  Document& document = held.document;
  if (!read_document(held, key, view)) {
    append_named(out, compatibility, held.index->name, id);
    out += R"(,"found":false})";
    return 404;
  }
  if (version != kMatchAny && read_conflicts(document.version, version)) {
    throw at_shard(failure(409, "version_conflict_engine_exception",
                           read_conflict_reason(document.version, version, id, compatibility)),
                   *held.index, key);
  }
  append_named(out, compatibility, held.index->name, id);
  out += R"(,"_version":)";
  append_number(out, document.version);
  out += R"(,"_seq_no":)";
  append_number(out, static_cast<std::int64_t>(document.word.seq_no()));
  out += R"(,"_primary_term":)";
  append_number(out, static_cast<std::int64_t>(document.word.term()));
  const StoredDocument stored = read_stored(document.source.text());
  if (!stored.routing.empty()) {
    out += R"(,"_routing":)";
    append_quoted(out, stored.routing);
  }
  out += R"(,"found":true)";
  if (source.fetch) {
    out += R"(,"_source":)";
    append_source(out, stored.source, source, compatibility);
  }
  out += '}';
  return 200;
}

void append_source(std::string& out, std::string_view stored, const SourceChoice& choice, Compatibility compatibility) {
  if (choice.is_whole()) {
    out += shown(stored);
    return;
  }
  const Json json = parse_checked(shown(stored));
  if (!json.is_object()) {
    out += to_text(json);
    return;
  }
  // Since 8 a source is filtered while it is read, unless a wildcard leaves something out.
  const bool while_read = compatibility == Compatibility::v8 && std::ranges::none_of(choice.excludes, has_wildcard);
  out += to_text(while_read ? filtered_source(json, choice) : chosen_part(json, choice, compatibility));
}

}  // namespace occ
