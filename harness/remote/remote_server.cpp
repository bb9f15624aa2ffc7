#include "harness/remote/remote_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
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

/// As the node itself tells it; empty if it does not.
std::string version_of_node(RemoteClient& client) {
  std::string version;
  (void)for_each_member(member(client.ask("GET", "/_nodes/_local").body, "nodes"),
                        [&](std::string_view, std::string_view node) { version = unquoted(member(node, "version")); });
  return version;
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

SeqNoTerm word_in_reason(std::string_view reason) {
  constexpr std::string_view kSeqNo = "current document has seqNo [";
  constexpr std::string_view kTerm = "] and primary term [";
  const auto at = reason.rfind(kSeqNo);
  if (at == reason.npos) return kUntoldWord;
  reason.remove_prefix(at + kSeqNo.size());
  const auto middle = reason.find(kTerm);
  const auto end = reason.rfind(']');
  if (middle == reason.npos || end == reason.npos || end < middle + kTerm.size()) return kUntoldWord;
  const auto seq_no = whole_number(reason.substr(0, middle));
  const auto term = whole_number(reason.substr(middle + kTerm.size(), end - middle - kTerm.size()));
  if (!seq_no || !term || *seq_no < 0 || *term < 0) return kUntoldWord;
  return {static_cast<std::uint64_t>(*seq_no), static_cast<std::uint64_t>(*term)};
}

ServerGone RemoteClient::unexpected(std::string_view what) const {
  return ServerGone(fmt::format("--url {}: {}", address().url(), what));
}

ServerEvents RemoteClient::events() const noexcept {
  const std::uint64_t connected = connected_ + connection_->connected();
  return {.refusals = refusals_, .reconnects = connected > 0 ? connected - 1 : 0};
}

void RemoteClient::go_on() {
  if (server_.options().addresses.size() == 1) return;
  connected_ += connection_->connected();
  route_ = (route_ + 1) % server_.options().addresses.size();
  connect();
}

void RemoteClient::wait(Waits& waits, std::string_view why) {
  const auto now = std::chrono::steady_clock::now();
  if (waits.count == 0) waits.since = now;
  const auto pause = std::min(kLongestWait, kFirstWait * (1 << std::min(waits.count, 10U)));
  ++waits.count;
  if (patience_.count() == 0) throw unexpected(why);
  if (now + pause - std::max(waits.since, server_.answered()) > patience_) {
    throw unexpected(fmt::format("{}; given up after {} s without an answer to anybody (--url-patience)", why,
                                 std::chrono::duration<double>(patience_).count()));
  }
  std::this_thread::sleep_for(pause);
}

void RemoteClient::refuse_hopeless(const HttpAnswer& answer) const {
  if (answer.status == 401 || answer.status == 403) {
    throw unexpected(
        fmt::format("it answers {} ({}): {}", answer.status, error_text(answer), credentials_hint(address())));
  }
  if (answer.status == 404 && member_of(answer.body, "error", "type") == "index_not_found_exception") {
    throw unexpected(
        "the index that was being measured is gone: somebody deleted it, or a server that keeps everything in memory "
        "was started anew; what was not finished is not written");
  }
}

const HttpAnswer& RemoteClient::ask_once(std::string_view method, std::string_view target, std::string_view body,
                                         AfterFailure then) {
  try {
    const HttpAnswer& answer =
        connection_->ask(method, target, body, "application/json", server_.options().request_timeout);
    refuse_hopeless(answer);
    server_.note_answer();
    if (answer.status < 500) return answer;
    ++refusals_;
    refused_ = answer;
  } catch (const NoAnswer&) {
    if (then == AfterFailure::go_on) go_on();
    throw;
  }
  if (then == AfterFailure::go_on) go_on();  // which takes the connection, and its answer, away
  return refused_;
}

const HttpAnswer& RemoteClient::ask(std::string_view method, std::string_view target, std::string_view body,
                                    Repeat repeat, std::string_view content_type) {
  for (;;) {
    const HttpAnswer* answer = nullptr;
    try {
      answer = &connection_->ask(method, target, body, content_type, server_.options().request_timeout);
    } catch (const NoAnswer& lost) {
      wait(waits_, lost.what());
      go_on();
      if (lost.whole_request_sent && repeat == Repeat::no) throw UnknownOutcome(lost.what());
      continue;
    }
    if (answer->status == 429 || answer->status >= 500) {
      ++refusals_;
      const std::string why = fmt::format("it answers {} ({})", answer->status, error_text(*answer));
      // What is not there will not come.
      if (answer->status == 501) throw unexpected(why);
      const bool refused = answer->status == 429;
      wait(waits_, why);
      if (!refused) go_on();
      if (!refused && repeat == Repeat::no) throw UnknownOutcome(why);
      continue;
    }
    refuse_hopeless(*answer);
    waits_.count = 0;
    server_.note_answer();
    return *answer;
  }
}

RemoteServer::RemoteServer(RemoteOptions options)
    : options_(std::move(options)),
      strategy_name_(options_.label.empty() ? std::string(kRemoteStrategy.name)
                                            : fmt::format("{}:{}", kRemoteStrategy.name, options_.label)),
      strategy_(kRemoteStrategy) {
  strategy_.name = strategy_name_;
}

std::string RemoteServer::urls() const {
  std::string all;
  for (const ServerAddress& address : options_.addresses) all += (all.empty() ? "" : ",") + address.url();
  return all;
}

void RemoteServer::update_by_script(std::string_view field) {
  // The number is a parameter, so that the script is compiled once.
  script_ = to_text(Json{
      {"script",
       {{"source", fmt::format("ctx._source.{} += params.n", field)}, {"lang", "painless"}, {"params", {{"n", 1}}}}}});
  scripted_document_ = to_text(Json{{std::string(field), 0}});
}

void RemoteServer::greet(bool fail_over) {
  RemoteClient client(*this, RemoteClient::Patience::one_try);
  constexpr std::string_view kAccepted = "accepted are Elasticsearch 6.8, 7, 8 and 9, OpenSearch, and occkit serve";
  const HttpAnswer& answer = client.ask("GET", "/");
  std::string number(member_of(answer.body, "version", "number"));
  const std::string said = fmt::format("{}, {}", answer.status, error_text(answer));
  const bool is_opensearch = member_of(answer.body, "version", "distribution") == "opensearch";
  const bool is_occkit = member_of(answer.body, "version", "build_type") == "occkit";
  // An engine that runs without its modules has no `/`.
  if (answer.status >= 400) number = version_of_node(client);
  const auto part = [&number](std::size_t at) {
    const auto dot = number.find('.', at);
    return std::pair(whole_number(std::string_view(number).substr(at, dot - at)), dot == number.npos ? dot : dot + 1);
  };
  const auto [major, rest] = part(0);
  if (!major) {
    throw client.unexpected(fmt::format("what answers is no Elasticsearch ({}); {}", said, kAccepted));
  }
  // Conditions on _seq_no have been there since 6.6, and the paths without types since 6.7.
  const std::int64_t minor = rest == number.npos ? 0 : part(rest).first.value_or(0);
  if (!is_opensearch && (*major < 6 || (*major == 6 && minor < 8))) {
    throw client.unexpected(fmt::format("Elasticsearch {}; {}", number, kAccepted));
  }
  if (!is_opensearch && *major == 6) compatibility_ = Compatibility::v6;
  name_ = fmt::format("{}{} {}", is_occkit ? "occkit as " : "", is_opensearch ? "opensearch" : "elasticsearch", number);
  if (fail_over && !is_occkit) {
    throw BadInput(
        fmt::format("--fail-over-every: {} cannot be asked to fail over; accepted with occkit serve alone", name_));
  }
  const HttpAnswer& health = client.ask("GET", "/_cluster/health");
  const auto count = [&](std::string_view of) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(whole_number(member(health.body, of)).value_or(1), 1, 1'000));
  };
  nodes_ = count("number_of_nodes");
  const std::uint32_t most = count("number_of_data_nodes") - 1;
  if (options_.replicas > most) {
    throw BadInput(
        fmt::format("--replicas {}: {} has {} node{} for data, each of which holds one copy; accepted are 0 to {}",
                    options_.replicas, name_, most + 1, most == 0 ? "" : "s", most));
  }
  const RemoteTable trial(*this, {}, RemoteTable::Keep::no);
  if (!script_.empty()) trial.check_script();
}

}  // namespace occ
