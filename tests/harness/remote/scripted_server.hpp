/// A server for tests of clients: Elasticsearch's answers as `occkit serve` gives them, and on demand others, none at all,
/// TLS, passwords, restarts. One thread per connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/http/http_exchange.hpp"
#include "harness/http/rest_handler.hpp"

namespace occ {

/// What is done with a request.
enum class Doing {
  answer,          ///< as `occkit serve`
  answered,        ///< the script has filled in the response
  carry_out_lie,   ///< carried out, but the response is the one that it has filled in
  drop,            ///< not carried out, and the connection is closed without an answer
  carry_out_drop,  ///< carried out, and the connection is closed without an answer
  unconditional,   ///< carried out as if it named no condition
};
using Conduct = std::function<Doing(const Request&, Response&)>;

/// A certificate for 127.0.0.1 that its own key has signed.
class Certificate {
 public:
  Certificate() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    X509* const made = certificate_.get();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key_.get());
    X509_NAME* const name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("occkit test"), -1, -1,
                               0);
    X509_set_issuer_name(made, name);
    add(NID_subject_alt_name, "IP:127.0.0.1");
    add(NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(made, key_.get(), EVP_sha256());
  }
  void write(const std::string& file) const {
    FILE* const out = std::fopen(file.c_str(), "w");
    PEM_write_X509(out, certificate_.get());
    std::fclose(out);
  }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] X509* certificate() const { return certificate_.get(); }

 private:
  void add(int what, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
  std::unique_ptr<X509, void (*)(X509*)> certificate_;
};

class ScriptedServer {
 public:
  explicit ScriptedServer(Node& node, Conduct conduct = {}) : node_(&node), conduct_(std::move(conduct)) {
    start(node);
  }
  ~ScriptedServer() { stop(); }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// From the next connection on.
  void use_tls(const Certificate& certificate) {
    // OpenSSL writes to a socket that the client has closed.
    std::signal(SIGPIPE, SIG_IGN);
    const std::lock_guard lock(mutex_);
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(tls_.get(), certificate.certificate());
    SSL_CTX_use_PrivateKey(tls_.get(), certificate.key());
  }
  /// From the next connection on, requests without this header's value are answered with 401.
  void ask_for(std::string authorization) {
    const std::lock_guard lock(mutex_);
    authorization_ = std::move(authorization);
  }

  /// Closes all connections at once; nobody listens.
  void stop() {
    if (listener_ < 0) return;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    threads_.clear();
    for (const int socket : sockets_) ::close(socket);
    sockets_.clear();
    ::close(std::exchange(listener_, -1));
  }
  /// Listens again on the same port, for the documents of `node`.
  void start(Node& node) {
    node_ = &node;
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 64) != 0) {
      throw std::runtime_error("cannot listen");
    }
    if (port_ == 0) {  // who knows the address goes on reading it while the server is started again
      socklen_t size = sizeof address;
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
      port_ = ntohs(address.sin_port);
    }
    acceptor_ = std::jthread([this] { accept(); });
  }

  [[nodiscard]] std::string url(std::string_view scheme = "http", std::string_view host = "127.0.0.1") const {
    return std::string(scheme) + "://" + std::string(host) + ":" + std::to_string(port_);
  }
  /// Answers so far with that status; items of a bulk request are not looked at.
  [[nodiscard]] std::uint64_t answered(int status) const { return statuses_.at(static_cast<std::size_t>(status)); }
  /// Conditional writes so far.
  [[nodiscard]] std::uint64_t conditional_writes() const { return conditional_writes_; }

 private:
  class Scripted final : public RequestHandler {
   public:
    explicit Scripted(ScriptedServer& server) : server_(server), inner_(*server.node_) {}
    void answer(const Request& request, Response& response) override {
      const Doing doing = server_.conduct_ ? server_.conduct_(request, response) : Doing::answer;
      dropped = doing == Doing::drop || doing == Doing::carry_out_drop;
      if (doing == Doing::unconditional) {
        Request changed = request;
        changed.query.clear();
        inner_.answer(changed, response);
      } else if (doing == Doing::carry_out_lie) {
        Response truth;
        inner_.answer(request, truth);
      } else if (doing == Doing::answer || doing == Doing::carry_out_drop) {
        inner_.answer(request, response);
      }
      if (dropped) return;
      ++server_.statuses_.at(static_cast<std::size_t>(response.status));
      if (request.method == "PUT" && !request.query.empty()) ++server_.conditional_writes_;
    }
    bool dropped = false;

   private:
    ScriptedServer& server_;
    RestHandler inner_;
  };

  void accept() {
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      threads_.emplace_back([this, socket] { serve(socket); });
    }
  }

  void serve(int socket) {
    std::unique_lock lock(mutex_);
    const std::string authorization = authorization_;
    std::unique_ptr<SSL, void (*)(SSL*)> tls(tls_ ? SSL_new(tls_.get()) : nullptr, SSL_free);
    lock.unlock();
    if (tls) {
      SSL_set_fd(tls.get(), socket);
      if (SSL_accept(tls.get()) != 1) {
        ::shutdown(socket, SHUT_RDWR);
        return;
      }
    }
    Scripted handler(*this);
    ExchangeScratch scratch;
    const HttpLimits limits;
    BodyBudget budget(std::size_t{1} << 30);
    HttpExchange exchange(handler, scratch, limits, budget);
    std::vector<char> buffer(1 << 16);
    std::string out;
    for (bool open = true; open && !exchange.closing();) {
      const auto got = tls ? SSL_read(tls.get(), buffer.data(), static_cast<int>(buffer.size()))
                           : ::recv(socket, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
      if (!authorization.empty() && exchange.idle() &&
          bytes.find("\r\nAuthorization: " + authorization + "\r\n") == bytes.npos) {
        ++statuses_.at(401);
        out =
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 68\r\n\r\n"
            R"({"error":{"type":"security_exception","reason":"who?"},"status":401})";
      } else {
        exchange.receive(bytes, out);
      }
      open = !handler.dropped;
      if (open && !out.empty()) {
        open = (tls ? SSL_write(tls.get(), out.data(), static_cast<int>(out.size()))
                    : ::send(socket, out.data(), out.size(), MSG_NOSIGNAL)) > 0;
      }
      out.clear();
    }
    ::shutdown(socket, SHUT_RDWR);
  }

  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  Node* node_;
  Conduct conduct_;
  std::unique_ptr<SSL_CTX, FreeContext> tls_;
  std::string authorization_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::jthread acceptor_;
  std::mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::jthread> threads_;
  std::array<std::atomic<std::uint64_t>, 600> statuses_{};
  std::atomic<std::uint64_t> conditional_writes_{0};
};

}  // namespace occ
