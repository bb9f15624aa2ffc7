#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "harness/support/json_text.hpp"

namespace occ {

/// A script that Elasticsearch refuses, or ends with an error, too: what its script_exception tells.
struct ScriptError : std::runtime_error {
  ScriptError(std::string_view error_stage, std::string_view type, const std::string& reason)
      : std::runtime_error(reason), stage(error_stage), cause_type(type) {}

  std::string_view stage;          ///< "compile error" or "runtime error"
  std::string_view cause_type;     ///< a literal; what() is the reason, empty where Java's exception has none
  std::vector<std::string> stack;  ///< the part of the script, and a pointer below it
  std::size_t offset = 0;          ///< these three count UTF-16 units, as Java does
  std::size_t start = 0;
  std::size_t end = 0;
};

/// A script that Elasticsearch would take and this room does not: what() names what, and ends in "is" or "are".
struct UnsupportedScript : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct ScriptTree;

/// A script of the part of Painless that updates need. Immutable: any number of threads may run it.
///
/// It ends: there are no loops, and what it does is counted (ScriptHeap). Numbers are Java's.
class Script {
 public:
  /// Longer ones are refused, as by Elasticsearch.
  static constexpr std::size_t kMaxBytes = 65'535;

  /// Throws ScriptError and UnsupportedScript.
  explicit Script(std::string_view source);
  ~Script();
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  /// `ctx.op` and `ctx._source` as the script left them.
  struct Outcome {
    Json op;
    Json source;
  };

  /// Runs on the variable `ctx`, an object whose own whole numbers are longs, and on `params`, an object. Throws
  /// ScriptError and UnsupportedScript.
  [[nodiscard]] Outcome run(const Json& ctx, const Json& params) const;

 private:
  std::unique_ptr<const ScriptTree> tree_;
};

}  // namespace occ
