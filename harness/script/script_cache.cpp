#include "harness/script/script_cache.hpp"

#include <utility>

namespace occ {

std::shared_ptr<const Script> ScriptCache::find(std::string_view source) {
  const auto at = places_.find(source);
  if (at == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, at->second);
  return at->second->script;
}

void ScriptCache::keep(std::string_view source, std::shared_ptr<const Script> script) {
  entries_.push_front({std::string(source), std::move(script)});
  places_.emplace(entries_.front().source, entries_.begin());
  bytes_ += source.size();
  while (entries_.size() > kMaxScripts || bytes_ > kMaxBytes) {
    bytes_ -= entries_.back().source.size();
    places_.erase(entries_.back().source);
    entries_.pop_back();
  }
}

std::shared_ptr<const Script> ScriptCache::find_or_compile(std::string_view source) {
  {
    const std::lock_guard lock(mutex_);
    if (auto found = find(source)) return found;
  }
  // Nobody waits for another one's script; two may compile the same.
  auto script = std::make_shared<const Script>(source);
  const std::lock_guard lock(mutex_);
  if (auto found = find(source)) return found;
  keep(source, script);
  return script;
}

std::size_t ScriptCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace occ
