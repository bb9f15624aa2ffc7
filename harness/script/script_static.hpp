#pragma once

#include <span>

#include "harness/script/script_tree.hpp"

namespace occ {

/// The type that an expression has before it runs; def if that is told only then. `slot_types` are those of variables.
[[nodiscard]] ScriptType static_type(const ScriptNode& node, std::span<const ScriptType> slot_types);

/// Puts a constant in the place of arithmetic, of a sign, and of a cast of constant numbers. Throws JavaError where Java's
/// compiler does, in a division by zero.
void fold(ScriptNode& node);

/// Both values of a `? :` whose types are known and are numbers become the wider one.
void promote_branches(ScriptNode& choose, std::span<const ScriptType> slot_types);

}  // namespace occ
