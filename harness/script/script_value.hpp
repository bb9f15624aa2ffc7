#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "harness/support/json_text.hpp"

namespace occ {

/// What Java would throw. Whoever runs the script adds where.
struct JavaError {
  std::string_view type;  ///< as Elasticsearch names it: "null_pointer_exception"
  std::string reason;     ///< empty: none
};

struct ScriptList;
struct ScriptMap;

/// A whole number of a document that is beyond long: a BigInteger in Java.
struct BigWhole {
  std::uint64_t value;
  friend bool operator==(const BigWhole&, const BigWhole&) = default;
};

using ScriptText = std::shared_ptr<const std::string>;

/// A value of a script: null, boolean, int, long, double, String. Lists and maps are references, as in Java.
using ScriptValue = std::variant<std::monostate, bool, std::int32_t, std::int64_t, double, BigWhole, ScriptText,
                                 ScriptList*, ScriptMap*>;

struct ScriptList {
  std::vector<ScriptValue> elements;
};

/// Keeps the order in which its keys came.
struct ScriptMap {
  std::vector<std::pair<std::string, ScriptValue>> entries;
  bool read_only = false;
};

/// Owns the lists and maps of one run, which may hold each other in a circle, and limits what the run does.
class ScriptHeap {
 public:
  /// Nodes that are run, keys and elements that are looked at, bytes that are made.
  static constexpr std::size_t kMaxWork = std::size_t{64} << 20;
  /// How deep lists and maps may stand in each other where they are compared, printed or stored.
  static constexpr std::size_t kMaxDepth = kMaxJsonDepth;

  /// Throws JavaError where the run has done too much.
  void spend(std::size_t work) {
    if (work > left_) throw JavaError{"illegal_argument_exception", "the script does more than occkit lets one do"};
    left_ -= work;
  }

  [[nodiscard]] ScriptList* make_list() { return &lists_.emplace_back(); }
  [[nodiscard]] ScriptMap* make_map() { return &maps_.emplace_back(); }
  [[nodiscard]] ScriptText make_text(std::string text) {
    spend(text.size());
    return std::make_shared<const std::string>(std::move(text));
  }

  /// Null if there is none.
  [[nodiscard]] ScriptValue* find(ScriptMap& map, std::string_view key);
  /// Throws JavaError where the map is read-only.
  void put(ScriptMap& map, std::string_view key, ScriptValue value);

 private:
  std::size_t left_ = kMaxWork;
  std::deque<ScriptList> lists_;
  std::deque<ScriptMap> maps_;
};

[[nodiscard]] inline bool is_null(const ScriptValue& value) noexcept {
  return std::holds_alternative<std::monostate>(value);
}
[[nodiscard]] bool is_number(const ScriptValue& value) noexcept;
/// Null unless it is a String.
[[nodiscard]] const std::string* text_in(const ScriptValue& value) noexcept;

/// "java.lang.Integer". Not of null.
[[nodiscard]] std::string_view class_name(const ScriptValue& value) noexcept;
/// "int" where there is a primitive type, else as class_name.
[[nodiscard]] std::string_view unboxed_name(const ScriptValue& value) noexcept;

/// A whole number is an int where it fits, as Elasticsearch's parser has it.
[[nodiscard]] ScriptValue from_json(ScriptHeap& heap, const Json& json);
/// Throws JavaError where the value is too deep, for example because it holds itself.
[[nodiscard]] Json to_json(ScriptHeap& heap, const ScriptValue& value);
/// String.valueOf.
[[nodiscard]] std::string to_java_text(ScriptHeap& heap, const ScriptValue& value);
/// Object.equals: 1 and 1L differ.
[[nodiscard]] bool equal_objects(ScriptHeap& heap, const ScriptValue& a, const ScriptValue& b);

}  // namespace occ
