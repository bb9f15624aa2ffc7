#pragma once

#include <string_view>

#include "core/model/compatibility.hpp"
#include "harness/support/json_text.hpp"
#include "harness/support/source_choice.hpp"

namespace occ {

/// What `?filter_path=a.b,items.*.status,-error.root_cause` leaves of an answer: paths of keys with dots between them,
/// arrays passed through; `*` stands for any part of a key, `**` for any number of keys; paths that begin with '-' are
/// taken away, the others, if there are any, are all that is kept. Objects and arrays that nothing is left of go; what
/// was empty before stays in version 8 where a path that is taken away leads below it.
[[nodiscard]] Json filtered(const Json& answer, std::string_view paths, Compatibility compatibility);

/// The part of a source that is chosen as version 8 has it for reads: as paths of a filter, where a '*' is a part of a
/// key. A key with dots in it counts as several.
[[nodiscard]] Json filtered_source(const Json& source, const SourceChoice& choice);

/// True if `text` is as `pattern`, in which '*' stands for any characters. Linear in the product of their lengths.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text) noexcept;

}  // namespace occ
