#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace occ {

/// The events to come, by `time`. Two levels, as in a ladder queue (Tang, Goh and Thng 2005): the next few are in a
/// heap that stays in the cache, later ones in buckets of equal width, unsorted, and those beyond the last bucket
/// together. So push and pop take constant time however many events there are.
///
/// `Event` has a member `double time`; it is copied about, so it should be small. An event is pushed no earlier than the
/// one that was popped last. Equal times come in no stated order, but in the same one for the same calls.
template <class Event>
class EventQueue {
 public:
  void push(const Event& event) {
    ++size_;
    const double bucket = (event.time - begin_) * buckets_per_s_;
    if (bucket < near_end_) {
      near_.push_back(event);
      std::push_heap(near_.begin(), near_.end(), later);
    } else if (bucket < static_cast<double>(buckets_.size())) {
      buckets_[static_cast<std::size_t>(bucket)].push_back(event);
    } else {
      far_.push_back(event);
    }
  }

  /// The earliest; there is one.
  Event pop() {
    if (near_.empty()) come_near();
    std::pop_heap(near_.begin(), near_.end(), later);
    const Event event = near_.back();
    near_.pop_back();
    --size_;
    return event;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t kEventsOfBucket = 64;
  static constexpr std::size_t kMostBuckets = 4096;

  static bool later(const Event& a, const Event& b) noexcept { return a.time > b.time; }

  void come_near() {
    for (;;) {
      while (next_ < buckets_.size() && buckets_[next_].empty()) ++next_;
      if (next_ < buckets_.size()) break;
      spread_far();
    }
    // Room that was needed once is given back: all buckets together would keep many times what there is.
    near_ = std::move(buckets_[next_]);
    buckets_[next_].clear();
    std::make_heap(near_.begin(), near_.end(), later);
    near_end_ = static_cast<double>(++next_);
  }

  /// Puts what was beyond the last bucket into new ones.
  void spread_far() {
    const auto [first, last] =
        std::minmax_element(far_.begin(), far_.end(), [](const Event& a, const Event& b) { return a.time < b.time; });
    begin_ = first->time;
    const double width = last->time - begin_;
    const std::size_t count = width > 0 ? std::clamp<std::size_t>(far_.size() / kEventsOfBucket, 1, kMostBuckets) : 1;
    // The last event lies in the last bucket, not at its end.
    buckets_per_s_ = width > 0 ? static_cast<double>(count) / width * (1 - 1e-9) : 0;
    buckets_.resize(std::max(buckets_.size(), count));
    next_ = 0;
    near_end_ = 0;
    for (const Event& event : far_)
      buckets_[static_cast<std::size_t>((event.time - begin_) * buckets_per_s_)].push_back(event);
    far_.clear();
  }

  std::vector<Event> near_;
  std::vector<std::vector<Event>> buckets_;
  std::vector<Event> far_;
  std::size_t size_ = 0;
  /// The bucket that comes near next, and what is before it.
  std::size_t next_ = 0;
  double near_end_ = 0;
  double begin_ = 0;
  double buckets_per_s_ = 0;
};

}  // namespace occ
