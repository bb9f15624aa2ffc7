#include "harness/http/http_connection.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <variant>
#include <vector>

namespace occ {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Milliseconds = std::chrono::milliseconds;

constexpr std::uint64_t kMostAnswerBytes = std::uint64_t{1} << 30;

/// A socket whose calls block for a bounded time. Asio's own blocking calls wait for ever.
class BoundedSocket {
 public:
  using lowest_layer_type = tcp::socket::lowest_layer_type;
  using executor_type = tcp::socket::executor_type;

  BoundedSocket(asio::io_context& context, Milliseconds timeout) : socket_(context), timeout_(timeout) {}

  executor_type get_executor() { return socket_.get_executor(); }
  lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }
  void set_timeout(Milliseconds timeout) { timeout_ = timeout; }

  void connect(const tcp::endpoint& endpoint, ErrorCode& error) {
    socket_.close(error);
    socket_.open(endpoint.protocol(), error);
    if (error) return;
    socket_.non_blocking(true, error);
    if (error) return;
    socket_.connect(endpoint, error);
    if (error != asio::error::in_progress && error != asio::error::would_block) return;
    if (!wait(POLLOUT, error)) return;
    int result = 0;
    socklen_t size = sizeof result;
    ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &result, &size);
    error.assign(result, boost::system::system_category());
  }
  void send_at_once(ErrorCode& error) { socket_.set_option(tcp::no_delay(true), error); }

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, ErrorCode& error) {
    for (;;) {
      if (!wait(POLLIN, error)) return 0;
      const std::size_t size = socket_.read_some(buffers, error);
      if (error != asio::error::would_block) return size;
    }
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, ErrorCode& error) {
    for (;;) {
      const std::size_t size = socket_.write_some(buffers, error);
      if (error != asio::error::would_block) return size;
      if (!wait(POLLOUT, error)) return 0;
    }
  }
  // What Beast and Asio ask of a stream, beside the above.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    return or_throw([&](ErrorCode& error) { return read_some(buffers, error); });
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    return or_throw([&](ErrorCode& error) { return write_some(buffers, error); });
  }

 private:
  bool wait(short events, ErrorCode& error) {
    pollfd ready{.fd = socket_.native_handle(), .events = events, .revents = 0};
    int count = 0;
    do {
      count = ::poll(&ready, 1, static_cast<int>(timeout_.count()));
    } while (count < 0 && errno == EINTR);
    error = count > 0 ? ErrorCode() : ErrorCode(asio::error::timed_out);
    return count > 0;
  }
  template <class F>
  static std::size_t or_throw(F&& call) {
    ErrorCode error;
    const std::size_t size = call(error);
    if (error) throw boost::system::system_error(error);
    return size;
  }

  tcp::socket socket_;
  Milliseconds timeout_;
};

/// One for the process: it holds the authorities, which take ms to read.
asio::ssl::context& tls_context() {
  static asio::ssl::context context = [] {
    asio::ssl::context made(asio::ssl::context::tls_client);
    made.set_default_verify_paths();
    made.set_verify_mode(asio::ssl::verify_peer);
    return made;
  }();
  return context;
}

using TlsStream = asio::ssl::stream<BoundedSocket>;

}  // namespace

class HttpConnection::Stream {
 public:
  Stream(const ServerAddress& address, Milliseconds timeout) : plain_(context_, timeout) {
    ErrorCode error;
    for (const tcp::endpoint& endpoint : endpoints_of(address)) {
      plain_.connect(endpoint, error);
      if (!error) break;
    }
    if (error) throw NoAnswer(fmt::format("no connection: {}", error.message()), false);
    plain_.send_at_once(error);
    if (address.tls) shake_hands(address);
  }

  void set_timeout(Milliseconds timeout) { socket().set_timeout(timeout); }

  void write(std::string_view bytes, ErrorCode& error) {
    on_stream([&](auto& stream) { asio::write(stream, asio::buffer(bytes.data(), bytes.size()), error); });
  }
  template <class Parser>
  void read(Parser& parser, ErrorCode& error) {
    on_stream([&](auto& stream) { http::read(stream, buffer_, parser, error); });
  }

 private:
  std::vector<tcp::endpoint> endpoints_of(const ServerAddress& address) {
    // Not asked for (RFC 6761, 6.3): a machine need not have it among its hosts.
    if (address.host == "localhost")
      return {{asio::ip::address_v4::loopback(), address.port}, {asio::ip::address_v6::loopback(), address.port}};
    tcp::resolver resolver(context_);
    ErrorCode error;
    const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
    if (error) throw NoAnswer(fmt::format("the host's address cannot be found: {}", error.message()), false);
    return {found.begin(), found.end()};
  }
  void shake_hands(const ServerAddress& address) {
    tls_.emplace(std::move(plain_), tls_context());
    // Server Name Indication is for names alone (RFC 6066, 3).
    ErrorCode is_a_name;
    asio::ip::make_address(address.host, is_a_name);
    if (is_a_name) SSL_set_tlsext_host_name(tls_->native_handle(), address.host.c_str());
    tls_->set_verify_callback(asio::ssl::host_name_verification(address.host));
    ErrorCode error;
    tls_->handshake(TlsStream::client, error);
    if (!error) return;
    const long refused = SSL_get_verify_result(tls_->native_handle());
    if (refused != X509_V_OK) {
      throw NoAnswer(
          fmt::format("the certificate is refused: {} (SSL_CERT_FILE names a file with authorities to trust)",
                      X509_verify_cert_error_string(refused)),
          false);
    }
    throw NoAnswer(fmt::format("no TLS: {}", error.message()), false);
  }
  BoundedSocket& socket() { return tls_ ? tls_->next_layer() : plain_; }
  template <class F>
  void on_stream(F&& call) {
    if (tls_) {
      call(*tls_);
    } else {
      call(plain_);
    }
  }

  asio::io_context context_{1};
  BoundedSocket plain_;
  std::optional<TlsStream> tls_;
  boost::beast::flat_buffer buffer_;
};

HttpConnection::HttpConnection(const ServerAddress& address, Headers headers) : address_(address), headers_(headers) {}
HttpConnection::~HttpConnection() = default;

void HttpConnection::connect(Milliseconds timeout) {
  if (stream_) {
    stream_->set_timeout(timeout);
  } else {
    stream_ = std::make_unique<Stream>(address_, timeout);
    ++connected_;
  }
}

const HttpAnswer& HttpConnection::ask(std::string_view method, std::string_view target, std::string_view body,
                                      std::string_view content_type, Milliseconds timeout, std::string_view headers) {
  request_.clear();
  const auto add = [this](auto... parts) { (request_.append(parts), ...); };
  add(method, " ", target, " HTTP/1.1\r\nHost: ", address_.host_and_port(), "\r\nUser-Agent: occkit\r\n");
  if (!address_.authorization.empty()) add("Authorization: ", address_.authorization, "\r\n");
  if (!body.empty()) add("Content-Type: ", content_type, "\r\n");
  if (!body.empty() || method == "PUT" || method == "POST") {
    add("Content-Length: ", std::to_string(body.size()), "\r\n");
  }
  add(headers, "\r\n", body);

  connect(timeout);
  ErrorCode error;
  stream_->write(request_, error);
  if (error) {
    stream_.reset();
    throw NoAnswer(fmt::format("the connection was lost: {}", error.message()), false);
  }
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMostAnswerBytes);
  parser.skip(method == "HEAD");
  parser.get().body() = std::move(answer_.body);
  parser.get().body().clear();
  stream_->read(parser, error);
  if (error) {
    stream_.reset();
    throw NoAnswer(error == asio::error::timed_out
                       ? fmt::format("no answer within {} s", std::chrono::duration<double>(timeout).count())
                       : fmt::format("the connection was lost before the answer: {}", error.message()),
                   true);
  }
  auto message = parser.release();
  answer_.status = static_cast<int>(message.result_int());
  answer_.body = std::move(message.body());
  if (headers_ == Headers::kept) {
    answer_.headers.clear();
    for (const auto& field : message) answer_.headers.emplace_back(field.name_string(), field.value());
  }
  if (!message.keep_alive()) stream_.reset();
  return answer_;
}

}  // namespace occ
