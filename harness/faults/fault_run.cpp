#include "harness/faults/fault_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

#include "harness/faults/append_client.hpp"
#include "harness/faults/health_watch.hpp"
#include "harness/remote/remote_table.hpp"
#include "harness/support/json_members.hpp"

namespace occ {
namespace {

/// Before a client asks again where it got no answer.
constexpr std::chrono::milliseconds kPause{50};
/// Tries of one closing write.
constexpr int kMostTries = 50;

/// Clients, and who ends them.
class Window {
 public:
  Window(const AppendTarget& target, AppendPlaces& places, const FaultOptions& options)
      : options_(options), places_(places) {
    for (std::uint32_t number = 0; number < options.clients; ++number)
      clients_.emplace_back(target, places, number, RemoteClient::Patience::of_server);
  }

  void start() {
    for (std::uint32_t number = 0; number < options_.clients; ++number) {
      threads_.emplace_back([this, number] { work(number); });
    }
  }
  /// After the requests that are under way.
  void end() {
    ended_.store(true, std::memory_order_relaxed);  // relaxed: threads are joined
    threads_.clear();
  }
  /// Empty while the server can be worked with.
  [[nodiscard]] std::string gone() {
    const std::lock_guard lock(mutex_);
    return gone_;
  }
  void collect(std::vector<Send>& into) {
    for (AppendClient& client : clients_) into.insert(into.end(), client.sends().begin(), client.sends().end());
  }

 private:
  void work(std::uint32_t number) {
    AppendClient& client = clients_[number];
    Random random(stream_seed(options_.seed, number, 0));
    try {
      while (!ended_.load(std::memory_order_relaxed)) {  // relaxed: as above
        const std::uint32_t document = places_.document(static_cast<std::uint32_t>(random.below(places_.places())));
        const bool reads = random.uniform() <= options_.read_share;
        const auto list = client.read(document);
        if (failed(client.last())) {
          std::this_thread::sleep_for(kPause);
        } else if (!reads) {
          client.append(document, list);
          if (failed(client.last())) std::this_thread::sleep_for(kPause);
        }
      }
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      if (gone_.empty()) gone_ = error.what();
    }
  }
  static bool failed(const Send& send) {
    return send.answer == SendAnswer::unknown || send.answer == SendAnswer::refused;
  }

  const FaultOptions& options_;
  AppendPlaces& places_;
  std::deque<AppendClient> clients_;
  std::vector<std::jthread> threads_;
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  std::string gone_;
};

/// Until all copies are there; false if that takes too long.
bool settle(const RemoteServer& server, const std::string& index, const FaultOptions& options,
            const std::function<bool()>& stopped) {
  RemoteClient client(server);
  const std::uint64_t until_ns = now_ns() + static_cast<std::uint64_t>(options.settle_s * 1e9);
  int in_a_row = 0;
  // Several looks in a row: a node that was cut off may not know yet that it was.
  constexpr int kLooks = 5;
  while (in_a_row < kLooks) {
    try {
      const HttpAnswer& health =
          client.ask_once("GET", fmt::format("/_cluster/health/{}?wait_for_status=green&timeout=1s", index), {},
                          RemoteClient::AfterFailure::go_on);
      in_a_row = health.status == 200 && is_well(health.body, 0) ? in_a_row + 1 : 0;
    } catch (const NoAnswer&) {
      in_a_row = 0;
    }
    if (now_ns() > until_ns || stopped()) return in_a_row >= kLooks;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return true;
}

/// One acknowledged write and one read of each document.
bool make_end_known(AppendClient& client, std::uint32_t documents, ReplicatedHistory& history) {
  bool all = true;
  for (std::uint32_t document = 0; document < documents; ++document) {
    bool acknowledged = false;
    for (int tries = 0; tries < kMostTries && !acknowledged; ++tries) {
      const auto list = client.read(document);
      const bool is_read = list || client.last().answer == SendAnswer::not_found;
      acknowledged = is_read && client.append(document, list);
      if (!acknowledged) std::this_thread::sleep_for(kPause);
    }
    const auto list = acknowledged ? client.read(document) : std::nullopt;
    all = all && list;
    if (list) history.lists.push_back({document, list->operations});
  }
  return all;
}

/// Each fault lasts until all copies are there again after it, as far as that is known.
std::vector<FaultBand> bands_of(const FaultObservation& seen, std::uint64_t closing_ns) {
  std::vector<FaultBand> bands;
  const auto first = std::ranges::find(seen.commands, false, [](const FaultEnd& end) { return end.command.heals; });
  if (first == seen.commands.end()) return bands;
  const std::uint64_t end_ns = seen.is_closed || closing_ns != Send::kNever
                                   ? std::min(seen.well_ns == Send::kNever ? closing_ns : seen.well_ns, closing_ns)
                                   : Send::kNever;
  bands.push_back({first->begin_ns, std::max(first->begin_ns, end_ns)});
  return bands;
}

}  // namespace

FaultObservation run_with_faults(const RemoteServer& server, const FaultOptions& options,
                                 const std::function<bool()>& stopped,
                                 const std::function<void(const std::string&)>& say) {
  RemoteTable table(server, {});
  FaultObservation seen;
  seen.index = table.index();
  ::setenv("OCCKIT_INDEX", seen.index.c_str(), 1);
  const AppendTarget target{
      .server = server,
      .index = table.index(),
      .read_parameters = table.read_parameters(),
      .after_failure = options.stay ? RemoteClient::AfterFailure::stay : RemoteClient::AfterFailure::go_on};
  AppendPlaces places(options.documents, options.longest_list);
  HealthWatch watch(server, table.index());
  Window window(target, places, options);

  seen.begin_ns = now_ns();
  const auto end_ns = seen.begin_ns + static_cast<std::uint64_t>(options.duration_s * 1e9);
  const auto is_over = [&] { return stopped() || !window.gone().empty(); };
  window.start();
  std::jthread faults([&] {
    seen.commands = carry_out_faults(options.commands, seen.begin_ns, is_over,
                                     [&](const FaultCommand& command, const FaultEnd* end) {
                                       const double at_s = static_cast<double>(now_ns() - seen.begin_ns) / 1e9;
                                       if (end == nullptr) {
                                         say(fmt::format("{:6.2f} s: {}", at_s, command.command));
                                       } else if (!end->problem.empty()) {
                                         say(fmt::format("{:6.2f} s: FAILED: {}", at_s, end->problem));
                                       }
                                     });
  });
  while (now_ns() < end_ns && !is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  seen.interrupted = stopped();
  faults.join();
  say("the window is over; waiting for what is under way");
  window.end();
  seen.end_ns = now_ns();
  seen.gone = window.gone();
  window.collect(seen.history.sends);

  std::uint64_t closing_ns = Send::kNever;
  seen.history.documents = places.documents();
  AppendClient closing(target, places, options.clients, RemoteClient::Patience::of_server);
  if (seen.gone.empty()) {
    try {
      say("waiting until all copies are there");
      const auto no_more = [&] { return stopped() && !seen.interrupted; };
      if (settle(server, seen.index, options, no_more)) {
        closing_ns = now_ns();
        seen.is_closed = make_end_known(closing, seen.history.documents, seen.history);
      }
    } catch (const ServerGone& gone) {
      seen.gone = gone.what();
    }
  }
  seen.history.sends.insert(seen.history.sends.end(), closing.sends().begin(), closing.sends().end());
  std::uint64_t last_ns = seen.begin_ns;
  for (const FaultEnd& end : seen.commands) last_ns = std::max(last_ns, end.end_ns);
  seen.well_ns = watch.well_since(last_ns);
  seen.history.bands = bands_of(seen, closing_ns);
  return seen;
}

}  // namespace occ
