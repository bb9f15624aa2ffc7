#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

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
        "a server over HTTP (--url): Elasticsearch 7, 8, 9, OpenSearch, or occkit serve; nothing is declared "
        "that a client cannot know",
    .memory_bounded = false,
};

/// A server with Elasticsearch's API, written to the documentation of Elasticsearch 7, 8 and 9 and of OpenSearch; tried
/// against `occkit serve` alone.
class RemoteServer {
 public:
  /// `patience`: for how long a client waits for an answer, and for how long it goes on trying where none comes.
  /// `label`: tells its results from those of other servers; may be empty.
  RemoteServer(ServerAddress address, std::chrono::milliseconds patience, const std::string& label);

  /// Asks who is there, and makes and deletes an index to see that it may. `fail_over`: its shards are to be failed
  /// over, which only `occkit serve` can be asked to do. Throws BadInput. To be called once, before anything else.
  void greet(bool fail_over);

  /// What is declared of it: Elasticsearch's rules, and nothing that a client cannot know. Its name is good as long as
  /// this is; the label is in it.
  [[nodiscard]] const StrategyInfo& strategy() const noexcept { return strategy_; }
  [[nodiscard]] const ServerAddress& address() const noexcept { return address_; }
  [[nodiscard]] std::chrono::milliseconds patience() const noexcept { return patience_; }
  /// "elasticsearch 8.11.0", "opensearch 2.11.0", "occkit as elasticsearch 7.17.0"; empty before it was asked.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Told while a table is filled, if it is set: documents created, and how many there will be.
  std::function<void(std::uint64_t, std::uint64_t)> on_fill;

 private:
  ServerAddress address_;
  std::chrono::milliseconds patience_;
  std::string strategy_name_;
  StrategyInfo strategy_;
  std::string name_;
};

/// Failures in a row.
struct Waits {
  std::uint32_t count = 0;
  std::chrono::steady_clock::time_point since;
};

/// One thread's requests: sends them, waits where the server asks for it, gives up when patience is at its end.
class RemoteClient {
 public:
  enum class Patience : bool { one_try, of_server };
  enum class Repeat : bool { no, yes };

  explicit RemoteClient(const RemoteServer& server, Patience patience = Patience::of_server)
      : server_(server),
        connection_(server.address()),
        patience_(patience == Patience::one_try ? std::chrono::milliseconds(0) : server.patience()) {}

  /// The answer, good until the next call: any status but those below.
  ///
  /// Where the server said that it refused (429), or nothing was sent, the request is sent again after a while, longer
  /// each time. Where it may have been carried out without an answer, or the answer is a failure of the server or of
  /// something before it (5xx), it is sent again if `repeat` says that this is harmless; else UnknownOutcome is thrown.
  /// Throws ServerGone once that has gone on for the server's patience, for 401 and 403, and for an index that is
  /// missing.
  const HttpAnswer& ask(std::string_view method, std::string_view target, std::string_view body = {},
                        Repeat repeat = Repeat::yes, std::string_view content_type = "application/json");

  /// Something that this kit does not know how to go on from.
  [[nodiscard]] ServerGone unexpected(std::string_view what) const;

  /// Waits, longer each time. Throws ServerGone once `waits` have gone on for the server's patience.
  void wait(Waits& waits, std::string_view why);
  void count_refusal() noexcept { ++refusals_; }

  [[nodiscard]] ServerEvents events() const noexcept;

 private:
  const RemoteServer& server_;
  HttpConnection connection_;
  std::chrono::milliseconds patience_;
  std::uint64_t refusals_ = 0;
  Waits waits_;
};

/// "type: reason" of an error's answer; its beginning if it is something else.
[[nodiscard]] std::string error_text(const HttpAnswer& answer);

}  // namespace occ
