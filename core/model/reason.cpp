#include "core/model/reason.hpp"

#include <concepts>
#include <cstdint>

namespace occ {
namespace {

/// A number of a request or of a document, in brackets.
template <std::integral T>
std::string number(T value) {
  std::string text(1, '[');
  return text.append(std::to_string(value)).append(1, ']');
}

std::string different(Version current, Version requested) {
  return "current version " + number(current) + " is different than the one provided " + number(requested);
}

std::string required(const Precondition& precondition) {
  return "required seqNo " + number(precondition.seq_no()) + ", primary term " + number(precondition.term()) + ". ";
}

std::string explanation(const Outcome& outcome, const Precondition& precondition, Compatibility compatibility) {
  switch (outcome.cause) {
    case Cause::document_missing:
      return required(precondition) + "but no document was found";
    case Cause::seq_no_mismatch:
      return required(precondition) + "current document has seqNo " + number(outcome.decided_on.seq_no()) +
             " and primary term " + number(outcome.decided_on.term());
    case Cause::already_exists:
      return "document already exists (current version " + number(outcome.version) + ")";
    case Cause::version_mismatch:
      if (outcome.version == kVersionNotFound && compatibility != Compatibility::v6) {
        return "document does not exist (expected version " + number(precondition.version) + ")";
      }
      return different(outcome.version, precondition.version);
    case Cause::version_not_higher:
      return "current version " + number(outcome.version) + " is higher or equal to the one provided " +
             number(precondition.version);
    case Cause::version_higher:
      return "current version " + number(outcome.version) + " is higher than the one provided " +
             number(precondition.version);
    default:
      return {};
  }
}

std::string of_document(std::string_view id, const std::string& what, Compatibility compatibility) {
  std::string text(compatibility == Compatibility::v6 ? "[_doc]" : "");
  return text.append("[").append(id).append("]: version conflict, ").append(what);
}

}  // namespace

std::string conflict_reason(const Outcome& outcome, const Precondition& precondition, std::string_view id,
                            Compatibility compatibility) {
  if (!outcome.conflicted()) return {};
  return of_document(id, explanation(outcome, precondition, compatibility), compatibility);
}

std::string read_conflict_reason(Version current, Version requested, std::string_view id, Compatibility compatibility) {
  return of_document(id, different(current, requested), compatibility);
}

}  // namespace occ
