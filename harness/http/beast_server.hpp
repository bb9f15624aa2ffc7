#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "harness/http/http_server.hpp"

namespace occ {

/// Answers every request with kConstantDocument in the way that Boost.Beast is ordinarily used: async_read of a whole
/// request, async_write of a whole answer. Something to compare HttpServer with and nothing more: it has none of its
/// limits and timeouts.
class BeastServer {
 public:
  /// Of the options it takes the address, the port and the number of threads. Throws BadInput if the address cannot be
  /// had.
  explicit BeastServer(const HttpServerOptions& options);
  ~BeastServer();
  BeastServer(const BeastServer&) = delete;
  BeastServer& operator=(const BeastServer&) = delete;

  void start();
  /// Waits for nobody.
  void stop();

  [[nodiscard]] std::string url() const;
  [[nodiscard]] bool beyond_loopback() const;
  /// Exact once stopped.
  [[nodiscard]] std::uint64_t answered() const noexcept;

 private:
  class Session;
  struct Loops;

  std::unique_ptr<Loops> loops_;
};

}  // namespace occ
