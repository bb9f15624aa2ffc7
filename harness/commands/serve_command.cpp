#include <fmt/format.h>
#include <pthread.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/node_choice.hpp"
#include "harness/commands/validators.hpp"
#include "harness/http/beast_server.hpp"
#include "harness/http/constant_document.hpp"
#include "harness/http/http_server.hpp"
#include "harness/http/rest_handler.hpp"
#include "harness/support/open_files.hpp"

namespace occ {
namespace {

struct ServeOptions {
  NodeChoice node;
  HttpServerOptions http{.threads = std::max(1U, std::thread::hardware_concurrency())};
  std::string listen = "127.0.0.1:9200";
  double request_timeout_s = 30;
  double idle_timeout_s = 0;
  double stop_timeout_s = 10;
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

/// Elasticsearch's own limit.
constexpr std::size_t kMostContentBytes = (std::size_t{2} << 30U) - 1;

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(std::llround(seconds * 1e3));
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
  options.http.request_timeout = milliseconds(options.request_timeout_s);
  options.http.idle_timeout = milliseconds(options.idle_timeout_s);
  options.http.stop_timeout = milliseconds(options.stop_timeout_s);
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
      ->transform(whole_number(1, 1024))
      ->capture_default_str();
  add_node_options(*command, options->node);
  command
      ->add_option("--max-content-length", options->http.limits.content_bytes,
                   "The largest body of a request, in bytes, kb, mb or gb")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->check(CLI::Range(std::size_t{1}, kMostContentBytes).description(""))
      ->type_name("SIZE")
      ->default_str("100mb");
  command->add_option("--max-connections", options->http.max_connections, "More are answered with 503")
      ->transform(whole_number(1, 1'000'000))
      ->capture_default_str();
  const auto add_time = [command](const std::string& name, double& into_s, double least_s, const std::string& help) {
    command->add_option(name, into_s, help)
        ->type_name("TIME")
        ->transform(seconds(least_s, kLongestTimeS))
        ->default_str(fmt::format("{}s", into_s));
  };
  add_time("--request-timeout", options->request_timeout_s, 0.001, "From a request's first byte to its last");
  add_time("--idle-timeout", options->idle_timeout_s, 0, "How long a connection may idle; 0: for ever");
  add_time("--stop-timeout", options->stop_timeout_s, 0, "How long requests under way may take to finish at the end");
  command
      ->add_option("--constant", options->constant,
                   "Answer every request with the same document, to compare with: 'server', by this server without "
                   "what is behind it; 'beast', by Boost.Beast as it is ordinarily used")
      ->check(CLI::IsMember({"server", "beast"}));
  command->callback([options, &exit_status] { exit_status = serve(*options); });
}

}  // namespace occ
