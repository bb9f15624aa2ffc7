#include "harness/faults/health_watch.hpp"

#include <fmt/format.h>

#include <chrono>

#include "harness/faults/fault_schedule.hpp"
#include "harness/support/json_members.hpp"

namespace occ {
namespace {

/// A node that does not answer in so short a time is not well.
RemoteOptions impatient(RemoteOptions options) {
  options.request_timeout = std::chrono::seconds(1);
  options.route = Route::first;
  return options;
}

}  // namespace

bool is_well(std::string_view health, std::uint32_t nodes) {
  return unquoted(member(health, "status")) == "green" &&
         whole_number(member(health, "number_of_nodes")).value_or(1) >= nodes &&
         whole_number(member(health, "number_of_pending_tasks")).value_or(0) == 0 &&
         whole_number(member(health, "relocating_shards")).value_or(0) == 0;
}

HealthWatch::HealthWatch(const RemoteServer& server, std::string index)
    : server_(impatient(server.options())),
      index_(std::move(index)),
      nodes_(server.nodes()),
      thread_([this](const std::stop_token& stop) { look(stop); }) {}

void HealthWatch::look(const std::stop_token& stop) {
  RemoteClient client(server_, RemoteClient::Patience::one_try);
  while (!stop.stop_requested()) {
    const std::uint64_t time_ns = now_ns();
    bool well = false;
    try {
      const HttpAnswer& answer =
          client.ask_once("GET", fmt::format("/_cluster/health/{}", index_), {}, RemoteClient::AfterFailure::go_on);
      well = answer.status == 200 && is_well(answer.body, nodes_);
    } catch (const std::exception&) {
      well = false;
    }
    looks_.push_back({time_ns, well});
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::uint64_t HealthWatch::well_since(std::uint64_t from_ns) {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  std::uint64_t since = kNever;
  for (auto look = looks_.rbegin(); look != looks_.rend() && look->is_well && look->time_ns >= from_ns; ++look)
    since = look->time_ns;
  return since;
}

}  // namespace occ
