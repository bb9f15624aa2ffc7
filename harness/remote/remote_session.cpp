#include "harness/remote/remote_session.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "harness/support/bad_input.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

RemoteSession::RemoteSession(ServerAddress address, std::span<const ScenarioStep> steps)
    : address_(std::move(address)), connection_(address_, HttpConnection::Headers::kept) {
  std::set<std::string> named;
  for (const auto& [line, what] : steps) {
    const auto* request = std::get_if<Request>(&what);
    if (request == nullptr || request->path.empty()) continue;
    const std::string& first = request->path.front();
    if (first == "_occkit") {
      throw BadInput(fmt::format("line {}: {} is occkit serve's own; accepted with --url are scenarios without it",
                                 line, request->uri));
    }
    if (!first.starts_with('_')) named.insert(first);
  }
  for (const std::string& index : named) {
    const int status = ask(make_request("HEAD", "/" + percent_encoded(index))).status;
    if (status == 404) continue;
    throw BadInput(fmt::format("--url {}: {}; accepted is a server without the indices of the scenario", address_.url(),
                               status == 200 ? fmt::format("index {} is there already, and is left alone", index)
                                             : fmt::format("HEAD /{} is answered {}", index, status)));
  }
  indices_ = std::move(named);
}

RemoteSession::~RemoteSession() {
  for (const std::string& index : indices_) {
    try {
      ask(make_request("DELETE", "/" + percent_encoded(index)));
    } catch (const BadInput& gone) {
      fmt::print(stderr, "note: index {} may be left: {}\n", index, gone.what());
    }
  }
}

const HttpAnswer& RemoteSession::ask(const Request& request) {
  const bool lines = !request.path.empty() && request.path.back() == "_bulk";
  std::string content_type = lines ? "application/x-ndjson" : "application/json";
  std::string headers;
  for (const auto& [name, value] : request.headers) {
    if (same_but_for_case(name, "content-type")) {
      content_type = value;
    } else {
      headers += fmt::format("{}: {}\r\n", name, value);
    }
  }
  try {
    return connection_.ask(request.method, (request.uri.starts_with('/') ? "" : "/") + request.uri, request.body,
                           content_type, kTimeout, headers);
  } catch (const NoAnswer& lost) {
    throw BadInput(fmt::format("--url {}: {} {}: {}", address_.url(), request.method, request.uri, lost.what()));
  }
}

Response RemoteSession::handle(const Request& request) {
  const HttpAnswer& answer = ask(request);
  Response response;
  response.status = answer.status;
  response.has_body = request.method != "HEAD";
  response.headers = answer.headers;
  response.body = answer.body;
  if (!response.body.empty() && !Json::accept(response.body)) response.body = to_text(Json(response.body));
  return response;
}

}  // namespace occ
