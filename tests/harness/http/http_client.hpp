/// A client for tests of the server: it sends any bytes, reads answers one by one, and never waits for ever.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "harness/rest/rest_response.hpp"

namespace occ {

class HttpClient {
 public:
  /// Far beyond any slowness; measures nothing.
  static constexpr int kPatienceMs = 120'000;

  explicit HttpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      throw std::runtime_error("cannot connect");
    }
  }
  HttpClient(HttpClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), received_(std::move(other.received_)) {}
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient() {
    if (socket_ >= 0) ::close(socket_);
  }

  /// False if the other side has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() const { ::shutdown(socket_, SHUT_WR); }

  /// The next answer; nothing if the connection ends before it does. `head_only`: the answer to a HEAD.
  std::optional<Response> receive(bool head_only = false) {
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == received_.npos) {
      if (!read_more()) return std::nullopt;
    }
    Response response;
    response.status = std::stoi(received_.substr(std::string_view("HTTP/1.1 ").size(), 3));
    std::size_t length = 0;
    std::string_view head = std::string_view(received_).substr(0, end + 2);
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const auto colon = head.find(": ");
      const auto line_end = head.find("\r\n");
      response.headers.emplace_back(head.substr(0, colon), head.substr(colon + 2, line_end - colon - 2));
      const auto& [name, value] = response.headers.back();
      if (same_but_for_case(name, "content-length")) length = std::stoul(value);
      head.remove_prefix(line_end + 2);
    }
    received_.erase(0, end + 4);
    if (!head_only) {
      while (received_.size() < length) {
        if (!read_more()) return std::nullopt;
      }
      response.body = received_.substr(0, length);
      received_.erase(0, length);
    }
    response.has_body = !response.body.empty();
    return response;
  }
  /// Sends a request as a client library would, and takes its answer. Throws if there is none.
  Response ask(std::string_view method, std::string_view target, std::string_view body = {},
               const NameValues& headers = {}) {
    std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n";
    for (const auto& [name, value] : headers) text.append(name).append(": ").append(value).append("\r\n");
    if (!body.empty())
      text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    text += body;
    if (!send(text)) throw std::runtime_error("the server has closed the connection");
    auto response = receive(method == "HEAD");
    if (!response) throw std::runtime_error("no answer to " + std::string(method) + " " + std::string(target));
    return *std::move(response);
  }
  /// What comes until the other side closes.
  std::string rest() {
    while (read_more()) {
    }
    return std::exchange(received_, {});
  }

 private:
  bool read_more() {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPatienceMs) != 1) throw std::runtime_error("the server does not answer");
    char buffer[16'384];
    const auto size = ::recv(socket_, buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(size));
    return true;
  }

  int socket_;
  std::string received_;
};

}  // namespace occ
