#include "harness/rest/index_mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "harness/rest/rest_failure.hpp"

namespace occ {
namespace {

constexpr std::string_view kTypes[] = {"keyword", "text",   "long",  "integer", "short",
                                       "byte",    "double", "float", "boolean", "date"};
/// Types that Elasticsearch has besides.
constexpr std::string_view kOtherTypes[] = {"alias",
                                            "binary",
                                            "completion",
                                            "constant_keyword",
                                            "date_nanos",
                                            "date_range",
                                            "dense_vector",
                                            "double_range",
                                            "flattened",
                                            "float_range",
                                            "geo_point",
                                            "geo_shape",
                                            "half_float",
                                            "histogram",
                                            "integer_range",
                                            "ip",
                                            "ip_range",
                                            "join",
                                            "long_range",
                                            "match_only_text",
                                            "nested",
                                            "percolator",
                                            "point",
                                            "rank_feature",
                                            "rank_features",
                                            "scaled_float",
                                            "search_as_you_type",
                                            "shape",
                                            "sparse_vector",
                                            "token_count",
                                            "unsigned_long",
                                            "version",
                                            "wildcard"};

bool is_one_of(auto& names, std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

/// A fault of a mapping, which is told as the cause too.
Failure bad_mapping(std::string reason) {
  Failure bad = failure(400, "mapper_parsing_exception", "Failed to parse mapping [_doc]: " + reason);
  bad.cause_type = bad.type;
  bad.cause_reason = std::move(reason);
  bad.root_is_cause = true;
  return bad;
}

Failure empty_name() {
  Failure bad = failure(400, "mapper_parsing_exception", "Failed to parse mapping [_doc]: name cannot be empty string");
  bad.cause_type = "illegal_argument_exception";
  bad.cause_reason = "name cannot be empty string";
  return bad;
}

bool is_object_field(const Json& field) {
  return field.contains("properties") || (field.contains("type") && field["type"] == "object");
}

std::string checked_dynamic(const Json& value) {
  std::string text = value.is_boolean() || value.is_string() ? scalar_text(value) : std::string();
  if (text == "runtime") throw unsupported("[dynamic: runtime] is");
  if (text != "true" && text != "false" && text != "strict") {
    throw bad_mapping(fmt::format("unknown value for dynamic: [{}]", scalar_text(value)));
  }
  return text;
}

void check_properties(const Json& properties, const std::string& prefix);

void check_field(const std::string& path, const std::string& name, const Json& field) {
  if (!field.is_object()) {
    throw bad_mapping(
        fmt::format("Expected map for property [fields] on field [{}] but got a class java.lang.String", name));
  }
  if (is_object_field(field)) {
    if (field.contains("dynamic")) (void)checked_dynamic(field["dynamic"]);
    if (field.contains("properties")) check_properties(field["properties"], path + ".");
    return;
  }
  if (!field.contains("type")) throw bad_mapping(fmt::format("No type specified for field [{}]", name));
  const std::string type = scalar_text(field["type"]);
  if (is_one_of(kOtherTypes, type)) throw unsupported(fmt::format("the field type [{}] is", type));
  if (!is_one_of(kTypes, type)) {
    throw bad_mapping(fmt::format("No handler for type [{}] declared on field [{}]", type, name));
  }
  if (field.contains("copy_to")) throw unsupported("[copy_to] is");
  if (field.value("store", Json(false)) == true) throw unsupported("[store] is");
}

void check_properties(const Json& properties, const std::string& prefix) {
  if (!properties.is_object()) throw bad_mapping("Expected map for property [properties]");
  for (const auto& [name, field] : properties.items()) {
    if (name.empty()) throw empty_name();
    check_field(prefix + name, name, field);
  }
}

/// Properties with an object for each dot in a name: {"a.b": {...}} is {"a": {"properties": {"b": {...}}}}.
Json undotted(const Json& properties) {
  Json out = Json::object();
  for (const auto& [name, given] : properties.items()) {
    Json field = given;
    if (field.contains("properties")) field["properties"] = undotted(field["properties"]);
    std::string first = name;
    for (auto dot = first.rfind('.'); dot != first.npos; dot = first.rfind('.')) {
      const std::string last = first.substr(dot + 1);
      first.resize(dot);
      if (!last.empty()) field = Json{{"properties", {{last, std::move(field)}}}};
    }
    if (first.empty()) throw empty_name();
    if (out.contains(first) && out[first].contains("properties") && field.contains("properties")) {
      out[first]["properties"].update(field["properties"], true);
    } else {
      out[first] = std::move(field);
    }
  }
  return out;
}

/// As Java prints a map.
std::string java_text(const Json& value) {
  if (!value.is_structured()) return scalar_text(value);
  std::string out(1, value.is_object() ? '{' : '[');
  for (const auto& [key, element] : value.items()) {
    if (out.size() > 1) out += ", ";
    if (value.is_object()) out += key + "=";
    out += java_text(element);
  }
  return out + (value.is_object() ? '}' : ']');
}

void merge_properties(Json& into, const Json& more, const std::string& prefix);

void merge_field(Json& into, const Json& more, const std::string& path) {
  const bool was_object = is_object_field(into);
  const bool is_object = is_object_field(more);
  if (was_object != is_object) {
    throw illegal_argument(fmt::format("can't merge a non object mapping [{}] with an object mapping", path));
  }
  if (is_object) {
    if (more.contains("dynamic")) into["dynamic"] = scalar_text(more["dynamic"]);
    if (!more.contains("properties")) return;
    into.erase("type");
    if (!into.contains("properties")) into["properties"] = Json::object();
    return merge_properties(into["properties"], more["properties"], path + ".");
  }
  if (into["type"] != more["type"]) {
    throw illegal_argument(fmt::format("mapper [{}] cannot be changed from type [{}] to [{}]", path,
                                       scalar_text(into["type"]), scalar_text(more["type"])));
  }
  for (const std::string parameter : {"index", "doc_values", "store"}) {
    const Json otherwise = parameter != "store";
    const Json before = into.value(parameter, otherwise);
    const Json after = more.value(parameter, otherwise);
    if (before == after) continue;
    throw illegal_argument(
        fmt::format("Mapper for [{}] conflicts with existing mapper:\n\tCannot update parameter [{}] from [{}] to [{}]",
                    path, parameter, scalar_text(before), scalar_text(after)));
  }
  const Json fields = into.value("fields", Json::object());
  into = more;
  if (fields.empty()) return;
  for (const auto& [name, field] : fields.items()) {
    if (!into["fields"].contains(name)) into["fields"][name] = field;
  }
}

void merge_properties(Json& into, const Json& more, const std::string& prefix) {
  for (const auto& [name, field] : more.items()) {
    if (into.contains(name)) {
      merge_field(into[name], field, prefix + name);
    } else {
      into[name] = field;
    }
  }
}

/// A text that dynamic mapping takes for a date: strict_date_optional_time, or yyyy/MM/dd with a time or without.
bool is_date(std::string_view text) {
  const auto digits = [&](std::size_t count) {
    if (text.size() < count || !std::ranges::all_of(text.substr(0, count), [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    text.remove_prefix(count);
    return true;
  };
  const auto mark = [&](char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  };
  if (!digits(4)) return false;
  if (mark('/')) {
    return digits(2) && mark('/') && digits(2) &&
           (text.empty() ||
            (mark(' ') && digits(2) && mark(':') && digits(2) && mark(':') && digits(2) && text.empty()));
  }
  if (!mark('-') || !digits(2)) return false;
  if (text.empty()) return true;
  if (!mark('-') || !digits(2)) return false;
  if (text.empty()) return true;
  if (!mark('T')) return false;
  if (text.empty()) return true;
  if (!digits(2)) return false;
  for (int k = 0; k < 2 && mark(':'); ++k) {
    if (!digits(2)) return false;
  }
  if (mark('.') || mark(',')) {
    if (!digits(1)) return false;
    while (digits(1)) continue;
  }
  if (text.empty() || mark('Z')) return text.empty();
  return (mark('+') || mark('-')) && digits(2) && (text.empty() || ((mark(':') || true) && digits(2) && text.empty()));
}

Json dynamic_field(const Json& value) {
  if (value.is_boolean()) return {{"type", "boolean"}};
  if (value.is_number_float()) return {{"type", "float"}};
  if (value.is_number()) return {{"type", "long"}};
  const auto& text = value.get_ref<const std::string&>();
  if (is_date(text)) {
    Json date = {{"type", "date"}};
    if (text[4] == '/') date["format"] = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis";
    return date;
  }
  return {{"type", "text"}, {"fields", {{"keyword", {{"type", "keyword"}, {"ignore_above", 256}}}}}};
}

void add_fields(Json& mapping, const Json& value, const std::string& name, std::string dynamic);

/// Adds a value to the mapping of the object `name` that it is in. A dot in a key stands for an object in between.
void add_field(Json& mapping, const std::string& key, const Json& value, const std::string& name,
               const std::string& dynamic) {
  if (value.is_null()) return;
  if (value.is_array()) {
    for (const Json& each : value) add_field(mapping, key, each, name, dynamic);
    return;
  }
  if (const auto dot = key.find('.'); dot != key.npos && dot > 0 && dot + 1 < key.size()) {
    return add_field(mapping, key.substr(0, dot), Json{{key.substr(dot + 1), value}}, name, dynamic);
  }
  const bool is_known = mapping.contains("properties") && mapping["properties"].contains(key);
  if (!is_known && dynamic == "strict") {
    throw failure(
        400, "strict_dynamic_mapping_exception",
        fmt::format("mapping set to strict, dynamic introduction of [{}] within [{}] is not allowed", key, name));
  }
  if (!is_known && dynamic == "false") return;
  if (!is_known) mapping["properties"][key] = value.is_object() ? Json{{"type", "object"}} : dynamic_field(value);
  Json& below = mapping["properties"][key];
  if (!value.is_object() || !is_object_field(below)) return;
  add_fields(below, value, name == "_doc" ? key : name + "." + key, dynamic);
  if (below.contains("properties")) below.erase("type");
}

/// Adds to the mapping of an object, which is called `name`, what `value`, one of those, has.
void add_fields(Json& mapping, const Json& value, const std::string& name, std::string dynamic) {
  if (mapping.contains("dynamic")) dynamic = mapping["dynamic"].get<std::string>();
  for (const auto& [key, each] : value.items()) add_field(mapping, key, each, name, dynamic);
}

/// Fields in the order in which answers have them.
Json in_order(const Json& mapping) {
  Json shown = Json::object();
  for (const std::string key : {"dynamic", "_meta", "_routing", "date_detection", "numeric_detection"}) {
    if (mapping.contains(key)) shown[key] = mapping[key];
  }
  for (const auto& [key, value] : mapping.items()) {
    if (key != "properties" && !shown.contains(key)) shown[key] = value;
  }
  if (!mapping.contains("properties") || mapping["properties"].empty()) return shown;
  std::map<std::string, Json> sorted;
  for (const auto& [name, field] : mapping["properties"].items()) {
    sorted[name] = is_object_field(field) ? in_order(field) : field;
  }
  for (const auto& [name, field] : sorted) shown["properties"][name] = field;
  return shown;
}

}  // namespace

bool Mapping::routing_required() const {
  return root.contains("_routing") && root["_routing"].value("required", false);
}

Mapping read_mapping(const Json& given) {
  Mapping mapping;
  if (!given.is_object()) throw bad_mapping("a mapping is an object");
  for (const auto& [key, value] : given.items()) {
    if (key == "dynamic") {
      mapping.root[key] = checked_dynamic(value);
    } else if (key == "properties") {
      check_properties(value, "");
      mapping.root[key] = undotted(value);
    } else if (key == "_routing" && value.is_object()) {
      const Json required = value.value("required", Json(false));
      mapping.root[key] = {{"required", required == true || required == "true"}};
    } else if (key == "_source" && value.is_object() && value.value("enabled", Json(true)) == true &&
               value.size() == 1) {
      continue;
    } else if (key == "_meta" || key == "date_detection" || key == "numeric_detection") {
      if (key != "_meta" && value != (key == "date_detection")) throw unsupported(fmt::format("[{}] is", key));
      mapping.root[key] = value;
    } else if (key == "_source" || key == "dynamic_templates" || key == "runtime" || key == "dynamic_date_formats" ||
               key == "_size" || key == "_field_names" || key == "_data_stream_timestamp") {
      throw unsupported(fmt::format("the mapping's [{}] is", key));
    } else {
      throw bad_mapping(
          fmt::format("Root mapping definition has unsupported parameters:  [{} : {}]", key, java_text(value)));
    }
  }
  return mapping;
}

void IndexMapping::put(const Mapping& more) {
  if (more.root.empty()) return;
  const std::lock_guard lock(mutex_);
  Mapping merged = mapping_;
  const bool required = more.root.contains("_routing") && more.routing_required();
  if (more.root.contains("_routing") && !mapping_.root.empty() && mapping_.routing_required() != required) {
    throw illegal_argument(
        fmt::format("Mapper for [_routing] conflicts with existing mapper:\n\tCannot update parameter [required] from "
                    "[{}] to [{}]",
                    !required, required));
  }
  for (const auto& [key, value] : more.root.items()) {
    if (key != "properties") {
      merged.root[key] = value;
      continue;
    }
    if (!merged.root.contains(key)) merged.root[key] = Json::object();
    merge_properties(merged.root[key], value, "");
  }
  if (!merged.routing_required()) merged.root.erase("_routing");
  mapping_ = std::move(merged);
  routing_required_.store(mapping_.routing_required(), std::memory_order_relaxed);  // relaxed: a setting
  is_watched_.store(true, std::memory_order_relaxed);                               // relaxed: as above
}

Json IndexMapping::shown() {
  const std::lock_guard lock(mutex_);
  is_watched_.store(true, std::memory_order_relaxed);  // relaxed: a setting
  return in_order(mapping_.root);
}

void IndexMapping::look_at(std::string_view document) {
  const Json json = parse_checked(document);
  if (!json.is_object()) return;
  const std::lock_guard lock(mutex_);
  add_fields(mapping_.root, json, "_doc", "true");
}

}  // namespace occ
