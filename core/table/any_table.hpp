#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/table/document_table.hpp"

namespace occ {

/// A handle of any strategy behind virtual calls, for code that is not measured: replay, verification, tests. Same
/// contract as TableHandle.
class AnyHandle {
 public:
  virtual ~AnyHandle() = default;
  virtual Outcome get(std::string_view id, Document& into) = 0;
  virtual Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) = 0;
  virtual Outcome create(std::string_view id, Bytes source) = 0;
  virtual Outcome remove(std::string_view id, const Precondition& precondition = {}) = 0;
  virtual Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) = 0;
  virtual void bulk(std::span<BulkItem> items) = 0;
  [[nodiscard]] virtual const Counters& counters() const = 0;
  /// From now on `into` is given the source that an update wrote, where the transform does not run in this process.
  virtual void tell_written(Source& /*into*/) {}
};

/// What shard_of() says where a table of several shards does not tell.
inline constexpr std::uint32_t kUnknownShard = 0xffff'ffff;

/// A table of any strategy. Same contract as DocumentTable.
class AnyTable {
 public:
  virtual ~AnyTable() = default;
  [[nodiscard]] virtual const StrategyInfo& info() const = 0;
  [[nodiscard]] virtual std::unique_ptr<AnyHandle> handle() = 0;
  virtual bool fail_over(std::uint32_t shard) = 0;
  virtual void set_gc_deletes(std::int64_t ms) = 0;
  [[nodiscard]] virtual std::uint32_t shards() const = 0;
  [[nodiscard]] virtual std::uint32_t shard_of(std::string_view id) const = 0;
  [[nodiscard]] virtual SeqNoTerm next(std::uint32_t shard) const = 0;
  [[nodiscard]] virtual MemoryUse memory() const = 0;
};

/// Wraps a strategy's table.
template <DocumentTable T>
class ErasedTable final : public AnyTable {
 public:
  explicit ErasedTable(const TableOptions& options) : table_(options) {}

  [[nodiscard]] const StrategyInfo& info() const override { return T::kInfo; }
  [[nodiscard]] std::unique_ptr<AnyHandle> handle() override { return std::make_unique<Erased>(table_); }
  bool fail_over(std::uint32_t shard) override { return table_.fail_over(shard); }
  void set_gc_deletes(std::int64_t ms) override { table_.set_gc_deletes(ms); }
  [[nodiscard]] std::uint32_t shards() const override { return table_.shards(); }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const override { return table_.shard_of(id); }
  [[nodiscard]] SeqNoTerm next(std::uint32_t shard) const override { return table_.next(shard); }
  [[nodiscard]] MemoryUse memory() const override { return table_.memory(); }

  /// The table itself, for code that is measured.
  [[nodiscard]] T& concrete() noexcept { return table_; }

 private:
  class Erased final : public AnyHandle {
   public:
    explicit Erased(T& table) : handle_(table.handle()) {}
    Outcome get(std::string_view id, Document& into) override { return handle_.get(id, into); }
    Outcome index(std::string_view id, Bytes source, const Precondition& precondition) override {
      return handle_.index(id, source, precondition);
    }
    Outcome create(std::string_view id, Bytes source) override { return handle_.create(id, source); }
    Outcome remove(std::string_view id, const Precondition& precondition) override {
      return handle_.remove(id, precondition);
    }
    Outcome update(std::string_view id, Transform transform, const UpdateOptions& options) override {
      return handle_.update(id, transform, options);
    }
    void bulk(std::span<BulkItem> items) override { handle_.bulk(items); }
    [[nodiscard]] const Counters& counters() const override { return handle_.counters(); }

   private:
    typename T::Handle handle_;
  };

  T table_;
};

}  // namespace occ
