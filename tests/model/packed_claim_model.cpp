/// The real headers of packed_claim, with core's pool, and all that they are made of but the directory: one document,
/// updated in place.
#include "tests/model/document_scenarios.hpp"
#include "variants/packed_claim.hpp"

int main(int count, char** arguments) {
  using namespace occ::model;
  using Table = occ::PackedClaim;
  return run_scenarios(count, arguments,
                       {
                           sample<ReaderAgainstReuse<Table, 2>>("reader_against_reuse", 20'000),
                           sample<ReaderAgainstTwoWriters<Table>>("reader_against_two_writers", 20'000),
                           sample<ReaderAgainstDelete<Table>>("reader_against_delete", 20'000),
                           sample<ReaderAgainstLargerBody<Table>>("reader_against_larger_body", 20'000),
                           sample<ReadsDoNotGoBack<Table>>("reads_do_not_go_back", 20'000),
                           sample<SlotPassesOn<Table>>("slot_passes_on", 20'000),
                           sample<PurgeAgainstWrite<Table>>("purge_against_write", 20'000),
                           sample<Clients<Table>>("clients", 20'000),
                           sample<ClientAgainstCreation<Table>>("client_against_creation", 20'000),
                           sample<ClientAgainstPurge<Table>>("client_against_purge", 20'000),
                           sample<TwoCreations<Table>>("two_creations", 20'000),
                           sample<Writers<Table, 2>>("two_writers", 20'000),
                           sample<UnconditionalWriters<Table>>("unconditional_writers", 20'000),
                           sample<Writers<Table, 3>>("three_writers", 20'000),
                           sample<OptimisticWriters<Table>>("optimistic_writers", 20'000),
                           sample<FailOver<Table>>("fail_over", 20'000),
                           sample<LeasesAgainstFailOver<Table>>("leases_against_fail_over", 20'000),
                           explore<ReaderAgainstReuse<Table, 1>>("reader_against_update", 1),
                       });
}
