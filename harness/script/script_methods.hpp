#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "harness/script/script_value.hpp"

namespace occ {

/// `receiver.name(arguments)`; the receiver is not null. Throws JavaError where there is no such method, and
/// UnsupportedScript where Elasticsearch has it.
[[nodiscard]] ScriptValue call_method(ScriptHeap& heap, const ScriptValue& receiver, std::string_view name,
                                      std::span<const ScriptValue> arguments);

/// The place in a list that a script calls `index`: from the end if it is negative. Throws JavaError.
[[nodiscard]] ScriptValue& element_of(ScriptList& list, const ScriptValue& index);

}  // namespace occ
