#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/build/hash.hpp"
#include "core/model/decide.hpp"
#include "core/table/document_table.hpp"
#include "core/table/shard.hpp"

namespace occ {

/// The sequential model: a std::map and `decide`, for one thread. What every strategy is compared with.
class ReferenceTable {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "reference",
      .summary = "a map, one thread at a time",
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  struct Entry {
    State state;
    std::string source;
  };

  class Handle {
   public:
    explicit Handle(ReferenceTable& table) : table_(table) {}

    Outcome get(std::string_view id, Document& into) {
      if (const Cause cause = check(id, {}); cause != Cause::none) return reject(cause);
      const Entry entry = table_.entry(id);
      if (!entry.state.live()) {
        ++counters_.gets_not_found;
        return {.result = Result::not_found, .word = entry.state.word, .decided_on = entry.state.word};
      }
      ++counters_.gets_found;
      into.version = entry.state.version;
      into.word = entry.state.word;
      into.source.assign(as_bytes(entry.source));
      return {.result = Result::found,
              .version = entry.state.version,
              .word = entry.state.word,
              .decided_on = entry.state.word};
    }
    Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
      return write(id, Operation::index, source, precondition);
    }
    Outcome create(std::string_view id, Bytes source) { return index(id, source, Precondition::must_not_exist()); }
    Outcome remove(std::string_view id, const Precondition& precondition = {}) {
      return write(id, Operation::remove, {}, precondition);
    }
    Outcome update(std::string_view id, Transform transform, const UpdateOptions& options) {
      if (const Cause cause = check(id, {}); cause != Cause::none) return reject(cause);
      if (options.precondition.kind != Precondition::Kind::none &&
          (options.precondition.kind != Precondition::Kind::seq_no_term || options.upsert)) {
        return reject(Cause::update_condition_unsupported);
      }
      if (const Cause cause = check(id, options.upsert.value_or(Bytes{})); cause != Cause::none) return reject(cause);
      const Entry entry = table_.entry(id);
      if (!entry.state.live()) {
        if (options.upsert) return write(id, Operation::index, *options.upsert, Precondition::must_not_exist());
        return ended({.result = Result::not_found, .word = entry.state.word, .decided_on = entry.state.word});
      }
      if (decide(entry.state, Operation::keep, options.precondition, {}).verdict == Decision::Verdict::conflict) {
        return write(id, Operation::keep, {}, options.precondition);
      }
      Source next;
      switch (transform({entry.state.version, entry.state.word, as_bytes(entry.source)}, next)) {
        case Transformed::keep:
          return write(id, Operation::keep, {}, options.precondition);
        case Transformed::remove:
          return write(id, Operation::remove, {}, options.precondition);
        case Transformed::write:
          break;
      }
      return write(id, Operation::index, next.bytes(), options.precondition);
    }
    void bulk(std::span<BulkItem> items) {
      for (BulkItem& item : items) {
        switch (item.kind) {
          case BulkItem::Kind::get:
            item.outcome = get(item.id, *item.document);
            break;
          case BulkItem::Kind::index:
            item.outcome = index(item.id, item.source, item.precondition);
            break;
          case BulkItem::Kind::remove:
            item.outcome = remove(item.id, item.precondition);
            break;
          case BulkItem::Kind::update:
            item.outcome = update(item.id, *item.transform, item.options);
            break;
        }
      }
    }
    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

   private:
    static Cause check(std::string_view id, Bytes source) {
      if (id.empty()) return Cause::id_empty;
      if (id.size() > kMaxIdBytes) return Cause::id_too_long;
      return source.size() > kMaxSourceBytes ? Cause::source_too_large : Cause::none;
    }
    Outcome reject(Cause cause) {
      ++counters_.rejected;
      return {.result = Result::rejected, .cause = cause};
    }
    Outcome write(std::string_view id, Operation operation, Bytes source, const Precondition& precondition) {
      if (const Cause cause = check(id, source); cause != Cause::none) return reject(cause);
      Entry entry = table_.entry(id);
      const SeqNoTerm before = entry.state.word;
      const Decision decision = decide(entry.state, operation, precondition, table_.instant());
      Outcome outcome{.result = decision.result,
                      .cause = decision.cause,
                      .version = decision.version,
                      .word = before,
                      .decided_on = before};
      if (decision.verdict == Decision::Verdict::rejected) return reject(decision.cause);
      if (decision.verdict == Decision::Verdict::proceed) {
        const auto word = table_.shards_[table_.shard_of(id)].draw();
        if (word.vacant()) return reject(Cause::seq_no_exhausted);
        const bool live = operation == Operation::index;
        entry.state = {.kind = live ? State::Kind::live : State::Kind::tombstone,
                       .version = decision.version,
                       .word = word,
                       .deleted_at_ms = live ? 0 : table_.instant().now_ms};
        entry.source = as_text(source);
        table_.entries_[std::string(id)] = std::move(entry);
        outcome.word = word;
      }
      return ended(outcome);
    }
    Outcome ended(const Outcome& outcome) {
      ++counters_.attempts;
      switch (outcome.cause) {
        case Cause::document_missing:
          ++counters_.conflict_missing;
          return outcome;
        case Cause::seq_no_mismatch:
          ++counters_.conflict_seq_no;
          return outcome;
        case Cause::already_exists:
          ++counters_.conflict_exists;
          return outcome;
        case Cause::none:
          break;
        default:
          ++counters_.conflict_version;
          return outcome;
      }
      ++(outcome.result == Result::noop        ? counters_.noop
         : outcome.result == Result::not_found ? counters_.not_found
                                               : counters_.applied);
      return outcome;
    }

    ReferenceTable& table_;
    Counters counters_;
  };

  explicit ReferenceTable(const TableOptions& options)
      : gc_deletes_ms_(options.gc_deletes_ms),
        tombstones_match_(options.compatibility == Compatibility::v6),
        clock_(*options.clock),
        shards_(options.shards) {
    for (Shard& shard : shards_) shard.start_at(options.first_seq_no);
  }
  Handle handle() { return Handle(*this); }
  bool fail_over(std::uint32_t shard) { return shards_[shard].fail_over(); }
  void set_gc_deletes(std::int64_t ms) { gc_deletes_ms_ = ms; }
  /// A tombstone that has expired would not have under that gc_deletes.
  [[nodiscard]] bool would_revive(std::int64_t gc_deletes_ms) const {
    return std::ranges::any_of(entries_, [&](const auto& entry) {
      const State& state = entry.second.state;
      return expired(state, instant()) && !expired(state, {instant().now_ms, gc_deletes_ms});
    });
  }
  [[nodiscard]] std::uint32_t shards() const { return static_cast<std::uint32_t>(shards_.size()); }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const { return route(hash_id(id), shards()); }
  [[nodiscard]] SeqNoTerm next(std::uint32_t shard) const { return shards_[shard].next(); }
  [[nodiscard]] MemoryUse memory() const { return {}; }
  /// Of the last write, expired or not.
  [[nodiscard]] State state(std::string_view id) const { return entry(id).state; }

 private:
  [[nodiscard]] Entry entry(std::string_view id) const {
    const auto at = entries_.find(id);
    return at == entries_.end() ? Entry{} : at->second;
  }
  [[nodiscard]] Instant instant() const {
    return {.now_ms = clock_.now_ms(), .gc_deletes_ms = gc_deletes_ms_, .tombstones_match = tombstones_match_};
  }

  std::int64_t gc_deletes_ms_;
  bool tombstones_match_;
  const Clock& clock_;
  std::vector<Shard> shards_;
  std::map<std::string, Entry, std::less<>> entries_;
};

static_assert(DocumentTable<ReferenceTable>);

}  // namespace occ
