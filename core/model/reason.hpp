#pragma once

#include <string>
#include <string_view>

#include "core/model/compatibility.hpp"
#include "core/model/document.hpp"
#include "core/model/outcome.hpp"
#include "core/model/precondition.hpp"

namespace occ {

/// The text with which Elasticsearch explains a conflict: `[id]: version conflict, ...`
/// (VersionConflictEngineException; 6.x puts `[_doc]` before the id). `precondition` is the one that did not hold;
/// where an optimistic update lost the race and was given none, it is the word that its last attempt read. Empty unless
/// the outcome is a conflict.
[[nodiscard]] std::string conflict_reason(const Outcome& outcome, const Precondition& precondition, std::string_view id,
                                          Compatibility compatibility = Compatibility::v7);

/// The same for `GET ?version=requested` on a live document of version `current`.
[[nodiscard]] std::string read_conflict_reason(Version current, Version requested, std::string_view id,
                                               Compatibility compatibility = Compatibility::v7);

}  // namespace occ
