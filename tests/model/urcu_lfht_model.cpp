/// The real headers of urcu_lfht, with core's pool, on a stand-in for liburcu's table: one document in its node.
#include "tests/model/document_scenarios.hpp"
#include "variants/peers/urcu_lfht.hpp"

int main(int count, char** arguments) {
  using namespace occ::model;
  using Table = occ::UrcuLfht;
  return run_scenarios(count, arguments,
                       {
                           sample<ReaderAgainstReuse<Table, 2>>("reader_against_reuse", 10'000),
                           sample<ReaderAgainstTwoWriters<Table>>("reader_against_two_writers", 10'000),
                           sample<ReaderAgainstDelete<Table>>("reader_against_delete", 10'000),
                           sample<ReaderAgainstLargerBody<Table>>("reader_against_larger_body", 10'000),
                           sample<ReadsDoNotGoBack<Table>>("reads_do_not_go_back", 10'000),
                           sample<SlotPassesOn<Table>>("node_passes_on", 10'000),
                           sample<PurgeAgainstWrite<Table>>("purge_against_write", 10'000),
                           sample<TwoCreations<Table>>("two_creations", 10'000),
                           sample<Writers<Table, 3>>("three_writers", 10'000),
                           sample<OptimisticWriters<Table>>("optimistic_writers", 10'000),
                           sample<LeasesAgainstFailOver<Table>>("leases_against_fail_over", 10'000),
                       });
}
