#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/model/precondition.hpp"
#include "harness/support/write_parameters.hpp"

namespace occ {

/// What is wrong with a request before it runs, all of it, in the order of Elasticsearch's tests.
class ValidationErrors {
 public:
  void add(std::string_view message);
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  /// What is added from here on is of another operation.
  void begin_operation() noexcept { before_ = count_; }
  [[nodiscard]] bool operation_has_any() const noexcept { return count_ > before_; }
  /// `Validation Failed: 1: ...;2: ...;`
  [[nodiscard]] std::string reason() const { return "Validation Failed: " + list_; }

 private:
  std::size_t count_ = 0;
  std::size_t before_ = 0;
  std::string list_;
};

/// What the tests of an update look at in its body.
struct UpdateShape {
  bool doc = false;
  bool script = false;
  bool upsert = false;
  bool doc_as_upsert = false;
  /// The version that the request gave for the upsert document (by If-Match).
  Version upsert_version = kMatchAny;
};

/// IndexRequest.validate (index and create); no id: it is to be made up.
void validate_index(const WriteParameters& parameters, std::optional<std::string_view> id, Compatibility compatibility,
                    ValidationErrors& errors);
/// DeleteRequest.validate.
void validate_remove(const WriteParameters& parameters, std::optional<std::string_view> id, Compatibility compatibility,
                     ValidationErrors& errors);
/// UpdateRequest.validate.
void validate_update(const WriteParameters& parameters, std::optional<std::string_view> id, const UpdateShape& shape,
                     Compatibility compatibility, ValidationErrors& errors);
/// GetRequest.validate.
void validate_get(Version version, VersionType type, ValidationErrors& errors);

/// The text of the refusal of `?version=N` on writes since 7.0.
inline constexpr std::string_view kInternalVersioningRefused =
    "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and "
    "`if_primary_term` instead";

/// The condition that validated parameters of an index, create or delete stand for.
[[nodiscard]] Precondition precondition_of(const WriteParameters& parameters) noexcept;

}  // namespace occ
