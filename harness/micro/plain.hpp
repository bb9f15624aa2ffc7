#pragma once

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/build/hash.hpp"
#include "core/build/inlining.hpp"

/// A plain loop around maps, without the harness: ids made beforehand, the operations of a client, sums checked at the
/// end. Of other maps it has adapters of some twenty lines as their authors write such look-ups, with nothing of core/
/// around them but the hash; ours are called as a user of the library calls them. What the harness and the adapters of
/// variants/ cost is the ratio of the two.
namespace occ::plain {

inline constexpr std::size_t kIdBytes = 17;
inline constexpr std::size_t kBodyBytes = 100;
/// Documents of one bulk call.
inline constexpr std::size_t kBatch = 64;

/// An id as the key of a map that has no name for views: 'd' and sixteen hexadecimal digits, zeros behind them.
struct alignas(8) Id {
  std::array<char, 24> bytes{};

  Id() = default;
  explicit Id(std::uint64_t number) noexcept {
    bytes[0] = 'd';
    for (std::size_t at = kIdBytes - 1; at > 0; --at, number /= 16) bytes[at] = "0123456789abcdef"[number % 16];
  }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), kIdBytes}; }
  friend bool operator==(const Id& a, const Id& b) noexcept {
    const auto x = std::bit_cast<std::array<std::uint64_t, 3>>(a.bytes);
    const auto y = std::bit_cast<std::array<std::uint64_t, 3>>(b.bytes);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) == 0;
  }
};

/// The same hash for all.
struct IdHash {
  using is_avalanching = void;
  std::size_t operator()(const Id& id) const noexcept { return hash_id(id.view()); }
};

using Body = std::array<std::byte, kBodyBytes>;

/// What a map of another library keeps of a document, and what a get copies out of it, whole.
struct Record {
  std::uint64_t word = 0;
  std::uint64_t version = 0;
  Body body{};
};

/// The counter that a body begins with.
inline std::uint64_t counter_of(const std::byte* body) noexcept {
  std::uint64_t counter;
  std::memcpy(&counter, body, sizeof counter);
  return counter;
}
inline void add_one(std::byte* body) noexcept {
  const std::uint64_t counter = counter_of(body) + 1;
  std::memcpy(body, &counter, sizeof counter);
}

/// A body as it is first written: the counter 0, the number of the document, and something behind them.
inline Body first_body(std::uint64_t number) noexcept {
  Body body;
  body.fill(std::byte{'x'});
  const std::uint64_t counter = 0;
  std::memcpy(body.data(), &counter, sizeof counter);
  std::memcpy(body.data() + 8, &number, sizeof number);
  return body;
}

/// The number of a write to a map of another library: one counter for all, as a shard of ours has it.
class Numbers {
 public:
  std::uint64_t draw() noexcept { return next_.fetch_add(1, std::memory_order_relaxed); }

 private:
  alignas(128) std::atomic<std::uint64_t> next_{1};
};

/// A write of a record in the hands of a map, under whatever keeps others out.
inline void write(Record& record, std::uint64_t word, const Body& body) noexcept {
  record.word = word;
  ++record.version;
  record.body = body;
}

/// One operation of a thread, all of it made beforehand, read in order.
struct Step {
  Id id;
  std::uint32_t document = 0;
  /// 0 to 99; of a mix, which of its operations.
  std::uint32_t percent = 0;
};

enum class Act { get, cond, mix, update, get_bulk, cond_bulk, create, churn };
enum class Choice { uniform, zipf, one, sixteen };

/// What is measured. Names are those of the workloads of `occkit run`.
struct Cell {
  std::string_view name;
  Act act;
  Choice choice;
  std::string_view summary;
};

struct Counted {
  std::uint64_t operations = 0;
  /// Conflicts; no operations.
  std::uint64_t failed = 0;
  /// Answers that nobody can have been given.
  std::uint64_t wrong = 0;
  /// Increments of documents' counters.
  std::uint64_t increments = 0;
};

/// What one run needs beside the map.
struct Run {
  const Cell& cell;
  /// Of each thread.
  std::vector<std::span<const Step>> steps;
  double seconds;
};
struct Measured {
  Counted counted;
  double seconds = 0;
};

/// One map with its documents, as the program sees it.
class Contender {
 public:
  Contender() = default;
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;
  virtual ~Contender() = default;

  [[nodiscard]] virtual bool has(const Cell& cell) const = 0;
  /// Creates the documents 0 to `documents` - 1, by this thread.
  virtual void fill(std::uint32_t documents) = 0;
  virtual Measured run(const Run& run) = 0;
  /// Documents that do not count as many increments as their version says, or are not there, and whether all together
  /// count as many as were made.
  struct Sums {
    std::uint64_t wrong_documents = 0;
    std::uint64_t increments = 0;
  };
  virtual Sums check(std::uint32_t documents) = 0;
};

/// Of `documents` documents; made anew for each creation of all of them.
using MakeContender = std::unique_ptr<Contender> (*)(std::uint32_t documents);
struct Entry {
  std::string_view name;
  std::string_view summary;
  MakeContender make;
};
/// Those of one source file each.
void add_boost(std::vector<Entry>& entries);
void add_dpdk(std::vector<Entry>& entries);
void add_libcuckoo(std::vector<Entry>& entries);
void add_ours(std::vector<Entry>& entries);
void add_std(std::vector<Entry>& entries);
void add_tbb(std::vector<Entry>& entries);
void add_urcu(std::vector<Entry>& entries);

/// Thread `number` on a processor of its own, while there are enough of those that this process may use.
inline void pin(std::size_t number) {
  static const std::vector<int> processors = [] {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    std::vector<int> found;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return found;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &allowed)) found.push_back(cpu);
    }
    return found;
  }();
  if (processors.empty()) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processors[number % processors.size()], &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

/// The buffer that a get filled counts as read, whatever the loop looks at of it.
template <class T>
inline void used(T& buffer) {
  asm volatile("" : : "r"(&buffer) : "memory");
}

/// What a thread has to have of a map, `Map::Session(Map&)`:
///
///   Read                                     what a get fills in, kept from call to call
///   bool get(const Step&, Read&)             the whole source, with word and version; false if there is none
///   static byte* body(Read&)                 of a document that was found
///   static uint64 version(Read&)
///   bool index_if(const Step&, Read&)        writes Read's body, if the document still has Read's word
///   bool update(const Step&)                 in one call: a new body, the counter raised by one
///   bool create(const Id&, const Body&)      false if it is there
///   bool remove(const Id&)                   false if it is not
///
/// and, if the map has calls for several keys,
///
///   size_t get_all(span<const Step, kBatch>, span<Read, kBatch>)     how many were found
///   size_t index_all_if(span<const Step, kBatch>, span<Read, kBatch>) how many were written
///
/// A map that cannot take ids in and out as threads go says `kFixed`, and its create is called by one thread alone.
template <class Map>
concept Fixed = requires {
  Map::kFixed;
};
template <class Session>
concept ReadsSeveral = requires(Session session, std::span<const Step, kBatch> steps,
                                std::span<typename Session::Read, kBatch> reads) {
  { session.get_all(steps, reads) } -> std::same_as<std::size_t>;
};
template <class Session>
concept WritesSeveral = requires(Session session, std::span<const Step, kBatch> steps,
                                 std::span<typename Session::Read, kBatch> reads) {
  { session.index_all_if(steps, reads) } -> std::same_as<std::size_t>;
};

/// One thread's loop.
template <class Session>
class Loop {
  using Read = typename Session::Read;

 public:
  Loop(Session& session, const Cell& cell, std::span<const Step> steps, const std::atomic<bool>& stop)
      : session_(session), cell_(cell), steps_(steps), mask_(steps.size() - 1), stop_(stop) {}

  Counted operator()() {
    switch (cell_.act) {
      case Act::get:
        return repeat([this](const Step& step) { get(step); });
      case Act::cond:
        return repeat([this](const Step& step) { cond(step); });
      case Act::mix:
        return repeat([this](const Step& step) { step.percent < 95 ? get(step) : cond(step); });
      case Act::update:
        return repeat([this](const Step& step) { update(step); });
      case Act::get_bulk:
        return repeat_batches(false);
      case Act::cond_bulk:
        return repeat_batches(true);
      case Act::create:
        return create_all();
      case Act::churn:
        return churn();
    }
    return counted_;
  }

 private:
  /// The number of operations between two looks at the stop.
  static constexpr std::size_t kTogether = 64;
  /// Ids that a thread of the churn has at a time.
  static constexpr std::size_t kAlive = 1000;

  template <class One>
  Counted repeat(One one) {
    for (std::size_t at = 0; !stop_.load(std::memory_order_relaxed);) {
      for (std::size_t i = 0; i < kTogether; ++i) one(steps_[at++ & mask_]);
    }
    return finished();
  }

  void get(const Step& step) {
    if (!session_.get(step, read_)) [[unlikely]]
      ++counted_.wrong;
    used(read_);
    sum_ += counter_of(Session::body(read_));
    ++counted_.operations;
  }
  void cond(const Step& step) {
    if (!session_.get(step, read_)) [[unlikely]] {
      ++counted_.wrong;
      return;
    }
    used(read_);
    add_one(Session::body(read_));
    count(session_.index_if(step, read_));
  }
  void update(const Step& step) { count(session_.update(step)); }
  void count(bool written) {
    if (written) [[likely]] {
      ++counted_.operations;
      ++counted_.increments;
    } else {
      ++counted_.failed;
    }
  }

  /// A document that was drawn twice for one batch conflicts with itself.
  Counted repeat_batches(bool write) {
    std::vector<Read> buffer(kBatch);
    const std::span<Read, kBatch> reads(buffer);
    for (std::size_t at = 0; !stop_.load(std::memory_order_relaxed); at += kBatch) {
      const auto steps = std::span<const Step, kBatch>(&steps_[at & mask_], kBatch);
      const std::size_t found = get_all(steps, reads);
      if (found != kBatch) [[unlikely]]
        counted_.wrong += kBatch - found;
      for (Read& read : reads) {
        used(read);
        if (write) {
          add_one(Session::body(read));
        } else {
          sum_ += counter_of(Session::body(read));
        }
      }
      if (!write) {
        counted_.operations += kBatch;
        continue;
      }
      const std::size_t written = index_all_if(steps, reads);
      counted_.operations += written;
      counted_.increments += written;
      counted_.failed += kBatch - written;
    }
    return finished();
  }
  std::size_t get_all(std::span<const Step, kBatch> steps, std::span<Read, kBatch> reads) {
    if constexpr (ReadsSeveral<Session>) {
      return session_.get_all(steps, reads);
    } else {
      std::size_t found = 0;
      for (std::size_t i = 0; i < kBatch; ++i) found += session_.get(steps[i], reads[i]) ? 1 : 0;
      return found;
    }
  }
  std::size_t index_all_if(std::span<const Step, kBatch> steps, std::span<Read, kBatch> reads) {
    if constexpr (WritesSeveral<Session>) {
      return session_.index_all_if(steps, reads);
    } else {
      std::size_t written = 0;
      for (std::size_t i = 0; i < kBatch; ++i) written += session_.index_if(steps[i], reads[i]) ? 1 : 0;
      return written;
    }
  }

  Counted create_all() {
    for (const Step& step : steps_) count_if(session_.create(step.id, body_));
    return finished();
  }

  /// Ids come again only after all others of the thread, long after they were deleted.
  Counted churn() {
    std::size_t created = 0;
    std::size_t removed = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
      for (std::size_t i = 0; i < kTogether; ++i) {
        count_if(session_.create(steps_[created++ & mask_].id, body_));
        if (created - removed > kAlive) count_if(session_.remove(steps_[removed++ & mask_].id));
      }
    }
    const Counted counted = counted_;
    while (removed < created) count_if(session_.remove(steps_[removed++ & mask_].id));
    counted_.operations = counted.operations;
    for (std::size_t at = 0; at < 1000 && at < steps_.size(); ++at) {
      if (session_.get(steps_[at], read_)) ++counted_.wrong;
    }
    return finished();
  }
  void count_if(bool done) {
    if (done) [[likely]] {
      ++counted_.operations;
    } else {
      ++counted_.wrong;
    }
  }

  Counted finished() {
    used(sum_);
    return counted_;
  }

  Session& session_;
  const Cell& cell_;
  std::span<const Step> steps_;
  std::size_t mask_;
  const std::atomic<bool>& stop_;
  Read read_{};
  Body body_ = first_body(0);
  std::uint64_t sum_ = 0;
  Counted counted_;
};

template <class Map>
class ContenderOf final : public Contender {
 public:
  explicit ContenderOf(std::uint32_t documents) : map_(documents) {}

  [[nodiscard]] bool has(const Cell& cell) const override {
    return !Fixed<Map> || (cell.act != Act::create && cell.act != Act::churn);
  }

  void fill(std::uint32_t documents) override {
    typename Map::Session session(map_);
    for (std::uint32_t i = 0; i < documents; ++i) {
      if (!session.create(Id(i), first_body(i))) throw std::runtime_error("a new id was there before it was created");
    }
  }

  Measured run(const Run& run) override {
    using Clock = std::chrono::steady_clock;
    const std::size_t threads = run.steps.size();
    std::vector<Counted> counted(threads);
    std::vector<Clock::time_point> ended(threads);
    std::atomic<bool> stop = false;
    std::barrier ready(static_cast<std::ptrdiff_t>(threads + 1));
    std::vector<std::jthread> running;
    for (std::size_t thread = 0; thread < threads; ++thread) {
      running.emplace_back([&, thread] {
        pin(thread);
        typename Map::Session session(map_);
        Loop loop(session, run.cell, run.steps[thread], stop);
        ready.arrive_and_wait();
        counted[thread] = loop();
        ended[thread] = Clock::now();
      });
    }
    ready.arrive_and_wait();
    const auto began = Clock::now();
    auto end = began;
    if (run.cell.act != Act::create) {
      std::this_thread::sleep_for(std::chrono::duration<double>(run.seconds));
      stop.store(true, std::memory_order_relaxed);
      end = Clock::now();
    }
    running.clear();
    Measured measured;
    for (const Counted& one : counted) {
      measured.counted.operations += one.operations;
      measured.counted.failed += one.failed;
      measured.counted.wrong += one.wrong;
      measured.counted.increments += one.increments;
    }
    if (run.cell.act == Act::create) end = *std::max_element(ended.begin(), ended.end());
    measured.seconds = std::chrono::duration<double>(end - began).count();
    return measured;
  }

  Sums check(std::uint32_t documents) override {
    typename Map::Session session(map_);
    typename Map::Session::Read read{};
    Sums sums;
    Step step;
    for (std::uint32_t i = 0; i < documents; ++i) {
      step.id = Id(i);
      step.document = i;
      if (!session.get(step, read)) {
        ++sums.wrong_documents;
        continue;
      }
      const std::uint64_t counter = counter_of(Map::Session::body(read));
      if (counter != Map::Session::version(read) - 1) ++sums.wrong_documents;
      sums.increments += counter;
    }
    return sums;
  }

 private:
  Map map_;
};

template <class Map>
void add(std::vector<Entry>& entries, std::string_view name, std::string_view summary) {
  entries.push_back({name, summary, [](std::uint32_t documents) -> std::unique_ptr<Contender> {
                       return std::make_unique<ContenderOf<Map>>(documents);
                     }});
}

}  // namespace occ::plain
