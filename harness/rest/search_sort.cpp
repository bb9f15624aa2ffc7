#include "harness/rest/search_sort.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "harness/rest/rest_parameters.hpp"
#include "harness/support/write_parameters.hpp"

namespace occ {
namespace {

constexpr std::size_t kMaxKeys = 32;

SortKey key_named(std::string_view name) {
  SortKey key{.field = std::string(name)};
  if (name == "_score") key = {.kind = SortKey::Kind::score, .field = key.field, .descending = true};
  if (name == "_doc") key.kind = SortKey::Kind::doc;
  if (name == "_id") key.kind = SortKey::Kind::id;
  return key;
}

bool is_descending(const std::string& order) {
  const std::string lower = lower_case(order);
  if (lower == "asc") return false;
  if (lower == "desc") return true;
  std::string upper = order;
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  throw illegal_argument("No enum constant org.elasticsearch.search.sort.SortOrder." + upper);
}

FieldType unmapped_type(const std::string& name) {
  if (name == "long" || name == "integer" || name == "short" || name == "byte" || name == "date")
    return FieldType::whole;
  if (name == "double") return FieldType::real64;
  if (name == "float" || name == "half_float") return FieldType::real32;
  if (name == "boolean") return FieldType::boolean;
  if (name == "keyword") return FieldType::keyword;
  throw unsupported(fmt::format("[unmapped_type] [{}] is", name));
}

void take_option(const std::string& option, const Json& value, const BodyText& body, SortKey& key) {
  if (option == "order") {
    if (!value.is_string()) {
      throw body.content(value,
                         fmt::format("[field_sort] order doesn't support values of type: {}", token_name(value)));
    }
    key.descending = is_descending(value.get<std::string>());
  } else if (option == "missing") {
    key.missing = value;
  } else if (option == "unmapped_type") {
    key.unmapped = unmapped_type(scalar_text(value));
  } else if (option == "mode") {
    const std::string mode = lower_case(scalar_text(value));
    if (mode == "sum" || mode == "avg" || mode == "median")
      throw unsupported(fmt::format("[mode] [{}] of a sort is", mode));
    if (mode != "min" && mode != "max") {
      Failure bad = body.content(value, "[field_sort] failed to parse field [mode]");
      bad.cause_type = "illegal_argument_exception";
      bad.cause_reason = fmt::format("Unknown SortMode [{}]", scalar_text(value));
      throw bad;
    }
    key.of_greatest = mode == "max";
  } else if (option == "nested" || option == "nested_path" || option == "nested_filter" || option == "numeric_type" ||
             option == "format") {
    throw unsupported(fmt::format("[{}] of a sort is", option));
  } else {
    throw body.content(value, fmt::format("[field_sort] unknown field [{}]", option), BodyText::At::key);
  }
}

void add_object(const Json& object, const BodyText& body, std::vector<SortKey>& keys) {
  for (const auto& [name, value] : object.items()) {
    if (name == "_script" || name == "_geo_distance" || name == "_geoDistance") {
      throw unsupported(fmt::format("a sort by [{}] is", name));
    }
    SortKey key = key_named(name);
    if (value.is_string()) {
      key.descending = is_descending(value.get<std::string>());
    } else if (value.is_object()) {
      for (const auto& [option, part] : value.items()) take_option(option, part, body, key);
    } else {
      throw body.content(value, fmt::format("[field_sort] Expected START_OBJECT but was: {}", token_name(value)));
    }
    keys.push_back(std::move(key));
  }
}

void check_number(const std::vector<SortKey>& keys) {
  if (keys.size() > kMaxKeys) throw illegal_argument(fmt::format("more than {} keys to sort by", kMaxKeys));
}

Failure bad_search_after(const std::string& field, const std::string& text) {
  Failure bad = illegal_argument(fmt::format("Failed to parse search_after value for field [{}].", field));
  bad.cause_type = "number_format_exception";
  bad.cause_reason = fmt::format("For input string: \"{}\"", text);
  return bad;
}

}  // namespace

std::vector<SortKey> parse_sort(const Json& value, const BodyText& body) {
  std::vector<SortKey> keys;
  if (value.is_object()) {
    add_object(value, body, keys);
  } else if (value.is_array()) {
    for (const Json& each : value) {
      if (each.is_object()) {
        add_object(each, body, keys);
      } else if (each.is_string()) {
        keys.push_back(key_named(each.get<std::string>()));
      } else {
        throw illegal_argument(
            "malformed sort format, within the sort array, an object, or an actual string are allowed");
      }
    }
  } else {
    keys.push_back(key_named(scalar_text(value)));
  }
  check_number(keys);
  return keys;
}

std::vector<SortKey> parse_sort(std::string_view parameter) {
  std::vector<SortKey> keys;
  while (!parameter.empty()) {
    const auto comma = parameter.find(',');
    std::string_view name = parameter.substr(0, comma);
    parameter.remove_prefix(comma == parameter.npos ? parameter.size() : comma + 1);
    const auto colon = name.rfind(':');
    const std::string_view order = colon == name.npos ? std::string_view() : name.substr(colon + 1);
    if (name.empty() || (!order.empty() && order != "asc" && order != "desc")) continue;  // as Elasticsearch
    SortKey key = key_named(name.substr(0, colon));
    if (!order.empty()) key.descending = order == "desc";
    keys.push_back(std::move(key));
  }
  check_number(keys);
  return keys;
}

Sorter::Sorter(const SortKey& key, FieldOf field_of) : key_(key) {
  if (key.kind != SortKey::Kind::field) return;
  field_ = field_of(key.field);
  has_field_ = field_.type != FieldType::none;
  if (field_.type == FieldType::text) {
    throw illegal_argument(fmt::format(
        "Text fields are not optimised for operations that require per-document field data like aggregations and "
        "sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set "
        "fielddata=true on [{}] in order to load field data by uninverting the inverted index. Note that this can use "
        "significant memory.",
        key.field));
  }
  if (field_.type == FieldType::date || key.field.starts_with('_')) {
    throw unsupported(fmt::format("a sort by [{}] is", key.field));
  }
  if (!has_field_) {
    if (!key.unmapped) {
      throw failure(400, "query_shard_exception",
                    fmt::format("No mapping found for [{}] in order to sort on", key.field));
    }
    field_.type = *key.unmapped;
  }
  missing_ = stand_in();
}

bool Sorter::missing_is_first() const {
  return key_.missing.is_string() && key_.missing.get_ref<const std::string&>() == "_first";
}

SortValue Sorter::stand_in() const {
  const bool is_place = key_.missing.is_null() || missing_is_first() || key_.missing == "_last";
  if (!is_place) return parse(key_.missing);
  const bool greatest = missing_is_first() == key_.descending;
  switch (field_.type) {
    case FieldType::whole:
    case FieldType::boolean:
      return greatest ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
    case FieldType::real32:
    case FieldType::real64:
      return greatest ? HUGE_VAL : -HUGE_VAL;
    default:
      return std::nullopt;
  }
}

SortValue Sorter::value(const ViewDocument& document, const Json& source, std::size_t place) const {
  switch (key_.kind) {
    case SortKey::Kind::score:
      return std::nullopt;
    case SortKey::Kind::doc:
      return static_cast<std::int64_t>(place);
    case SortKey::Kind::id:
      return document.id;
    case SortKey::Kind::field:
      break;
  }
  SortValue chosen;
  if (has_field_) {
    const bool greatest = key_.of_greatest.value_or(key_.descending);
    for_each_value(source, field_, [&](const FieldValue& each) {
      if (!chosen || (greatest ? compare(each, *chosen) > 0 : compare(each, *chosen) < 0)) chosen = each;
    });
  }
  return chosen ? chosen : missing_;
}

SortValue Sorter::parse(const Json& value) const {
  const std::string text = scalar_text(value);
  const bool is_text =
      key_.kind == SortKey::Kind::id || (key_.kind == SortKey::Kind::field && field_.type == FieldType::keyword);
  if (is_text) return value.is_null() ? SortValue() : SortValue(text);
  const bool is_real =
      key_.kind == SortKey::Kind::score || field_.type == FieldType::real32 || field_.type == FieldType::real64;
  if (is_real) {
    if (value.is_number()) return value.get<double>();
    if (text == "Infinity") return HUGE_VAL;
    if (text == "-Infinity") return -HUGE_VAL;
    try {
      return std::stod(text);
    } catch (const std::exception&) {
      throw bad_search_after(key_.field, text);
    }
  }
  try {
    return parse_json_long(key_.field, value);
  } catch (const IllegalArgument&) {
    throw bad_search_after(key_.field, text);
  }
}

void Sorter::append(std::string& out, const SortValue& value) const {
  if (!value) {
    out += "null";
  } else if (const auto* whole = std::get_if<std::int64_t>(&*value)) {
    append_number(out, *whole);
  } else if (const auto* real = std::get_if<double>(&*value)) {
    const bool is_float = key_.kind == SortKey::Kind::score || field_.type == FieldType::real32;
    const std::string text = is_float ? java_text(static_cast<float>(*real)) : java_text(*real);
    out += std::isfinite(*real) ? text : '"' + text + '"';
  } else {
    append_quoted(out, std::get<std::string>(*value));
  }
}

int Sorter::order(const SortValue& a, const SortValue& b) const noexcept {
  if (!a || !b) {
    const int a_before = !a && b ? 1 : a && !b ? -1 : 0;
    return key_.missing.is_string() && key_.missing == "_first" ? -a_before : a_before;
  }
  const int order = compare(*a, *b);
  return key_.descending ? -order : order;
}

}  // namespace occ
