#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "core/floors/numbered_documents.hpp"
#include "harness/workload/doc_id.hpp"
#include "tests/variants/contract.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using contract::add_one;
using contract::as_bytes;
using contract::balance;
using contract::run_threads;
using contract::scaled;
using contract::to_number;

TEST(NumberOf, id_of_a_generated_document_gives_its_number) {
  DocId id;
  for (const std::uint32_t number : {0U, 9U, 10U, 42U, 0xabcdefU, 0x12345678U, 0x9abcdef0U, 0xffffffffU}) {
    EXPECT_EQ(number_of(id(number)), number);
  }
  EXPECT_EQ(number_of("7"), 7U);
  EXPECT_EQ(number_of("ff"), 0xffU);
  EXPECT_EQ(number_of(""), 0U);
}

TEST(NumberedDocuments, document_has_one_address_and_room_for_the_first_size) {
  NumberedDocuments documents;
  EXPECT_EQ(documents.find(3), nullptr);
  NumberedDocument* const third = documents.find_or_make(3, 100);
  EXPECT_EQ(documents.find(3), third);
  EXPECT_EQ(documents.find_or_make(3, 100), third);
  EXPECT_GE(documents.capacity(), 100U);
  // The next one begins where this one's room ends.
  EXPECT_EQ(reinterpret_cast<std::byte*>(documents.find(4)), third->bytes() + documents.capacity());
  NumberedDocument* const far = documents.find_or_make(0xffffffff, 100);
  EXPECT_NE(far, nullptr);
  EXPECT_EQ(documents.find(3), third);
}

/// One thread: the rules hold on floors that store documents.
class StoringFloor : public testing::TestWithParam<const char*> {
 protected:
  ManualClock clock_;
  std::unique_ptr<AnyTable> table_ = make_table(GetParam(), {.clock = &clock_});
  std::unique_ptr<AnyHandle> handle_ = table_->handle();
  Document read_;
};

TEST_P(StoringFloor, document_is_read_as_it_was_written) {
  const std::string source(100, 'a');
  EXPECT_EQ(handle_->get("7", read_).result, Result::not_found);
  const Outcome created = handle_->create("7", occ::as_bytes(source));
  EXPECT_EQ(created.result, Result::created);
  EXPECT_EQ(handle_->get("7", read_).result, Result::found);
  EXPECT_EQ(read_.source.text(), source);
  EXPECT_EQ(read_.version, 1);
  EXPECT_EQ(read_.word, created.word);
  EXPECT_EQ(handle_->create("7", {}).cause, Cause::already_exists);
  EXPECT_EQ(handle_->get("8", read_).result, Result::not_found);
}
TEST_P(StoringFloor, stale_condition_conflicts) {
  const Outcome first = handle_->index("7", occ::as_bytes("0123456789"));
  const Outcome second = handle_->index("7", occ::as_bytes("first"), Precondition::if_word(first.word));
  EXPECT_EQ(second.result, Result::updated);
  EXPECT_GT(second.word, first.word);
  EXPECT_EQ(handle_->index("7", occ::as_bytes("stale"), Precondition::if_word(first.word)).cause,
            Cause::seq_no_mismatch);
  handle_->get("7", read_);
  EXPECT_EQ(read_.source.text(), "first");
  EXPECT_TRUE(balance(handle_->counters()));
}
TEST_P(StoringFloor, delete_leaves_a_tombstone_until_it_expires) {
  handle_->index("7", occ::as_bytes("x"));
  EXPECT_EQ(handle_->remove("7").version, 2);
  EXPECT_EQ(handle_->get("7", read_).result, Result::not_found);
  EXPECT_EQ(handle_->create("7", occ::as_bytes("y")).version, 3);
  handle_->remove("7");
  clock_.advance_ms(60'001);
  EXPECT_EQ(handle_->create("7", occ::as_bytes("y")).version, 1);
}
TEST_P(StoringFloor, source_larger_than_the_first_is_rejected_and_changes_nothing) {
  handle_->index("7", occ::as_bytes("small"));
  const std::string large(5000, 'l');
  EXPECT_EQ(handle_->index("7", occ::as_bytes(large)).cause, Cause::source_too_large);
  EXPECT_EQ(handle_->index("8", occ::as_bytes(large)).cause, Cause::source_too_large);
  const auto grow = [&](const DocumentView&, Source& next) {
    next.assign(occ::as_bytes(large));
    return Transformed::write;
  };
  EXPECT_EQ(handle_->update("7", grow, {}).cause, Cause::source_too_large);
  EXPECT_EQ(handle_->get("7", read_).result, Result::found);
  EXPECT_EQ(read_.source.text(), "small");
}
TEST_P(StoringFloor, update_of_either_form_adds) {
  const std::uint64_t zero = 0;
  EXPECT_EQ(handle_->update("7", add_one, {}).result, Result::not_found);
  EXPECT_EQ(handle_->update("7", add_one, {.upsert = as_bytes(zero)}).result, Result::created);
  EXPECT_EQ(handle_->update("7", add_one, {.form = UpdateForm::in_place}).result, Result::updated);
  EXPECT_EQ(handle_->update("7", add_one, {.form = UpdateForm::optimistic}).result, Result::updated);
  handle_->get("7", read_);
  EXPECT_EQ(to_number(read_.source.bytes()), 2U);
  EXPECT_TRUE(balance(handle_->counters()));
}
INSTANTIATE_TEST_SUITE_P(Floors, StoringFloor, testing::Values("floor_plain", "floor_word"),
                         [](const auto& floor) { return std::string(floor.param); });

/// 64 times the same number, so that a torn read shows.
using Repeated = std::array<std::uint64_t, 64>;
Repeated repeated_in(Bytes source) {
  Repeated numbers{};
  EXPECT_EQ(source.size(), sizeof numbers);
  if (source.size() == sizeof numbers) std::memcpy(numbers.data(), source.data(), sizeof numbers);
  return numbers;
}
constexpr auto add_one_to_each = [](const DocumentView& current, Source& next) {
  Repeated numbers = repeated_in(current.source);
  for (std::uint64_t& number : numbers) ++number;
  next.assign(std::as_bytes(std::span(numbers)));
  return Transformed::write;
};

TEST(FloorWord, racing_threads_lose_no_update_and_tear_no_read) {
  const auto table = make_table("floor_word");
  const std::uint64_t updates = scaled(30'000);
  run_threads(4, [&](std::size_t thread) {
    const auto handle = table->handle();
    const Repeated zeros{};
    Document read;
    for (std::uint64_t i = 0; i < updates; ++i) {
      const UpdateForm form = (i + thread) % 2 == 0 ? UpdateForm::in_place : UpdateForm::optimistic;
      const std::string id = std::to_string(i % 2);
      const Outcome outcome =
          handle->update(id, add_one_to_each,
                         {.retry_on_conflict = 1'000'000, .form = form, .upsert = std::as_bytes(std::span(zeros))});
      ASSERT_TRUE(outcome.wrote());
      ASSERT_GT(outcome.word, outcome.decided_on);
      ASSERT_EQ(handle->get(id, read).result, Result::found);
      const Repeated numbers = repeated_in(read.source.bytes());
      ASSERT_EQ(std::ranges::count(numbers, static_cast<std::uint64_t>(read.version) - 1), std::ssize(numbers));
    }
    ASSERT_TRUE(balance(handle->counters()));
  });
  const auto handle = table->handle();
  Document read;
  std::uint64_t sum = 0;
  for (const char* const id : {"0", "1"}) {
    handle->get(id, read);
    sum += repeated_in(read.source.bytes()).front();
  }
  EXPECT_EQ(sum, 4 * updates - 2);
}

}  // namespace
}  // namespace occ
