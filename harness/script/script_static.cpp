#include "harness/script/script_static.hpp"

#include <algorithm>
#include <utility>

namespace occ {
namespace {

bool is_constant_number(const ScriptNode& node) {
  return node.kind == NodeKind::literal && is_number(node.literal);
}

bool is_numeric(ScriptType type) {
  return type == ScriptType::whole || type == ScriptType::long_whole || type == ScriptType::real;
}

/// Of two numbers; def if one of them is not known to be one.
ScriptType wider(ScriptType a, ScriptType b) {
  return is_numeric(a) && is_numeric(b) ? std::max(a, b) : ScriptType::def;
}

ScriptType type_of_literal(const ScriptValue& value) {
  if (std::holds_alternative<bool>(value)) return ScriptType::boolean;
  if (std::holds_alternative<std::int32_t>(value)) return ScriptType::whole;
  if (std::holds_alternative<std::int64_t>(value)) return ScriptType::long_whole;
  return std::holds_alternative<double>(value) ? ScriptType::real : ScriptType::def;
}

}  // namespace

ScriptType static_type(const ScriptNode& node, std::span<const ScriptType> slot_types) {
  const auto of = [&](std::size_t child) { return static_type(node.children[child], slot_types); };
  switch (node.kind) {
    case NodeKind::literal:
      return type_of_literal(node.literal);
    case NodeKind::variable:
      return slot_types[node.slot];
    case NodeKind::negate:
    case NodeKind::plus:
      return of(0);
    case NodeKind::calculate:
      return node.operation < Operation::equal ? wider(of(0), of(1)) : ScriptType::boolean;
    case NodeKind::choose:
      return of(1) == of(2) ? of(1) : wider(of(1), of(2));
    case NodeKind::cast:
      return node.type;
    default:
      return ScriptType::def;
  }
}

void fold(ScriptNode& node) {
  if (node.children.empty() || !std::ranges::all_of(node.children, is_constant_number)) return;
  ScriptHeap heap;
  ScriptValue value;
  if (node.kind == NodeKind::calculate && node.operation < Operation::equal) {
    value = calculate(heap, node.operation, node.children[0].literal, node.children[1].literal);
  } else if (node.kind == NodeKind::negate) {
    value = negated(node.children[0].literal);
  } else if (node.kind == NodeKind::cast && is_numeric(node.type)) {
    value = cast(node.type, node.children[0].literal);
  } else {
    return;
  }
  node.kind = NodeKind::literal;
  node.literal = std::move(value);
  node.children.clear();
  node.depth = 1;
}

void promote_branches(ScriptNode& choose, std::span<const ScriptType> slot_types) {
  const ScriptType first = static_type(choose.children[1], slot_types);
  const ScriptType second = static_type(choose.children[2], slot_types);
  const ScriptType both = wider(first, second);
  if (both == ScriptType::def || first == second) return;
  ScriptNode& narrow = choose.children[first == both ? 2 : 1];
  ScriptNode promoted{.kind = NodeKind::cast,
                      .type = both,
                      .depth = static_cast<std::uint16_t>(narrow.depth + 1),
                      .offset = narrow.offset};
  promoted.children.push_back(std::move(narrow));
  fold(promoted);
  choose.depth = std::max(choose.depth, static_cast<std::uint16_t>(promoted.depth + 1));
  narrow = std::move(promoted);
}

}  // namespace occ
