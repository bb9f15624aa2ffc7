#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/build/function_ref.hpp"
#include "harness/history/recording_handle.hpp"
#include "harness/measure/cell.hpp"
#include "harness/measure/task.hpp"
#include "harness/measure/worker.hpp"

namespace occ {

/// Where one thread puts what it did.
struct RecordInto {
  HistoryBuffer& buffer;
  const RecordedDocuments& documents;
};

/// The whole work of one thread on a table of the type that it was made for; calls `ready` once it could begin.
using Work = void(AnyTable& table, const Task& task, FunctionRef<void()> ready, const PhaseWord& phases,
                  Report& report);
using RecordedWork = void(AnyTable& table, const Task& task, RecordInto record, FunctionRef<void()> ready,
                          const PhaseWord& phases, Report& report);

/// The same where operations begin at intended times (Workload::pace), for tables of every type: what the erased calls
/// cost is little beside the clock that is read for each of them.
Work work_paced;
RecordedWork recorded_work_paced;

/// What of a replicate depends on the type of the table.
struct TableType {
  std::function<std::unique_ptr<AnyTable>(const TableOptions& options)> make;
  Work* work = nullptr;
  RecordedWork* recorded_work = nullptr;
  /// Documents that the fill creates by one call of `bulk`; 1: by calls of `create`.
  std::size_t fill_batch = 1;
  /// Told now and then how many documents were created, of how many; may be empty.
  std::function<void(std::uint64_t, std::uint64_t)> on_fill = {};
  /// Of a table behind a connection; null otherwise. The window that its clients share is asked for before it opens.
  ServerWindow& (*begin_window)(AnyTable& table) = nullptr;
  ServerEvents (*events)(const AnyTable& table) = nullptr;
};

/// See measure().
std::optional<Measurement> measure_table(const TableType& type, const Cell& cell, const Conditions& conditions,
                                         std::uint32_t replicate, const std::atomic<bool>& interrupted,
                                         const Recording* recording);

/// How to measure on indices of `server`, which must outlive it.
TableType remote_table_type(const RemoteServer& server);

template <DocumentTable Table>
std::unique_ptr<AnyTable> make_erased(const TableOptions& options) {
  return std::make_unique<ErasedTable<Table>>(options);
}

template <DocumentTable Table>
void work_on(AnyTable& table, const Task& task, FunctionRef<void()> ready, const PhaseWord& phases, Report& report) {
  auto handle = static_cast<ErasedTable<Table>&>(table).concrete().handle();
  Worker<typename Table::Handle> worker(handle, task);
  ready();
  worker.run(phases, report);
}

template <DocumentTable Table>
void recorded_work_on(AnyTable& table, const Task& task, RecordInto record, FunctionRef<void()> ready,
                      const PhaseWord& phases, Report& report) {
  auto handle = static_cast<ErasedTable<Table>&>(table).concrete().handle();
  RecordingHandle recording(handle, record.buffer, record.documents, publishes_with_store(Table::kInfo));
  Worker<decltype(recording)> worker(recording, task);
  ready();
  worker.run(phases, report);
}

/// Of a table that is not registered.
template <DocumentTable Table>
TableType table_type() {
  return {.make = make_erased<Table>, .work = work_on<Table>, .recorded_work = recorded_work_on<Table>};
}

}  // namespace occ
