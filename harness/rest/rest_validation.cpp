#include "harness/rest/rest_validation.hpp"

#include <fmt/format.h>

namespace occ {
namespace {

std::string_view name_of(VersionType type) {
  switch (type) {
    case VersionType::internal:
      return "INTERNAL";
    case VersionType::external:
      return "EXTERNAL";
    default:
      return "EXTERNAL_GTE";
  }
}

void refuse_version(Version version, VersionType type, ValidationErrors& errors) {
  errors.add(fmt::format("illegal version value [{}] for version type [{}]", version, name_of(type)));
}

bool legal_for_writes(Version version, VersionType type) {
  if (type != VersionType::internal) return version >= 0;
  return version > 0 || version == kMatchAny || version == kMatchDeleted;
}

/// DocWriteRequest.validateSeqNoBasedCASParams.
void validate_condition(const WriteParameters& p, Compatibility compatibility, ValidationErrors& errors) {
  if (!legal_for_writes(p.version, p.version_type)) refuse_version(p.version, p.version_type, errors);
  if (compatibility != Compatibility::v6 && p.version_type == VersionType::internal && p.version != kMatchAny &&
      p.version != kMatchDeleted) {
    errors.add(kInternalVersioningRefused);
  }
  const bool conditional = p.if_seq_no != kUnassignedSeqNo;
  if (conditional && (p.version_type != VersionType::internal || p.version != kMatchAny)) {
    errors.add("compare and write operations can not use versioning");
  }
  if (conditional && p.if_primary_term == kUnassignedPrimaryTerm) {
    errors.add(fmt::format("ifSeqNo is set, but primary term is [{}]", p.if_primary_term));
  }
  if (!conditional && p.if_primary_term != kUnassignedPrimaryTerm) {
    errors.add(fmt::format("ifSeqNo is unassigned, but primary term is [{}]", p.if_primary_term));
  }
}

/// Elasticsearch tests the id's length on index requests only; the table has the limit for all.
void validate_id_length(std::string_view id, ValidationErrors& errors) {
  if (id.size() > kMaxIdBytes) {
    errors.add(
        fmt::format("id [{}] is too long, must be no longer than {} bytes but was: {}", id, kMaxIdBytes, id.size()));
  }
}

}  // namespace

void ValidationErrors::add(std::string_view message) {
  list_ += fmt::format("{}: {};", ++count_, message);
}

void validate_index(const WriteParameters& p, std::optional<std::string_view> id, Compatibility compatibility,
                    ValidationErrors& errors) {
  if (p.create) {
    if (p.version_type != VersionType::internal) {
      return errors.add("create operations only support internal versioning. use index instead");
    }
    if (p.version != kMatchAny && p.version != kMatchDeleted) {
      return errors.add("create operations do not support explicit versions. use index instead");
    }
    if (p.if_seq_no != kUnassignedSeqNo || p.if_primary_term != kUnassignedPrimaryTerm) {
      return errors.add("create operations do not support compare and set. use index instead");
    }
  }
  const bool of_6 = compatibility == Compatibility::v6;
  // 6.x forgets the first of the two where nothing was wrong before.
  if (of_6 && p.create && !id && errors.operation_has_any()) errors.add("an id is required for a CREATE operation");
  const bool versioned = p.version_type != VersionType::internal ||
                         (p.version != kMatchAny && (of_6 || p.version != kMatchDeleted)) || (of_6 && p.create);
  if (!id && versioned) errors.add("an id must be provided if version type or value are set");
  validate_condition(p, compatibility, errors);
  if (id) validate_id_length(*id, errors);
}

void validate_remove(const WriteParameters& p, std::optional<std::string_view> id, Compatibility compatibility,
                     ValidationErrors& errors) {
  if (!id || id->empty()) errors.add("id is missing");
  validate_condition(p, compatibility, errors);
  if (id) validate_id_length(*id, errors);
}

void validate_update(const WriteParameters& p, std::optional<std::string_view> id, const UpdateShape& shape,
                     Compatibility compatibility, ValidationErrors& errors) {
  const bool of_6 = compatibility == Compatibility::v6;
  // 6.x gives the version of the request to its upsert too.
  const bool versioned_upsert = of_6 && shape.upsert && p.version != kMatchAny;
  if (versioned_upsert) errors.add("can't provide both upsert request and a version");
  if (versioned_upsert || (shape.upsert && shape.upsert_version != kMatchAny))
    errors.add("can't provide version in upsert request");
  if (!id || id->empty()) errors.add("id is missing");
  if (of_6) {
    if (p.version_type != VersionType::internal) {
      errors.add(fmt::format("version type [{}] is not supported by the update API", name_of(p.version_type)));
    } else if (p.version != kMatchAny && p.retry_on_conflict > 0) {
      errors.add("can't provide both retry_on_conflict and a specific version");
    }
    // Looked at here and with every write below.
    if (p.version_type == VersionType::internal && !legal_for_writes(p.version, p.version_type))
      refuse_version(p.version, p.version_type, errors);
  }
  validate_condition(p, compatibility, errors);
  if (p.if_seq_no != kUnassignedSeqNo) {
    if (p.retry_on_conflict > 0) errors.add("compare and write operations can not be retried");
    if (shape.doc_as_upsert) errors.add("compare and write operations can not be used with upsert");
    if (shape.upsert && !of_6) errors.add("upsert requests don't support `if_seq_no` and `if_primary_term`");
  }
  if (!shape.script && !shape.doc) errors.add("script or doc is missing");
  if (shape.script && shape.doc) errors.add("can't provide both script and doc");
  if (!shape.doc && shape.doc_as_upsert) errors.add("doc must be specified if doc_as_upsert is enabled");
  if (id) validate_id_length(*id, errors);
}

void validate_get(Version version, VersionType type, ValidationErrors& errors) {
  const bool legal = version == kMatchAny || (type == VersionType::internal ? version > 0 : version >= 0);
  if (!legal) refuse_version(version, type, errors);
}

Precondition precondition_of(const WriteParameters& p) noexcept {
  if (p.create) return Precondition::must_not_exist();
  if (p.if_seq_no != kUnassignedSeqNo) return Precondition::if_seq_no(p.if_seq_no, p.if_primary_term);
  switch (p.version_type) {
    case VersionType::internal:
      if (p.version == kMatchAny) return Precondition::none();
      if (p.version == kMatchDeleted) return Precondition::must_not_exist();
      return Precondition::if_version(p.version);
    case VersionType::external:
      return Precondition::external(p.version);
    case VersionType::external_gte:
      return Precondition::external_gte(p.version);
  }
  return Precondition::none();
}

}  // namespace occ
