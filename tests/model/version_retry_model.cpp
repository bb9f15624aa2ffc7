/// The real headers of version_retry with core's epochs and pool, and all that they are made of but the directory: one
/// document.
#include "tests/model/document_scenarios.hpp"
#include "variants/version_retry.hpp"

int main(int count, char** arguments) {
  using namespace occ::model;
  using Table = occ::VersionRetry<occ::EpochDomain>;
  return run_scenarios(count, arguments,
                       {
                           sample<ReaderAgainstReuse<Table, 1>>("reader_against_update", 20'000),
                           sample<ReaderAgainstReuse<Table, 7>>("reader_against_reuse", 20'000),
                           sample<ReaderAgainstTwoWriters<Table>>("reader_against_two_writers", 15'000),
                           sample<ReaderAgainstDelete<Table>>("reader_against_delete", 15'000),
                           sample<ReadsDoNotGoBack<Table>>("reads_do_not_go_back", 15'000),
                           sample<BodyComesBack<Table>>("body_comes_back", 15'000),
                           sample<BodyComesBack<Table, 7>>("body_comes_back_after_epochs", 20'000),
                           sample<TwoCreations<Table>>("two_creations", 15'000),
                           sample<Writers<Table, 2>>("two_writers", 20'000),
                           sample<UnconditionalWriters<Table>>("unconditional_writers", 20'000),
                           sample<Writers<Table, 3>>("three_writers", 15'000),
                           sample<SlotPassesOn<Table>>("slot_passes_on", 20'000),
                           sample<PurgeAgainstWrite<Table>>("purge_against_write", 15'000),
                           sample<ClientAgainstPurge<Table>>("client_against_purge", 15'000),
                           explore<FailOver<Table>>("fail_over", 1),
                       });
}
