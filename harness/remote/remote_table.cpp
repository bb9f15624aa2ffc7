#include "harness/remote/remote_table.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include "harness/rest/rest_request.hpp"
#include "harness/support/json_members.hpp"
#include "harness/support/json_text.hpp"

namespace occ {
namespace {

/// Elasticsearch takes no more than it can count in ns.
std::string time_text(std::int64_t ms) {
  constexpr std::int64_t kMostMs = 365LL * 24 * 3'600 * 1'000;
  return ms < 0 ? "-1" : fmt::format("{}ms", std::min(ms, kMostMs));
}

/// No two of them are the same, not from several programs at once either.
std::string new_index_name() {
  static std::atomic<unsigned> made{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("occkit-{:x}-{:x}-{}", std::chrono::duration_cast<std::chrono::microseconds>(now).count(),
                     ::getpid(), made.fetch_add(1, std::memory_order_relaxed));  // relaxed: only a ticket
}

}  // namespace

RemoteTable::RemoteTable(const RemoteServer& server, const TableOptions& options, Keep keep)
    : server_(server),
      shards_(options.shards),
      keep_(keep == Keep::as_asked && server.options().keep_index),
      index_(new_index_name()),
      client_(server) {
  Json settings{{"number_of_shards", shards_},
                {"number_of_replicas", server.options().replicas},
                {"gc_deletes", time_text(options.gc_deletes_ms)}};
  for (const auto& [name, value] : server.options().index_settings) settings[name] = value;
  // Documents are stored and found by their ids; what else Elasticsearch does with fields is not what is measured.
  Json mapping{{"dynamic", false}};
  if (server.compatibility() == Compatibility::v6) mapping = Json{{"_doc", mapping}};
  const Json body{{"settings", {{"index", settings}}}, {"mappings", mapping}};
  try {
    const HttpAnswer& made = client_.ask("PUT", fmt::format("/{}", index_), to_text(body), RemoteClient::Repeat::no);
    if (made.status != 200 || member(made.body, "shards_acknowledged") != "true") {
      throw client_.unexpected(fmt::format("index {} cannot be made: {} ({})", index_, made.status, error_text(made)));
    }
  } catch (const UnknownOutcome& unknown) {
    throw client_.unexpected(fmt::format("whether index {} was made is not known: {}", index_, unknown.what()));
  }
  if (server.options().replicas > 0) wait_until_green();
  uuid_ = unquoted(member(statistics(), "uuid"));
  if (!server.options().preference.empty()) {
    read_parameters_ = "?preference=" + percent_encoded(server.options().preference);
    check_preference();
  }
}

/// By a read of a document that is not there.
void RemoteTable::check_preference() {
  const HttpAnswer& answer = client_.ask("GET", fmt::format("/{}/_doc/0{}", index_, read_parameters_));
  if (answer.status == 404) return;
  const std::string why = fmt::format("--preference '{}': a read with it is answered {} ({})",
                                      server_.options().preference, answer.status, error_text(answer));
  client_.ask("DELETE", fmt::format("/{}", index_));
  throw BadInput(why);
}

/// By an update of a document that is there.
void RemoteTable::check_script() const {
  std::string why;
  try {
    RemoteClient client(server_, RemoteClient::Patience::one_try);
    client.ask("PUT", fmt::format("/{}/_doc/0", index_), server_.scripted_document());
    const HttpAnswer& answer = client.ask("POST", fmt::format("/{}/_update/0?_source=true", index_), server_.script());
    if (answer.status == 200 && !member(member(answer.body, "get"), "_source").empty()) return;
    const std::string_view cause = member(member(member(answer.body, "error"), "caused_by"), "reason");
    why = fmt::format("it answers {} ({}{}{})", answer.status, error_text(answer), cause.empty() ? "" : ": ",
                      unquoted(cause));
  } catch (const ServerGone& refused) {
    why = refused.what();
  }
  throw BadInput(
      fmt::format("--client server: {} has no scripts in painless, by which its _update would add one: {}; accepted "
                  "are update and if_seq_no",
                  server_.name(), why));
}

ServerWindow& RemoteTable::begin_window() {
  const bool has_new_name = server_.name().starts_with("opensearch") && !server_.name().starts_with("opensearch 1.");
  try {
    // One that does not wait: a server that does not tell is none that fails.
    RemoteClient client(server_, RemoteClient::Patience::one_try);
    const HttpAnswer& answer =
        client.ask("GET", fmt::format("/_cat/{}?h=node&format=json", has_new_name ? "cluster_manager" : "master"));
    (void)for_each_element(answer.body, [&](std::string_view row) { manager_ = unquoted(member(row, "node")); });
  } catch (const ServerGone&) {
    manager_.clear();
  }
  return window_;
}

/// Until every copy is where it is to be.
void RemoteTable::wait_until_green() {
  Waits waits;
  for (;;) {
    const HttpAnswer& health =
        client_.ask("GET", fmt::format("/_cluster/health/{}?wait_for_status=green&timeout=1s", index_));
    const std::string status(unquoted(member(health.body, "status")));
    if (status == "green") return;
    client_.wait(waits, fmt::format("index {} is {}: not every copy has a node", index_, status));
  }
}

RemoteTable::~RemoteTable() {
  if (keep_) {
    fmt::print(stderr, "note: index {} is kept\n", index_);
    return;
  }
  try {
    RemoteClient last(server_, RemoteClient::Patience::one_try);
    const HttpAnswer& answer = last.ask("DELETE", fmt::format("/{}", index_));
    if (answer.status == 200) return;
    fmt::print(stderr, "note: index {} is left at {}: {}\n", index_, server_.urls(), error_text(answer));
  } catch (const std::exception& error) {
    fmt::print(stderr, "note: index {} could not be deleted: {}\n", index_, error.what());
  }
}

std::unique_ptr<AnyHandle> RemoteTable::handle() {
  return std::make_unique<RemoteHandle>(*this);
}

bool RemoteTable::fail_over(std::uint32_t shard) {
  const std::lock_guard lock(mutex_);
  try {
    return client_.ask("POST", fmt::format("/_occkit/fail_over/{}?shard={}", index_, shard)).status == 200;
  } catch (const ServerGone&) {
    return false;  // the workers meet it too, and end
  }
}

void RemoteTable::set_gc_deletes(std::int64_t ms) {
  const std::lock_guard lock(mutex_);
  const Json body{{"index", {{"gc_deletes", time_text(ms)}}}};
  const HttpAnswer& answer = client_.ask("PUT", fmt::format("/{}/_settings", index_), to_text(body));
  if (answer.status != 200) throw client_.unexpected(fmt::format("index.gc_deletes: {}", error_text(answer)));
}

std::uint32_t RemoteTable::shard_of(std::string_view) const {
  return shards_ == 1 ? 0 : kUnknownShard;
}

/// Of the index, as JSON: its uuid and its shards.
std::string RemoteTable::statistics() const {
  const std::lock_guard lock(mutex_);
  const HttpAnswer& answer = client_.ask("GET", fmt::format("/{}/_stats?level=shards", index_));
  const std::string_view found = member(member(answer.body, "indices"), index_);
  if (answer.status != 200 || found.empty()) {
    throw client_.unexpected(fmt::format("no statistics of the index: {} ({})", answer.status, error_text(answer)));
  }
  return std::string(found);
}

SeqNoTerm RemoteTable::next(std::uint32_t shard) const {
  const std::string found = statistics();
  if (unquoted(member(found, "uuid")) != uuid_) {
    throw client_.unexpected(
        "the index that was being measured was replaced by another one of its name: a server that "
        "keeps everything in memory was started anew; what was not finished is not written");
  }
  std::optional<std::int64_t> most;
  (void)for_each_element(member(member(found, "shards"), std::to_string(shard)), [&](std::string_view copy) {
    if (member(member(copy, "routing"), "primary") == "true")
      most = whole_number(member(member(copy, "seq_no"), "max_seq_no"));
  });
  if (!most || *most < -1) throw client_.unexpected(fmt::format("no max_seq_no of shard {}", shard));
  return {static_cast<std::uint64_t>(*most + 1), 1};
}

ServerEvents RemoteTable::events() const {
  const std::string found = statistics();
  const auto failed = whole_number(member(member(member(found, "primaries"), "indexing"), "index_failed"));
  const std::lock_guard lock(mutex_);
  ServerEvents all = events_;
  all += client_.events();
  all.manager = manager_;
  if (failed && *failed >= 0) all.index_failed = static_cast<std::uint64_t>(*failed);
  return all;
}

void RemoteTable::add(const ServerEvents& events) {
  const std::lock_guard lock(mutex_);
  events_ += events;
}

}  // namespace occ
