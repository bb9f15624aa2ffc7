#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/build/function_ref.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// Keeps the order of keys, as Elasticsearch does.
using Json = nlohmann::ordered_json;

/// Limits on JSON that comes from outside. Printing and comparing recurse, a key is found by walking its object, and a
/// parsed value takes many times the memory of its text.
inline constexpr std::size_t kMaxJsonDepth = 200;
inline constexpr std::size_t kMaxObjectKeys = 10'000;
inline constexpr std::size_t kMaxJsonValues = 1'000'000;

/// Text that is not JSON, not UTF-8, or beyond the limits; what() says where. An object with the same key twice and a
/// whole number beyond 64 bits are refused too, as Elasticsearch's parser and its mapping to `long` do.
struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Whether `\ud800` without its other half stays as it was typed, which RFC 8259 allows and this library's parser refuses.
enum class LoneSurrogates : std::uint8_t { keep, replace };

/// The text without what Elasticsearch's parser reads past: a byte order mark at its beginning, and comments as C++ has
/// them, each of which becomes a blank. Lone surrogates become U+FFFD if they are to be replaced. The text itself where
/// it has nothing of the kind; else written to `storage`.
[[nodiscard]] std::string_view plain_json(std::string_view text, std::string& storage, LoneSurrogates lone);

/// Throws JsonError unless the whole text is one JSON value within the limits. Linear, builds nothing. Takes what
/// plain_json leaves out.
void check_json(std::string_view text);

/// Throws JsonError unless the whole text is one JSON object within the limits. `take_key` is given each of its own keys,
/// and may throw.
void check_json_object(std::string_view text, FunctionRef<void(std::string_view)> take_key);
void check_json_object(std::string_view text);

/// A text that was checked, or is an answer of the kit's own: without limits, lone surrogates replaced. Discarded
/// (is_discarded()) where it is no JSON.
[[nodiscard]] Json parse_checked(std::string_view text);

/// Throws JsonError. Takes what plain_json leaves out.
[[nodiscard]] Json parse_json(std::string_view text);

/// One line, or indented if `indent` is 0 or more. Never throws on content: bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string to_text(const Json& value, int indent = -1);

/// Appends `text` as a JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view text);

/// Appends a whole number.
void append_number(std::string& out, std::int64_t number);

/// As Elasticsearch prints it for `?pretty`: a value a line, " : " between key and value, a newline at the end.
[[nodiscard]] std::string pretty_text(const Json& value);

/// The contents of a string, the JSON of anything else.
[[nodiscard]] std::string scalar_text(const Json& value);

/// Elasticsearch's name for the kind of a value, as its parser's messages use it: START_OBJECT, VALUE_STRING, ...
[[nodiscard]] std::string_view token_name(const Json& value) noexcept;

/// Equality as Elasticsearch's noop detection has it: the order of keys does not matter, that of elements does, and
/// the integer 1 is not the float 1.0.
[[nodiscard]] bool same_value(const Json& a, const Json& b);

/// Merges `changes` into `target`, both objects: objects recursively, anything else is replaced; nothing is removed.
/// True if something changed.
bool merge(Json& target, const Json& changes);

/// True if the bytes are well-formed UTF-8 (no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace occ
