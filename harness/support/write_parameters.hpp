#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/model/compatibility.hpp"
#include "core/model/document.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

/// Values of a request that mean "not given" or a kind of condition (Elasticsearch's Versions and SequenceNumbers).
inline constexpr Version kMatchAny = -3;
inline constexpr Version kMatchDeleted = -4;
inline constexpr std::int64_t kUnassignedSeqNo = -2;
inline constexpr std::int64_t kUnassignedPrimaryTerm = 0;

enum class VersionType : std::uint8_t { internal, external, external_gte };

/// What a client may say with a write, in the URL or on an action line of `_bulk`; not validated together yet.
struct WriteParameters {
  Version version = kMatchAny;
  VersionType version_type = VersionType::internal;
  std::int64_t if_seq_no = kUnassignedSeqNo;
  std::int64_t if_primary_term = kUnassignedPrimaryTerm;
  std::int32_t retry_on_conflict = 0;
  bool create = false;  ///< op_type=create
};

/// A value that Elasticsearch refuses while it parses the request (400, illegal_argument_exception).
struct IllegalArgument : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
  IllegalArgument(const std::string& what, std::string_view not_number)
      : std::invalid_argument(what), no_number(not_number) {}
  /// What was to be a number and is none: Elasticsearch tells it as the cause.
  std::optional<std::string> no_number;
};

/// Each throws IllegalArgument with Elasticsearch's text. `name` is the parameter's.
[[nodiscard]] std::int64_t parse_long(std::string_view name, std::string_view value);
[[nodiscard]] std::int32_t parse_int(std::string_view name, std::string_view value);
/// A number of JSON, or a string with one, as Elasticsearch's parser coerces it: what follows the point is left out.
[[nodiscard]] std::int64_t parse_json_long(std::string_view name, const Json& value);
[[nodiscard]] std::int32_t parse_json_int(std::string_view name, const Json& value);
[[nodiscard]] bool parse_boolean(std::string_view value);
[[nodiscard]] VersionType parse_version_type(std::string_view name);
void set_if_seq_no(WriteParameters& parameters, std::int64_t seq_no);
void set_if_primary_term(WriteParameters& parameters, std::int64_t term);

/// Milliseconds of a time value as Elasticsearch has it: -1, 0, or a whole number with nanos, micros, ms, s, m, h or d, in
/// any case. Throws IllegalArgument.
[[nodiscard]] std::int64_t parse_time_ms(std::string_view setting, std::string_view value);

}  // namespace occ
