#pragma once

#include <atomic>
#include <vector>

#include "harness/measure/first_error.hpp"
#include "harness/measure/measure_table.hpp"
#include "harness/measure/recorder.hpp"

namespace occ {

/// The shares of the threads that fill a table with so many documents.
std::vector<Share> shares(std::uint32_t filled);

/// Creates the documents, on as many threads as there are processors, each of which touches the memory of its share
/// first. `recorder` may be null.
void fill(const TableType& type, AnyTable& table, const Documents& documents, const std::vector<Share>& fillers,
          Recorder* recorder, Claims& claims, FirstError& error, const std::atomic<bool>& interrupted);

}  // namespace occ
