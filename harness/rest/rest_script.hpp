#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/model/update.hpp"
#include "harness/rest/rest_failure.hpp"
#include "harness/script/script_cache.hpp"

namespace occ {

/// The field `script` of an update.
struct RequestedScript {
  std::string source;
  std::string lang = "painless";
  Json params = Json::object();
};

/// Throws Failure, and IllegalArgument with what is wrong with its text; a value of another type is the caller's.
[[nodiscard]] RequestedScript parse_requested_script(const Json& value);

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
};

/// A script that is to be run. As in Elasticsearch, what is wrong with it is told when it runs, and not where there is
/// no document to run it on.
class UpdateScript {
 public:
  UpdateScript(ScriptCache& cache, const RequestedScript& asked);

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

  const RequestedScript& asked_;
  std::shared_ptr<const Script> script_;
  std::optional<Failure> failed_;
};

}  // namespace occ
