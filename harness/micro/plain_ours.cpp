#include <array>

#include "harness/micro/plain.hpp"
#include "harness/micro/plain_slot.hpp"
#include "variants/registry.hpp"

namespace occ::plain {
namespace {

/// A table of ours as a user of the library calls it, and as is advised for documents that many want at once.
template <DocumentTable Table>
struct Ours {
  Table table{TableOptions{.gc_deletes_ms = 0, .backoff = BackoffKind::adaptive}};

  explicit Ours(std::uint32_t) {}

  class Session {
   public:
    /// The one place that says how a client reads.
    using Read = Document;
    bool get(const Step& step, Read& into) { return handle_.get(step.id.view(), into).result == Result::found; }
    static std::byte* body(Read& read) { return read.source.data(); }
    static std::uint64_t version(const Read& read) { return static_cast<std::uint64_t>(read.version); }

    explicit Session(Ours& of) : handle_(of.table.handle()) {}

    bool index_if(const Step& step, const Read& read) {
      return handle_.index(step.id.view(), read.source.bytes(), Precondition::if_word(read.word)).result ==
             Result::updated;
    }
    bool update(const Step& step) {
      return handle_.update(step.id.view(), kAddOne, {.retry_on_conflict = 1000}).result == Result::updated;
    }
    bool create(const Id& id, const Body& body) { return handle_.create(id.view(), body).result == Result::created; }
    bool remove(const Id& id) { return handle_.remove(id.view()).result == Result::deleted; }

    std::size_t get_all(std::span<const Step, kBatch> steps, std::span<Read, kBatch> reads) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        items_[i].kind = BulkItem::Kind::get;
        items_[i].id = steps[i].id.view();
        items_[i].precondition = {};
        items_[i].document = &reads[i];
      }
      return carry_out(Result::found);
    }
    std::size_t index_all_if(std::span<const Step, kBatch> steps, std::span<Read, kBatch> reads) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        items_[i].kind = BulkItem::Kind::index;
        items_[i].id = steps[i].id.view();
        items_[i].source = reads[i].source.bytes();
        items_[i].precondition = Precondition::if_word(reads[i].word);
      }
      return carry_out(Result::updated);
    }

   private:
    static constexpr auto kAddOne = [](const DocumentView& current, Source& next) {
      next.assign(current.source);
      add_one(next.data());
      return Transformed::write;
    };

    std::size_t carry_out(Result wanted) {
      handle_.bulk(items_);
      std::size_t done = 0;
      for (const BulkItem& item : items_) done += item.outcome.result == wanted ? 1 : 0;
      return done;
    }

    typename Table::Handle handle_;
    std::array<BulkItem, kBatch> items_;
  };
};

/// Whose documents have numbers that do not come and go.
struct Floor : Ours<FloorDocument<ByWord>> {
  static constexpr bool kFixed = true;
  using Ours::Ours;
};

/// What the machine can do: the optimistic word at a known address, without a look at the id.
struct KnownAddress {
  static constexpr bool kFixed = true;
  std::vector<Slot> slots;
  Numbers numbers;
  std::uint32_t created = 0;

  explicit KnownAddress(std::uint32_t documents) : slots(documents) {}

  class Session {
   public:
    using Read = Record;
    explicit Session(KnownAddress& of) : of_(of) {}

    bool get(const Step& step, Read& into) {
      of_.slots[step.document].read(into);
      return true;
    }
    static std::byte* body(Read& read) { return read.body.data(); }
    static std::uint64_t version(const Read& read) { return read.version; }
    bool index_if(const Step& step, const Read& read) {
      return of_.slots[step.document].write_if(read.word, of_.numbers, read);
    }
    bool update(const Step& step) {
      of_.slots[step.document].update(of_.numbers, buffer_);
      return true;
    }
    bool create(const Id&, const Body& body) {
      of_.slots[of_.created++].start(of_.numbers.draw(), body);
      return true;
    }
    static bool remove(const Id&) { return false; }

   private:
    KnownAddress& of_;
    Record buffer_{};
  };
};

}  // namespace

void add_ours(std::vector<Entry>& entries) {
  add<Ours<PackedCas>>(entries, "packed_cas", "ours");
  add<Ours<PackedClaim>>(entries, "packed_claim", "ours");
  add<Ours<VersionRetry<EpochDomain>>>(entries, "version_retry", "ours");
  add<Ours<MutexStriped<std::mutex>>>(entries, "mutex_striped", "ours");
  add<Floor>(entries, "floor_word", "floor of the kit: known addresses by the public interface");
  add<KnownAddress>(entries, "known_address", "floor: the optimistic word at a known address, nothing else");
}

}  // namespace occ::plain
