#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/rest/rest_request.hpp"
#include "harness/support/write_parameters.hpp"

namespace occ {

/// The parameters of one request; what nobody asked for is refused. Throws Failure and IllegalArgument.
class Parameters {
 public:
  /// Takes at once what any request may carry: pretty, human, error_trace, filter_path, format=json.
  explicit Parameters(const Request& request);

  /// The last value given, as Elasticsearch takes it.
  std::optional<std::string_view> get(std::string_view name);
  /// True for `name`, `name=` and `name=true`.
  bool flag(std::string_view name);
  /// Takes parameters that change nothing in a table without replicas, refreshes and searches.
  void ignore(std::initializer_list<std::string_view> names);
  void refuse(std::initializer_list<std::string_view> names);
  void refuse_unknown() const;

  /// RestActions.parseVersion: the parameter, else the If-Match header.
  Version version();
  VersionType version_type();
  void condition(WriteParameters& into);
  std::optional<bool> fetch_source();
  /// True if the answer says `forced_refresh`.
  bool forced_refresh();
  /// What every read takes.
  void for_reads();
  /// What every write takes, but for conditions.
  void for_writes();

  [[nodiscard]] bool pretty() const noexcept { return pretty_; }
  /// Comma-separated; empty if not given.
  [[nodiscard]] std::string_view filter_path() const noexcept { return filter_path_; }

 private:
  const Request& request_;
  std::vector<bool> asked_;
  bool pretty_ = false;
  std::string_view filter_path_;
};

}  // namespace occ
