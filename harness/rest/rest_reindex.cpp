/// `_reindex`: the hits of a search are written to another index.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/rest/rest_by_query.hpp"

namespace occ {
namespace {

struct Destination {
  std::string index;
  bool create = false;
  VersionType version_type = VersionType::internal;
};

struct Reindex {
  ByQuery by_query;
  std::string sources;  ///< a list
  Destination destination;
};

void read_source(const Json& source, const BodyText& body, Reindex& into) {
  read_search_body(source, body, into.by_query.search, [&](const std::string& key, const Json& value) {
    if (key == "index") {
      for (const Json& each : value.is_array() ? value : Json::array({value})) {
        into.sources.append(into.sources.empty() ? "" : ",").append(scalar_text(each));
      }
    } else if (key == "size") {
      into.by_query.scroll_size = int_member(value);
      if (into.by_query.scroll_size <= 0) {
        throw illegal_argument(
            fmt::format("[size] parameter cannot be negative, found [{}]", into.by_query.scroll_size));
      }
    } else if (key == "remote" || key == "type") {
      throw unsupported(fmt::format("[{}] of the source is", key));
    } else {
      return false;
    }
    return true;
  });
}

void read_destination(const Json& given, const BodyText& body, Destination& into) {
  for (const auto& [key, value] : given.items()) {
    if (key == "index") {
      into.index = scalar_text(value);
    } else if (key == "op_type") {
      const std::string type = lower_case(scalar_text(value));
      if (type != "create" && type != "index") {
        throw illegal_argument(fmt::format("opType must be 'create' or 'index', found: [{}]", scalar_text(value)));
      }
      into.create = type == "create";
    } else if (key == "version_type") {
      into.version_type = parse_version_type(scalar_text(value));
    } else if (key == "routing" || key == "pipeline" || key == "type") {
      throw unsupported(fmt::format("[{}] of the destination is", key));
    } else {
      Failure bad = body.content(value, "[reindex] failed to parse field [dest]", BodyText::At::key);
      bad.cause_type = "x_content_parse_exception";
      bad.cause_reason = body.content(value, fmt::format("[dest] unknown field [{}]", key), BodyText::At::key).reason;
      throw bad;
    }
  }
}

Reindex read_body(const BodyText& body) {
  Reindex read;
  for (const auto& [key, value] : body.json().items()) {
    if ((key == "source" || key == "dest") && !value.is_object()) {
      throw body.content(value, fmt::format("[reindex] {} doesn't support values of type: {}", key, token_name(value)));
    }
    if (key == "source") {
      read_source(value, body, read);
    } else if (key == "dest") {
      read_destination(value, body, read.destination);
    } else if (key == "script") {
      throw unsupported("[script] of [_reindex] is");
    } else if (!take_by_query_member(key, value, body, read.by_query)) {
      throw body.content(value, fmt::format("[reindex] unknown field [{}]", key), BodyText::At::key);
    }
  }
  return read;
}

void validate(const Reindex& reindex) {
  ValidationErrors errors;
  validate(reindex.by_query, errors);
  if (reindex.sources.empty()) errors.add("use _all if you really want to copy from all existing indexes");
  if (reindex.by_query.search.source && !reindex.by_query.search.source->fetch) {
    errors.add("_source:false is not supported in this context");
  }
  if (reindex.destination.index.empty()) errors.add("index must be specified");
  throw_if_any(errors);
}

}  // namespace

void reindex(Call& call) {
  const std::int64_t began_ms = call.node.options().clock->now_ms();
  call.require_body();
  const BodyText body(call.request.body);
  Reindex read = read_body(body);
  read_by_query_parameters(call.parameters, read.by_query);
  call.parameters.time("scroll");
  call.parameters.refuse({"require_alias"});
  call.parameters.refuse_unknown();
  validate(read);
  const auto sources = resolved(call, read.sources, {});
  const Destination& to = read.destination;
  if (std::ranges::any_of(sources, [&](const auto& source) { return source->name == to.index; })) {
    ValidationErrors errors;
    errors.add(fmt::format("reindex cannot write into an index its reading from [{}]", to.index));
    throw_if_any(errors);
  }
  const SourceChoice choice = read.by_query.search.source.value_or(SourceChoice());
  const auto write_for = [&](const std::string&, const ViewDocument& hit) {
    HitWrite write{.operation = {.action = to.create ? BulkEntry::Action::create : BulkEntry::Action::index,
                                 .index = to.index,
                                 .id = hit.id,
                                 .routing = std::string(hit.routing)}};
    write.operation.parameters.create = to.create;
    write.operation.parameters.version_type = to.version_type;
    if (to.version_type != VersionType::internal) write.operation.parameters.version = hit.version;
    append_source(write.source, hit.source, choice);
    return write;
  };
  ByQueryTally tally = run_by_query(call, sources, read.by_query, write_for);
  if (read.by_query.refreshes) call.handles.refresh(to.index);
  answer_by_query(call, tally, began_ms, {.updated = true, .created = true});
}

}  // namespace occ
