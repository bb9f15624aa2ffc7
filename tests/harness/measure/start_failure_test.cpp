/// Memory that ends while threads are started: what was begun ends, with std::bad_alloc, instead of waiting for ever. A
/// program of its own, because it replaces the global operator new.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "harness/http/beast_server.hpp"
#include "harness/http/constant_document.hpp"
#include "harness/http/http_server.hpp"
#include "harness/measure/measure_table.hpp"
#include "tests/variants/contract.hpp"
#include "variants/mutex_striped.hpp"

namespace {

/// Of this thread: allocations until the one that fails; 0 if none is to fail.
thread_local std::uint64_t until_failure = 0;
thread_local bool has_failed = false;

void* may_fail(std::size_t size, std::size_t alignment) {
  if (until_failure != 0 && --until_failure == 0) {
    has_failed = true;
    throw std::bad_alloc();
  }
  size = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return may_fail(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new[](std::size_t size) {
  return may_fail(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return may_fail(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return may_fail(size, static_cast<std::size_t>(alignment));
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

namespace occ {
namespace {

/// Calls `work` with one allocation of its thread failing, each of them in turn, and then with none. A call that does not
/// come back ends the program.
template <class Work>
void fail_each_allocation(const char* what, Work&& work) {
  std::uint64_t failures = 0;
  contract::expect_returns(what, [&] {
    for (std::uint64_t at = 1;; ++at) {
      has_failed = false;
      until_failure = at;
      bool ended_well = true;
      try {
        work();
      } catch (const std::exception&) {
        ended_well = false;
      }
      until_failure = 0;
      if (!has_failed) {
        EXPECT_TRUE(ended_well) << "without a failure, after " << at - 1;
        return;
      }
      ++failures;
    }
  });
  EXPECT_GT(failures, 0U);
}

TEST(StartFailure, measurement_ends_wherever_memory_ends) {
  using Table = MutexStriped<std::mutex>;
  Workload workload = custom_workload();
  workload.documents = 2;
  const Documents documents = Documents::generated(SourceLayout::counter, workload.documents, 100, "counter");
  const Cell cell{Table::kInfo, &workload, &documents, 3};
  const std::atomic<bool> not_interrupted{false};
  fail_each_allocation("a measurement without memory", [&] {
    (void)measure_table(table_type<Table>(), cell, {.window_s = 1e-3, .warmup_s = 0}, 1, not_interrupted, nullptr);
  });
}

HttpServerOptions any_port() {
  HttpServerOptions options;
  options.port = 0;
  options.threads = 3;
  return options;
}

TEST(StartFailure, http_server_ends_wherever_memory_ends) {
  fail_each_allocation("a server without memory", [] {
    HttpServer server(any_port(), [] { return std::make_unique<ConstantHandler>(); });
    server.start();
    server.stop();
  });
}
TEST(StartFailure, http_server_whose_thread_has_no_memory_is_not_started) {
  contract::expect_returns("a server whose thread has no memory", [] {
    std::atomic<int> made{0};
    HttpServer server(any_port(), [&]() -> std::unique_ptr<RequestHandler> {
      if (++made == 2) throw std::bad_alloc();
      return std::make_unique<ConstantHandler>();
    });
    EXPECT_THROW(server.start(), std::bad_alloc);
  });
}
TEST(StartFailure, beasts_loop_ends_wherever_memory_ends) {
  fail_each_allocation("Beast's loop without memory", [] {
    BeastServer server(any_port());
    server.start();
    server.stop();
  });
}

}  // namespace
}  // namespace occ
