/// `_mget`, with `docs` or with `ids`.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "harness/rest/rest_call.hpp"

namespace occ {
namespace {

/// The kit's own limit: a document may be asked for many times in one request.
constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20;

struct Item {
  std::string index;
  std::string id;
  std::string routing;
  Version version = kMatchAny;
  VersionType type = VersionType::internal;
  SourceChoice source;
  std::string named_type;  ///< `_type`, where it is given
};

void read_doc(const Json& doc, Compatibility compatibility, Item& item) {
  if (!doc.is_object()) throw illegal_argument("docs array element should include an object");
  for (const auto& [field, value] : doc.items()) {
    if (field == "_source") {
      if (value.is_number() || value.is_null()) {
        throw failure(400, "parse_exception", fmt::format("illegal type for _source: [{}]", token_name(value)));
      }
      item.source = parse_source_choice(value);
      continue;
    }
    if (field == "stored_fields") {
      // No document has any.
      const Json names = value.is_array() ? value : Json::array({value});
      if (!doc.contains("_source")) item.source = {.fetch = std::ranges::count(names, Json("_source")) > 0};
      continue;
    }
    if (value.is_structured()) throw unsupported(fmt::format("[{}] with {} is", field, token_name(value)));
    const bool old_names = compatibility == Compatibility::v6;
    if (field == "_index") {
      item.index = scalar_text(value);
    } else if (field == "_id") {
      item.id = scalar_text(value);
    } else if (field == "version" || (old_names && field == "_version")) {
      item.version = parse_json_long(field, value);
    } else if (field == "version_type" || (old_names && field == "_version_type")) {
      item.type = parse_version_type(scalar_text(value));
    } else if (field == "routing" || (old_names && field == "_routing")) {
      item.routing = scalar_text(value);
    } else if (field == "_type" && compatibility != Compatibility::v8) {
      item.named_type = scalar_text(value);
    } else {
      throw failure(400, "parse_exception",
                    fmt::format("failed to parse multi get request. unknown field [{}]", field));
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

/// As append_named, with the type that the request names, or none.
void append_with_type(std::string& out, const Item& item) {
  out += R"({"_index":)";
  append_quoted(out, item.index);
  out += R"(,"_type":)";
  if (item.named_type.empty()) {
    out += "null";
  } else {
    append_quoted(out, item.named_type);
  }
  out += R"(,"_id":)";
  append_quoted(out, item.id);
}

/// Before 8.0 no type is said of what could not be read, unless the request names one.
void append_failed(std::string& out, Compatibility compatibility, const Item& item, const Failure& why) {
  if (compatibility != Compatibility::v8) {
    append_with_type(out, item);
  } else {
    append_named(out, compatibility, item.index, item.id);
  }
  out += R"(,"error":)";
  append_error_with_root(out, why);
  out += '}';
}

/// A document that is not there, of the type that was asked for.
void append_missing(std::string& out, const Item& item) {
  append_with_type(out, item);
  out += R"(,"found":false})";
}

/// Nothing was ever written to it, nor its mapping given.
bool is_unmapped(Index& index) {
  for (std::uint32_t shard = 0; shard < index.table->shards(); ++shard) {
    if (index.table->next(shard).seq_no() > 0) return false;
  }
  return index.mapping.is_empty();
}

/// An index without a mapping has no type yet.
void append_untyped(std::string& out, const Item& item) {
  out += R"({"_index":)";
  append_quoted(out, item.index);
  out += R"(,"_type":null,"_id":)";
  append_quoted(out, item.id);
  out += R"(,"found":false})";
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
  Item otherwise{.index = call.request.path.front() == "_mget" ? std::string() : call.index(),
                 .routing = std::string(call.parameters.get("routing").value_or("")),
                 .source = call.parameters.source_choice_beside_stored_fields()};
  // "/{index}/_doc/_mget"
  if (call.compatibility != Compatibility::v8 && call.request.path.size() == 3) otherwise.named_type = "_doc";
  if (call.request.body.empty()) {
    throw failure(400, "parse_exception", "request body or source parameter is required");
  }
  const auto items = read_items(call.json_body(), otherwise, call.compatibility);
  call.parameters.refuse_unknown();
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
      Handles::Held& held = call.readable(item.index);
      if (!item.named_type.empty() && item.named_type != "_doc") {
        append_missing(out, item);
        continue;
      }
      std::string key;
      const std::string_view asked = key_of(*held.index, item.id, call.routing_of(item.index, item.routing), key);
      const std::size_t before = out.size();
      const auto view = call.view_for_read(held);
      const int status = append_document(out, call.compatibility, held, asked, item.version, item.source, view.get());
      // 6.x says no type of what it did not find without one.
      if (status == 404 && call.compatibility == Compatibility::v6) {
        out.resize(before);
        append_missing(out, item);
      } else if (status == 404 && call.compatibility == Compatibility::v7 && is_unmapped(*held.index)) {
        out.resize(before);
        append_untyped(out, item);
      }
    } catch (const Failure& why) {
      append_failed(out, call.compatibility, item, why);
    }
  }
  out += "]}";
}

}  // namespace occ
