#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "harness/http/http_exchange.hpp"

namespace occ {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  ///< an IP address, version 4 or 6
  std::uint16_t port = 9200;          ///< 0: any that is free
  unsigned threads = 1;
  HttpLimits limits;
  /// From a request's first byte to its last, and from one piece of an answer being taken to the next.
  std::chrono::milliseconds request_timeout{30'000};
  /// Between requests; 0 is for ever, as Elasticsearch has it.
  std::chrono::milliseconds idle_timeout{0};
  /// How long stop() waits for requests that are under way.
  std::chrono::milliseconds stop_timeout{10'000};
  /// More are answered with 503 at once.
  std::size_t max_connections = 20'000;
  /// Memory for bodies under way, all connections together.
  std::size_t body_bytes = std::size_t{1} << 30;
  /// Memory for answers that wait to be taken, all connections together. Who would need more is closed.
  std::size_t answer_bytes = std::size_t{1} << 30;
};

/// An HTTP/1.1 server: `threads` threads, each with an event loop, connections and a handler of its own, and one that
/// accepts and deals connections out in turn. A request is answered on the thread of its connection, from its last
/// byte to the answer without a switch; threads share nothing but what their handlers share.
class HttpServer {
 public:
  /// Called once on each thread; what it makes is used and destroyed there.
  using MakeHandler = std::function<std::unique_ptr<RequestHandler>()>;

  /// Binds and listens, so that clients may connect; they are answered from start() on. Throws BadInput if the address
  /// cannot be had.
  HttpServer(const HttpServerOptions& options, MakeHandler make_handler);
  /// As stop(), without waiting for anybody.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Returns once every thread has its handler and clients are answered. Throws what kept one from that, such as
  /// std::bad_alloc or std::system_error, after the others have ended.
  void start();
  /// Accepts no more, closes idle connections, finishes the requests that have begun, and returns when all threads have
  /// ended, after stop_timeout at the latest.
  void stop();

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// "http://127.0.0.1:9200"
  [[nodiscard]] std::string url() const;
  /// Others than this machine can reach it.
  [[nodiscard]] bool beyond_loopback() const noexcept;
  [[nodiscard]] std::size_t connections() const noexcept;
  /// Exact once stopped.
  [[nodiscard]] std::uint64_t answered() const noexcept;

 private:
  struct Shared;
  class Connection;
  class Worker;
  class Acceptor;

  std::unique_ptr<Shared> shared_;
};

}  // namespace occ
