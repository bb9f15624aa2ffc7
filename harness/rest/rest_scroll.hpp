#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace occ {

/// What is left of a search that a client reads page by page: rest_scroll.cpp knows what is in it.
struct Scroll;

/// The scrolls of one node. Thread-safe. Their number is bounded, and so is the memory that they keep alive; one that
/// nobody has asked for during its keep-alive time goes when the next one is opened or asked for.
class Scrolls {
 public:
  /// As Elasticsearch's search.max_open_scroll_context.
  static constexpr std::size_t kMaxScrolls = 500;
  /// Of what scrolls alone hold, all together: hits, and views that are not the one of the scroll that is opened. By
  /// default.
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 30;

  explicit Scrolls(std::size_t most_bytes);
  ~Scrolls();
  Scrolls(const Scrolls&) = delete;
  Scrolls& operator=(const Scrolls&) = delete;

  /// Its number. Throws Failure: 429 beyond the limits.
  std::uint64_t open(std::shared_ptr<Scroll> scroll, std::int64_t now_ms);
  /// Null if there is none, or none any more. Its keep-alive time begins anew, or is the one given from now on.
  [[nodiscard]] std::shared_ptr<Scroll> find(std::uint64_t number, std::int64_t now_ms,
                                             std::optional<std::int64_t> keep_alive_ms);
  /// True if there was one.
  bool close(std::uint64_t number);
  /// How many there were.
  std::size_t close_all();

 private:
  void forget_expired(std::int64_t now_ms);  // under mutex_

  const std::size_t most_bytes_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Scroll>> scrolls_;
  std::uint64_t opened_ = 0;
};

}  // namespace occ
