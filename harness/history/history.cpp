#include "harness/history/history.hpp"

#include <utility>

#include "core/build/hash.hpp"

namespace occ {

std::uint32_t fingerprint(Bytes source) noexcept {
  const auto hash = static_cast<std::uint32_t>(XXH3_64bits(source.data(), source.size()));
  return hash == 0 ? 1 : hash;
}

std::string_view to_string(Violation violation) {
  switch (violation) {
    case Violation::duplicate_number:
      return "duplicate_number";
    case Violation::lost_update:
      return "lost_update";
    case Violation::term_went_back:
      return "term_went_back";
    case Violation::unwritten_version:
      return "unwritten_version";
    case Violation::torn_read:
      return "torn_read";
    case Violation::spurious_outcome:
      return "spurious_outcome";
    case Violation::stale:
      return "stale";
    case Violation::impossible_absence:
      return "impossible_absence";
    case Violation::out_of_order:
      return "out_of_order";
  }
  return "";
}

}  // namespace occ
