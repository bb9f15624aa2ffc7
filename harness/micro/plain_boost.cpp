#include "core/build/configuration.hpp"
#include "harness/micro/plain.hpp"

#if OCCKIT_HAS_BOOST_FLAT_MAP
#include <boost/unordered/concurrent_flat_map.hpp>
#include <ranges>

namespace occ::plain {
namespace {

struct BoostFlatMap {
  boost::concurrent_flat_map<Id, Record, IdHash> map;
  Numbers numbers;

  explicit BoostFlatMap(std::uint32_t) {}

  class Session {
    using Map = boost::concurrent_flat_map<Id, Record, IdHash>;
    /// Boost 1.84 and newer.
    template <class M>
    static constexpr bool kHasBulkVisits = requires {
      M::bulk_visit_size;
    };

   public:
    using Read = Record;
    explicit Session(BoostFlatMap& of) : map_(of.map), numbers_(of.numbers) {}

    bool get(const Step& step, Read& into) {
      return map_.cvisit(step.id, [&](const auto& entry) { into = entry.second; }) != 0;
    }
    static std::byte* body(Read& read) { return read.body.data(); }
    static std::uint64_t version(const Read& read) { return read.version; }
    bool index_if(const Step& step, const Read& read) {
      bool written = false;
      map_.visit(step.id, [&](auto& entry) {
        written = entry.second.word == read.word;
        if (written) write(entry.second, numbers_.draw(), read.body);
      });
      return written;
    }
    bool update(const Step& step) {
      return map_.visit(step.id, [&](auto& entry) {
        next_ = entry.second.body;
        add_one(next_.data());
        used(next_);
        write(entry.second, numbers_.draw(), next_);
      }) != 0;
    }
    bool create(const Id& id, const Body& body) { return map_.try_emplace(id, numbers_.draw(), 1, body); }
    bool remove(const Id& id) { return map_.erase(id) != 0; }

    // All of a batch are there, and come in their order.

    template <class M = Map>
    std::size_t get_all(std::span<const Step, kBatch> steps,
                        std::span<Read, kBatch> reads) requires(kHasBulkVisits<M>) {
      const auto ids = steps | std::views::transform(&Step::id);
      std::size_t at = 0;
      return map_.cvisit(ids.begin(), ids.end(), [&](const auto& entry) { reads[at++] = entry.second; });
    }
    template <class M = Map>
    std::size_t index_all_if(std::span<const Step, kBatch> steps,
                             std::span<Read, kBatch> reads) requires(kHasBulkVisits<M>) {
      const auto ids = steps | std::views::transform(&Step::id);
      std::size_t at = 0;
      std::size_t written = 0;
      map_.visit(ids.begin(), ids.end(), [&](auto& entry) {
        const Read& read = reads[at++];
        if (entry.second.word != read.word) return;
        write(entry.second, numbers_.draw(), read.body);
        ++written;
      });
      return written;
    }

   private:
    Map& map_;
    Numbers& numbers_;
    Body next_{};
  };
};

}  // namespace

void add_boost(std::vector<Entry>& entries) {
  add<BoostFlatMap>(entries, "boost_flat_map", "boost::concurrent_flat_map by visits, bulk visits from 1.84 on");
}

}  // namespace occ::plain
#else
namespace occ::plain {
void add_boost(std::vector<Entry>&) {}
}  // namespace occ::plain
#endif
