/// The hot path allocates nothing in steady state, on every strategy. A program of its own, because it replaces the
/// global operator new; an allocation that goes to malloc or mmap directly is not seen.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/contract.hpp"

namespace {

std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);  // relaxed: read by the thread that counts, or after a join
  size = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new[](std::size_t size) {
  return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace occ::contract {
namespace {

class Allocation : public StrategyTest {
 protected:
  static constexpr std::size_t kLargest = 4096;
  static constexpr std::size_t kDocuments = 8;

  /// Every operation of the hot path once, with bodies of `size` bytes, on ids that exist.
  static void once(AnyHandle& handle, UpdateForm form, Document& document, std::size_t size, std::uint64_t turn) {
    static const std::string bytes(kLargest, 'x');
    std::array<char, 32> buffer;
    const int length = std::snprintf(buffer.data(), buffer.size(), turn % 2 == 0 ? "id%u" : "a-rather-long-id-%u",
                                     static_cast<unsigned>(turn % kDocuments));
    const std::string_view id(buffer.data(), static_cast<std::size_t>(length));
    const Bytes source = occ::as_bytes(std::string_view(bytes).substr(0, size));
    handle.index(id, source);
    handle.get(id, document);
    handle.index(id, source, Precondition::if_word(document.word));
    handle.index(id, source, Precondition::if_seq_no(-1, 1));
    handle.create(id, source);
    handle.update(id,
                  [&](const DocumentView&, Source& next) {
                    next.assign(source);
                    return Transformed::write;
                  },
                  {.retry_on_conflict = 100, .form = form});
    handle.update(id, [](const DocumentView&, Source&) { return Transformed::keep; }, {.form = form});
  }
  static constexpr std::array<std::size_t, 12> kSizes{0, 1, 8, 16, 63, 64, 100, 500, 1'000, 2'048, 4'000, kLargest};
};
INSTANTIATE_TEST_SUITE_P(Every, Allocation, ::testing::ValuesIn(storing()), name_of);

TEST_P(Allocation, of_this_program_is_counted) {
  const std::uint64_t before = allocations.load();
  const auto one = std::make_unique<std::array<char, 100>>();
  const auto aligned = std::make_unique<Shard>();
  EXPECT_EQ(allocations.load() - before, 2U);
}

TEST_P(Allocation, hot_path_in_steady_state_allocates_nothing) {
  for (const UpdateForm form : forms_of(GetParam())) {
    SCOPED_TRACE(to_string(form));
    Document document;
    std::uint64_t turn = 0;
    const auto rounds = [&](std::uint64_t n) {
      for (std::uint64_t round = 0; round < n; ++round) {
        for (const std::size_t size : kSizes) once(*handle_, form, document, size, turn++);
      }
    };
    rounds(100);
    const std::uint64_t before = allocations.load();
    rounds(scaled(1'000));
    EXPECT_EQ(allocations.load() - before, 0U);
  }
}

/// Lists that grow to the most that two threads ever need at once (entries of keyed locks, blocks that wait for a
/// reader) can meet a new maximum late: it depends on who is interrupted where. Anything that allocates by operation is
/// far beyond this.
TEST_P(Allocation, hot_path_of_two_threads_in_steady_state_allocates_next_to_nothing) {
  const std::uint64_t turns = scaled(2'000);
  for (const UpdateForm form : forms_of(GetParam())) {
    SCOPED_TRACE(to_string(form));
    std::atomic<std::uint64_t> before{0}, after{0};
    std::barrier phase(2);
    run_threads(2, [&](std::size_t thread) {
      const auto handle = table_->handle();
      Document document;
      std::uint64_t turn = thread;
      const auto rounds = [&](std::uint64_t n) {
        for (std::uint64_t round = 0; round < n; ++round) {
          for (const std::size_t size : kSizes) once(*handle, form, document, size, turn++);
        }
      };
      rounds(turns);
      phase.arrive_and_wait();
      if (thread == 0) before = allocations.load();
      phase.arrive_and_wait();
      rounds(turns);
      phase.arrive_and_wait();
      if (thread == 0) after = allocations.load();
      phase.arrive_and_wait();
    });
    const std::uint64_t operations = 2 * turns * kSizes.size() * 7;
    EXPECT_LE(after.load() - before.load(), operations / 5'000);
  }
}

}  // namespace
}  // namespace occ::contract
