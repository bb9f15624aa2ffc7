#pragma once

#include <chrono>
#include <set>
#include <span>
#include <string>

#include "harness/http/http_connection.hpp"
#include "harness/rest/scenario.hpp"

namespace occ {

/// A server to which the requests of a scenario are sent, as Session is for those of this process. Scenarios make
/// indices of fixed names, so it makes sure that nothing of that name is there, and deletes what there is afterwards.
class RemoteSession {
 public:
  /// Throws BadInput if an index that the requests name is there, if one of them asks for what `occkit serve` alone has,
  /// and if nobody answers.
  RemoteSession(ServerAddress address, std::span<const ScenarioStep> steps);
  /// Deletes the indices that the requests name.
  ~RemoteSession();
  RemoteSession(const RemoteSession&) = delete;
  RemoteSession& operator=(const RemoteSession&) = delete;

  /// The answer. A body that is no JSON is one string of it. Throws BadInput if there is none.
  [[nodiscard]] Response handle(const Request& request);

 private:
  const HttpAnswer& ask(const Request& request);

  static constexpr std::chrono::seconds kTimeout{60};

  ServerAddress address_;
  HttpConnection connection_;
  std::set<std::string> indices_;
};

}  // namespace occ
