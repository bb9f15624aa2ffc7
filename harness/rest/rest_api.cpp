#include "harness/rest/rest_api.hpp"

#include <fmt/format.h>

#include "harness/rest/filter_path.hpp"
#include "harness/rest/rest_call.hpp"
#include "harness/rest/rest_routes.hpp"
#include "harness/support/bulk_parser.hpp"

namespace occ {
namespace {

/// Only JSON is read. A body without a type is taken for JSON, and so is one of the type that curl's -d puts on every
/// body; Elasticsearch since 6.0 refuses both.
void check_content_type(const Request& request, Compatibility compatibility) {
  if (request.body.empty()) return;
  const std::string* given = find_header(request, "content-type");
  if (!given) return;
  const std::string type = lower_case(given->substr(0, given->find_first_of("; \t")));
  for (const std::string_view accepted :
       {"", "application/json", "application/x-ndjson", "application/vnd.elasticsearch+json",
        "application/vnd.elasticsearch+x-ndjson", "application/x-www-form-urlencoded"}) {
    const bool known = compatibility != Compatibility::v6 || accepted.find(".elasticsearch+") == accepted.npos;
    if (known && type == accepted) return;
  }
  throw Failure{.status = 406, .reason = fmt::format("Content-Type header [{}] is not supported", *given)};
}

/// Clients of 8 ask for a type of their own and look whether they got it.
std::string_view content_type(const Request& request, Compatibility compatibility) {
  if (compatibility != Compatibility::v8) return kJsonContentType;
  const std::string* accept = find_header(request, "accept");
  return accept && accept->find("application/vnd.elasticsearch+json") != accept->npos
             ? "application/vnd.elasticsearch+json;compatible-with=8"
             : "application/json";
}

bool has_plus_in_path(std::string_view uri) {
  const auto path = uri.substr(0, uri.find('?'));
  return path.find('+') != path.npos;
}

/// A path that nothing answers and a method that is not allowed are named before a content type that is not read.
Answering route_of(const Request& request, Compatibility compatibility) {
  try {
    const Answering found = find_route(request, compatibility);
    check_content_type(request, compatibility);
    return found;
  } catch (const Failure& why) {
    if (why.status == 501) check_content_type(request, compatibility);
    throw;
  }
}

void respond_again(Response& response, const Failure& failed) {
  response.clear();
  respond(response, failed);
}

}  // namespace

void Session::handle(const Request& request, Response& response) {
  // Before 7.4 a '+' in the path is a space; whoever reads targets does not know the version.
  if (node_.options().compatibility == Compatibility::v6 && has_plus_in_path(request.uri)) {
    Request as_6 = request;
    read_target(as_6, request.uri, true);
    return answer(as_6, response);
  }
  answer(request, response);
}

void Session::answer(const Request& request, Response& response) {
  response.clear();
  Call call{node_, handles_, request, response, node_.options().compatibility, Parameters(request)};
  bool thrown = true;
  try {
    call.parameters.check_printing();
    route_of(request, call.compatibility)(call);
    thrown = false;
  } catch (const Failure& why) {
    respond_again(response, why);
    if (why.status == 405 && request.method == "OPTIONS") {
      response.status = 200;
      response.body.clear();
    }
  } catch (const IllegalArgument& error) {
    respond_again(response, illegal_argument(error));
  } catch (const BulkError& error) {
    respond_again(response, illegal_argument(error.what()));
  }
  if (!thrown && !call.is_whole && !call.is_text && !response.body.empty() && !call.parameters.filter_path().empty()) {
    response.body = to_text(filtered(parse_checked(response.body), call.parameters.filter_path(), call.compatibility));
  }
  if (!call.is_text && !response.body.empty() && call.parameters.pretty())
    response.body = pretty_text(parse_checked(response.body));
  response.content_type =
      call.is_text && !thrown ? "text/plain; charset=UTF-8" : content_type(request, call.compatibility);
  if (const std::string* id = find_header(request, "x-opaque-id")) response.headers.emplace_back("X-Opaque-Id", *id);
  response.has_body = request.method != "HEAD" && !response.body.empty();
}

}  // namespace occ
