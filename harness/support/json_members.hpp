#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/build/function_ref.hpp"

namespace occ {

/// Calls take(key, value) for every member of the JSON object `object`, in order: texts as they stand there, a key
/// without its quotes and with its escapes. So a part of a document can be taken byte for byte, which parsing and printing
/// would not. False if the text is no object; where values begin and end is looked at, not what is in them.
[[nodiscard]] bool for_each_member(std::string_view object,
                                   FunctionRef<void(std::string_view key, std::string_view value)> take);

/// As for_each_member, for the elements of a JSON array.
[[nodiscard]] bool for_each_element(std::string_view array, FunctionRef<void(std::string_view value)> take);

/// The text of the first member of that name; empty if there is none.
[[nodiscard]] std::string_view member(std::string_view object, std::string_view key);

/// Nothing if it is not a whole number of 64 bits.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view value);

/// A string without its quotes, escapes as they are; anything else as it is.
[[nodiscard]] std::string_view unquoted(std::string_view value);

}  // namespace occ
