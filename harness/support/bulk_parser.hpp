#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/build/function_ref.hpp"
#include "core/model/compatibility.hpp"
#include "harness/support/source_choice.hpp"
#include "harness/support/write_parameters.hpp"

namespace occ {

/// A text that is not a `_bulk` request; what() is Elasticsearch's message where it has one.
struct BulkError : std::invalid_argument {
  BulkError(std::size_t at_line, const std::string& message) : std::invalid_argument(message), line(at_line) {}
  std::size_t line;  ///< counted from 1
};

/// One action with its source. Views point into the text that was parsed.
struct BulkEntry {
  enum class Action : std::uint8_t { index, create, update, remove };

  Action action = Action::index;
  std::optional<std::string> index;  ///< absent: the one of the request's path
  std::optional<std::string> id;     ///< absent: to be made up (index and create only)
  std::optional<std::string> routing;
  WriteParameters parameters;
  std::optional<SourceChoice> source_choice;  ///< `_source` of an update
  std::optional<bool> require_alias;
  bool typed = false;  ///< it says a `_type`
  bool empty_pipeline = false;
  std::optional<std::string> unsupported;  ///< a key that Elasticsearch knows and the kit does not: pipeline, ...
  std::string_view source;                 ///< the source line, for an update its body; empty for remove; not checked
  std::size_t line = 0;                    ///< of the action line, counted from 1
  std::size_t source_line = 0;             ///< 0 for remove
};

/// Calls `take` for every entry of a `_bulk` text (NDJSON: an action line, then a source line except for delete; blank
/// lines between entries are skipped; \r\n is accepted), in order. Throws BulkError at the first action line that is
/// malformed; entries before it have been taken then. Sources are handed out unread: check_json_object() of
/// json_text.hpp tells whether one is a JSON object.
void for_each_bulk_entry(std::string_view text, FunctionRef<void(const BulkEntry&)> take,
                         Compatibility compatibility = Compatibility::v7);

}  // namespace occ
