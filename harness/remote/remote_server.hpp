#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/compatibility.hpp"
#include "core/model/strategy_info.hpp"
#include "harness/history/remote_outcome.hpp"
#include "harness/http/http_connection.hpp"
#include "harness/http/server_address.hpp"
#include "harness/support/bad_input.hpp"

namespace occ {

/// The server cannot be worked with any more; the text says why. Ends a run with kExitBadInput.
struct ServerGone : BadInput {
  using BadInput::BadInput;
};

/// The strategy of every server, without a label.
inline constexpr StrategyInfo kRemoteStrategy{
    .name = "elasticsearch",
    .summary =
        "a server over HTTP (--url): Elasticsearch 6.8 to 9, OpenSearch, or occkit serve; nothing is declared "
        "that a client cannot know",
    .memory_bounded = false,
};

/// At which address of several a client begins. It goes on to the next where a node does not answer.
enum class Route : std::uint8_t { turn, first };

/// How a server or a cluster is asked, and what its indices are like.
struct RemoteOptions {
  /// The nodes' addresses, at least one.
  std::vector<ServerAddress> addresses;
  Route route = Route::turn;
  /// Which copy answers reads, as Elasticsearch's parameter `preference`; empty: any.
  std::string preference = {};
  /// For how long a client waits for one answer; then it is unknown whether a write has happened.
  std::chrono::milliseconds request_timeout{10'000};
  /// For how long clients go on trying while none of them gets an answer.
  std::chrono::milliseconds patience{60'000};
  /// Tells its results from those of other servers; may be empty.
  std::string label = {};
  /// Copies of each shard beside the primary.
  std::uint32_t replicas = 0;
  /// Further settings of an index, as {"refresh_interval", "-1"}.
  std::vector<std::pair<std::string, std::string>> index_settings = {};
  /// Indices are left there.
  bool keep_index = false;
};

/// A server with Elasticsearch's API, or a cluster of them: Elasticsearch 6.8, 7, 8, 9 and OpenSearch.
class RemoteServer {
 public:
  explicit RemoteServer(RemoteOptions options);

  /// Updates are the server's own: a script of its `_update` adds one to that field. To be called before greet().
  void update_by_script(std::string_view field);

  /// Asks who is there, and makes and deletes an index to see that it may, and that scripts are taken if updates need
  /// them. `fail_over`: its shards are to be failed over, which only `occkit serve` can be asked to do. Throws
  /// BadInput. To be called once, before anything else.
  void greet(bool fail_over);

  /// What is declared of it: Elasticsearch's rules, and nothing that a client cannot know. Its name is good as long as
  /// this is; the label is in it.
  [[nodiscard]] const StrategyInfo& strategy() const noexcept { return strategy_; }
  [[nodiscard]] const RemoteOptions& options() const noexcept { return options_; }
  /// The body of an `_update`; empty where updates are the client's loop.
  [[nodiscard]] const std::string& script() const noexcept { return script_; }
  /// A document whose counter the script can raise.
  [[nodiscard]] const std::string& scripted_document() const noexcept { return scripted_document_; }
  /// As they were given, with commas between.
  [[nodiscard]] std::string urls() const;
  /// Elasticsearch 6.8 has rules of its own.
  [[nodiscard]] Compatibility compatibility() const noexcept { return compatibility_; }
  /// Of the cluster; 0 before it was asked.
  [[nodiscard]] std::uint32_t nodes() const noexcept { return nodes_; }
  /// "elasticsearch 8.11.0", "opensearch 2.11.0", "occkit as elasticsearch 7.17.0"; empty before it was asked.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Told while a table is filled, if it is set: documents created, and how many there will be.
  std::function<void(std::uint64_t, std::uint64_t)> on_fill;

  // For clients.

  /// Somebody was answered.
  void note_answer() const noexcept {
    answered_.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);  // relaxed: only a time
  }
  /// When somebody was answered last.
  [[nodiscard]] std::chrono::steady_clock::time_point answered() const noexcept {
    return answered_.load(std::memory_order_relaxed);  // relaxed: as above
  }
  /// The address that the next client begins with.
  [[nodiscard]] std::size_t next_route() const noexcept {
    if (options_.route == Route::first) return 0;
    return route_.fetch_add(1, std::memory_order_relaxed) % options_.addresses.size();  // relaxed: only a ticket
  }

 private:
  RemoteOptions options_;
  std::string strategy_name_;
  StrategyInfo strategy_;
  std::string name_;
  std::string script_;
  std::string scripted_document_;
  Compatibility compatibility_ = Compatibility::v7;
  std::uint32_t nodes_ = 0;
  mutable std::atomic<std::chrono::steady_clock::time_point> answered_{};
  mutable std::atomic<std::size_t> route_{0};
};

/// Failures in a row.
struct Waits {
  std::uint32_t count = 0;
  std::chrono::steady_clock::time_point since;
};

/// One thread's requests: sends them, waits where the server asks for it, goes to the next address where a node does not
/// answer, gives up when patience is at its end.
class RemoteClient {
 public:
  enum class Patience : bool { one_try, of_server };
  enum class Repeat : bool { no, yes };
  enum class AfterFailure : bool { stay, go_on };

  explicit RemoteClient(const RemoteServer& server, Patience patience = Patience::of_server)
      : server_(server),
        route_(patience == Patience::one_try ? 0 : server.next_route()),
        patience_(patience == Patience::one_try ? std::chrono::milliseconds(0) : server.options().patience) {
    connect();
  }

  /// The answer, good until the next call: any status but those below.
  ///
  /// Where the server said that it refused (429), or nothing was sent, the request is sent again after a while, longer
  /// each time. Where it may have been carried out without an answer, or the answer is a failure of the server or of
  /// something before it (5xx), it is sent again if `repeat` says that this is harmless; else UnknownOutcome is thrown.
  /// Throws ServerGone once nobody was answered for the server's patience, for 401 and 403, and for an index that is
  /// missing.
  const HttpAnswer& ask(std::string_view method, std::string_view target, std::string_view body = {},
                        Repeat repeat = Repeat::yes, std::string_view content_type = "application/json");

  /// Sends a request once, whatever becomes of it. Any status but 401 and 403, for which it throws ServerGone, and that
  /// of an index that is missing. Throws NoAnswer. After that, and after a 5xx, the next address is asked, or the same.
  const HttpAnswer& ask_once(std::string_view method, std::string_view target, std::string_view body,
                             AfterFailure then);

  /// Something that this kit does not know how to go on from.
  [[nodiscard]] ServerGone unexpected(std::string_view what) const;

  /// Waits, longer each time. Throws ServerGone once nobody was answered for the server's patience.
  void wait(Waits& waits, std::string_view why);
  void count_refusal() noexcept { ++refusals_; }

  [[nodiscard]] ServerEvents events() const noexcept;

 private:
  [[nodiscard]] const ServerAddress& address() const noexcept { return server_.options().addresses[route_]; }
  /// Throws ServerGone for what no later try will mend.
  void refuse_hopeless(const HttpAnswer& answer) const;
  void connect() { connection_ = std::make_unique<HttpConnection>(address()); }
  /// From now on the next address is asked.
  void go_on();

  const RemoteServer& server_;
  std::size_t route_;
  std::chrono::milliseconds patience_;
  std::unique_ptr<HttpConnection> connection_;
  /// Of connections to addresses before this one.
  std::uint64_t connected_ = 0;
  std::uint64_t refusals_ = 0;
  /// The last of them, of ask_once.
  HttpAnswer refused_;
  Waits waits_;
};

/// The state that a conflict was decided on, which Elasticsearch tells in words alone; kUntoldWord if it does not.
[[nodiscard]] SeqNoTerm word_in_reason(std::string_view reason);

/// "type: reason" of an error's answer; its beginning if it is something else.
[[nodiscard]] std::string error_text(const HttpAnswer& answer);

}  // namespace occ
