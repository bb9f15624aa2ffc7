/// `_mget`, with `docs` or with `ids`.
#include <fmt/format.h>

#include <vector>

#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

/// The kit's own limit: a document may be asked for many times in one request.
constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20;

struct Item {
  std::string index;
  std::string id;
  Version version = kMatchAny;
  VersionType type = VersionType::internal;
  bool fetch_source = true;
};

void read_doc(const Json& doc, Compatibility compatibility, Item& item) {
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
    } else if (field == "routing" || field == "stored_fields") {
      throw unsupported(fmt::format("[{}] is", field));
    } else if (field != "_type" || compatibility == Compatibility::v8) {
      throw illegal_argument(fmt::format("unknown parameter [{}]", field));
    }
  }
}

std::vector<Item> read_items(const Json& body, const Item& otherwise, Compatibility compatibility) {
  std::vector<Item> items;
  for (const auto& [key, list] : body.items()) {
    if ((key != "docs" && key != "ids") || !list.is_array()) {
      throw failure(400, "parsing_exception",
                    fmt::format("unknown key [{}] for a {}, expected [docs] or [ids]", key, token_name(list)));
    }
    for (const Json& each : list) {
      Item item = otherwise;
      if (key == "docs") {
        read_doc(each, compatibility, item);
      } else if (each.is_primitive()) {
        item.id = scalar_text(each);
      } else {
        throw illegal_argument("ids array element should only contain ids");
      }
      items.push_back(std::move(item));
    }
  }
  return items;
}

void validate(const std::vector<Item>& items) {
  ValidationErrors errors;
  if (items.empty()) errors.add("no documents to get");
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].index.empty()) errors.add(fmt::format("index is missing for doc {}", i));
    if (items[i].id.empty()) errors.add(fmt::format("id is missing for doc {}", i));
    validate_get(items[i].version, items[i].type, errors);
  }
  throw_if_any(errors);
}

}  // namespace

void mget(Call& call) {
  call.parameters.for_reads();
  const Item otherwise{.index = call.request.path.front() == "_mget" ? std::string() : call.index(),
                       .fetch_source = call.parameters.fetch_source().value_or(true)};
  call.parameters.refuse_unknown();
  call.require_body();
  const auto items = read_items(call.json_body(), otherwise, call.compatibility);
  validate(items);
  std::string& out = call.response.body;
  out += R"({"docs":[)";
  for (const Item& item : items) {
    if (out.back() != '[') out += ',';
    if (out.size() > kMaxAnswerBytes) {
      throw failure(413, "illegal_argument_exception",
                    fmt::format("the answer would be larger than {} bytes: ask for fewer documents", kMaxAnswerBytes));
    }
    try {
      (void)append_document(out, call.compatibility, call.existing(item.index), item.id, item.version,
                            item.fetch_source);
    } catch (const Failure& why) {
      append_named(out, call.compatibility, item.index, item.id);
      out += R"(,"error":)";
      append_error_with_root(out, why);
      out += '}';
    }
  }
  out += "]}";
}

}  // namespace occ
