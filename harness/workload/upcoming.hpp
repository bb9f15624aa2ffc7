#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "harness/workload/distribution.hpp"
#include "harness/workload/doc_id.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

/// What one thread does next: documents, each with its id, and what is done with it, in the order in which they were
/// drawn.
///
/// Ids are put together some time before they are used, as those of any caller are who got them with a request. One that
/// is put together just before the call is still in the store buffer when it is hashed, and hashing reads it in words
/// that overlap each other: a load that lies in no single store waits until the stores before it have left the buffer,
/// those of the operation before included, which keeps the cache misses of two operations from overlapping.
class Upcoming {
 public:
  struct Step {
    OperationKind kind = OperationKind::get;
    std::uint32_t index = 0;
    /// Good until the next call of draw().
    std::string_view id;
  };

  explicit Upcoming(const Documents& documents) : documents_(documents) {}
  Upcoming(const Upcoming&) = delete;
  Upcoming& operator=(const Upcoming&) = delete;

  /// next() needs a draw() first.
  [[nodiscard]] bool empty() const noexcept { return at_ == ahead_.end(); }

  template <class Choose>
  void draw(IndexRing& ring, Choose&& choose_kind) {
    for (std::size_t i = 0; i < kAhead; ++i) {
      ahead_[i].kind = choose_kind();
      ahead_[i].index = ring.next();
      ahead_[i].id = documents_.id(ahead_[i].index, ids_[i]);
    }
    at_ = ahead_.begin();
  }

  [[nodiscard]] const Step& next() noexcept { return *at_++; }
  /// The one that next() gave last comes once more.
  void again() noexcept { --at_; }

 private:
  static constexpr std::size_t kAhead = 64;

  const Documents& documents_;
  std::array<Step, kAhead> ahead_;
  std::array<DocId, kAhead> ids_;
  const Step* at_ = ahead_.end();
};

}  // namespace occ
