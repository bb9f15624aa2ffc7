#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/model/update.hpp"
#include "harness/rest/node.hpp"
#include "harness/rest/rest_failure.hpp"

namespace occ {

/// The field `script` of an update.
struct RequestedScript {
  std::string source;
  std::string lang = "painless";
  std::string id;  ///< of a stored one, which has the text; empty: none
  Json params = Json::object();
};

/// Throws Failure, and IllegalArgument with what is wrong with its text; a value of another type is the caller's.
[[nodiscard]] RequestedScript parse_requested_script(const Json& value);

/// Throws Failure where the script has none of the forms that a script has; 501 by name for what the kit has not.
void check_compiles(Node& node, const RequestedScript& script);

/// What an update makes of a document.
struct Change {
  Transformed what = Transformed::keep;
  std::string source;  ///< the next source, if one is to be written
};

/// What a script knows of its document as `ctx`, but for the source.
struct ScriptContext {
  std::string_view index;
  std::string_view id;
  Version version = kVersionNotFound;
  std::int64_t now_ms = 0;
  std::string_view routing = {};  ///< that the document has; empty: none
};

/// A script that is to be run. As in Elasticsearch, what is wrong with it is told when it runs, and not where there is
/// no document to run it on.
class UpdateScript {
 public:
  UpdateScript(Node& node, RequestedScript asked);

  /// On a document. Throws Failure.
  [[nodiscard]] Change update(const ScriptContext& context, Json source) const;
  /// On a document that a query found, where `ctx.op` is one of "index", "noop" and "delete". Throws Failure.
  [[nodiscard]] Change by_query(const ScriptContext& context, Json source) const;
  /// On an upsert: to write or to keep away. Throws Failure.
  [[nodiscard]] Change create(std::int64_t now_ms, Json source) const;

 private:
  [[nodiscard]] Script::Outcome run(const Json& ctx) const;
  /// As run(), for one document by its id, where Elasticsearch wraps what goes wrong.
  [[nodiscard]] Script::Outcome run_in_update(const Json& ctx) const;

  RequestedScript asked_;
  std::shared_ptr<const Script> script_;
  std::optional<Failure> failed_;
};

}  // namespace occ
