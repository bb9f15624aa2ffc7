#include "harness/script/script_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "harness/script/script.hpp"
#include "harness/script/script_arithmetic.hpp"

namespace occ {
namespace {

using Arguments = std::span<const ScriptValue>;

std::int32_t int_argument(const ScriptValue& value) {
  return std::get<std::int32_t>(assigned(ScriptType::whole, value));
}

ScriptValue size_value(std::size_t size) {
  return static_cast<std::int32_t>(std::min<std::size_t>(size, std::numeric_limits<std::int32_t>::max()));
}

const std::string& text_argument(const ScriptValue& value) {
  if (const std::string* text = text_in(value)) return *text;
  if (is_null(value)) throw JavaError{"null_pointer_exception", ""};
  (void)assigned(ScriptType::text, value);
  throw JavaError{"class_cast_exception", ""};
}

/// Keys of JSON are strings; other keys of a map could not be told in it.
const std::string& key_to_write(const ScriptValue& key) {
  const std::string* text = text_in(key);
  if (!text) throw UnsupportedScript("keys of a map that are no String are");
  return *text;
}

ScriptValue* find_key(ScriptHeap& heap, ScriptMap& map, const ScriptValue& key) {
  const std::string* text = text_in(key);
  return text ? heap.find(map, *text) : nullptr;
}

/// The place of the first element that equals `value`; the size if there is none.
std::size_t place_of(ScriptHeap& heap, const ScriptList& list, const ScriptValue& value) {
  std::size_t at = 0;
  while (at < list.elements.size() && !equal_objects(heap, list.elements[at], value)) ++at;
  return at;
}

/// A place as Java's methods count, from 0 to `end` without it.
std::size_t checked_place(std::int32_t index, std::size_t end, std::size_t size) {
  if (index < 0 || static_cast<std::size_t>(index) >= end) {
    throw JavaError{"index_out_of_bounds_exception", fmt::format("Index {} out of bounds for length {}", index, size)};
  }
  return static_cast<std::size_t>(index);
}

ScriptValue exchange(ScriptValue& place, ScriptValue value) {
  ScriptValue before = std::move(place);
  place = std::move(value);
  return before;
}

// Methods of a List.

ScriptValue list_add(ScriptHeap& heap, ScriptList& list, Arguments arguments) {
  heap.spend(sizeof(ScriptValue));
  list.elements.push_back(arguments[0]);
  return true;
}

ScriptValue list_insert(ScriptHeap& heap, ScriptList& list, Arguments arguments) {
  const std::size_t size = list.elements.size();
  const std::size_t at = checked_place(int_argument(arguments[0]), size + 1, size);
  heap.spend(sizeof(ScriptValue) + size - at);
  list.elements.insert(list.elements.begin() + static_cast<std::ptrdiff_t>(at), arguments[1]);
  return std::monostate();
}

ScriptValue list_add_all(ScriptHeap& heap, ScriptList& list, Arguments arguments) {
  const ScriptValue other = assigned(ScriptType::list, arguments[0]);
  if (is_null(other)) throw JavaError{"null_pointer_exception", ""};
  heap.spend(sizeof(ScriptValue) * std::get<ScriptList*>(other)->elements.size());
  const std::vector<ScriptValue> added = std::get<ScriptList*>(other)->elements;  // it may be the list itself
  list.elements.insert(list.elements.end(), added.begin(), added.end());
  return !added.empty();
}

ScriptValue list_remove(ScriptHeap& heap, ScriptList& list, Arguments arguments) {
  const std::size_t at = checked_place(int_argument(arguments[0]), list.elements.size(), list.elements.size());
  heap.spend(list.elements.size() - at);
  ScriptValue removed = std::move(list.elements[at]);
  list.elements.erase(list.elements.begin() + static_cast<std::ptrdiff_t>(at));
  return removed;
}

ScriptValue list_get(ScriptHeap& /*heap*/, ScriptList& list, Arguments arguments) {
  return list.elements[checked_place(int_argument(arguments[0]), list.elements.size(), list.elements.size())];
}

ScriptValue list_set(ScriptHeap& /*heap*/, ScriptList& list, Arguments arguments) {
  const std::size_t at = checked_place(int_argument(arguments[0]), list.elements.size(), list.elements.size());
  return exchange(list.elements[at], arguments[1]);
}

ScriptValue list_contains(ScriptHeap& heap, ScriptList& list, Arguments arguments) {
  return place_of(heap, list, arguments[0]) < list.elements.size();
}

ScriptValue list_index_of(ScriptHeap& heap, ScriptList& list, Arguments arguments) {
  const std::size_t at = place_of(heap, list, arguments[0]);
  return at < list.elements.size() ? size_value(at) : ScriptValue(std::int32_t{-1});
}

ScriptValue list_size(ScriptHeap& /*heap*/, ScriptList& list, Arguments /*arguments*/) {
  return size_value(list.elements.size());
}

ScriptValue list_is_empty(ScriptHeap& /*heap*/, ScriptList& list, Arguments /*arguments*/) {
  return list.elements.empty();
}

ScriptValue list_clear(ScriptHeap& /*heap*/, ScriptList& list, Arguments /*arguments*/) {
  list.elements.clear();
  return std::monostate();
}

// Methods of a Map.

void check_writable(const ScriptMap& map) {
  if (map.read_only) throw JavaError{"unsupported_operation_exception", ""};
}

ScriptValue map_get(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  const ScriptValue* found = find_key(heap, map, arguments[0]);
  return found ? *found : ScriptValue();
}

ScriptValue map_get_or_default(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  const ScriptValue* found = find_key(heap, map, arguments[0]);
  return found ? *found : arguments[1];
}

ScriptValue map_put(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  ScriptValue before = map_get(heap, map, arguments.first(1));
  heap.put(map, key_to_write(arguments[0]), arguments[1]);
  return before;
}

ScriptValue map_put_if_absent(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  ScriptValue before = map_get(heap, map, arguments.first(1));
  if (is_null(before)) heap.put(map, key_to_write(arguments[0]), arguments[1]);
  return before;
}

ScriptValue map_put_all(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  const ScriptValue other = assigned(ScriptType::map, arguments[0]);
  if (is_null(other)) throw JavaError{"null_pointer_exception", ""};
  const auto entries = std::get<ScriptMap*>(other)->entries;
  for (const auto& [key, value] : entries) heap.put(map, key, value);
  return std::monostate();
}

ScriptValue map_contains_key(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  return find_key(heap, map, arguments[0]) != nullptr;
}

ScriptValue map_contains_value(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  return std::ranges::any_of(map.entries,
                             [&](const auto& entry) { return equal_objects(heap, entry.second, arguments[0]); });
}

ScriptValue map_remove(ScriptHeap& heap, ScriptMap& map, Arguments arguments) {
  check_writable(map);
  const ScriptValue* found = find_key(heap, map, arguments[0]);
  if (!found) return std::monostate();
  ScriptValue removed = *found;
  std::erase_if(map.entries, [found](const auto& entry) { return &entry.second == found; });
  return removed;
}

ScriptValue map_size(ScriptHeap& /*heap*/, ScriptMap& map, Arguments /*arguments*/) {
  return size_value(map.entries.size());
}

ScriptValue map_is_empty(ScriptHeap& /*heap*/, ScriptMap& map, Arguments /*arguments*/) {
  return map.entries.empty();
}

ScriptValue map_clear(ScriptHeap& /*heap*/, ScriptMap& map, Arguments /*arguments*/) {
  check_writable(map);
  map.entries.clear();
  return std::monostate();
}

// Methods of a String.

ScriptValue text_length(ScriptHeap& heap, const std::string& text, Arguments /*arguments*/) {
  heap.spend(text.size());
  // UTF-16: two units for what takes four bytes, one for every other character.
  const auto units = [](char byte) {
    const auto bits = static_cast<unsigned char>(byte);
    return (bits & 0xC0U) == 0x80 ? 0 : bits >= 0xF0 ? 2 : 1;
  };
  std::size_t length = 0;
  for (const char byte : text) length += static_cast<std::size_t>(units(byte));
  return size_value(length);
}

ScriptValue text_is_empty(ScriptHeap& /*heap*/, const std::string& text, Arguments /*arguments*/) {
  return text.empty();
}

ScriptValue text_contains(ScriptHeap& heap, const std::string& text, Arguments arguments) {
  heap.spend(text.size());
  return text.find(text_argument(arguments[0])) != text.npos;
}

ScriptValue text_starts_with(ScriptHeap& /*heap*/, const std::string& text, Arguments arguments) {
  return text.starts_with(text_argument(arguments[0]));
}

ScriptValue text_ends_with(ScriptHeap& /*heap*/, const std::string& text, Arguments arguments) {
  return text.ends_with(text_argument(arguments[0]));
}

template <typename Receiver>
struct Method {
  std::string_view name;
  std::size_t arity;
  ScriptValue (*run)(ScriptHeap&, Receiver&, Arguments);
};

constexpr Method<ScriptList> kListMethods[] = {
    {"add", 1, list_add},   {"add", 2, list_insert},     {"addAll", 1, list_add_all},    {"remove", 1, list_remove},
    {"get", 1, list_get},   {"set", 2, list_set},        {"contains", 1, list_contains}, {"indexOf", 1, list_index_of},
    {"size", 0, list_size}, {"getLength", 0, list_size}, {"isEmpty", 0, list_is_empty},  {"clear", 0, list_clear},
};
constexpr Method<ScriptMap> kMapMethods[] = {
    {"get", 1, map_get},
    {"getOrDefault", 2, map_get_or_default},
    {"put", 2, map_put},
    {"putIfAbsent", 2, map_put_if_absent},
    {"putAll", 1, map_put_all},
    {"containsKey", 1, map_contains_key},
    {"containsValue", 1, map_contains_value},
    {"remove", 1, map_remove},
    {"size", 0, map_size},
    {"isEmpty", 0, map_is_empty},
    {"clear", 0, map_clear},
};
constexpr Method<const std::string> kTextMethods[] = {
    {"length", 0, text_length},          {"isEmpty", 0, text_is_empty},   {"contains", 1, text_contains},
    {"startsWith", 1, text_starts_with}, {"endsWith", 1, text_ends_with},
};

/// What the engine's lists, maps, strings and numbers have besides.
constexpr std::string_view kOthers[] = {"any",
                                        "asCollection",
                                        "asList",
                                        "byteValue",
                                        "charAt",
                                        "chars",
                                        "codePointAt",
                                        "collect",
                                        "compareTo",
                                        "compareToIgnoreCase",
                                        "compute",
                                        "computeIfAbsent",
                                        "computeIfPresent",
                                        "concat",
                                        "containsAll",
                                        "count",
                                        "decodeBase64",
                                        "each",
                                        "eachWithIndex",
                                        "encodeBase64",
                                        "entrySet",
                                        "equalsIgnoreCase",
                                        "every",
                                        "find",
                                        "findAll",
                                        "findResult",
                                        "findResults",
                                        "floatValue",
                                        "forEach",
                                        "getByPath",
                                        "groupBy",
                                        "hashCode",
                                        "indexOf",
                                        "isInfinite",
                                        "isNaN",
                                        "iterator",
                                        "join",
                                        "keySet",
                                        "lastIndexOf",
                                        "listIterator",
                                        "matches",
                                        "merge",
                                        "regionMatches",
                                        "removeAll",
                                        "removeIf",
                                        "replace",
                                        "replaceAll",
                                        "replaceFirst",
                                        "retainAll",
                                        "sha1",
                                        "sha256",
                                        "shortValue",
                                        "sort",
                                        "split",
                                        "splitOnToken",
                                        "stream",
                                        "subList",
                                        "subSequence",
                                        "substring",
                                        "sum",
                                        "toArray",
                                        "toCharArray",
                                        "toLowerCase",
                                        "toUpperCase",
                                        "trim",
                                        "values"};

template <typename Receiver, std::size_t count>
std::optional<ScriptValue> call_of(const Method<Receiver> (&methods)[count], ScriptHeap& heap, Receiver& receiver,
                                   std::string_view name, Arguments arguments) {
  for (const auto& method : methods) {
    if (method.name == name && method.arity == arguments.size()) return method.run(heap, receiver, arguments);
  }
  return std::nullopt;
}

std::optional<ScriptValue> call_own(ScriptHeap& heap, const ScriptValue& receiver, std::string_view name,
                                    Arguments arguments) {
  if (const auto* list = std::get_if<ScriptList*>(&receiver))
    return call_of(kListMethods, heap, **list, name, arguments);
  if (const auto* map = std::get_if<ScriptMap*>(&receiver)) return call_of(kMapMethods, heap, **map, name, arguments);
  if (const std::string* text = text_in(receiver)) return call_of(kTextMethods, heap, *text, name, arguments);
  if (is_number(receiver) && arguments.empty()) {
    if (name == "intValue") return cast(ScriptType::whole, receiver);
    if (name == "longValue") return cast(ScriptType::long_whole, receiver);
    if (name == "doubleValue") return cast(ScriptType::real, receiver);
  }
  return std::nullopt;
}

}  // namespace

ScriptValue& element_of(ScriptList& list, const ScriptValue& index) {
  const std::int32_t given = int_argument(index);
  const auto size = static_cast<std::int64_t>(list.elements.size());
  const std::int64_t at = given < 0 ? given + size : given;
  if (at < 0 || at >= size) {
    throw JavaError{"index_out_of_bounds_exception", fmt::format("Index {} out of bounds for length {}", at, size)};
  }
  return list.elements[static_cast<std::size_t>(at)];
}

ScriptValue call_method(ScriptHeap& heap, const ScriptValue& receiver, std::string_view name, Arguments arguments) {
  if (auto result = call_own(heap, receiver, name, arguments)) return std::move(*result);
  if (name == "equals" && arguments.size() == 1) return equal_objects(heap, receiver, arguments[0]);
  if (name == "toString" && arguments.empty()) return heap.make_text(to_java_text(heap, receiver));
  if (std::ranges::find(kOthers, name) != std::end(kOthers)) {
    throw UnsupportedScript(fmt::format("the method [{}.{}] is", class_name(receiver), name));
  }
  throw JavaError{"illegal_argument_exception",
                  fmt::format("dynamic method [{}, {}/{}] not found", class_name(receiver), name, arguments.size())};
}

}  // namespace occ
