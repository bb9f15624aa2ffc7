#include "harness/measure/measure_table.hpp"
#include "harness/remote/remote_table.hpp"

namespace occ {
namespace {

constexpr std::size_t kFillBatch = 500;

void work_remotely(AnyTable& table, const Task& task, FunctionRef<void()> ready, const PhaseWord& phases,
                   Report& report) {
  RemoteHandle handle(static_cast<RemoteTable&>(table));
  Worker<RemoteHandle> worker(handle, task);
  ready();
  worker.run(phases, report);
}

void recorded_work_remotely(AnyTable& table, const Task& task, RecordInto record, FunctionRef<void()> ready,
                            const PhaseWord& phases, Report& report) {
  RemoteHandle handle(static_cast<RemoteTable&>(table));
  RecordingHandle recording(handle, record.buffer, record.documents, false);
  Worker<decltype(recording)> worker(recording, task);
  ready();
  worker.run(phases, report);
}

}  // namespace

TableType remote_table_type(const RemoteServer& server) {
  return {
      .make = [&server](const TableOptions& options) { return std::make_unique<RemoteTable>(server, options); },
      .work = work_remotely,
      .recorded_work = recorded_work_remotely,
      .fill_batch = kFillBatch,
      .on_fill = server.on_fill,
      .begin_window = [](AnyTable& table) -> ServerWindow& { return static_cast<RemoteTable&>(table).begin_window(); },
      .events = [](const AnyTable& table) { return static_cast<const RemoteTable&>(table).events(); }};
}

}  // namespace occ
