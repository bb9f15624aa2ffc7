#include "harness/script/script_value.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

namespace occ {
namespace {

void check_depth(std::size_t depth) {
  if (depth > ScriptHeap::kMaxDepth) {
    throw JavaError{"illegal_argument_exception", "Iterable object is self-referencing itself, or nested too deep"};
  }
}

/// Double.toString.
std::string java_text(double value) {
  if (std::isnan(value)) return "NaN";
  const std::string sign = std::signbit(value) ? "-" : "";
  const double size = std::abs(value);
  if (std::isinf(value)) return sign + "Infinity";
  if (size == 0) return sign + "0.0";
  char buffer[32];
  const auto printed = std::to_chars(std::begin(buffer), std::end(buffer), size, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(printed.ptr - buffer));
  const auto e = text.find('e');
  int exponent = 0;
  std::from_chars(buffer + e + (text[e + 1] == '+' ? 2 : 1), printed.ptr, exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  if (size >= 1e-3 && size < 1e7) {
    if (exponent < 0) return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) digits.resize(whole + 1, '0');
    return sign + digits.substr(0, whole) + "." + digits.substr(whole);
  }
  if (digits.size() == 1) digits += '0';
  return sign + digits[0] + "." + digits.substr(1) + "E" + std::to_string(exponent);
}

void append_java_text(ScriptHeap& heap, const ScriptValue& value, std::string& out, std::size_t depth);

struct JavaPrinter {
  ScriptHeap& heap;
  std::string& out;
  std::size_t depth;

  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int32_t value) const { out += std::to_string(value); }
  void operator()(std::int64_t value) const { out += std::to_string(value); }
  void operator()(double value) const { out += java_text(value); }
  void operator()(BigWhole value) const { out += std::to_string(value.value); }
  void operator()(const ScriptText& text) const { out += *text; }
  void operator()(const ScriptList* list) const {
    out += '[';
    for (std::size_t i = 0; i < list->elements.size(); ++i) {
      if (i > 0) out += ", ";
      append_java_text(heap, list->elements[i], out, depth + 1);
    }
    out += ']';
  }
  void operator()(const ScriptMap* map) const {
    out += '{';
    for (std::size_t i = 0; i < map->entries.size(); ++i) {
      if (i > 0) out += ", ";
      out.append(map->entries[i].first).append("=");
      append_java_text(heap, map->entries[i].second, out, depth + 1);
    }
    out += '}';
  }
};

void append_java_text(ScriptHeap& heap, const ScriptValue& value, std::string& out, std::size_t depth) {
  check_depth(depth);
  const std::size_t before = out.size();
  std::visit(JavaPrinter{heap, out, depth}, value);
  heap.spend(1 + out.size() - before);
}

Json json_at(ScriptHeap& heap, const ScriptValue& value, std::size_t depth);

struct JsonMaker {
  ScriptHeap& heap;
  std::size_t depth;

  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(bool value) const { return value; }
  Json operator()(std::int32_t value) const { return value; }
  Json operator()(std::int64_t value) const { return value; }
  // Which JSON has no numbers for is a string, as Elasticsearch writes it.
  Json operator()(double value) const { return std::isfinite(value) ? Json(value) : Json(java_text(value)); }
  Json operator()(BigWhole value) const { return value.value; }
  Json operator()(const ScriptText& text) const {
    heap.spend(text->size());
    return *text;
  }
  Json operator()(const ScriptList* list) const {
    Json json = Json::array();
    for (const ScriptValue& element : list->elements) json.push_back(json_at(heap, element, depth + 1));
    return json;
  }
  Json operator()(const ScriptMap* map) const {
    Json json = Json::object();
    // Keys differ already, so none is looked for.
    auto& members = json.get_ref<Json::object_t&>();
    for (const auto& [key, element] : map->entries) {
      heap.spend(key.size());
      members.emplace_back(key, json_at(heap, element, depth + 1));
    }
    return json;
  }
};

Json json_at(ScriptHeap& heap, const ScriptValue& value, std::size_t depth) {
  check_depth(depth);
  // A value of JSON is tens of bytes.
  heap.spend(32);
  return std::visit(JsonMaker{heap, depth}, value);
}

bool equal_at(ScriptHeap& heap, const ScriptValue& a, const ScriptValue& b, std::size_t depth) {
  check_depth(depth);
  heap.spend(1);
  if (a.index() != b.index()) return false;
  if (const std::string* text = text_in(a)) return *text == *text_in(b);
  if (const auto* list = std::get_if<ScriptList*>(&a)) {
    const auto& others = std::get<ScriptList*>(b)->elements;
    if ((*list)->elements.size() != others.size()) return false;
    for (std::size_t i = 0; i < others.size(); ++i) {
      if (!equal_at(heap, (*list)->elements[i], others[i], depth + 1)) return false;
    }
    return true;
  }
  if (const auto* map = std::get_if<ScriptMap*>(&a)) {
    ScriptMap& others = *std::get<ScriptMap*>(b);
    if ((*map)->entries.size() != others.entries.size()) return false;
    for (const auto& [key, value] : (*map)->entries) {
      const ScriptValue* other = heap.find(others, key);
      if (!other || !equal_at(heap, value, *other, depth + 1)) return false;
    }
    return true;
  }
  return a == b;
}

}  // namespace

ScriptValue* ScriptHeap::find(ScriptMap& map, std::string_view key) {
  for (auto& [name, value] : map.entries) {
    spend(1);
    if (name == key) return &value;
  }
  return nullptr;
}

void ScriptHeap::put(ScriptMap& map, std::string_view key, ScriptValue value) {
  if (map.read_only) throw JavaError{"unsupported_operation_exception", ""};
  if (ScriptValue* present = find(map, key)) {
    *present = std::move(value);
    return;
  }
  spend(32 + key.size());
  map.entries.emplace_back(key, std::move(value));
}

bool is_number(const ScriptValue& value) noexcept {
  return std::holds_alternative<std::int32_t>(value) || std::holds_alternative<std::int64_t>(value) ||
         std::holds_alternative<double>(value) || std::holds_alternative<BigWhole>(value);
}

const std::string* text_in(const ScriptValue& value) noexcept {
  const auto* text = std::get_if<ScriptText>(&value);
  return text ? text->get() : nullptr;
}

std::string_view class_name(const ScriptValue& value) noexcept {
  constexpr std::string_view kNames[] = {"null",
                                         "java.lang.Boolean",
                                         "java.lang.Integer",
                                         "java.lang.Long",
                                         "java.lang.Double",
                                         "java.math.BigInteger",
                                         "java.lang.String",
                                         "java.util.ArrayList",
                                         "java.util.LinkedHashMap"};
  static_assert(std::size(kNames) == std::variant_size_v<ScriptValue>);
  return kNames[value.index()];
}

std::string_view unboxed_name(const ScriptValue& value) noexcept {
  constexpr std::string_view kNames[] = {"null", "boolean", "int", "long", "double"};
  return value.index() < std::size(kNames) ? kNames[value.index()] : class_name(value);
}

ScriptValue from_json(ScriptHeap& heap, const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_unsigned:
      if (const auto whole = json.get<std::uint64_t>(); whole > std::numeric_limits<std::int64_t>::max()) {
        return BigWhole{whole};
      }
      [[fallthrough]];
    case Json::value_t::number_integer: {
      const auto whole = json.get<std::int64_t>();
      if (whole == static_cast<std::int32_t>(whole)) return static_cast<std::int32_t>(whole);
      return whole;
    }
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      // Bytes of the document itself are not counted: they are limited already.
      return std::make_shared<const std::string>(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      ScriptList* list = heap.make_list();
      list->elements.reserve(json.size());
      for (const Json& element : json) list->elements.push_back(from_json(heap, element));
      return list;
    }
    case Json::value_t::object: {
      ScriptMap* map = heap.make_map();
      map->entries.reserve(json.size());
      for (const auto& [key, element] : json.get_ref<const Json::object_t&>()) {
        map->entries.emplace_back(key, from_json(heap, element));
      }
      return map;
    }
    default:
      return std::monostate();
  }
}

Json to_json(ScriptHeap& heap, const ScriptValue& value) {
  return json_at(heap, value, 0);
}

std::string to_java_text(ScriptHeap& heap, const ScriptValue& value) {
  std::string out;
  append_java_text(heap, value, out, 0);
  return out;
}

bool equal_objects(ScriptHeap& heap, const ScriptValue& a, const ScriptValue& b) {
  return equal_at(heap, a, b, 0);
}

}  // namespace occ
