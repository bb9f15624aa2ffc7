#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "core/table/any_table.hpp"
#include "harness/history/remote_outcome.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/remote/server_window.hpp"

namespace occ {

/// An index of a server as a table: made under a name of its own, deleted at the end. An index that is there is never
/// touched. One copy of each document, so that every read is answered by the one that was written to, unless replicas
/// were asked for.
///
/// Sources must be JSON objects on one line. As AnyTable, but:
/// - calls throw UnknownOutcome and ServerGone (RemoteClient::ask);
/// - fail_over works with `occkit serve` alone;
/// - shard_of is kUnknownShard unless there is one shard: which one an id is routed to is the server's affair;
/// - memory is that of a client: none.
class RemoteTable final : public AnyTable {
 public:
  enum class Keep : std::uint8_t { as_asked, no };

  /// Throws BadInput if the index cannot be made. `server` must outlive the table.
  RemoteTable(const RemoteServer& server, const TableOptions& options, Keep keep = Keep::as_asked);
  ~RemoteTable() override;

  [[nodiscard]] const StrategyInfo& info() const override { return server_.strategy(); }
  [[nodiscard]] std::unique_ptr<AnyHandle> handle() override;
  bool fail_over(std::uint32_t shard) override;
  void set_gc_deletes(std::int64_t ms) override;
  [[nodiscard]] std::uint32_t shards() const override { return shards_; }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const override;
  /// Throws ServerGone if the index is not the one that was made.
  [[nodiscard]] SeqNoTerm next(std::uint32_t shard) const override;
  [[nodiscard]] MemoryUse memory() const override { return {}; }

  [[nodiscard]] const RemoteServer& server() const noexcept { return server_; }
  [[nodiscard]] const std::string& index() const noexcept { return index_; }
  /// What the target of a read ends with: "?preference=_local", or nothing.
  [[nodiscard]] const std::string& read_parameters() const noexcept { return read_parameters_; }
  /// Throws BadInput if the server refuses its script.
  void check_script() const;
  /// Looks where the manager is. To be called once, before the window.
  [[nodiscard]] ServerWindow& begin_window();
  [[nodiscard]] const ServerWindow& window() const noexcept { return window_; }
  /// Of clients that have ended, and what the server says.
  [[nodiscard]] ServerEvents events() const;
  void add(const ServerEvents& events);

 private:
  [[nodiscard]] std::string statistics() const;
  void wait_until_green();
  void check_preference();

  const RemoteServer& server_;
  std::uint32_t shards_;
  bool keep_;
  std::string index_;
  std::string uuid_;
  std::string read_parameters_;
  ServerWindow window_;
  std::string manager_;
  mutable std::mutex mutex_;
  /// For what concerns the index; guarded by mutex_.
  mutable RemoteClient client_;
  ServerEvents events_;
};

/// One worker's connection to an index. Counts what its answers said. `update` is what a client does: get, compute,
/// write if the number is still the same, again after a conflict. Where the server has a script, `update` is the server's
/// own, and the transform does not run: what it was decided on, and how often it was tried again, is not told.
class RemoteHandle final : public AnyHandle {
 public:
  /// Calls may end by UnknownOutcome.
  static constexpr bool kLosesAnswers = true;

  explicit RemoteHandle(RemoteTable& table) : table_(table), client_(table.server()) {}
  ~RemoteHandle() override {
    seen_ += client_.events();
    table_.add(seen_);
  }

  Outcome get(std::string_view id, Document& into) override;
  Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) override;
  Outcome create(std::string_view id, Bytes source) override;
  Outcome remove(std::string_view id, const Precondition& precondition = {}) override;
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) override;
  /// Gets that follow one another are one _mget, writes one _bulk. UnknownOutcome is then that of all items, those that
  /// had been answered before included.
  void bulk(std::span<BulkItem> items) override;
  [[nodiscard]] const Counters& counters() const override { return counters_; }
  void tell_written(Source& into) override { told_ = &into; }

 private:
  struct Write;

  [[nodiscard]] Outcome write(const Write& write);
  [[nodiscard]] Outcome read_answer(const Write& write, int status, std::string_view body);
  [[nodiscard]] Outcome update_by_script(std::string_view id, std::uint32_t retries);
  void note_written(std::string_view shards, SeqNoTerm word);
  [[nodiscard]] Outcome finish(const Outcome& outcome);
  [[nodiscard]] Outcome reject(Cause cause) noexcept;
  [[nodiscard]] Cause check(std::string_view id, Bytes source, const Precondition& precondition) const noexcept;
  [[nodiscard]] bool read_document(std::string_view body, Document& into) const;
  [[nodiscard]] SeqNoTerm word_of(std::string_view seq_no, std::string_view term) const;
  [[nodiscard]] Outcome read(std::string_view id, Document& into);
  void aim(std::string_view kind, std::string_view id);
  [[nodiscard]] std::string of_index(std::string_view what) const;
  [[nodiscard]] bool of_6() const noexcept { return table_.server().compatibility() == Compatibility::v6; }
  void carry_out(std::span<BulkItem> items);
  void get_all(std::span<BulkItem> items);
  void write_all(std::span<BulkItem> items);

  RemoteTable& table_;
  RemoteClient client_;
  Counters counters_;
  ServerEvents seen_;
  /// Null where nobody asks for what the server wrote.
  Source* told_ = nullptr;
  std::string target_;
  std::string body_;
  Document current_;
  Source next_;
};

}  // namespace occ
