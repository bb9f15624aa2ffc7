#include <tbb/concurrent_hash_map.h>

#include "harness/micro/plain.hpp"

namespace occ::plain {
namespace {

struct HashCompare {
  static std::size_t hash(const Id& id) noexcept { return IdHash()(id); }
  static bool equal(const Id& a, const Id& b) noexcept { return a == b; }
};

struct TbbHashMap {
  using Map = tbb::concurrent_hash_map<Id, Record, HashCompare>;
  Map map;
  Numbers numbers;

  explicit TbbHashMap(std::uint32_t) {}

  class Session {
   public:
    using Read = Record;
    explicit Session(TbbHashMap& of) : map_(of.map), numbers_(of.numbers) {}

    bool get(const Step& step, Read& into) {
      Map::const_accessor found;
      if (!map_.find(found, step.id)) return false;
      into = found->second;
      return true;
    }
    static std::byte* body(Read& read) { return read.body.data(); }
    static std::uint64_t version(const Read& read) { return read.version; }
    bool index_if(const Step& step, const Read& read) {
      Map::accessor found;
      if (!map_.find(found, step.id) || found->second.word != read.word) return false;
      write(found->second, numbers_.draw(), read.body);
      return true;
    }
    bool update(const Step& step) {
      Map::accessor found;
      if (!map_.find(found, step.id)) return false;
      next_ = found->second.body;
      add_one(next_.data());
      used(next_);
      write(found->second, numbers_.draw(), next_);
      return true;
    }
    bool create(const Id& id, const Body& body) {
      Map::accessor made;
      if (!map_.insert(made, id)) return false;
      write(made->second, numbers_.draw(), body);
      return true;
    }
    bool remove(const Id& id) { return map_.erase(id); }

   private:
    Map& map_;
    Numbers& numbers_;
    Body next_{};
  };
};

}  // namespace

void add_tbb(std::vector<Entry>& entries) {
  add<TbbHashMap>(entries, "tbb_hash_map", "tbb::concurrent_hash_map by accessors");
}

}  // namespace occ::plain
