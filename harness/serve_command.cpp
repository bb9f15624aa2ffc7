#include <fmt/format.h>
#include <pthread.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "harness/beast_server.hpp"
#include "harness/commands.hpp"
#include "harness/constant_document.hpp"
#include "harness/http_server.hpp"
#include "harness/node_choice.hpp"
#include "harness/open_files.hpp"
#include "harness/rest_handler.hpp"
#include "harness/write_parameters.hpp"

namespace occ {
namespace {

struct ServeOptions {
  NodeChoice node;
  HttpServerOptions http{.threads = std::max(1U, std::thread::hardware_concurrency())};
  std::string listen = "127.0.0.1:9200";
  std::string request_timeout = "30s";
  std::string idle_timeout = "0";
  std::string stop_timeout = "10s";
  std::string max_content_length = "100mb";
  std::string constant;
};

/// "ADDRESS:PORT", "[ADDRESS]:PORT" for version 6; localhost is 127.0.0.1.
void read_listen(ServeOptions& options) {
  const std::string_view text = options.listen;
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  const auto number = colon == text.npos ? std::string_view() : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  std::string_view address = text.substr(0, colon);
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  if (number.empty() || error != std::errc{} || end != number.data() + number.size() || address.empty() ||
      (!bracketed && address.find(':') != address.npos)) {
    throw BadInput(
        fmt::format("--listen: '{}' is not an address and a port: accepted are ADDRESS:PORT, as in 127.0.0.1:9200, and "
                    "[ADDRESS]:PORT, as in [::1]:9200; port 0 is any free one",
                    text));
  }
  if (bracketed) address = address.substr(1, address.size() - 2);
  options.http.address = address == "localhost" ? "127.0.0.1" : std::string(address);
  options.http.port = port;
}

/// A number of bytes, or of kb, mb or gb, as Elasticsearch's settings have it.
std::size_t read_bytes(std::string_view name, const std::string& text) {
  struct Unit {
    std::string_view suffix;
    std::size_t bytes;
  };
  // kb, mb and gb before b: the first suffix that fits is taken.
  constexpr Unit kUnits[] = {{"kb", 1U << 10U}, {"mb", 1U << 20U}, {"gb", 1U << 30U}, {"b", 1}};
  // Elasticsearch's own limit is 2,147,483,647 bytes.
  constexpr std::size_t kMost = (std::size_t{2} << 30U) - 1;
  const std::string lower = lower_case(text);
  for (const auto& [suffix, bytes] : kUnits) {
    if (!lower.ends_with(suffix)) continue;
    std::size_t count = 0;
    const char* last = lower.data() + lower.size() - suffix.size();
    const auto [end, error] = std::from_chars(lower.data(), last, count);
    if (error != std::errc{} || end != last || count < 1 || count > kMost / bytes) break;
    return count * bytes;
  }
  throw BadInput(fmt::format("{}: '{}' is not a size: accepted is a whole number with b, kb, mb or gb, from 1b to {}b",
                             name, text, kMost));
}

std::chrono::milliseconds read_time(std::string_view name, const std::string& text) {
  try {
    const std::int64_t ms = parse_time_ms(name, text);
    constexpr std::int64_t kMost = 366LL * 24 * 3'600 * 1'000;
    if (ms >= 0 && ms <= kMost) return std::chrono::milliseconds(ms);
  } catch (const IllegalArgument&) {
    // said below
  }
  throw BadInput(fmt::format(
      "{}: '{}' is not a time: accepted are 0 and a whole number with ms, s, m, h or d, up to 366d", name, text));
}

std::string counted(std::uint32_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

/// Blocks SIGINT and SIGTERM for this thread and those that it starts.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Serves until SIGINT or SIGTERM, which all threads of the program must have blocked. `what` is answered.
template <class Server>
int serve_until_stopped(Server& server, const sigset_t& signals, std::string_view what) {
  server.start();
  if (server.beyond_loopback()) {
    fmt::print(stderr,
               "occkit: warning: {} can be reached from other machines, and nobody is asked for a password: whoever "
               "reaches it can read, change and delete everything\n",
               server.url());
  }
  fmt::print("{}: {}\n", server.url(), what);
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  // A second one ends the program at once.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  server.stop();
  fmt::print("stopped: {} requests answered\n", server.answered());
  return kExitOk;
}

int serve(ServeOptions& options) {
  read_listen(options);
  options.http.limits.content_bytes = read_bytes("--max-content-length", options.max_content_length);
  options.http.request_timeout = read_time("--request-timeout", options.request_timeout);
  options.http.idle_timeout = read_time("--idle-timeout", options.idle_timeout);
  options.http.stop_timeout = read_time("--stop-timeout", options.stop_timeout);
  if (options.http.request_timeout.count() == 0) throw BadInput("--request-timeout: a request needs more time than 0");
  const NodeOptions node_options = to_node_options(options.node, true);

  const sigset_t signals = block_signals();
  allow_open_files(options.http.max_connections);
  const std::string threads = counted(options.http.threads, "thread");
  if (options.constant == "server") {
    HttpServer server(options.http, [] { return std::make_unique<ConstantHandler>(); });
    return serve_until_stopped(server, signals, "the same document whatever is asked, " + threads);
  }
  if (options.constant == "beast") {
    BeastServer server(options.http);
    return serve_until_stopped(server, signals, "the same document whatever is asked, by Beast's own loop, " + threads);
  }
  Node node(node_options);
  HttpServer server(options.http, [&node] { return std::make_unique<RestHandler>(node); });
  return serve_until_stopped(server, signals,
                             fmt::format("strategy {}, {} per index, {}, as Elasticsearch {}", options.node.strategy,
                                         counted(options.node.shards, "shard"), threads, options.node.compat));
}

}  // namespace

void add_serve(CLI::App& app, int& exit_status) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App* command =
      app.add_subcommand("serve", "Answer HTTP requests as Elasticsearch would, until SIGINT or SIGTERM");
  command->add_option("--listen", options->listen, "ADDRESS:PORT; port 0 is any free one")->capture_default_str();
  command->add_option("--threads", options->http.threads, "Threads that answer")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_node_options(*command, options->node);
  command->add_option("--max-content-length", options->max_content_length, "The largest body of a request")
      ->capture_default_str();
  command->add_option("--max-connections", options->http.max_connections, "More are answered with 503")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--request-timeout", options->request_timeout, "From a request's first byte to its last")
      ->capture_default_str();
  command->add_option("--idle-timeout", options->idle_timeout, "How long a connection may idle; 0: for ever")
      ->capture_default_str();
  command
      ->add_option("--stop-timeout", options->stop_timeout, "How long requests under way may take to finish at the end")
      ->capture_default_str();
  command
      ->add_option("--constant", options->constant,
                   "Answer every request with the same document, to compare with: 'server', by this server without "
                   "what is behind it; 'beast', by Boost.Beast as it is ordinarily used")
      ->check(CLI::IsMember({"server", "beast"}));
  command->callback([options, &exit_status] { exit_status = serve(*options); });
}

}  // namespace occ
