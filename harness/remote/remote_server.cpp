#include "harness/remote/remote_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "harness/remote/remote_table.hpp"
#include "harness/support/json_members.hpp"
#include "harness/support/json_text.hpp"

namespace occ {
namespace {

constexpr std::chrono::milliseconds kFirstWait{20};
constexpr std::chrono::milliseconds kLongestWait{1'000};

std::string credentials_hint(const ServerAddress& address) {
  return fmt::format("{}; accepted are {} and {}, or {}, in the environment",
                     address.authorization.empty() ? "no user was given" : "that user or key is refused", kUserVariable,
                     kPasswordVariable, kApiKeyVariable);
}

std::string_view member_of(std::string_view object, std::string_view outer, std::string_view inner) {
  return unquoted(member(member(object, outer), inner));
}

}  // namespace

std::string error_text(const HttpAnswer& answer) {
  const std::string_view type = member_of(answer.body, "error", "type");
  if (!type.empty()) return fmt::format("{}: {}", type, member_of(answer.body, "error", "reason"));
  constexpr std::size_t kShown = 200;
  std::string text = answer.body.substr(0, kShown);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text.empty() ? "no body" : text;
}

ServerGone RemoteClient::unexpected(std::string_view what) const {
  return ServerGone(fmt::format("--url {}: {}", server_.address().url(), what));
}

ServerEvents RemoteClient::events() const noexcept {
  const std::uint64_t connected = connection_.connected();
  return {.refusals = refusals_, .reconnects = connected > 0 ? connected - 1 : 0};
}

void RemoteClient::wait(Waits& waits, std::string_view why) {
  const auto now = std::chrono::steady_clock::now();
  if (waits.count == 0) waits.since = now;
  const auto pause = std::min(kLongestWait, kFirstWait * (1 << std::min(waits.count, 10U)));
  ++waits.count;
  if (patience_.count() == 0) throw unexpected(why);
  if (now + pause - waits.since > patience_) {
    throw unexpected(
        fmt::format("{}; given up after {} s (--url-patience)", why, std::chrono::duration<double>(patience_).count()));
  }
  std::this_thread::sleep_for(pause);
}

const HttpAnswer& RemoteClient::ask(std::string_view method, std::string_view target, std::string_view body,
                                    Repeat repeat, std::string_view content_type) {
  for (;;) {
    const HttpAnswer* answer = nullptr;
    try {
      answer = &connection_.ask(method, target, body, content_type, server_.patience());
    } catch (const NoAnswer& lost) {
      wait(waits_, lost.what());
      if (lost.whole_request_sent && repeat == Repeat::no) throw UnknownOutcome(lost.what());
      continue;
    }
    if (answer->status == 429 || answer->status >= 500) {
      ++refusals_;
      const std::string why = fmt::format("it answers {} ({})", answer->status, error_text(*answer));
      // What is not there will not come.
      if (answer->status == 501) throw unexpected(why);
      wait(waits_, why);
      if (answer->status != 429 && repeat == Repeat::no) throw UnknownOutcome(why);
      continue;
    }
    if (answer->status == 401 || answer->status == 403) {
      throw unexpected(fmt::format("it answers {} ({}): {}", answer->status, error_text(*answer),
                                   credentials_hint(server_.address())));
    }
    if (answer->status == 404 && member_of(answer->body, "error", "type") == "index_not_found_exception") {
      throw unexpected(
          "the index that was being measured is gone: somebody deleted it, or a server that keeps everything in memory "
          "was started anew; what was not finished is not written");
    }
    waits_.count = 0;
    return *answer;
  }
}

RemoteServer::RemoteServer(ServerAddress address, std::chrono::milliseconds patience, const std::string& label)
    : address_(std::move(address)),
      patience_(patience),
      strategy_name_(label.empty() ? std::string(kRemoteStrategy.name)
                                   : fmt::format("{}:{}", kRemoteStrategy.name, label)),
      strategy_(kRemoteStrategy) {
  strategy_.name = strategy_name_;
}

void RemoteServer::greet(bool fail_over) {
  RemoteClient client(*this, RemoteClient::Patience::one_try);
  const HttpAnswer& answer = client.ask("GET", "/");
  const std::string_view number = member_of(answer.body, "version", "number");
  const std::string_view distribution = member_of(answer.body, "version", "distribution");
  const bool is_occkit = member_of(answer.body, "version", "build_type") == "occkit";
  const auto major = whole_number(number.substr(0, number.find('.')));
  constexpr std::string_view kAccepted = "accepted are Elasticsearch 7, 8 and 9, OpenSearch, and occkit serve";
  if (answer.status != 200 || !major) {
    throw client.unexpected(
        fmt::format("what answers is no Elasticsearch ({}, {}); {}", answer.status, error_text(answer), kAccepted));
  }
  const bool is_opensearch = distribution == "opensearch";
  if (!is_opensearch && *major < 7) {
    throw client.unexpected(fmt::format("Elasticsearch {}; {}", number, kAccepted));
  }
  name_ = fmt::format("{}{} {}", is_occkit ? "occkit as " : "", is_opensearch ? "opensearch" : "elasticsearch", number);
  if (fail_over && !is_occkit) {
    throw BadInput(
        fmt::format("--fail-over-every: {} cannot be asked to fail over; accepted with occkit serve alone", name_));
  }
  RemoteTable(*this, {});
}

}  // namespace occ
