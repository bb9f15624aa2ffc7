#include <mutex>
#include <unordered_map>

#include "harness/micro/plain.hpp"

namespace occ::plain {
namespace {

template <std::size_t stripes>
struct StdUnorderedMap {
  struct alignas(128) Stripe {
    std::mutex lock;
    std::unordered_map<Id, Record, IdHash> map;
  };
  std::array<Stripe, stripes> all;
  Numbers numbers;

  explicit StdUnorderedMap(std::uint32_t) {}

  class Session {
   public:
    using Read = Record;
    explicit Session(StdUnorderedMap& of) : all_(of.all), numbers_(of.numbers) {}

    bool get(const Step& step, Read& into) {
      return with(step.id, [&](const Record& record) {
        into = record;
        return true;
      });
    }
    static std::byte* body(Read& read) { return read.body.data(); }
    static std::uint64_t version(const Read& read) { return read.version; }
    bool index_if(const Step& step, const Read& read) {
      return with(step.id, [&](Record& record) {
        if (record.word != read.word) return false;
        write(record, numbers_.draw(), read.body);
        return true;
      });
    }
    bool update(const Step& step) {
      return with(step.id, [&](Record& record) {
        next_ = record.body;
        add_one(next_.data());
        used(next_);
        write(record, numbers_.draw(), next_);
        return true;
      });
    }
    bool create(const Id& id, const Body& body) {
      Stripe& stripe = stripe_of(id);
      const std::lock_guard held(stripe.lock);
      const auto [at, made] = stripe.map.try_emplace(id);
      if (made) write(at->second, numbers_.draw(), body);
      return made;
    }
    bool remove(const Id& id) {
      Stripe& stripe = stripe_of(id);
      const std::lock_guard held(stripe.lock);
      return stripe.map.erase(id) != 0;
    }

   private:
    Stripe& stripe_of(const Id& id) { return all_[stripes == 1 ? 0 : (IdHash()(id) >> 40) % stripes]; }
    template <class F>
    bool with(const Id& id, F f) {
      Stripe& stripe = stripe_of(id);
      const std::lock_guard held(stripe.lock);
      const auto at = stripe.map.find(id);
      return at != stripe.map.end() && f(at->second);
    }

    std::array<Stripe, stripes>& all_;
    Numbers& numbers_;
    Body next_{};
  };
};

}  // namespace

void add_std(std::vector<Entry>& entries) {
  add<StdUnorderedMap<1>>(entries, "std_unordered_map", "std::unordered_map under one std::mutex");
  add<StdUnorderedMap<1024>>(entries, "std_unordered_map_striped",
                             "1,024 std::unordered_maps, each under its std::mutex");
}

}  // namespace occ::plain
