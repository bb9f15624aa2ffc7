#include "harness/rest/rest_failure.hpp"

#include <fmt/format.h>

#include <utility>

namespace occ {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(R"(,")").append(name).append(R"(":)");
  append_quoted(out, value);
}

void append_resource(std::string& out, const Failure& failed) {
  if (failed.resource.empty() && failed.resources.empty()) return;
  append_field(out, "resource.type", failed.resource_type);
  if (failed.resources.size() < 2) {
    return append_field(out, "resource.id", failed.resources.empty() ? failed.resource : failed.resources[0]);
  }
  out += R"(,"resource.id":[)";
  for (const std::string& each : failed.resources) {
    if (out.back() != '[') out += ',';
    append_quoted(out, each);
  }
  out += ']';
}

/// From `type` to `index`, without braces.
void append_what(std::string& out, const Failure& failed) {
  out += R"("type":)";
  append_quoted(out, failed.type);
  out += R"(,"reason":)";
  append_quoted(out, failed.reason);
  append_resource(out, failed);
  append_field(out, "index_uuid", failed.index_uuid);
  append_field(out, "shard", failed.shard);
  append_field(out, "index", failed.index);
  if (!failed.details.empty()) out.append(",").append(failed.details);
}

/// What a cause is told in: not in root_cause.
void append_cause(std::string& out, const Failure& failed) {
  if (failed.cause_type.empty()) return;
  out += R"(,"caused_by":{"type":)";
  append_quoted(out, failed.cause_type);
  out += R"(,"reason":)";
  if (failed.cause_reason.empty()) {
    out += "null";
  } else {
    append_quoted(out, failed.cause_reason);
  }
  if (!failed.cause_details.empty()) out.append(",").append(failed.cause_details);
  out += '}';
}

}  // namespace

Failure failure(int status, std::string_view type, std::string reason) {
  return {.status = status, .type = type, .reason = std::move(reason)};
}
Failure illegal_argument(std::string reason) {
  return failure(400, "illegal_argument_exception", std::move(reason));
}
Failure illegal_argument(const IllegalArgument& why) {
  return illegal_argument(why.what(), why);
}
Failure illegal_argument(std::string reason, const IllegalArgument& why) {
  Failure bad = illegal_argument(std::move(reason));
  if (why.no_number) {
    bad.cause_type = "number_format_exception";
    bad.cause_reason = fmt::format("For input string: \"{}\"", *why.no_number);
  }
  return bad;
}
Failure unsupported(std::string_view what) {
  return failure(501, "unsupported_operation_exception", fmt::format("{} not supported by occkit", what));
}

void append_error(std::string& out, const Failure& failed) {
  out += '{';
  append_what(out, failed);
  append_cause(out, failed);
  out += '}';
}

void append_error_with_root(std::string& out, const Failure& failed) {
  out += R"({"root_cause":[)";
  if (!failed.root.empty()) {
    out += failed.root;
  } else {
    out += '{';
    append_what(out, failed.root_is_cause ? failure(failed.status, failed.cause_type, failed.cause_reason) : failed);
    out += '}';
  }
  out += "],";
  append_what(out, failed);
  append_cause(out, failed);
  out += '}';
}

void respond(Response& response, const Failure& failed) {
  response.status = failed.status;
  response.body = R"({"error":)";
  if (failed.type.empty()) {
    append_quoted(response.body, failed.reason);
  } else {
    append_error_with_root(response.body, failed);
  }
  if (failed.has_status) {
    response.body += R"(,"status":)";
    append_number(response.body, failed.status);
  }
  response.body += '}';
  if (!failed.allow.empty()) response.headers.emplace_back("Allow", failed.allow);
}

}  // namespace occ
