#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/model/update.hpp"
#include "harness/workload/doc_id.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/increment.hpp"

namespace occ {

/// What a thread passes to one bulk call, and what the items point to; kept for its memory.
class Batch {
 public:
  /// What one item needs beside itself.
  struct Place {
    DocId id;
    std::uint32_t index = 0;
    Document read;
    Source next;
    Increment increment;
    Transform transform;

    Place(const Documents& documents, std::uint64_t think_ns) : increment(documents, think_ns), transform(increment) {}
  };

  Batch(const Documents& documents, std::size_t size, std::uint64_t think_ns) : documents_(documents) {
    places_.reserve(size);  // items point into it
    for (std::size_t i = 0; i < size; ++i) places_.emplace_back(documents, think_ns);
    items_.resize(size);
    indices_.resize(size);
    at_.resize(size);
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Items of `kind`, one for each place, of the documents that `next_index()` gives. Sources and options are the
  /// caller's to set.
  template <class NextIndex>
  void begin(BulkItem::Kind kind, NextIndex&& next_index) {
    size_ = places_.size();
    for (std::size_t i = 0; i < size_; ++i) {
      Place& place = places_[i];
      at_[i] = &place;
      place.index = indices_[i] = next_index();
      BulkItem& item = items_[i];
      item.kind = kind;
      item.id = documents_.id(place.index, place.id);
      item.precondition = {};
      item.document = &place.read;
      item.transform = &place.transform;
    }
  }

  /// Leaves the items for which `wanted(item, place)` says so.
  template <class Wanted>
  void keep(Wanted&& wanted) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      if (!wanted(items_[i], *at_[i])) continue;
      if (kept != i) {
        items_[kept] = items_[i];
        indices_[kept] = indices_[i];
        at_[kept] = at_[i];
      }
      ++kept;
    }
    size_ = kept;
  }

  /// Calls `take(item, place)` for each item.
  template <class Take>
  void for_each(Take&& take) {
    for (std::size_t i = 0; i < size_; ++i) take(items_[i], *at_[i]);
  }

  [[nodiscard]] std::span<BulkItem> items() noexcept { return std::span(items_).first(size_); }
  [[nodiscard]] std::span<const std::uint32_t> indices() const noexcept { return std::span(indices_).first(size_); }

  /// Sources that nobody can have written, seen by the transforms.
  [[nodiscard]] std::uint64_t torn() const noexcept {
    std::uint64_t sum = 0;
    for (const Place& place : places_) sum += place.increment.torn();
    return sum;
  }

 private:
  const Documents& documents_;
  std::vector<Place> places_;
  std::size_t size_ = 0;
  std::vector<BulkItem> items_;
  std::vector<std::uint32_t> indices_;
  std::vector<Place*> at_;
};

}  // namespace occ
