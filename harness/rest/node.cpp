#include "harness/rest/node.hpp"

#include <chrono>
#include <utility>

#include "harness/rest/routing.hpp"
#include "harness/rest/shard_tables.hpp"
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

std::shared_ptr<const Aliases> Node::aliases() const {
  const std::lock_guard lock(mutex_);
  return aliases_;
}

void Node::change_aliases(FunctionRef<void(Indices&, Aliases&)> change) {
  std::shared_ptr<const Indices> before;  // goes after the lock: tables may go with it
  const std::lock_guard lock(mutex_);
  before = indices_;
  auto indices = std::make_shared<Indices>(*indices_);
  auto aliases = std::make_shared<Aliases>(*aliases_);
  change(*indices, *aliases);
  std::erase_if(*aliases, [](const auto& alias) { return alias.second.empty(); });
  publish(std::move(indices), std::move(aliases));
}

void Node::publish(std::shared_ptr<const Indices> indices, std::shared_ptr<const Aliases> aliases) {
  indices_ = std::move(indices);
  aliases_ = std::move(aliases);
  // release: whoever reads this generation and then takes the mutex gets these maps or later ones.
  generation_.fetch_add(1, std::memory_order_release);
}

std::unique_ptr<AnyTable> Node::make_table(const IndexSettings& settings) const {
  const TableOptions options{.shards = settings.shards,
                             .gc_deletes_ms = settings.gc_deletes_ms,
                             .clock = options_.clock,
                             .compatibility = options_.compatibility};
  if (settings.shards == 1) return options_.make_table(options);
  const bool before_7 = options_.compatibility == Compatibility::v6;
  return std::make_unique<ShardTables>(
      options_.make_table, options,
      settings.routing_shards > 0 ? settings.routing_shards : default_routing_shards(settings.shards, before_7));
}

std::pair<std::shared_ptr<Index>, bool> Node::create(std::string_view name, const IndexSettings& settings) {
  const std::lock_guard lock(mutex_);
  if (const auto at = indices_->find(name); at != indices_->end()) return {at->second, false};
  if (indices_->size() == kMaxIndices || aliases_->contains(name)) return {nullptr, false};
  auto index = std::make_shared<Index>();
  index->name = name;
  index->uuid = base64_name(++indices_made_, 22);
  index->copies.store(1 + settings.replicas, std::memory_order_relaxed);          // relaxed: published with the map
  index->gc_deletes_ms.store(settings.gc_deletes_ms, std::memory_order_relaxed);  // relaxed: as above
  index->keep_settings(settings.kept, false);
  index->mapping.put(settings.mapping);
  index->created_at_ms = wall_clock_ms();
  index->table = make_table(settings);
  auto indices = std::make_shared<Indices>(*indices_);
  indices->emplace(name, index);
  auto aliases = aliases_;
  if (!settings.aliases.empty()) {
    auto more = std::make_shared<Aliases>(*aliases_);
    for (const auto& [alias, what] : settings.aliases) (*more)[alias][index->name] = what;
    aliases = std::move(more);
  }
  publish(std::move(indices), std::move(aliases));
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
  auto aliases = std::make_shared<Aliases>(*aliases_);
  for (auto& [alias, targets] : *aliases) targets.erase(std::string(name));
  std::erase_if(*aliases, [](const auto& alias) { return alias.second.empty(); });
  publish(std::move(indices), std::move(aliases));
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

Handles::Handles(Node& node)
    : node_(node), generation_(node.generation()), indices_(node.indices()), aliases_(node.aliases()) {}

void Handles::Held::note(std::string_view key, bool created, bool deleted) {
  if (!created) return log->written(deleted);
  if (!log->created(key)) return;
  log->tidy(index->logs.deletes(),
            [this](std::string_view each) { return handle->get(each, document).result == Result::found; });
}

void Handles::renew() {
  const std::uint64_t now = node_.generation();
  if (now == generation_) return;
  generation_ = now;
  indices_ = node_.indices();
  aliases_ = node_.aliases();
  std::erase_if(held_, [this](const auto& held) {
    const auto at = indices_->find(held.first);
    return at == indices_->end() || at->second != held.second.index;
  });
}

const AliasTargets* Handles::find_alias(std::string_view name) {
  renew();
  const auto at = aliases_->find(name);
  return at == aliases_->end() ? nullptr : &at->second;
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
  Index& found = *index->second;
  Held held{index->second, found.table->handle(), {}, found.counts.take(found.table->shards()), found.logs.take()};
  return &held_.try_emplace(index->first, std::move(held)).first->second;
}

}  // namespace occ
