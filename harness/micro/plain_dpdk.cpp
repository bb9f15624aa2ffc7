#include "harness/micro/plain.hpp"

#ifdef OCCKIT_DPDK
#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>

#include "core/build/prefetch.hpp"
#include "harness/micro/plain_slot.hpp"

namespace occ::plain {
namespace {

/// Once for the process; in memory of its own, without huge pages, devices or files, enough for a table of `documents`.
/// It moves its thread to another processor, which is undone.
void start_environment(std::uint32_t documents) {
  static const bool started = [documents] {
    cpu_set_t before;
    const bool known = pthread_getaffinity_np(pthread_self(), sizeof before, &before) == 0;
    std::vector<std::string> words{
        "occkit_plain",   "--no-huge",     "--no-pci", "--no-shconf",
        "--no-telemetry", "--log-level=4", "-m",       fmt::to_string(128 + documents / 5'000)};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
      throw std::runtime_error(fmt::format("DPDK does not start: {}", rte_strerror(rte_errno)));
    if (known) pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    return true;
  }();
  static_cast<void>(started);
}

/// DPDK's hash gives a position, which is where the document is.
struct DpdkHash {
  static constexpr bool kFixed = true;
  rte_hash* hash = nullptr;
  std::vector<Slot> slots;
  Numbers numbers;

  explicit DpdkHash(std::uint32_t documents) {
    start_environment(documents);
    rte_hash_parameters parameters{};
    parameters.name = "documents";
    parameters.entries = std::max<std::uint32_t>(64, documents + documents / 4);
    parameters.key_len = sizeof(Id);
    parameters.hash_func = [](const void* id, std::uint32_t, std::uint32_t) {
      return static_cast<std::uint32_t>(IdHash()(*static_cast<const Id*>(id)));
    };
    parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
    hash = rte_hash_create(&parameters);
    if (hash == nullptr)
      throw std::runtime_error(
          fmt::format("no table of DPDK's for {} documents: {}", documents, rte_strerror(rte_errno)));
    slots = std::vector<Slot>(static_cast<std::size_t>(rte_hash_max_key_id(hash)) + 1);
  }
  DpdkHash(const DpdkHash&) = delete;
  DpdkHash& operator=(const DpdkHash&) = delete;
  ~DpdkHash() { rte_hash_free(hash); }

  class Session {
   public:
    using Read = Record;
    explicit Session(DpdkHash& of) : hash_(of.hash), slots_(of.slots), numbers_(of.numbers) {}

    bool get(const Step& step, Read& into) {
      Slot* const slot = find(step.id);
      if (slot == nullptr) return false;
      slot->read(into);
      return true;
    }
    static std::byte* body(Read& read) { return read.body.data(); }
    static std::uint64_t version(const Read& read) { return read.version; }
    bool index_if(const Step& step, const Read& read) {
      Slot* const slot = find(step.id);
      return slot != nullptr && slot->write_if(read.word, numbers_, read);
    }
    bool update(const Step& step) {
      Slot* const slot = find(step.id);
      if (slot == nullptr) return false;
      slot->update(numbers_, buffer_);
      return true;
    }
    bool create(const Id& id, const Body& body) {
      const std::int32_t at = rte_hash_add_key(hash_, &id);
      if (at < 0) return false;
      slots_[static_cast<std::size_t>(at)].start(numbers_.draw(), body);
      return true;
    }
    static bool remove(const Id&) { return false; }

    std::size_t get_all(std::span<const Step, kBatch> steps, std::span<Read, kBatch> reads) {
      std::size_t found = look_up(steps);
      for (std::size_t i = 0; i < kBatch; ++i) {
        if (places_[i] >= 0) slots_[static_cast<std::size_t>(places_[i])].read(reads[i]);
      }
      return found;
    }
    std::size_t index_all_if(std::span<const Step, kBatch> steps, std::span<Read, kBatch> reads) {
      look_up(steps);
      std::size_t written = 0;
      for (std::size_t i = 0; i < kBatch; ++i) {
        if (places_[i] < 0) continue;
        written += slots_[static_cast<std::size_t>(places_[i])].write_if(reads[i].word, numbers_, reads[i]) ? 1 : 0;
      }
      return written;
    }

   private:
    Slot* find(const Id& id) {
      const std::int32_t at = rte_hash_lookup(hash_, &id);
      return at < 0 ? nullptr : &slots_[static_cast<std::size_t>(at)];
    }
    static_assert(kBatch <= RTE_HASH_LOOKUP_BULK_MAX);
    std::size_t look_up(std::span<const Step, kBatch> steps) {
      for (std::size_t i = 0; i < kBatch; ++i) keys_[i] = &steps[i].id;
      if (rte_hash_lookup_bulk(hash_, keys_.data(), kBatch, places_.data()) != 0) return 0;
      std::size_t found = 0;
      for (const std::int32_t place : places_) {
        if (place < 0) continue;
        const auto* const slot = reinterpret_cast<const std::byte*>(&slots_[static_cast<std::size_t>(place)]);
        __builtin_prefetch(slot);
        __builtin_prefetch(slot + 64);
        ++found;
      }
      return found;
    }

    rte_hash* hash_;
    std::vector<Slot>& slots_;
    Numbers& numbers_;
    Record buffer_{};
    std::array<const void*, kBatch> keys_{};
    std::array<std::int32_t, kBatch> places_{};
  };
};

}  // namespace

void add_dpdk(std::vector<Entry>& entries) {
  add<DpdkHash>(entries, "dpdk_hash",
                "DPDK's rte_hash, documents beside it by position; keys of one length, no growth");
}

}  // namespace occ::plain
#else
namespace occ::plain {
void add_dpdk(std::vector<Entry>&) {}
}  // namespace occ::plain
#endif
