/// How GoogleTest prints this project's types.
#pragma once

#include <ostream>

#include "core/model/outcome.hpp"
#include "core/model/strategy_info.hpp"

namespace occ {

inline void PrintTo(const StrategyInfo& info, std::ostream* out) {
  *out << info.name;
}
inline void PrintTo(SeqNoTerm word, std::ostream* out) {
  *out << (word.vacant() ? "vacant " : "") << "(" << word.seq_no() << ", " << word.term() << ")";
}
inline void PrintTo(Result result, std::ostream* out) {
  *out << to_string(result);
}
inline void PrintTo(Cause cause, std::ostream* out) {
  *out << to_string(cause);
}

}  // namespace occ
