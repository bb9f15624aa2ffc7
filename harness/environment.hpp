#pragma once

#include <nlohmann/json.hpp>

namespace occ {

/// Where, by what and from what a result was made: processor, cores online, SMT, governor, kernel,
/// huge pages, compiler, flags, commit, allocator, clock, load, performance counters. What the system does not tell is
/// null. Names nobody's machine or account.
nlohmann::json environment();

}  // namespace occ
