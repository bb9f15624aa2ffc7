#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/rest/rest_request.hpp"
#include "harness/support/source_choice.hpp"
#include "harness/support/write_parameters.hpp"

namespace occ {

/// How many copies of a shard have to be there for a write: 0 for none, kAllCopies for all that there should be.
inline constexpr std::int64_t kAllCopies = -1;

/// Which indices a list with wildcards stands for (Elasticsearch's IndicesOptions).
struct IndexOptions {
  bool ignore_unavailable = false;
  bool allow_no_indices = true;
  bool expand_open = true;
  bool expand_closed = false;  ///< no index is closed here, but a list that is not expanded at all is another thing
  /// Aliases are refused, and no wildcard stands for one.
  bool ignore_aliases = false;
};

/// The parameters of one request; what nobody asked for is refused. Each is read in the order in which Elasticsearch
/// reads it, since the first that is wrong is the one that is named. Throws Failure and IllegalArgument.
class Parameters {
 public:
  /// Takes at once what any request may carry: pretty, human, error_trace, filter_path, format.
  explicit Parameters(const Request& request);
  /// Whether what says how an answer is printed is well-formed, which is looked at first.
  void check_printing();

  /// The last value given, as Elasticsearch takes it.
  std::optional<std::string_view> get(std::string_view name);
  /// Given or not; it does not become one that may have been meant.
  [[nodiscard]] bool has(std::string_view name) const;
  /// True for `name`, `name=` and `name=true`.
  bool flag(std::string_view name);
  /// As flag, where `otherwise` is what it is if it is not given.
  bool flag(std::string_view name, bool otherwise);
  /// Takes parameters that change nothing in a table without replicas, refreshes and searches.
  void ignore(std::initializer_list<std::string_view> names);
  void refuse(std::initializer_list<std::string_view> names);
  /// Names all that are left, and what may have been meant.
  void refuse_unknown() const;
  /// refuse_unknown, then a body, of a request that has none. 6.x passes it over.
  void refuse_unknown_and_body(Compatibility compatibility) const;

  /// RestActions.parseVersion: the parameter, else the If-Match header.
  Version version();
  VersionType version_type();
  void condition(WriteParameters& into);
  /// Nothing if none of `_source`, `_source_includes` and `_source_excludes` is given.
  std::optional<SourceChoice> source_choice();
  /// As source_choice; `stored_fields`, of which no document has any, leaves the source out unless it names it.
  SourceChoice source_choice_beside_stored_fields();
  /// Reads `refresh` of a write. True if the answer says `forced_refresh`.
  bool forced_refresh();
  /// True if that asked for a refresh, or to wait for one; or a read did.
  [[nodiscard]] bool refreshes() const noexcept { return refreshes_; }
  /// False for a read of what searches see.
  [[nodiscard]] bool realtime() const noexcept { return realtime_; }
  /// A time that is only looked at: nothing here takes long.
  void time(std::string_view name);
  /// Nothing if it is not given.
  std::optional<std::int64_t> active_shards();
  /// True if the pipeline is empty, which is a fault of the validation. Another than `_none` is refused.
  bool empty_pipeline();
  /// `allow_no_indices` is what it is if it is not given.
  IndexOptions index_options(bool allow_no_indices = true);
  /// What gets take before their version.
  void for_reads();

  [[nodiscard]] bool pretty() const noexcept { return pretty_; }
  /// Comma-separated; empty if not given.
  [[nodiscard]] std::string_view filter_path() const noexcept { return filter_path_; }

 private:
  const Request& request_;
  std::vector<bool> asked_;
  std::vector<std::string_view> known_;
  bool pretty_ = false;
  bool refreshes_ = false;
  bool realtime_ = true;
  std::string_view filter_path_;
};

/// The names of `known` that are like `given`, the most alike first, as Elasticsearch suggests them: " -> did you mean
/// [a]?", " -> did you mean any of [a, b]?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view given, std::vector<std::string_view> known);
/// The same for fields of a body, and for settings, which ask for more likeness: " did you mean [a]?", " did you mean
/// any of [a, b]?", or nothing.
[[nodiscard]] std::string likely_fields(std::string_view given, std::vector<std::string_view> known);
[[nodiscard]] std::string likely_settings(std::string_view given, std::vector<std::string_view> known);

}  // namespace occ
