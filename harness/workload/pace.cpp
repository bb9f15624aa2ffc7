#include "harness/workload/pace.hpp"

#include "fmt/format.h"

namespace occ {

std::string Pace::text() const {
  if (is_open()) return fmt::format("rate {:.6g}/s", rate_per_s);
  return clients > 0 ? fmt::format("{} client{}", clients, clients == 1 ? "" : "s") : "";
}

}  // namespace occ
