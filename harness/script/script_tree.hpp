#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/script/script.hpp"
#include "harness/script/script_arithmetic.hpp"

namespace occ {

/// What a node does, and with which children.
enum class NodeKind : std::uint8_t {
  block,        ///< statements
  if_else,      ///< condition, then, and maybe else
  declare,      ///< a value or nothing, into `slot`
  finish,       ///< `return;`
  evaluate,     ///< a statement that is an expression
  literal,      ///< `literal`
  make_list,    ///< elements
  make_map,     ///< key, value, key, value ...
  variable,     ///< `slot`
  member,       ///< holder: holder.text
  element,      ///< holder, index: holder[index]
  call,         ///< receiver, arguments: receiver.text(arguments)
  negate,       ///< one
  plus,         ///< one
  logical_not,  ///< one
  calculate,    ///< two, `operation`
  both,         ///< two: &&
  either,       ///< two: ||
  choose,       ///< three: ? :
  or_else,      ///< two: ?:
  assign,       ///< target, value; `operation` if compound
  step_before,  ///< target: ++x; `operation`
  step_after,   ///< target: x++; `operation`
  cast,         ///< one, `type`
  instance_of,  ///< one, `text`
};

struct ScriptNode {
  NodeKind kind = NodeKind::block;
  Operation operation = Operation::none;
  ScriptType type = ScriptType::def;
  bool is_safe = false;      ///< `?.`
  std::uint16_t depth = 1;   ///< of the tree below
  std::uint32_t offset = 0;  ///< byte of the script at which its errors are told
  std::uint32_t slot = 0;
  std::string text;
  ScriptValue literal;
  std::vector<ScriptNode> children;
};

/// Variables in slots: these are there from the start.
inline constexpr std::uint32_t kCtxSlot = 0;
inline constexpr std::uint32_t kParamsSlot = 1;

struct ScriptTree {
  std::string source;
  ScriptNode root;
  std::uint32_t slots = 2;
  std::vector<ScriptType> slot_types{ScriptType::map, ScriptType::map};
  std::vector<std::size_t> statements;  ///< bytes at which they begin, in order
};

/// Throws ScriptError and UnsupportedScript.
[[nodiscard]] ScriptTree parse_script(std::string_view source);

/// "compile error": `offset` is the byte where it is.
[[nodiscard]] ScriptError compile_error(std::string_view source, std::size_t offset, std::string_view type,
                                        const std::string& reason);
/// "runtime error": with the statement in which `offset` is.
[[nodiscard]] ScriptError runtime_error(const ScriptTree& tree, std::size_t offset, const JavaError& cause);

}  // namespace occ
