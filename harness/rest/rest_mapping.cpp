/// `_mapping`.
#include <fmt/format.h>

#include "harness/rest/index_mapping.hpp"
#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

/// "/_mapping/a" and "/INDICES/_mapping/a" with a type, which is _doc.
void check_type(const Call& call, std::size_t after) {
  const auto& path = call.request.path;
  if (path.size() > after && path[after] != "_doc") {
    throw unsupported(fmt::format("the type [{}]: types other than _doc are", path[after]));
  }
}

std::size_t place_of_type(const Call& call) {
  return call.request.path[0].starts_with("_mapping") ? 1 : 2;
}

}  // namespace

void get_mapping(Call& call) {
  const IndexOptions options = call.parameters.index_options();
  call.parameters.ignore({"local", "master_timeout"});
  const bool typed = call.parameters.flag("include_type_name", call.compatibility == Compatibility::v6);
  call.parameters.refuse_unknown();
  const std::size_t after = place_of_type(call);
  check_type(call, after);
  Json answer = Json::object();
  for (const auto& index : resolved(call, after == 1 ? std::string_view() : call.indices(), options)) {
    Json mapping = index->mapping.shown();
    if (typed && !mapping.empty()) mapping = {{"_doc", std::move(mapping)}};
    answer[index->name] = {{"mappings", std::move(mapping)}};
  }
  call.response.body = to_text(answer);
}

void put_mapping(Call& call) {
  call.parameters.time("timeout");
  call.parameters.time("master_timeout");
  const bool typed = call.parameters.flag("include_type_name", call.compatibility == Compatibility::v6);
  const IndexOptions options = call.parameters.index_options(false);
  (void)call.parameters.flag("write_index_only");
  call.require_body();
  Json body = call.json_body();
  call.parameters.refuse_unknown();
  const std::size_t after = place_of_type(call);
  check_type(call, after);
  if (body.size() == 1 && body.contains("_doc") && body["_doc"].is_object()) {
    if (!typed && call.request.path.size() <= after) {
      throw illegal_argument(
          "Types cannot be provided in put mapping requests, unless the include_type_name parameter is set to true.");
    }
    body = Json(body["_doc"]);
  }
  const Mapping mapping = read_mapping(body);
  for (const auto& index : resolved(call, after == 1 ? std::string_view() : call.indices(), options)) {
    index->mapping.put(mapping);
  }
  call.response.body = R"({"acknowledged":true})";
}

}  // namespace occ
