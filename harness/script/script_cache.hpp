#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "harness/script/script.hpp"

namespace occ {

/// Scripts by their text, compiled once; those that were asked for last are kept. Thread-safe.
class ScriptCache {
 public:
  static constexpr std::size_t kMaxScripts = 256;
  /// Of text, all together: a tree takes some hundred times as much.
  static constexpr std::size_t kMaxBytes = std::size_t{512} << 10;

  /// Throws what Script's constructor throws, each time anew.
  [[nodiscard]] std::shared_ptr<const Script> find_or_compile(std::string_view source);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string source;
    std::shared_ptr<const Script> script;
  };

  [[nodiscard]] std::shared_ptr<const Script> find(std::string_view source);  // under mutex_
  void keep(std::string_view source, std::shared_ptr<const Script> script);   // under mutex_

  mutable std::mutex mutex_;
  std::list<Entry> entries_;                                                 ///< the one asked for last comes first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;  ///< by the sources in entries_
  std::size_t bytes_ = 0;
};

}  // namespace occ
