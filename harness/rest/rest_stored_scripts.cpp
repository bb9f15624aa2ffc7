/// `_scripts`: scripts that clients keep here and name by their id.
#include <fmt/format.h>

#include "harness/rest/rest_call.hpp"
#include "harness/rest/rest_script.hpp"

namespace occ {

void put_stored_script(Call& call) {
  const std::string& id = call.request.path[1];
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  call.parameters.ignore({"context"});
  call.parameters.refuse_unknown();
  call.require_body();
  const Json body = call.json_body();
  if (!body.contains("script")) {
    throw illegal_argument("must specify <script> for stored script");
  }
  const Json& given = body["script"];
  if (!given.is_object())
    throw failure(400, "parsing_exception", "unexpected token [VALUE_STRING], expected [{, <source>]");
  if (!given.contains("lang")) throw illegal_argument("must specify lang for stored script");
  const RequestedScript script = parse_requested_script(given);
  if (script.lang != "painless") {
    throw illegal_argument(fmt::format("unable to put stored script with unsupported lang [{}]", script.lang));
  }
  check_compiles(call.node, script);
  if (!call.node.stored_scripts().put(id, {.lang = script.lang, .source = script.source})) {
    throw illegal_argument(fmt::format("there are {} stored scripts, no more are kept", StoredScripts::kMaxScripts));
  }
  call.response.body = R"({"acknowledged":true})";
}

void get_stored_script(Call& call) {
  const std::string& id = call.request.path[1];
  call.parameters.ignore({"master_timeout"});
  call.parameters.refuse_unknown();
  Json answer = {{"_id", id}};
  const auto script = call.node.stored_scripts().find(id);
  answer["found"] = script != nullptr;
  if (script) answer["script"] = {{"lang", script->lang}, {"source", script->source}};
  call.response.body = to_text(answer);
  if (!script) call.response.status = 404;
}

void delete_stored_script(Call& call) {
  const std::string& id = call.request.path[1];
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  call.parameters.refuse_unknown();
  if (!call.node.stored_scripts().remove(id)) {
    throw failure(404, "resource_not_found_exception",
                  fmt::format("stored script [{}] does not exist and cannot be deleted", id));
  }
  call.response.body = R"({"acknowledged":true})";
}

}  // namespace occ
