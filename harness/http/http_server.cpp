#include "harness/http/http_server.hpp"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <future>
#include <new>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "harness/http/listening.hpp"

namespace occ {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;

/// How exactly timeouts are kept.
constexpr std::chrono::milliseconds kTick{100};
/// What one read may take from a connection before others have their turn.
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
/// After its last answer a connection is read until its client closes it, or brings nothing for this long, or has gone
/// on for a request's time: closing it with bytes unread would make the system tell the client of an error in place of
/// the answer.
constexpr std::chrono::milliseconds kLinger{1'000};
/// When no file descriptor is free: until the next try.
constexpr std::chrono::milliseconds kAcceptPause{50};

const std::string& too_many() {
  static const std::string answer = [] {
    constexpr std::string_view kBody = R"({"error":"too many connections are open already","status":503})";
    return fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nX-elastic-product: Elasticsearch\r\nconnection: close\r\ncontent-type: "
        "{}\r\ncontent-length: {}\r\n\r\n{}",
        kJsonContentType, kBody.size(), kBody);
  }();
  return answer;
}

}  // namespace

/// What all threads use.
struct HttpServer::Shared {
  Shared(const HttpServerOptions& wanted, MakeHandler make)
      : options(wanted), make_handler(std::move(make)), bodies(wanted.body_bytes), answers(wanted.answer_bytes) {}

  const HttpServerOptions options;
  const MakeHandler make_handler;
  BodyBudget bodies;
  BodyBudget answers;
  // Counts, which carry nothing: relaxed everywhere.
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> answered{0};
  // The acceptor goes first: it holds sockets of the workers' loops.
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<Acceptor> acceptor;
  tcp::endpoint endpoint;
  bool started = false;

  /// Those threads that were begun.
  void stop(std::chrono::milliseconds within);
};

/// One client's connection, from being accepted to being closed. Kept by its worker and by the wait that is under way.
class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Worker& worker, tcp::socket socket);
  ~Connection() { forget_unsent(); }
  void begin();
  /// Closes what has waited too long.
  void tick(Clock::time_point now, bool stopping);
  /// No request is begun any more.
  void finish_soon();
  void close();

 private:
  /// What follows a wait.
  void go_on(ErrorCode error, void (Connection::*step)());
  void wait_to_read();
  void read();
  void wait_to_write();
  void write();
  /// What could not be sent at once waits. False if there is no memory for it.
  [[nodiscard]] bool keep_unsent(const std::string& out);
  void forget_unsent() noexcept;
  /// All answers that were owed are sent.
  void sent();
  /// No part of a request has arrived, not even unread.
  [[nodiscard]] bool nothing_has_begun() const;
  /// The last answer is sent. False if the client is gone.
  bool linger();

  Worker& worker_;
  tcp::socket socket_;
  HttpExchange exchange_;
  std::string unsent_;
  std::size_t sent_bytes_ = 0;
  std::size_t held_bytes_ = 0;  ///< of the memory for answers
  Clock::time_point since_;     ///< when what it now waits for began
  Clock::time_point linger_until_;
  bool lingering_ = false;
};

/// A thread with its event loop, its connections and its handler.
class HttpServer::Worker {
 public:
  explicit Worker(Shared& shared) : shared_(shared), timer_(loop_) {}

  void start() {
    thread_ = std::jthread([this] { run(); });
  }
  /// Until it is ready to serve. Throws what kept it from that.
  void wait_until_ready() { ready_.get_future().get(); }
  /// From any thread.
  void adopt(tcp::socket socket) {
    asio::post(loop_, [this, taken = std::move(socket)]() mutable {
      if (stopping_) return;
      const auto connection = std::make_shared<Connection>(*this, std::move(taken));
      connections_.insert(connection);
      connection->begin();
    });
  }
  /// From any thread.
  void stop(std::chrono::milliseconds within) {
    try {
      asio::post(loop_, [this, within] {
        stopping_ = true;
        stop_by_ = Clock::now() + within;
        tick();
      });
    } catch (const std::bad_alloc&) {
      loop_.stop();  // without a word to anybody, which is better than never
    }
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  /// Ends a thread that has no connections yet, or was not begun, without asking for memory.
  void abandon() {
    loop_.stop();
    join();
  }

  [[nodiscard]] asio::io_context& loop() noexcept { return loop_; }

  // For connections.

  [[nodiscard]] Shared& shared() noexcept { return shared_; }
  [[nodiscard]] RequestHandler& handler() noexcept { return *handler_; }
  [[nodiscard]] ExchangeScratch& scratch() noexcept { return scratch_; }
  /// As of the last tick or event.
  [[nodiscard]] Clock::time_point now() const noexcept { return now_; }
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  void forget(const std::shared_ptr<Connection>& connection) { connections_.erase(connection); }

  std::string input;  ///< kReadBytes, for the duration of one read
  std::string out;    ///< for the duration of one read's answers

 private:
  void run() {
    try {
      handler_ = shared_.make_handler();
      input.resize(kReadBytes);
      tick();
    } catch (...) {
      handler_.reset();
      return ready_.set_exception(std::current_exception());
    }
    ready_.set_value();
    loop_.run();
    connections_.clear();
    handler_.reset();
  }
  void tick() {
    now_ = Clock::now();
    handler_->tick();
    const bool late = stopping_ && now_ >= stop_by_;
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto connection = *at++;  // it may take itself out
      if (late) {
        connection->close();
      } else {
        if (stopping_) connection->finish_soon();
        connection->tick(now_, stopping_);
      }
    }
    if (stopping_ && connections_.empty()) {
      timer_.cancel();
      loop_.stop();
      return;
    }
    timer_.expires_after(kTick);
    timer_.async_wait([this](ErrorCode error) {
      if (!error) tick();
    });
  }

  Shared& shared_;
  asio::io_context loop_{1};
  asio::steady_timer timer_;
  std::unique_ptr<RequestHandler> handler_;
  ExchangeScratch scratch_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  Clock::time_point now_ = Clock::now();
  Clock::time_point stop_by_;
  bool stopping_ = false;
  std::promise<void> ready_;
  std::jthread thread_;
};

HttpServer::Connection::Connection(Worker& worker, tcp::socket socket)
    : worker_(worker),
      socket_(std::move(socket)),
      exchange_(worker.handler(), worker.scratch(), worker.shared().options.limits, worker.shared().bodies),
      since_(worker.now()) {}

void HttpServer::Connection::begin() {
  ErrorCode ignored;  // what is wrong with a socket shows when it is read
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  wait_to_read();
}

void HttpServer::Connection::wait_to_read() {
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this()](ErrorCode error) { self->go_on(error, &Connection::read); });
}

void HttpServer::Connection::go_on(ErrorCode error, void (Connection::*step)()) {
  if (!socket_.is_open()) return;
  if (error) return close();
  try {
    (this->*step)();
  } catch (const std::bad_alloc&) {
    // There is no memory for what it brings or takes; the others are to be served all the same.
    close();
  }
}

void HttpServer::Connection::read() {
  ErrorCode error;
  const std::size_t size = socket_.read_some(asio::buffer(worker_.input), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return wait_to_read();
  if (error) return close();
  if (lingering_) {
    since_ = worker_.now();
    return wait_to_read();
  }

  const bool was_idle = exchange_.idle();
  const std::uint64_t answered = exchange_.answered();
  worker_.out.clear();
  exchange_.receive(std::string_view(worker_.input).substr(0, size), worker_.out);
  if (was_idle || exchange_.answered() != answered) since_ = worker_.now();
  write();
}

void HttpServer::Connection::write() {
  for (;;) {
    std::string& out = unsent_.empty() ? worker_.out : unsent_;
    while (sent_bytes_ < out.size()) {
      ErrorCode error;
      sent_bytes_ += socket_.write_some(asio::buffer(out.data() + sent_bytes_, out.size() - sent_bytes_), error);
      if (error == asio::error::would_block || error == asio::error::try_again) {
        if (unsent_.empty() && !keep_unsent(out)) return close();
        return wait_to_write();
      }
      if (error) return close();
      since_ = worker_.now();
    }
    out.clear();
    if (out.capacity() > 2 * HttpExchange::kPauseBytes || &out == &unsent_) out.shrink_to_fit();
    sent_bytes_ = 0;
    forget_unsent();
    if (!exchange_.paused()) return sent();
    exchange_.resume(worker_.out);
  }
}

bool HttpServer::Connection::keep_unsent(const std::string& out) {
  const std::size_t bytes = out.size() - sent_bytes_;
  if (!worker_.shared().answers.take(bytes)) return false;
  held_bytes_ = bytes;
  unsent_.assign(out, sent_bytes_);
  sent_bytes_ = 0;
  return true;
}

void HttpServer::Connection::forget_unsent() noexcept {
  if (held_bytes_ != 0) worker_.shared().answers.give_back(std::exchange(held_bytes_, 0));
}

void HttpServer::Connection::wait_to_write() {
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](ErrorCode error) {
    self->worker_.out.clear();
    self->go_on(error, &Connection::write);
  });
}

void HttpServer::Connection::sent() {
  if (exchange_.closing()) {
    if (!linger()) return close();
  } else if (worker_.stopping() && nothing_has_begun()) {
    return close();
  }
  wait_to_read();
}

bool HttpServer::Connection::nothing_has_begun() const {
  ErrorCode error;
  return exchange_.idle() && socket_.available(error) == 0;
}

bool HttpServer::Connection::linger() {
  lingering_ = true;
  since_ = worker_.now();
  linger_until_ = since_ + worker_.shared().options.request_timeout;
  ErrorCode error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  return !error;
}

void HttpServer::Connection::tick(Clock::time_point now, bool stopping) {
  const auto waited = now - since_;
  const HttpServerOptions& options = worker_.shared().options;
  if (lingering_) {
    if (waited > kLinger || now > linger_until_) close();
  } else if (!unsent_.empty()) {
    if (waited > options.request_timeout) close();
  } else if (exchange_.idle()) {
    if ((stopping && nothing_has_begun()) || (options.idle_timeout.count() > 0 && waited > options.idle_timeout))
      close();
  } else if (waited > options.request_timeout) {
    // A wait to read is under way and stays: what it finds is thrown away.
    worker_.out.clear();
    exchange_.time_out(worker_.out);
    ErrorCode ignored;
    socket_.write_some(asio::buffer(worker_.out), ignored);
    if (!linger()) close();
  }
}

void HttpServer::Connection::finish_soon() {
  exchange_.finish_soon();
}

void HttpServer::Connection::close() {
  if (!socket_.is_open()) return;
  ErrorCode ignored;
  socket_.close(ignored);
  Shared& shared = worker_.shared();
  shared.answered.fetch_add(exchange_.answered(), std::memory_order_relaxed);
  shared.connections.fetch_sub(1, std::memory_order_relaxed);
  worker_.forget(shared_from_this());
}

/// The thread that accepts.
class HttpServer::Acceptor {
 public:
  explicit Acceptor(Shared& shared) : shared_(shared), acceptor_(loop_), pause_(loop_) {}

  /// Throws BadInput.
  void listen() {
    listen_on(acceptor_, shared_.options.address, shared_.options.port);
    shared_.endpoint = acceptor_.local_endpoint();
  }
  void start() {
    accept();
    thread_ = std::jthread([this] { loop_.run(); });
  }
  void stop() {
    try {
      asio::post(loop_, [this] {
        ErrorCode ignored;
        acceptor_.close(ignored);
        pause_.cancel();
      });
    } catch (const std::bad_alloc&) {
      loop_.stop();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void accept() {
    Worker& worker = *shared_.workers[next_++ % shared_.workers.size()];
    acceptor_.async_accept(worker.loop(), [this, &worker](ErrorCode error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) {
        // No descriptor is free, or the client has gone: the others are to be served all the same.
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this](ErrorCode cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      if (shared_.connections.fetch_add(1, std::memory_order_relaxed) < shared_.options.max_connections) {
        worker.adopt(std::move(socket));
      } else {
        shared_.connections.fetch_sub(1, std::memory_order_relaxed);
        ErrorCode ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(too_many()), ignored);
        socket.shutdown(tcp::socket::shutdown_send, ignored);
      }
      accept();
    });
  }

  Shared& shared_;
  asio::io_context loop_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::size_t next_ = 0;
  std::jthread thread_;
};

void HttpServer::Shared::stop(std::chrono::milliseconds within) {
  acceptor->stop();
  for (const auto& worker : workers) worker->stop(within);
  for (const auto& worker : workers) worker->join();
}

HttpServer::HttpServer(const HttpServerOptions& options, MakeHandler make_handler)
    : shared_(std::make_unique<Shared>(options, std::move(make_handler))) {
  for (unsigned i = 0; i < options.threads; ++i) shared_->workers.push_back(std::make_unique<Worker>(*shared_));
  shared_->acceptor = std::make_unique<Acceptor>(*shared_);
  shared_->acceptor->listen();
}

HttpServer::~HttpServer() {
  if (shared_->started) shared_->stop(std::chrono::milliseconds(0));
}

void HttpServer::start() {
  try {
    for (const auto& worker : shared_->workers) worker->start();
    for (const auto& worker : shared_->workers) worker->wait_until_ready();
    shared_->acceptor->start();
  } catch (...) {
    for (const auto& worker : shared_->workers) worker->abandon();
    throw;
  }
  shared_->started = true;
}

void HttpServer::stop() {
  if (std::exchange(shared_->started, false)) shared_->stop(shared_->options.stop_timeout);
}

std::uint16_t HttpServer::port() const noexcept {
  return shared_->endpoint.port();
}
std::string HttpServer::url() const {
  return url_of(shared_->endpoint);
}
bool HttpServer::beyond_loopback() const noexcept {
  return !shared_->endpoint.address().is_loopback();
}
std::size_t HttpServer::connections() const noexcept {
  return shared_->connections.load(std::memory_order_relaxed);
}
std::uint64_t HttpServer::answered() const noexcept {
  return shared_->answered.load(std::memory_order_relaxed);
}

}  // namespace occ
