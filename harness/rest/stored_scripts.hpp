#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace occ {

/// Scripts that clients have put under an id (`PUT /_scripts/{id}`). Thread-safe.
class StoredScripts {
 public:
  struct Stored {
    std::string lang;
    std::string source;
  };
  /// More are refused: they are kept until somebody deletes them.
  static constexpr std::size_t kMaxScripts = 10'000;

  /// False if there are kMaxScripts.
  bool put(std::string_view id, Stored script) {
    auto shared = std::make_shared<const Stored>(std::move(script));
    const std::lock_guard lock(mutex_);
    if (scripts_.size() == kMaxScripts && !scripts_.contains(id)) return false;
    scripts_.insert_or_assign(std::string(id), std::move(shared));
    return true;
  }
  /// Null if there is none.
  [[nodiscard]] std::shared_ptr<const Stored> find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto at = scripts_.find(id);
    return at == scripts_.end() ? nullptr : at->second;
  }
  /// False if there was none.
  bool remove(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto at = scripts_.find(id);
    if (at == scripts_.end()) return false;
    scripts_.erase(at);
    return true;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Stored>, std::less<>> scripts_;
};

}  // namespace occ
