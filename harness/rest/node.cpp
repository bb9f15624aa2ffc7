#include "harness/rest/node.hpp"

#include <chrono>
#include <utility>

#include "harness/support/write_parameters.hpp"

namespace occ {
namespace {

std::uint64_t scrambled(std::uint64_t x) noexcept {
  // SplitMix64's finaliser.
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111eb;
  return x ^ (x >> 31U);
}

/// `length` characters, a bijection of `number` for 11 and more of them.
std::string base64_name(std::uint64_t number, std::size_t length) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name;
  std::uint64_t bits = scrambled(number);
  std::size_t left = 64;
  while (name.size() < length) {
    name += kAlphabet[bits & 63U];
    bits >>= 6U;
    left = left < 6 ? 0 : left - 6;
    if (left == 0) {
      bits = scrambled(number ^ (std::uint64_t{name.size()} << 56U));
      left = 64;
    }
  }
  return name;
}

}  // namespace

SettingTexts Index::kept_settings() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

void Index::keep_settings(const SettingTexts& settings, bool preserve) {
  const std::lock_guard lock(mutex_);
  for (const auto& [setting, value] : settings) {
    if (preserve && kept_.contains(setting)) continue;
    if (value.empty()) {
      kept_.erase(setting);
    } else {
      kept_[setting] = value;
    }
  }
  const auto interval = kept_.find("index.refresh_interval");
  views.set_interval(interval == kept_.end() ? SearchViews::kDefaultIntervalMs
                                             : parse_time_ms(interval->first, interval->second));
}

Node::Node(NodeOptions options) : options_(std::move(options)) {}

std::shared_ptr<const Node::Indices> Node::indices() const {
  const std::lock_guard lock(mutex_);
  return indices_;
}

void Node::publish(std::shared_ptr<const Indices> indices) {
  indices_ = std::move(indices);
  // release: whoever reads this generation and then takes the mutex gets this map or a later one.
  generation_.fetch_add(1, std::memory_order_release);
}

std::pair<std::shared_ptr<Index>, bool> Node::create(std::string_view name, const IndexSettings& settings) {
  const std::lock_guard lock(mutex_);
  if (const auto at = indices_->find(name); at != indices_->end()) return {at->second, false};
  if (indices_->size() == kMaxIndices) return {nullptr, false};
  auto index = std::make_shared<Index>();
  index->name = name;
  index->uuid = base64_name(++indices_made_, 22);
  index->copies.store(1 + settings.replicas, std::memory_order_relaxed);          // relaxed: published with the map
  index->gc_deletes_ms.store(settings.gc_deletes_ms, std::memory_order_relaxed);  // relaxed: as above
  index->keep_settings(settings.kept, false);
  index->table = options_.make_table({.shards = settings.shards,
                                      .gc_deletes_ms = settings.gc_deletes_ms,
                                      .clock = options_.clock,
                                      .compatibility = options_.compatibility});
  auto indices = std::make_shared<Indices>(*indices_);
  indices->emplace(name, index);
  publish(std::move(indices));
  return {std::move(index), true};
}

bool Node::remove(std::string_view name) {
  std::shared_ptr<const Indices> before;  // goes after the lock: a table may go with it
  const std::lock_guard lock(mutex_);
  before = indices_;
  const auto at = indices_->find(name);
  if (at == indices_->end()) return false;
  auto indices = std::make_shared<Indices>(*indices_);
  indices->erase(at->first);
  publish(std::move(indices));
  return true;
}

std::string Node::make_id() {
  return base64_name(ids_made_.fetch_add(1, std::memory_order_relaxed), 20);  // relaxed: only uniqueness is needed
}

std::int64_t Node::wall_clock_ms() const {
  if (options_.manual_clock) return options_.manual_clock->now_ms();
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
}

void Handles::Held::note(std::string_view id, bool created, bool deleted) {
  if (!created) return log->written(deleted);
  if (!log->created(id)) return;
  log->tidy(index->logs.deletes(),
            [this](std::string_view each) { return handle->get(each, document).result == Result::found; });
}

Handles::Handles(Node& node) : node_(node), generation_(node.generation()), indices_(node.indices()) {}

void Handles::renew() {
  const std::uint64_t now = node_.generation();
  if (now == generation_) return;
  generation_ = now;
  indices_ = node_.indices();
  std::erase_if(held_, [this](const auto& held) {
    const auto at = indices_->find(held.first);
    return at == indices_->end() || at->second != held.second.index;
  });
}

void Handles::refresh(std::string_view name) {
  if (Held* held = find(name)) held->index->views.refresh(held->view_source(), node_.options().clock->now_ms());
}

void Handles::finish_refresh(std::string_view name) {
  if (Held* held = find(name)) held->index->views.finish_refresh(held->view_source(), node_.options().clock->now_ms());
}

Handles::Held* Handles::find(std::string_view name) {
  renew();
  if (const auto at = held_.find(name); at != held_.end()) return &at->second;
  const auto index = indices_->find(name);
  if (index == indices_->end()) return nullptr;
  Held held{index->second, index->second->table->handle(), {}, index->second->logs.take()};
  return &held_.try_emplace(index->first, std::move(held)).first->second;
}

}  // namespace occ
