#include "harness/rest_api.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/decide.hpp"
#include "core/reason.hpp"
#include "harness/bulk_parser.hpp"
#include "harness/rest_validation.hpp"

namespace occ {
namespace {

/// An answer that is an error: its `error` object, without root_cause.
struct Failure {
  int status;
  Json error;
};

Failure failure(int status, std::string_view type, std::string_view reason) {
  return {status, Json{{"type", type}, {"reason", reason}}};
}
Failure illegal_argument(std::string_view reason) {
  return failure(400, "illegal_argument_exception", reason);
}
Failure unsupported(std::string_view what) {
  return failure(501, "unsupported_operation_exception", fmt::format("{} not supported by occkit", what));
}

/// The HTTP answer to a failed request.
Response envelope(const Failure& failed) {
  Json error{{"root_cause", Json::array({failed.error})}};
  error.update(failed.error);
  // A cause is told once, not in root_cause.
  error["root_cause"][0].erase("caused_by");
  return {.status = failed.status, .body = {{"error", std::move(error)}, {"status", failed.status}}};
}

/// What became of one operation: the answer's body, or its failure.
struct Answer {
  int status = 200;
  Json body;
  std::optional<Failure> failed;
  std::string location;
};

Answer failed(Failure why) {
  const int status = why.status;
  return {.status = status, .failed = std::move(why)};
}

/// The source of a document. Through this API only objects get in; a table may be filled by other ways too.
Json stored_json(std::string_view source) {
  Json json = Json::parse(source, nullptr, false);
  if (!json.is_object()) throw failure(500, "illegal_state_exception", "the document is not a JSON object");
  return json;
}

std::uint64_t scrambled(std::uint64_t x) noexcept {
  // SplitMix64's finaliser.
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111eb;
  return x ^ (x >> 31U);
}

/// `length` characters, a bijection of `number` for 11 and more of them.
std::string base64_name(std::uint64_t number, std::size_t length) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name;
  std::uint64_t bits = scrambled(number);
  std::size_t left = 64;
  while (name.size() < length) {
    name += kAlphabet[bits & 63U];
    bits >>= 6U;
    left = left < 6 ? 0 : left - 6;
    if (left == 0) {
      bits = scrambled(number ^ (std::uint64_t{name.size()} << 56U));
      left = 64;
    }
  }
  return name;
}

/// The parameters of one request; what nobody asked for is refused.
class Parameters {
 public:
  explicit Parameters(const Request& request) : request_(request), asked_(request.query.size()) {
    for (const auto* ignored : {"pretty", "human", "error_trace"}) (void)get(ignored);
  }
  /// The last value given, as Elasticsearch takes it.
  std::optional<std::string_view> get(std::string_view name) {
    std::optional<std::string_view> value;
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      if (request_.query[i].first != name) continue;
      asked_[i] = true;
      value = request_.query[i].second;
    }
    return value;
  }
  /// Takes parameters that change nothing in a table without replicas, refreshes and searches.
  void ignore(std::initializer_list<std::string_view> names) {
    for (const auto name : names) (void)get(name);
  }
  void refuse(std::initializer_list<std::string_view> names) {
    for (const auto name : names) {
      if (get(name)) throw unsupported(fmt::format("the parameter [{}] is", name));
    }
  }
  void refuse_unknown() const {
    std::vector<std::string_view> unknown;
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      if (!asked_[i]) unknown.push_back(request_.query[i].first);
    }
    if (unknown.empty()) return;
    std::ranges::sort(unknown);
    throw illegal_argument(fmt::format("request [{}] contains unrecognized parameter{}: [{}]",
                                       request_.uri.substr(0, request_.uri.find('?')), unknown.size() > 1 ? "s" : "",
                                       fmt::join(unknown, "], [")));
  }
  /// RestActions.parseVersion: the parameter, else the If-Match header.
  Version version() {
    if (const auto value = get("version")) return parse_long("version", *value);
    const auto header = std::ranges::find_if(request_.headers, [](const auto& named) {
      return std::ranges::equal(named.first, std::string_view("if-match"), {},
                                [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    });
    if (header == request_.headers.end()) return kMatchAny;
    try {
      return parse_long("If-Match", header->second);
    } catch (const IllegalArgument&) {
      throw failure(400, "number_format_exception", fmt::format("For input string: \"{}\"", header->second));
    }
  }
  VersionType version_type() {
    const auto value = get("version_type");
    return value ? parse_version_type(*value) : VersionType::internal;
  }
  void condition(WriteParameters& into) {
    if (const auto value = get("if_seq_no")) set_if_seq_no(into, parse_long("if_seq_no", *value));
    if (const auto value = get("if_primary_term")) set_if_primary_term(into, parse_long("if_primary_term", *value));
  }
  std::optional<bool> fetch_source() {
    refuse({"_source_includes", "_source_excludes", "_source_include", "_source_exclude"});
    const auto value = get("_source");
    if (!value) return std::nullopt;
    if (*value == "true" || value->empty()) return true;
    if (*value == "false") return false;
    throw unsupported("source filtering is");
  }
  bool forced_refresh() {
    const auto value = get("refresh");
    if (!value || *value == "false" || *value == "wait_for") return false;
    if (*value == "true" || value->empty()) return true;
    throw illegal_argument(fmt::format("Unknown value for refresh: [{}].", *value));
  }

 private:
  const Request& request_;
  std::vector<bool> asked_;
};

/// The body of `_update`.
struct UpdateBody {
  std::optional<Json> doc;
  std::optional<Json> upsert;
  bool doc_as_upsert = false;
  bool detect_noop = true;
  bool script = false;
  std::optional<bool> fetch_source;
};

Failure bad_update_field(std::string_view field, const Json& value) {
  return failure(400, "x_content_parse_exception",
                 fmt::format("[UpdateRequest] {} doesn't support values of type: {}", field, token_name(value)));
}

/// Fields of the body win over the URL's parameters.
UpdateBody parse_update_body(std::string_view text, WriteParameters& parameters) {
  const Json json = [&] {
    try {
      return parse_json(text);
    } catch (const JsonError& error) {
      throw failure(400, "json_parse_exception", error.what());
    }
  }();
  if (!json.is_object()) {
    throw failure(400, "x_content_parse_exception",
                  fmt::format("[UpdateRequest] Expected START_OBJECT but was: {}", token_name(json)));
  }
  UpdateBody body;
  const auto boolean = [](const std::string& key, const Json& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (value == "true" || value == "false") return value == "true";
    throw bad_update_field(key, value);
  };
  const auto whole = [](const std::string& key, const Json& value) {
    if (!value.is_number_integer() && !value.is_string()) throw bad_update_field(key, value);
    return parse_long(key, scalar_text(value));
  };
  for (const auto& [key, value] : json.items()) {
    if (key == "doc" || key == "upsert") {
      if (!value.is_object()) throw bad_update_field(key, value);
      (key == "doc" ? body.doc : body.upsert) = value;
    } else if (key == "script") {
      body.script = true;
    } else if (key == "doc_as_upsert") {
      body.doc_as_upsert = boolean(key, value);
    } else if (key == "detect_noop") {
      body.detect_noop = boolean(key, value);
    } else if (key == "scripted_upsert") {
      if (boolean(key, value)) body.script = true;
    } else if (key == "_source") {
      if (!value.is_boolean()) throw unsupported("source filtering is");
      body.fetch_source = value.get<bool>();
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

void throw_if_any(const ValidationErrors& errors) {
  if (!errors.empty()) throw failure(400, "action_request_validation_exception", errors.reason());
}

/// MetaDataCreateIndexService.validateIndexOrAliasName.
void check_index_name(std::string_view name) {
  const auto invalid = [&](std::string_view why) {
    Failure bad = failure(400, "invalid_index_name_exception", fmt::format("Invalid index name [{}], {}", name, why));
    bad.error["index_uuid"] = "_na_";
    bad.error["index"] = name;
    return bad;
  };
  if (name.find_first_of("\\/*?\"<>| ,#:") != name.npos) {
    throw invalid("must not contain any of [ , \", *, \\, <, |, ,, >, /, ?, #, :]");
  }
  if (name.find_first_of("-_+") == 0) throw invalid("must not start with '_', '-', or '+'");
  if (std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; })) throw invalid("must be lowercase");
  if (name == "." || name == "..") throw invalid("must not be '.' or '..'");
  if (name.size() > 255) throw invalid("index name is too long, (more than 255 bytes)");
}

Failure no_such_index(std::string_view name, Compatibility compatibility) {
  Failure missing =
      failure(404, "index_not_found_exception",
              compatibility == Compatibility::v6 ? "no such index" : fmt::format("no such index [{}]", name));
  missing.error["resource.type"] = "index_or_alias";
  missing.error["resource.id"] = name;
  missing.error["index_uuid"] = "_na_";
  missing.error["index"] = name;
  return missing;
}

/// One operation on one document, read from a URL or an action line.
struct WriteOperation {
  BulkEntry::Action action = BulkEntry::Action::index;
  std::string index;
  std::optional<std::string> id;
  WriteParameters parameters;
  std::string_view source;  ///< index and create: the document
  UpdateBody update;
  bool forced_refresh = false;
};

void validate(const WriteOperation& operation, Version upsert_version, Compatibility compatibility,
              ValidationErrors& errors) {
  const std::optional<std::string_view> id = operation.id;
  switch (operation.action) {
    case BulkEntry::Action::index:
    case BulkEntry::Action::create:
      return validate_index(operation.parameters, id, compatibility, errors);
    case BulkEntry::Action::remove:
      return validate_remove(operation.parameters, id, compatibility, errors);
    case BulkEntry::Action::update:
      return validate_update(operation.parameters, id,
                             {.doc = operation.update.doc.has_value(),
                              .script = operation.update.script,
                              .upsert = operation.update.upsert.has_value(),
                              .doc_as_upsert = operation.update.doc_as_upsert,
                              .upsert_version = upsert_version},
                             compatibility, errors);
  }
}

std::string_view name_of(BulkEntry::Action action) {
  constexpr std::string_view kNames[] = {"index", "create", "update", "delete"};
  return kNames[static_cast<int>(action)];
}

std::string_view name_of(Result result) {
  switch (result) {
    case Result::created:
      return "created";
    case Result::updated:
      return "updated";
    case Result::deleted:
      return "deleted";
    case Result::noop:
      return "noop";
    default:
      return "not_found";
  }
}

}  // namespace

Node::Node(NodeOptions options) : options_(std::move(options)) {}

std::shared_ptr<Node::Index> Node::find(const std::string& name) const {
  const std::shared_lock lock(mutex_);
  const auto at = indices_.find(name);
  return at == indices_.end() ? nullptr : at->second;
}

std::pair<std::shared_ptr<Node::Index>, bool> Node::create(const std::string& name, const IndexSettings& settings) {
  const std::unique_lock lock(mutex_);
  if (const auto at = indices_.find(name); at != indices_.end()) return {at->second, false};
  auto index = std::make_shared<Index>();
  index->name = name;
  index->uuid = base64_name(++indices_made_, 22);
  index->copies = 1 + settings.replicas;
  index->table = options_.make_table(
      {.shards = settings.shards, .gc_deletes_ms = settings.gc_deletes_ms, .clock = options_.clock});
  indices_.emplace(name, index);
  return {std::move(index), true};
}

bool Node::remove(const std::string& name) {
  const std::unique_lock lock(mutex_);
  return indices_.erase(name) != 0;
}

std::string Node::make_id() noexcept {
  return base64_name(ids_made_.fetch_add(1, std::memory_order_relaxed), 20);  // relaxed: only uniqueness is needed
}

struct Session::Held {
  std::shared_ptr<Node::Index> index;  // declared first: the handle goes before its table
  std::unique_ptr<AnyHandle> handle;
  Document document;
};

Session::Session(Node& node) : node_(node) {}
Session::~Session() = default;

Session::Held& Session::held(const std::shared_ptr<Node::Index>& index) {
  const auto at = held_.find(index->name);
  if (at != held_.end() && at->second.index == index) return at->second;
  if (at != held_.end()) held_.erase(at);
  return held_.try_emplace(index->name, Held{index, index->table->handle(), {}}).first->second;
}

/// One request on its way through a session.
class Session::Call {
 public:
  Call(Session& session, const Request& request)
      : session_(session),
        node_(session.node_),
        compatibility_(node_.options().compatibility),
        request_(request),
        parameters_(request) {}

  Response answer() {
    const auto& path = request_.path;
    const std::string_view last = path.empty() ? std::string_view() : path.back();
    if (path.empty()) throw no_handler();
    if (path[0] == "_occkit") return control();
    if (last == "_bulk" && path.size() <= 2) return bulk();
    if (last == "_mget" && path.size() <= 2) return mget();
    if (last == "_refresh" && path.size() <= 2) return refresh();
    if (path[0].starts_with('_')) throw not_supported(path[0]);
    if (path.size() == 1) return index_itself();
    const std::string& what = path[1];
    if (path.size() == 2 && what == "_settings") return settings();
    if (path.size() == 2 && what == "_doc") return auto_id();
    if (path.size() == 3 && what == "_doc") return document();
    if (path.size() == 3 && what == "_create") return create();
    if (path.size() == 3 && what == "_update") return update();
    if (path.size() == 3 && what == "_source") return source();
    if (path.size() == 4 && what == "_doc" && compatibility_ != Compatibility::v8) {
      if (path[3] == "_create") return create();
      if (path[3] == "_update") return update();
      if (path[3] == "_source") return source();
    }
    if (path.size() >= 3 && !what.starts_with('_')) {
      throw unsupported(fmt::format("the type [{}]: types other than _doc are", what));
    }
    throw not_supported(what);
  }

 private:
  [[nodiscard]] Failure no_handler() const {
    return {400, fmt::format("no handler found for uri [{}] and method [{}]", request_.uri, request_.method)};
  }
  /// For paths that begin with '_': those of Elasticsearch that people are likely to try get an answer of their own.
  [[nodiscard]] Failure not_supported(std::string_view what) const {
    constexpr std::string_view kKnown[] = {
        "_search",  "_msearch",  "_count",   "_update_by_query", "_delete_by_query", "_cat",     "_cluster", "_reindex",
        "_mapping", "_mappings", "_aliases", "_alias",           "_termvectors",     "_explain", "_scripts"};
    if (std::ranges::find(kKnown, what) != std::end(kKnown)) return unsupported(fmt::format("[{}] is", what));
    return no_handler();
  }
  void allow(std::initializer_list<std::string_view> methods) const {
    if (std::ranges::find(methods, std::string_view(request_.method)) != methods.end()) return;
    throw Failure{405, fmt::format("Incorrect HTTP method for uri [{}] and method [{}], allowed: [{}]", request_.uri,
                                   request_.method, fmt::join(methods, ", "))};
  }
  [[nodiscard]] bool is(std::string_view method) const { return request_.method == method; }

  [[nodiscard]] std::shared_ptr<Node::Index> existing(const std::string& name) const {
    auto index = node_.find(name);
    if (!index) throw no_such_index(name, compatibility_);
    return index;
  }
  [[nodiscard]] std::shared_ptr<Node::Index> existing_or_new(const std::string& name) const {
    if (auto index = node_.find(name)) return index;
    check_index_name(name);
    return node_.create(name, node_.default_settings()).first;
  }

  void add_type(Json& body) const {
    if (compatibility_ != Compatibility::v8) body["_type"] = "_doc";
  }
  /// `{_index, _type, _id}`
  [[nodiscard]] Json named(std::string_view index, std::string_view id) const {
    Json body{{"_index", index}};
    add_type(body);
    body["_id"] = id;
    return body;
  }
  static void add_shard(Json& error, const Node::Index& index, std::string_view id) {
    error["index_uuid"] = index.uuid;
    error["shard"] = std::to_string(index.table->shard_of(id));
    error["index"] = index.name;
  }
  [[nodiscard]] Failure conflict(const Node::Index& index, std::string_view id, std::string_view reason) const {
    Failure refused = failure(409, "version_conflict_engine_exception", reason);
    add_shard(refused.error, index, id);
    return refused;
  }
  [[nodiscard]] Failure rejection(const Node::Index& index, std::string_view id, Cause cause) const {
    Failure refused = [&] {
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
    }();
    add_shard(refused.error, index, id);
    return refused;
  }

  /// The document of an index or create, as far as a table without mappings can be wrong about it.
  void check_source(std::string_view source) const {
    try {
      check_json_object(source);
    } catch (const JsonError& error) {
      Failure bad =
          failure(400, compatibility_ == Compatibility::v8 ? "document_parsing_exception" : "mapper_parsing_exception",
                  "failed to parse");
      bad.error["caused_by"] = {{"type", "json_parse_exception"}, {"reason", error.what()}};
      throw bad;
    }
  }

  [[nodiscard]] Answer write_answer(const Node::Index& index, std::string_view id, const Outcome& outcome,
                                    bool forced_refresh) const {
    Answer answer;
    const bool noop = outcome.result == Result::noop;
    answer.status = outcome.result == Result::created ? 201 : outcome.result == Result::not_found ? 404 : 200;
    answer.body = named(index.name, id);
    answer.body["_version"] = outcome.version;
    answer.body["result"] = name_of(outcome.result);
    if (forced_refresh && !noop) answer.body["forced_refresh"] = true;
    answer.body["_shards"] = {{"total", noop ? 0 : index.copies}, {"successful", noop ? 0 : 1}, {"failed", 0}};
    answer.body["_seq_no"] = outcome.word.seq_no();
    answer.body["_primary_term"] = outcome.word.term();
    if (answer.status == 201) {
      answer.location = fmt::format("/{}/_doc/{}", percent_encoded(index.name), percent_encoded(id));
    }
    return answer;
  }

  /// Runs a validated operation. Failures of the document itself are returned; others are thrown.
  Answer run(const WriteOperation& operation) {
    try {
      const bool external = operation.parameters.version_type != VersionType::internal;
      const auto index = operation.action == BulkEntry::Action::remove && !external ? existing(operation.index)
                                                                                    : existing_or_new(operation.index);
      Held& held = session_.held(index);
      if (operation.action == BulkEntry::Action::update) return run_update(held, operation);
      const std::string id = operation.id ? *operation.id : node_.make_id();
      const Precondition precondition = precondition_of(operation.parameters);
      Outcome outcome;
      if (operation.action == BulkEntry::Action::remove) {
        outcome = held.handle->remove(id, precondition);
      } else {
        check_source(operation.source);
        outcome = held.handle->index(id, as_bytes(operation.source), precondition);
      }
      if (outcome.conflicted()) {
        return failed(conflict(*index, id, conflict_reason(outcome, precondition, id, compatibility_)));
      }
      if (outcome.result == Result::rejected) return failed(rejection(*index, id, outcome.cause));
      return write_answer(*index, id, outcome, operation.forced_refresh);
    } catch (const Failure& why) {
      return failed(why);
    }
  }

  [[nodiscard]] Failure document_missing(const Node::Index& index, std::string_view id) const {
    Failure missing =
        failure(404, "document_missing_exception",
                fmt::format("{}[{}]: document missing", compatibility_ == Compatibility::v8 ? "" : "[_doc]", id));
    add_shard(missing.error, index, id);
    return missing;
  }

  /// The document after `doc` was merged into it; nothing if that changes nothing and noops are detected.
  static std::optional<std::string> merged(std::string_view source, const UpdateBody& body) {
    Json json = stored_json(source);
    if (!merge(json, *body.doc) && body.detect_noop) return std::nullopt;
    std::string text = to_text(json);
    try {
      check_json_object(text);
    } catch (const JsonError& error) {
      throw illegal_argument(fmt::format("the merged document: {}", error.what()));
    }
    return text;
  }

  Answer run_update(Held& held, const WriteOperation& operation) {
    if (operation.update.script) throw unsupported("scripts are");
    const Node::Index& index = *held.index;
    const std::string& id = *operation.id;
    const WriteParameters& parameters = operation.parameters;
    if (parameters.version != kMatchAny) return run_versioned_update(held, operation);

    // What the last attempt read, which is what Elasticsearch names in the conflict that ends its retries.
    SeqNoTerm read;
    Version read_version = kVersionNotFound;
    std::string source;
    const auto transform = [&](const DocumentView& current, Source& next) {
      read = current.word;
      read_version = current.version;
      if (auto text = merged(as_text(current.source), operation.update)) {
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
    if (operation.update.upsert || operation.update.doc_as_upsert) {
      upsert = to_text(operation.update.upsert ? *operation.update.upsert : *operation.update.doc);
      options.upsert = as_bytes(upsert);
    }
    const Outcome outcome = held.handle->update(id, transform, options);
    if (outcome.result == Result::not_found) return failed(document_missing(index, id));
    if (outcome.result == Result::rejected) return failed(rejection(index, id, outcome.cause));
    if (outcome.conflicted()) {
      Precondition refused = options.precondition;
      if (refused.kind == Precondition::Kind::none) {
        refused = outcome.cause == Cause::version_mismatch ? Precondition::if_version(read_version)
                                                           : Precondition::if_word(read);
      }
      return failed(conflict(index, id, conflict_reason(outcome, refused, id, compatibility_)));
    }
    Answer answer = write_answer(index, id, outcome, operation.forced_refresh);
    add_get(answer, operation, outcome, outcome.result == Result::created ? upsert : source);
    return answer;
  }

  static void add_get(Answer& answer, const WriteOperation& operation, const Outcome& outcome,
                      std::string_view source) {
    if (!operation.update.fetch_source.value_or(false)) return;
    answer.body["get"] = {{"_seq_no", outcome.word.seq_no()},
                          {"_primary_term", outcome.word.term()},
                          {"found", true},
                          {"_source", stored_json(source)}};
  }

  /// 6.x: `_update?version=N` reads under the version and writes under it, once.
  Answer run_versioned_update(Held& held, const WriteOperation& operation) {
    const Node::Index& index = *held.index;
    const std::string& id = *operation.id;
    const Version version = operation.parameters.version;
    if (held.handle->get(id, held.document).result != Result::found) return failed(document_missing(index, id));
    if (read_conflicts(held.document.version, version)) {
      return failed(conflict(index, id, read_conflict_reason(held.document.version, version, id, compatibility_)));
    }
    const auto text = merged(held.document.source.text(), operation.update);
    Outcome outcome{.result = Result::noop, .version = held.document.version, .word = held.document.word};
    if (text) {
      const Precondition precondition = Precondition::if_version(version);
      outcome = held.handle->index(id, as_bytes(*text), precondition);
      if (outcome.conflicted()) {
        return failed(conflict(index, id, conflict_reason(outcome, precondition, id, compatibility_)));
      }
      if (outcome.result == Result::rejected) return failed(rejection(index, id, outcome.cause));
    }
    Answer answer = write_answer(index, id, outcome, operation.forced_refresh);
    add_get(answer, operation, outcome, text ? *text : held.document.source.text());
    return answer;
  }

  static Response respond(Answer answer) {
    if (answer.failed) return envelope(*answer.failed);
    Response response{.status = answer.status, .body = std::move(answer.body)};
    if (!answer.location.empty()) response.headers.emplace_back("Location", std::move(answer.location));
    return response;
  }

  void read_write_parameters(WriteOperation& operation) {
    parameters_.refuse({"routing", "parent", "pipeline", "require_alias"});
    parameters_.ignore({"timeout", "wait_for_active_shards"});
    operation.forced_refresh = parameters_.forced_refresh();
    operation.parameters.version = parameters_.version();
    operation.parameters.version_type = parameters_.version_type();
    parameters_.condition(operation.parameters);
  }
  Response validated_and_run(const WriteOperation& operation, Version upsert_version = kMatchAny) {
    parameters_.refuse_unknown();
    ValidationErrors errors;
    validate(operation, upsert_version, compatibility_, errors);
    throw_if_any(errors);
    return respond(run(operation));
  }
  Response index_document(bool create, std::optional<std::string> id) {
    const auto op_type = parameters_.get("op_type");
    const auto lower = [](std::string_view text) {
      std::string out(text);
      std::ranges::transform(out, out.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      return out;
    };
    WriteOperation operation{.index = request_.path[0], .id = std::move(id), .source = request_.body};
    if (create && op_type && lower(*op_type) != "create") {
      throw illegal_argument(fmt::format("opType must be 'create', found: [{}]", *op_type));
    }
    if (request_.body.empty()) throw failure(400, "parse_exception", "request body is required");
    read_write_parameters(operation);
    if (op_type && lower(*op_type) != "create" && lower(*op_type) != "index") {
      throw illegal_argument(fmt::format("opType must be 'create' or 'index', found: [{}]", *op_type));
    }
    // Without an id, op_type is create unless it is said to be index (since 7.5).
    operation.parameters.create = create || (op_type ? lower(*op_type) == "create" : !operation.id);
    if (operation.parameters.create) operation.action = BulkEntry::Action::create;
    return validated_and_run(operation);
  }

  Response auto_id() {
    allow({"POST"});
    return index_document(false, std::nullopt);
  }
  Response create() {
    allow({"PUT", "POST"});
    return index_document(true, request_.path[2]);
  }
  Response document() {
    allow({"GET", "HEAD", "PUT", "POST", "DELETE"});
    if (is("GET") || is("HEAD")) return get();
    if (is("DELETE")) {
      WriteOperation operation{.action = BulkEntry::Action::remove, .index = request_.path[0], .id = request_.path[2]};
      read_write_parameters(operation);
      return validated_and_run(operation);
    }
    return index_document(false, request_.path[2]);
  }

  Response update() {
    allow({"POST"});
    WriteOperation operation{.action = BulkEntry::Action::update, .index = request_.path[0], .id = request_.path[2]};
    parameters_.refuse({"routing", "parent", "pipeline", "require_alias", "lang"});
    parameters_.ignore({"timeout", "wait_for_active_shards"});
    operation.forced_refresh = parameters_.forced_refresh();
    const auto fetch_source = parameters_.fetch_source();
    if (const auto value = parameters_.get("retry_on_conflict")) {
      operation.parameters.retry_on_conflict = parse_int("retry_on_conflict", *value);
    }
    const bool versioned = parameters_.get("version") || parameters_.get("version_type");
    if (versioned && compatibility_ != Compatibility::v6) {
      ValidationErrors errors;
      errors.add(kInternalVersioningRefused);
      throw_if_any(errors);
    }
    parameters_.condition(operation.parameters);
    if (request_.body.empty()) throw failure(400, "parse_exception", "request body is required");
    operation.update = parse_update_body(request_.body, operation.parameters);
    if (fetch_source && !operation.update.fetch_source) operation.update.fetch_source = fetch_source;
    const Version version = parameters_.version();
    if (compatibility_ == Compatibility::v6) {
      operation.parameters.version = version;
      operation.parameters.version_type = parameters_.version_type();
      return validated_and_run(operation);
    }
    // If-Match is taken for the doc, where it has no effect, and for the upsert, where it is refused.
    return validated_and_run(operation, version);
  }

  void read_get_parameters() {
    parameters_.refuse({"routing", "parent", "stored_fields"});
    parameters_.ignore({"realtime", "refresh", "preference"});
  }
  Response get() {
    read_get_parameters();
    const Version version = parameters_.version();
    const VersionType type = parameters_.version_type();
    const bool fetch_source = parameters_.fetch_source().value_or(true);
    parameters_.refuse_unknown();
    ValidationErrors errors;
    validate_get(version, type, errors);
    throw_if_any(errors);
    return respond(read(existing(request_.path[0]), request_.path[2], version, fetch_source));
  }
  Answer read(const std::shared_ptr<Node::Index>& index, const std::string& id, Version version, bool fetch_source) {
    Held& held = session_.held(index);
    Answer answer{.status = 404, .body = named(index->name, id)};
    if (held.handle->get(id, held.document).result != Result::found) {
      answer.body["found"] = false;
      return answer;
    }
    if (version != kMatchAny && read_conflicts(held.document.version, version)) {
      return failed(conflict(*index, id, read_conflict_reason(held.document.version, version, id, compatibility_)));
    }
    answer.status = 200;
    answer.body["_version"] = held.document.version;
    answer.body["_seq_no"] = held.document.word.seq_no();
    answer.body["_primary_term"] = held.document.word.term();
    answer.body["found"] = true;
    if (fetch_source) answer.body["_source"] = stored_json(held.document.source.text());
    return answer;
  }
  Response source() {
    allow({"GET", "HEAD"});
    read_get_parameters();
    parameters_.refuse_unknown();
    const auto index = existing(request_.path[0]);
    const std::string& id = request_.path[2];
    Held& held = session_.held(index);
    if (held.handle->get(id, held.document).result != Result::found) {
      throw failure(404, "resource_not_found_exception",
                    compatibility_ == Compatibility::v8
                        ? fmt::format("Document not found [{}]/[{}]", index->name, id)
                        : fmt::format("Document not found [{}]/[_doc]/[{}]", index->name, id));
    }
    return {.body = stored_json(held.document.source.text())};
  }

  Response mget() {
    allow({"GET", "POST"});
    read_get_parameters();
    const bool fetch_source = parameters_.fetch_source().value_or(true);
    parameters_.refuse_unknown();
    if (request_.body.empty()) throw failure(400, "parse_exception", "request body is required");
    const Json body = parse_body();
    struct Item {
      std::string index, id;
      Version version = kMatchAny;
      VersionType type = VersionType::internal;
      bool fetch_source = true;
    };
    const std::string path_index = request_.path.size() == 2 ? request_.path[0] : std::string();
    std::vector<Item> items;
    for (const auto& [key, list] : body.items()) {
      if ((key != "docs" && key != "ids") || !list.is_array()) {
        throw failure(400, "parsing_exception",
                      fmt::format("unknown key [{}] for a {}, expected [docs] or [ids]", key, token_name(list)));
      }
      for (const Json& doc : list) {
        Item item{.index = path_index, .fetch_source = fetch_source};
        if (key == "ids") {
          if (!doc.is_primitive()) throw illegal_argument("ids array element should only contain ids");
          item.id = scalar_text(doc);
        } else {
          if (!doc.is_object()) throw illegal_argument("docs array element should include an object");
          for (const auto& [field, value] : doc.items()) {
            if (value.is_structured()) throw unsupported(fmt::format("[{}] with {} is", field, token_name(value)));
            if (field == "_index") {
              item.index = scalar_text(value);
            } else if (field == "_id") {
              item.id = scalar_text(value);
            } else if (field == "version") {
              item.version = parse_long(field, scalar_text(value));
            } else if (field == "version_type") {
              item.type = parse_version_type(scalar_text(value));
            } else if (field == "_source") {
              item.fetch_source = parse_boolean(field, scalar_text(value));
            } else if (field != "_type" || compatibility_ == Compatibility::v8) {
              throw illegal_argument(fmt::format("unknown parameter [{}]", field));
            }
          }
        }
        items.push_back(std::move(item));
      }
    }
    ValidationErrors errors;
    if (items.empty()) errors.add("no documents to get");
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].index.empty()) errors.add(fmt::format("index is missing for doc {}", i));
      if (items[i].id.empty()) errors.add(fmt::format("id is missing for doc {}", i));
      validate_get(items[i].version, items[i].type, errors);
    }
    throw_if_any(errors);
    Json docs = Json::array();
    for (const Item& item : items) {
      const auto index = node_.find(item.index);
      Answer answer = index ? read(index, item.id, item.version, item.fetch_source)
                            : failed(no_such_index(item.index, compatibility_));
      if (answer.failed) {
        answer.body = named(item.index, item.id);
        answer.body["error"] = envelope(*answer.failed).body["error"];
      }
      docs.push_back(std::move(answer.body));
    }
    return {.body = {{"docs", std::move(docs)}}};
  }

  Response bulk() {
    allow({"POST", "PUT"});
    parameters_.refuse({"routing", "pipeline", "require_alias"});
    parameters_.ignore({"timeout", "wait_for_active_shards"});
    const bool forced_refresh = parameters_.forced_refresh();
    const auto fetch_source = parameters_.fetch_source();
    parameters_.refuse_unknown();
    if (request_.body.empty()) throw failure(400, "parse_exception", "request body is required");
    const std::int64_t began_ms = node_.options().clock->now_ms();
    const std::string path_index = request_.path.size() == 2 ? request_.path[0] : std::string();

    std::vector<WriteOperation> operations;
    ValidationErrors errors;
    for_each_bulk_entry(
        request_.body,
        [&](const BulkEntry& entry) {
          if (entry.unsupported) throw unsupported(fmt::format("[{}] on line [{}] is", *entry.unsupported, entry.line));
          WriteOperation operation{.action = entry.action,
                                   .index = entry.index.value_or(path_index),
                                   .id = entry.id,
                                   .parameters = entry.parameters,
                                   .source = entry.source,
                                   .forced_refresh = forced_refresh};
          if (entry.id && entry.id->empty()) throw illegal_argument("if _id is specified it must not be empty");
          if (entry.action == BulkEntry::Action::update) {
            operation.update = parse_update_body(entry.source, operation.parameters);
            if (entry.fetch_source) operation.update.fetch_source = entry.fetch_source;
            if (!operation.update.fetch_source) operation.update.fetch_source = fetch_source;
            if (operation.update.script)
              throw unsupported(fmt::format("the script on line [{}] is", entry.source_line));
          }
          if (operation.index.empty()) errors.add("index is missing");
          validate(operation, kMatchAny, compatibility_, errors);
          operations.push_back(std::move(operation));
        },
        compatibility_);
    if (operations.empty()) errors.add("no requests added");
    throw_if_any(errors);

    bool any_failed = false;
    Json items = Json::array();
    for (WriteOperation& operation : operations) {
      // Made here, so that a failed item can name its id.
      if (!operation.id) operation.id = node_.make_id();
      Answer answer = run(operation);
      if (answer.failed) {
        any_failed = true;
        answer.body = named(operation.index, *operation.id);
        answer.body["status"] = answer.status;
        answer.body["error"] = std::move(answer.failed->error);
      } else {
        if (answer.body["result"] == "noop") {
          // Elasticsearch puts the shard group's numbers on every item that succeeded, noops included.
          const auto index = node_.find(operation.index);
          answer.body["_shards"] = {{"total", index ? index->copies : 1}, {"successful", 1}, {"failed", 0}};
        }
        answer.body["status"] = answer.status;
      }
      Json item;
      item[std::string(name_of(operation.action))] = std::move(answer.body);
      items.push_back(std::move(item));
    }
    return {.body = {{"took", node_.options().clock->now_ms() - began_ms},
                     {"errors", any_failed},
                     {"items", std::move(items)}}};
  }

  Response refresh() {
    allow({"POST", "GET"});
    parameters_.refuse_unknown();
    if (request_.path.size() == 2) (void)existing(request_.path[0]);
    return {.body = {{"_shards", {{"total", 1}, {"successful", 1}, {"failed", 0}}}}};
  }

  [[nodiscard]] Json parse_body() const {
    try {
      Json json = parse_json(request_.body);
      if (json.is_object()) return json;
    } catch (const JsonError& error) {
      throw failure(400, "parse_exception", fmt::format("Failed to parse content to map: {}", error.what()));
    }
    throw failure(400, "parse_exception", "Failed to parse content to map: a JSON object is expected");
  }

  /// Calls take(name, value) for every setting, however it is nested, named as in `index.gc_deletes`.
  template <class F>
  static void for_each_setting(const Json& settings, const std::string& prefix, const F& take) {
    for (const auto& [key, value] : settings.items()) {
      const std::string name = prefix.empty() ? key : prefix + "." + key;
      if (value.is_object()) {
        for_each_setting(value, name, take);
      } else {
        take(name.starts_with("index.") ? name : "index." + name, scalar_text(value));
      }
    }
  }
  static std::int64_t setting_within(const std::string& name, const std::string& value, std::int64_t least,
                                     std::int64_t most) {
    const auto number = [&] {
      try {
        return parse_long(name, value);
      } catch (const IllegalArgument&) {
        throw illegal_argument(fmt::format("Failed to parse value [{}] for setting [{}]", value, name));
      }
    }();
    if (number < least) {
      throw illegal_argument(
          fmt::format("Failed to parse value [{}] for setting [{}] must be >= {}", value, name, least));
    }
    if (number > most) {
      throw illegal_argument(
          fmt::format("Failed to parse value [{}] for setting [{}] must be <= {}", value, name, most));
    }
    return number;
  }
  [[nodiscard]] static Failure unknown_setting(const std::string& name) {
    return illegal_argument(fmt::format(
        "unknown setting [{}] please check that any required plugins are installed, or check the breaking changes "
        "documentation for removed settings",
        name));
  }

  Response index_itself() {
    allow({"PUT", "DELETE", "HEAD"});
    const std::string& name = request_.path[0];
    parameters_.ignore({"timeout", "master_timeout", "wait_for_active_shards", "include_type_name"});
    parameters_.refuse_unknown();
    if (is("HEAD")) return {.status = node_.find(name) ? 200 : 404};
    if (is("DELETE")) {
      if (!node_.remove(name)) throw no_such_index(name, compatibility_);
      session_.held_.erase(name);
      return {.body = {{"acknowledged", true}}};
    }
    check_index_name(name);
    Node::IndexSettings wanted = node_.default_settings();
    const Json body = request_.body.empty() ? Json::object() : parse_body();
    for (const auto& [key, value] : body.items()) {
      // Mappings are taken and not enforced: a document here is its bytes.
      if (key == "mappings") continue;
      if (key != "settings" || !value.is_object()) {
        throw failure(400, "parse_exception", fmt::format("unknown key [{}] for create index", key));
      }
      for_each_setting(value, "", [&](const std::string& setting, const std::string& text) {
        if (setting == "index.number_of_shards") {
          wanted.shards = static_cast<std::uint32_t>(setting_within(setting, text, 1, 1024));
        } else if (setting == "index.number_of_replicas") {
          wanted.replicas = setting_within(setting, text, 0, 1'000'000);
        } else if (setting == "index.gc_deletes") {
          wanted.gc_deletes_ms = parse_time_ms(setting, text);
        } else if (setting != "index.refresh_interval") {
          throw unknown_setting(setting);
        }
      });
    }
    const auto [index, made] = node_.create(name, wanted);
    if (!made) {
      Failure exists = failure(400, "resource_already_exists_exception",
                               fmt::format("index [{}/{}] already exists", index->name, index->uuid));
      exists.error["index_uuid"] = index->uuid;
      exists.error["index"] = index->name;
      throw exists;
    }
    return {.body = {{"acknowledged", true}, {"shards_acknowledged", true}, {"index", name}}};
  }

  Response settings() {
    allow({"PUT"});
    parameters_.ignore({"timeout", "master_timeout"});
    parameters_.refuse_unknown();
    const auto index = existing(request_.path[0]);
    const Json body = parse_body();
    std::optional<std::int64_t> gc_deletes_ms;
    const bool wrapped = body.size() == 1 && body.contains("settings") && body["settings"].is_object();
    for_each_setting(wrapped ? body["settings"] : body, "", [&](const std::string& setting, const std::string& text) {
      if (setting != "index.gc_deletes") throw unknown_setting(setting);
      gc_deletes_ms = parse_time_ms(setting, text);
    });
    if (gc_deletes_ms) index->table->set_gc_deletes(*gc_deletes_ms);
    return {.body = {{"acknowledged", true}}};
  }

  Response control() {
    const auto& path = request_.path;
    if (path.size() == 3 && path[1] == "fail_over") {
      allow({"POST"});
      const auto shard = parameters_.get("shard");
      parameters_.refuse_unknown();
      const auto index = existing(path[2]);
      AnyTable& table = *index->table;
      std::uint32_t first = 0;
      std::uint32_t end = table.shards();
      if (shard) {
        const std::int64_t number = parse_long("shard", *shard);
        if (number < 0 || number >= table.shards()) {
          throw illegal_argument(fmt::format("no such shard [{}]: index [{}] has {} from 0", number, path[2], end));
        }
        first = static_cast<std::uint32_t>(number);
        end = first + 1;
      }
      Json terms = Json::object();
      for (; first < end; ++first) {
        if (!table.fail_over(first)) {
          throw failure(500, "illegal_state_exception", fmt::format("shard [{}] has no primary term left", first));
        }
        terms[std::to_string(first)] = table.next(first).term();
      }
      return {.body = {{"acknowledged", true}, {"primary_terms", std::move(terms)}}};
    }
    if (path.size() == 2 && path[1] == "advance_clock") {
      allow({"POST"});
      const auto ms = parameters_.get("ms");
      parameters_.refuse_unknown();
      if (!node_.options().manual_clock)
        throw illegal_argument("this node runs on real time, its clock cannot be advanced");
      if (!ms) throw illegal_argument("advance_clock needs the parameter [ms]");
      const std::int64_t by = parse_long("ms", *ms);
      const std::int64_t now = node_.options().manual_clock->now_ms();
      if (by < 0 || by > std::numeric_limits<std::int64_t>::max() / 4 - now) {
        throw illegal_argument(fmt::format("the clock goes forward only, and not by [{}] ms", by));
      }
      node_.options().manual_clock->advance_ms(by);
      return {.body = {{"acknowledged", true}, {"now_ms", node_.options().manual_clock->now_ms()}}};
    }
    throw no_handler();
  }

  Session& session_;
  Node& node_;
  Compatibility compatibility_;
  const Request& request_;
  Parameters parameters_;
};

Response Session::handle(const Request& request) {
  Response response;
  try {
    response = Call(*this, request).answer();
  } catch (const Failure& why) {
    // Elasticsearch answers an unknown path or method with plain text in place of the error object.
    response = why.error.is_string()
                   ? Response{.status = why.status, .body = {{"error", why.error}, {"status", why.status}}}
                   : envelope(why);
  } catch (const IllegalArgument& error) {
    response = envelope(illegal_argument(error.what()));
  } catch (const BulkError& error) {
    response = envelope(illegal_argument(error.what()));
  }
  if (request.method == "HEAD") response.has_body = false;
  return response;
}

}  // namespace occ
