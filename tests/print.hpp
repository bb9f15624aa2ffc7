/// How GoogleTest prints this project's types.
#pragma once

#include <ostream>

#include "core/outcome.hpp"
#include "core/strategy_info.hpp"

namespace occ {

inline void PrintTo(const StrategyInfo& info, std::ostream* out) {
  *out << info.name;
}
inline void PrintTo(SeqNoTerm word, std::ostream* out) {
  *out << (word.vacant() ? "vacant " : "") << "(" << word.seq_no() << ", " << word.term() << ")";
}
inline void PrintTo(Result result, std::ostream* out) {
  constexpr const char* kNames[] = {"found", "created",   "updated",  "deleted",
                                    "noop",  "not_found", "conflict", "rejected"};
  *out << kNames[static_cast<int>(result)];
}
inline void PrintTo(Cause cause, std::ostream* out) {
  constexpr const char* kNames[] = {"none",
                                    "document_missing",
                                    "seq_no_mismatch",
                                    "already_exists",
                                    "version_mismatch",
                                    "version_not_higher",
                                    "version_higher",
                                    "id_empty",
                                    "id_too_long",
                                    "source_too_large",
                                    "seq_no_exhausted",
                                    "version_exhausted",
                                    "update_condition_unsupported",
                                    "update_form_unsupported"};
  *out << kNames[static_cast<int>(cause)];
}

}  // namespace occ
