#include "harness/http/beast_server.hpp"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "harness/http/constant_document.hpp"
#include "harness/http/listening.hpp"

namespace occ {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// A connection; kept by the read or write that is under way.
class BeastServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::atomic<std::uint64_t>& answered) : socket_(std::move(socket)), answered_(answered) {
    answer_.set("X-elastic-product", "Elasticsearch");
    answer_.set(http::field::content_type, boost::beast::string_view(kJsonContentType.data(), kJsonContentType.size()));
    answer_.body() = kConstantDocument;
    answer_.prepare_payload();
  }

  void begin() {
    ErrorCode ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    read();
  }

 private:
  void read() {
    asked_ = {};
    http::async_read(socket_, buffer_, asked_, [self = shared_from_this()](ErrorCode error, std::size_t /*size*/) {
      if (!error) self->write();
    });
  }
  void write() {
    answered_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count, it carries nothing
    http::async_write(socket_, answer_, [self = shared_from_this()](ErrorCode error, std::size_t /*size*/) {
      if (!error && self->asked_.keep_alive()) self->read();
    });
  }

  tcp::socket socket_;
  std::atomic<std::uint64_t>& answered_;
  boost::beast::flat_buffer buffer_;
  http::request<http::string_body> asked_;
  http::response<http::string_body> answer_;
};

/// A loop for each thread; the first one accepts as well.
struct BeastServer::Loops {
  explicit Loops(const HttpServerOptions& options) {
    for (unsigned i = 0; i < options.threads; ++i) loops.push_back(std::make_unique<asio::io_context>(1));
    acceptor = std::make_unique<tcp::acceptor>(*loops.front());
    listen_on(*acceptor, options.address, options.port);
    endpoint = acceptor->local_endpoint();
    accept();
  }
  ~Loops() {
    stop();
    // Sockets go before the loops that they belong to, and the acceptor may hold one of any loop.
    acceptor.reset();
  }
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  void accept() {
    asio::io_context& loop = *loops[next++ % loops.size()];
    acceptor->async_accept(loop, [this](ErrorCode error, tcp::socket socket) {
      if (error) return;
      // A session begins on its own loop's thread.
      const auto its_loop = socket.get_executor();
      asio::post(its_loop, [session = std::make_shared<Session>(std::move(socket), answered)] { session->begin(); });
      accept();
    });
  }
  void stop() {
    for (const auto& loop : loops) loop->stop();
    threads.clear();
  }

  std::atomic<std::uint64_t> answered{0};
  std::vector<std::unique_ptr<asio::io_context>> loops;
  std::unique_ptr<tcp::acceptor> acceptor;
  tcp::endpoint endpoint;
  std::size_t next = 0;
  std::vector<std::jthread> threads;
};

BeastServer::BeastServer(const HttpServerOptions& options) : loops_(std::make_unique<Loops>(options)) {}
BeastServer::~BeastServer() = default;

void BeastServer::start() {
  for (const auto& loop : loops_->loops) {
    loops_->threads.emplace_back([&loop = *loop] {
      // A loop without connections has nothing to do, and is not at its end.
      const auto guard = asio::make_work_guard(loop);
      loop.run();
    });
  }
}
void BeastServer::stop() {
  loops_->stop();
}
std::string BeastServer::url() const {
  return url_of(loops_->endpoint);
}
bool BeastServer::beyond_loopback() const {
  return !loops_->endpoint.address().is_loopback();
}
std::uint64_t BeastServer::answered() const noexcept {
  return loops_->answered.load(std::memory_order_relaxed);  // relaxed: as above
}

}  // namespace occ
