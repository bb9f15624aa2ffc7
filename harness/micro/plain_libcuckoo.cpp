#include "core/build/configuration.hpp"
#include "harness/micro/plain.hpp"

#if OCCKIT_HAS_LIBCUCKOO
#include <libcuckoo/cuckoohash_map.hh>

namespace occ::plain {
namespace {

struct LibCuckoo {
  libcuckoo::cuckoohash_map<Id, Record, IdHash> map;
  Numbers numbers;

  explicit LibCuckoo(std::uint32_t) {}

  class Session {
   public:
    using Read = Record;
    explicit Session(LibCuckoo& of) : map_(of.map), numbers_(of.numbers) {}

    bool get(const Step& step, Read& into) {
      return map_.find_fn(step.id, [&](const Record& record) { into = record; });
    }
    static std::byte* body(Read& read) { return read.body.data(); }
    static std::uint64_t version(const Read& read) { return read.version; }
    bool index_if(const Step& step, const Read& read) {
      bool written = false;
      map_.update_fn(step.id, [&](Record& record) {
        written = record.word == read.word;
        if (written) write(record, numbers_.draw(), read.body);
      });
      return written;
    }
    bool update(const Step& step) {
      return map_.update_fn(step.id, [&](Record& record) {
        next_ = record.body;
        add_one(next_.data());
        used(next_);
        write(record, numbers_.draw(), next_);
      });
    }
    bool create(const Id& id, const Body& body) { return map_.insert(id, Record{numbers_.draw(), 1, body}); }
    bool remove(const Id& id) { return map_.erase(id); }

   private:
    libcuckoo::cuckoohash_map<Id, Record, IdHash>& map_;
    Numbers& numbers_;
    Body next_{};
  };
};

}  // namespace

void add_libcuckoo(std::vector<Entry>& entries) {
  add<LibCuckoo>(entries, "libcuckoo", "libcuckoo::cuckoohash_map by find_fn and update_fn");
}

}  // namespace occ::plain
#else
namespace occ::plain {
void add_libcuckoo(std::vector<Entry>&) {}
}  // namespace occ::plain
#endif
