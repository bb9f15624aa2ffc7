/// The real headers of the mutex family, under core's own lock in place of a mutex, which a model cannot see: what lies in
/// bodies counts as plain variables. The first state of a slot is stored without the lock, so that edge is what is looked
/// for here.
#include "core/sync/spin_lock.hpp"
#include "tests/model/document_scenarios.hpp"
#include "variants/mutex_global.hpp"

int main(int count, char** arguments) {
  using namespace occ::model;
  using Table = occ::MutexGlobal<occ::SpinLock>;
  return run_scenarios(count, arguments,
                       {
                           sample<TwoCreations<Table>>("two_creations", 20'000),
                           sample<ClientAgainstCreation<Table>>("client_against_creation", 20'000),
                           sample<ReaderAgainstDelete<Table>>("reader_against_delete", 10'000),
                           sample<ReaderAgainstLargerBody<Table>>("reader_against_larger_body", 10'000),
                           sample<SlotPassesOn<Table>>("slot_passes_on", 20'000),
                           sample<PurgeAgainstWrite<Table>>("purge_against_write", 20'000),
                           sample<Clients<Table>>("clients", 10'000),
                       });
}
