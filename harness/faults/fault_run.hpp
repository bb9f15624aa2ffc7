#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/faults/fault_schedule.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/replicated/judgement.hpp"

namespace occ {

struct FaultOptions {
  std::vector<FaultCommand> commands;
  double duration_s = 10;
  /// How long to wait for all copies after it.
  double settle_s = 120;
  std::uint32_t clients = 8;
  /// At a time: one whose list is full is followed by another.
  std::uint32_t documents = 16;
  std::uint32_t longest_list = 200;
  double read_share = 0.5;
  /// Clients stay at their address whatever happens there.
  bool stay = false;
  std::uint64_t seed = 1;
};

/// What a run has seen.
struct FaultObservation {
  ReplicatedHistory history;
  std::vector<FaultEnd> commands;
  std::string index;
  /// ns of the steady clock: the window, in which clients began requests.
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  /// Since when all copies were there after the last command; Send::kNever if they were not.
  std::uint64_t well_ns = Send::kNever;
  /// The closing phase: all copies there, one acknowledged conditional write and one read of each document.
  bool is_closed = false;
  bool interrupted = false;
  /// Why the window ended before its time.
  std::string gone;
};

/// Makes an index, works on it while the commands are carried out, waits until all copies are there again, and makes the
/// end known. The index is deleted at the end unless the server's options keep it; commands find its name in the
/// environment, as OCCKIT_INDEX. `stopped` ends the window before its time, and `say` is told what happens. Throws
/// ServerGone where nothing was seen at all.
FaultObservation run_with_faults(const RemoteServer& server, const FaultOptions& options,
                                 const std::function<bool()>& stopped,
                                 const std::function<void(const std::string&)>& say);

}  // namespace occ
