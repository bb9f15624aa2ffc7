#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/http/server_address.hpp"

namespace occ {

/// A request that got no answer.
struct NoAnswer : std::runtime_error {
  NoAnswer(const std::string& why, bool sent) : std::runtime_error(why), whole_request_sent(sent) {}
  /// The server may have carried it out.
  bool whole_request_sent;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  /// Where they are kept.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// One client's HTTP/1.1 connection, plain or TLS: made when it is first needed, kept alive, made again after it was
/// lost. Requests are answered one by one; calls block. For one thread.
///
/// TLS: the server's certificate must be valid for its name under the system's authorities, or those in the file that
/// the environment variable SSL_CERT_FILE names.
class HttpConnection {
 public:
  enum class Headers : bool { left_out, kept };

  /// `address` must outlive the connection. `headers`: those of answers.
  explicit HttpConnection(const ServerAddress& address, Headers headers = Headers::left_out);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Sends a request once and waits for its answer, which is good until the next call. `timeout` bounds connecting, and
  /// from then on each wait for the server. `headers`: further ones, "Name: value\r\n" each. Throws NoAnswer, after which
  /// the next call connects anew.
  const HttpAnswer& ask(std::string_view method, std::string_view target, std::string_view body,
                        std::string_view content_type, std::chrono::milliseconds timeout,
                        std::string_view headers = {});

  /// How many connections were made.
  [[nodiscard]] std::uint64_t connected() const noexcept { return connected_; }

 private:
  class Stream;

  void connect(std::chrono::milliseconds timeout);

  const ServerAddress& address_;
  Headers headers_;
  std::unique_ptr<Stream> stream_;
  std::uint64_t connected_ = 0;
  std::string request_;
  HttpAnswer answer_;
};

}  // namespace occ
