/// `_update_by_query` and `_delete_by_query`: optimistic concurrency control with the widest window there is, from a
/// view to a write under the number that the document had there.
#include "harness/rest/rest_by_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace occ {
namespace {

void set_conflicts(std::string_view value, ByQuery& into) {
  if (value != "proceed" && value != "abort") {
    throw illegal_argument(fmt::format(R"(conflicts may only be "proceed" or "abort" but was [{}])", value));
  }
  into.proceed = value == "proceed";
}

void set_max_docs(std::string_view name, std::int32_t value, ByQuery& into) {
  if (value < 0) throw illegal_argument(fmt::format("[{}] parameter cannot be negative, found [{}]", name, value));
  if (into.max_docs != ByQuery::kAll && into.max_docs != value) {
    throw illegal_argument(fmt::format("[max_docs] set to two different values [{}] and [{}]", into.max_docs, value));
  }
  into.max_docs = value;
}

/// There is one thread for a request, which does not wait.
void check_pace(Parameters& parameters) {
  const auto pace = parameters.get("requests_per_second");
  if (!pace || *pace == "-1") return;
  try {
    if (std::stof(std::string(*pace)) > 0) throw unsupported("the parameter [requests_per_second] is");
  } catch (const std::logic_error&) {
  }
  throw illegal_argument("[requests_per_second] must be a float greater than 0. Use -1 to disable throttling.");
}

void check_slices(Parameters& parameters) {
  const auto slices = parameters.get("slices");
  if (!slices || *slices == "auto") return;
  try {
    if (parse_int("slices", *slices) >= 1) return;
  } catch (const IllegalArgument&) {
  }
  throw illegal_argument(R"([slices] must be a positive integer or the string "auto")");
}

void append_failure(const Call& call, const WriteOperation& operation, const Failure& why, ByQueryTally& tally) {
  std::string& out = tally.failures;
  if (!out.empty()) out += ',';
  out += R"({"index":)";
  append_quoted(out, operation.index);
  if (call.compatibility != Compatibility::v8) out += R"(,"type":"_doc")";
  out += R"(,"id":)";
  append_quoted(out, *operation.id);
  out += R"(,"cause":)";
  append_error(out, why);
  out += fmt::format(R"(,"status":{}}})", why.status);
  tally.status = std::max(tally.status, why.status);
}

/// Runs one write and counts it.
void run_write(Call& call, const ByQuery& by_query, HitWrite& write, ByQueryTally& tally) {
  if (write.noop) {
    ++tally.noops;
    return;
  }
  WriteOperation& operation = write.operation;
  operation.in_bulk = true;
  operation.active_shards = by_query.active_shards;
  if (operation.action != BulkEntry::Action::remove) operation.source = write.source;
  std::string answer;
  const Ran ran = run(call, operation, answer);
  if (!ran.failed) {
    ++(operation.action == BulkEntry::Action::remove ? tally.deleted
       : ran.status == 201                           ? tally.created
                                                     : tally.updated);
    return;
  }
  if (ran.failed->status == 409) {
    ++tally.version_conflicts;
    if (by_query.proceed) return;
  }
  append_failure(call, operation, *ran.failed, tally);
}

}  // namespace

bool take_by_query_member(const std::string& key, const Json& value, const BodyText& body, ByQuery& into) {
  if (key == "conflicts") {
    if (!value.is_string())
      throw body.content(value, fmt::format("conflicts doesn't support values of type: {}", token_name(value)));
    set_conflicts(value.get_ref<const std::string&>(), into);
  } else if (key == "max_docs" || key == "size") {
    set_max_docs(key, int_member(value), into);
  } else {
    return false;
  }
  return true;
}

void read_by_query_parameters(Parameters& parameters, ByQuery& into) {
  if (const auto conflicts = parameters.get("conflicts")) set_conflicts(*conflicts, into);
  if (const auto size = int_parameter(parameters, "max_docs")) set_max_docs("max_docs", *size, into);
  if (const auto size = int_parameter(parameters, "scroll_size")) {
    if (*size <= 0) throw illegal_argument(fmt::format("[size] parameter cannot be negative, found [{}]", *size));
    into.scroll_size = *size;
  }
  if (!parameters.flag("wait_for_completion", true))
    throw unsupported("the parameter [wait_for_completion] with [false] is");
  check_pace(parameters);
  check_slices(parameters);
  into.refreshes = parameters.flag("refresh");
  into.active_shards = parameters.active_shards();
  parameters.refuse({"pipeline"});
  parameters.time("timeout");
  parameters.time("search_timeout");
}

void validate(const ByQuery& by_query, ValidationErrors& errors) {
  if (by_query.search.from) errors.add("from is not supported in this context");
  if (by_query.max_docs == 0) {
    errors.add(
        "maxDocs should be greater than 0 if the request is limited to some number of documents or -1 if it isn't "
        "but it was [0]");
  }
}

ByQueryTally run_by_query(Call& call, const std::vector<std::shared_ptr<Index>>& indices, ByQuery& by_query,
                          FunctionRef<HitWrite(const std::string& index, const ViewDocument& hit)> write_for) {
  const bool limited = by_query.max_docs != ByQuery::kAll;
  if (limited) by_query.scroll_size = std::min(by_query.scroll_size, by_query.max_docs);
  by_query.search.size = by_query.scroll_size;
  by_query.search.scroll_ms = 0;
  if (by_query.search.sort.empty()) by_query.search.sort.push_back({.kind = SortKey::Kind::doc});
  const SearchResult result = search(call, indices, by_query.search, std::numeric_limits<std::size_t>::max());
  ByQueryTally tally;
  const auto most = static_cast<std::size_t>(std::max(by_query.max_docs, 0));
  tally.total = limited ? std::min(result.hits.size(), most) : result.hits.size();
  std::vector<HitWrite> batch;
  for (std::size_t next = 0; next < result.hits.size() && tally.failures.empty();) {
    // What conflicted does not count for max_docs.
    const std::size_t done = tally.updated + tally.created + tally.deleted;
    if (limited && done >= most) break;
    std::size_t end = std::min(next + static_cast<std::size_t>(by_query.scroll_size), result.hits.size());
    if (limited) end = std::min(end, next + (most - done));
    ++tally.batches;
    batch.clear();
    for (; next < end; ++next) {
      const Hit& hit = result.hits[next];
      batch.push_back(write_for(result.targets[hit.target].name, *hit.document));
    }
    for (HitWrite& write : batch) run_write(call, by_query, write, tally);
  }
  if (by_query.refreshes) {
    for (const auto& index : indices) call.handles.refresh(index->name);
  }
  return tally;
}

void answer_by_query(Call& call, const ByQueryTally& tally, std::int64_t began_ms, Told told) {
  std::string& out = call.response.body;
  out += fmt::format(R"({{"took":{},"timed_out":false,"total":{})", call.node.options().clock->now_ms() - began_ms,
                     tally.total);
  if (told.updated) out += fmt::format(R"(,"updated":{})", tally.updated);
  if (told.created) out += fmt::format(R"(,"created":{})", tally.created);
  out +=
      fmt::format(R"(,"deleted":{},"batches":{},"version_conflicts":{},"noops":{},"retries":{{"bulk":0,"search":0}},)",
                  tally.deleted, tally.batches, tally.version_conflicts, tally.noops);
  out += R"("throttled_millis":0,"requests_per_second":-1.0,"throttled_until_millis":0,"failures":[)";
  out += tally.failures;
  out += "]}";
  call.response.status = tally.status;
}

namespace {

/// A write of a hit under the number that the view has.
HitWrite write_of(BulkEntry::Action action, const std::string& index, const ViewDocument& hit) {
  HitWrite write{.operation = {.action = action, .index = index, .id = hit.id, .routing = std::string(hit.routing)}};
  write.operation.parameters.if_seq_no = static_cast<std::int64_t>(hit.word.seq_no());
  write.operation.parameters.if_primary_term = static_cast<std::int64_t>(hit.word.term());
  return write;
}

struct Read {
  ByQuery by_query;
  std::optional<RequestedScript> script;
  bool has_query = false;
  std::vector<std::shared_ptr<Index>> indices;
};

Read read_request(Call& call, bool is_update) {
  Read read;
  const BodyText body(call.request.body);
  bool stored_fields = false;
  read_search_body(body.json(), body, read.by_query.search, [&](const std::string& key, const Json& value) {
    if (key == "query") read.has_query = true;
    if (key == "stored_fields") return stored_fields = true;
    if (key == "_source") throw unsupported("[_source] of a search whose hits are written is");
    if (key != "script" || !is_update) return take_by_query_member(key, value, body, read.by_query);
    if (!value.is_string() && !value.is_object()) {
      throw body.content(value, fmt::format("[script] doesn't support values of type: {}", token_name(value)));
    }
    read.script = parse_requested_script(value);
    return true;
  });
  if (const auto size = int_parameter(call.parameters, "size")) set_max_docs("size", *size, read.by_query);
  read_by_query_parameters(call.parameters, read.by_query);
  read_search_parameters(call.parameters, read.by_query.search);
  const IndexOptions options = call.parameters.index_options();
  call.parameters.refuse_unknown();
  ValidationErrors errors;
  validate(read.by_query, errors);
  if (stored_fields) errors.add("stored_fields is not supported in this context");
  if (!is_update && !read.has_query) errors.add("query is missing");
  throw_if_any(errors);
  read.indices = resolved(call, call.indices(), options);
  return read;
}

}  // namespace

void update_by_query(Call& call) {
  const std::int64_t began_ms = call.node.options().clock->now_ms();
  Read read = read_request(call, true);
  std::optional<UpdateScript> script;
  if (read.script) script.emplace(call.node, *read.script);
  const auto write_for = [&](const std::string& index, const ViewDocument& hit) {
    HitWrite write = write_of(BulkEntry::Action::index, index, hit);
    if (!script) {
      write.source = shown(hit.source);
      return write;
    }
    Change change = script->by_query({index, hit.id, hit.version, call.node.wall_clock_ms(), hit.routing},
                                     parse_checked(shown(hit.source)));
    write.noop = change.what == Transformed::keep;
    if (change.what == Transformed::remove) write.operation.action = BulkEntry::Action::remove;
    write.source = std::move(change.source);
    return write;
  };
  answer_by_query(call, run_by_query(call, read.indices, read.by_query, write_for), began_ms, {.updated = true});
}

void delete_by_query(Call& call) {
  const std::int64_t began_ms = call.node.options().clock->now_ms();
  Read read = read_request(call, false);
  const auto write_for = [](const std::string& index, const ViewDocument& hit) {
    return write_of(BulkEntry::Action::remove, index, hit);
  };
  answer_by_query(call, run_by_query(call, read.indices, read.by_query, write_for), began_ms, {});
}

}  // namespace occ
