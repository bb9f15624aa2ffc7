#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/model/strategy_info.hpp"
#include "harness/workload/distribution.hpp"
#include "harness/workload/pace.hpp"

namespace occ {

enum class OperationKind : std::uint8_t { get, index, create, remove, update, cond };
inline constexpr std::array<std::string_view, 6> kOperationKinds{"get", "index", "create", "delete", "update", "cond"};

/// In which shares the kinds of operations occur.
struct Mix {
  /// Percent by OperationKind; they sum to 100.
  std::array<std::uint32_t, kOperationKinds.size()> percent{};

  /// "get=95,update=5". Throws BadInput, which says what is accepted.
  static Mix parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool has(OperationKind kind) const { return percent[static_cast<std::size_t>(kind)] > 0; }
  /// Every write that can occur adds one to a counter: sums of counters can be checked.
  [[nodiscard]] bool only_increments() const {
    return !has(OperationKind::index) && !has(OperationKind::create) && !has(OperationKind::remove);
  }
};

/// Who tries again after a conflict, and on what the write is conditional.
enum class Client : std::uint8_t {
  update,     ///< the table's update call
  if_seq_no,  ///< the client's own loop: get, transform, index with if_seq_no and if_primary_term
  version,    ///< the client's own loop: get, transform, index with the version
  server,     ///< a server's own update: it runs a script that does what the transform does
};
inline constexpr std::array<std::string_view, 4> kClients{"update", "if_seq_no", "version", "server"};

/// An update is a read and a write of the client's.
constexpr bool is_own_loop(Client client) {
  return client == Client::if_seq_no || client == Client::version;
}

/// What a document's source looks like and how an update changes it.
enum class SourceLayout : std::uint8_t {
  counter,  ///< counter_source.hpp: binary, an update adds one
  stock,    ///< the same with a price and units in stock: an update sells one, or restocks
  json,     ///< a JSON object: an update parses, adds one to a field, serialises
  /// As `counter`, but each value of the counter has a length of its own, around that of the documents: no option of
  /// `run` names it.
  resizing,
};
inline constexpr std::array<std::string_view, 4> kSourceLayouts{"counter", "stock", "json", "resizing"};

/// What the threads of one run do, whatever the strategy.
struct Workload {
  std::string name;
  std::string summary;
  std::uint64_t documents = 100'000;
  std::uint64_t body_bytes = 100;
  Distribution distribution;
  Mix mix{.percent = {0, 0, 0, 0, 100, 0}};
  Client client = Client::update;
  SourceLayout layout = SourceLayout::counter;
  std::uint64_t think_ns = 0;
  std::uint32_t retry_on_conflict = 0;
  /// Operations of one bulk call, all of one kind; 1: single calls. Each counts as one, a `cond` of two bulk calls too.
  std::uint32_t batch = 1;
  /// Share of the documents that are there before the threads begin; the others come into being, if at all, by index
  /// and create.
  std::uint32_t fill_percent = 100;
  Pace pace;

  /// The first so many of `count` documents are created by the fill. Which they are says nothing about how often they
  /// are chosen: see Permutation.
  [[nodiscard]] std::uint32_t filled(std::uint32_t count) const {
    return static_cast<std::uint32_t>((std::uint64_t{count} * fill_percent + 99) / 100);
  }
};

/// What is not bundled: `retry_on_conflict` 0 as in Elasticsearch, updates of uniformly chosen documents.
Workload custom_workload();

/// The named bundles.
std::span<const Workload> named_workloads();

/// The weakest progress that `strategy` claims over the operations of the mix.
Progress weakest_progress(const StrategyInfo& strategy, const Mix& mix);

}  // namespace occ
