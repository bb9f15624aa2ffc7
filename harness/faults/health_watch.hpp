#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "harness/remote/remote_server.hpp"

namespace occ {

/// Looks at an index's health ten times a second, from its making to its end.
class HealthWatch {
 public:
  /// `server` must outlive it.
  HealthWatch(const RemoteServer& server, std::string index);

  /// Ends it, and tells since when all copies and all nodes have been there, of a time after `from_ns`; kNever if they
  /// are not. ns of the steady clock.
  [[nodiscard]] std::uint64_t well_since(std::uint64_t from_ns);

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

 private:
  struct Look {
    std::uint64_t time_ns;
    bool is_well;
  };
  void look(const std::stop_token& stop);

  RemoteServer server_;
  std::string index_;
  std::uint32_t nodes_;
  std::vector<Look> looks_;
  std::jthread thread_;
};

/// Green, and nothing pending: what `_cluster/health` says of an index, with so many nodes at least.
[[nodiscard]] bool is_well(std::string_view health, std::uint32_t nodes);

}  // namespace occ
