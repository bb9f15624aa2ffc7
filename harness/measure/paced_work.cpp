#include "harness/measure/measure_table.hpp"
#include "harness/measure/paced_worker.hpp"

namespace occ {

void work_paced(AnyTable& table, const Task& task, FunctionRef<void()> ready, const PhaseWord& phases, Report& report) {
  const auto handle = table.handle();
  ProcessorPaceClock clock(task.publishes_with_store);
  PacedWorker<AnyHandle> worker(*handle, task, clock);
  ready();
  worker.run(phases, report);
}

void recorded_work_paced(AnyTable& table, const Task& task, RecordInto record, FunctionRef<void()> ready,
                         const PhaseWord& phases, Report& report) {
  const auto handle = table.handle();
  RecordingHandle recording(*handle, record.buffer, record.documents, task.publishes_with_store);
  ProcessorPaceClock clock(task.publishes_with_store);
  PacedWorker<decltype(recording)> worker(recording, task, clock);
  ready();
  worker.run(phases, report);
}

}  // namespace occ
