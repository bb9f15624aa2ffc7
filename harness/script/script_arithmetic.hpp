#pragma once

#include <cstdint>

#include "harness/script/script_value.hpp"

namespace occ {

enum class Operation : std::uint8_t {
  none,
  multiply,
  divide,
  remainder,
  add,
  subtract,
  equal,
  not_equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
};

/// As it is written: "+".
[[nodiscard]] std::string_view symbol_of(Operation operation) noexcept;

/// `a operation b` as Painless has it for values of which it learns the type only when it runs: the wider of the two
/// types, whole numbers wrap, division truncates, `+` joins Strings with anything. Throws JavaError.
[[nodiscard]] ScriptValue calculate(ScriptHeap& heap, Operation operation, const ScriptValue& a, const ScriptValue& b);
/// `-a`.
[[nodiscard]] ScriptValue negated(const ScriptValue& a);

/// Types of local variables and of casts.
enum class ScriptType : std::uint8_t { def, boolean, whole, long_whole, real, text, list, map };

/// As it is written: "int".
[[nodiscard]] std::string_view name_of(ScriptType type) noexcept;

/// What a variable of that type gets that is given `value`: a wider number, else JavaError.
[[nodiscard]] ScriptValue assigned(ScriptType type, const ScriptValue& value);
/// What `(type) value` is: also a narrower number.
[[nodiscard]] ScriptValue cast(ScriptType type, const ScriptValue& value);
/// What `place op= ...` puts where `before` was and no type is declared: a number stays one of its type.
[[nodiscard]] ScriptValue as_before(const ScriptValue& before, const ScriptValue& value);
/// What a variable has that was given nothing.
[[nodiscard]] ScriptValue initial(ScriptType type);

}  // namespace occ
