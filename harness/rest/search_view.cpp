#include "harness/rest/search_view.hpp"

#include <algorithm>
#include <utility>

#include "harness/rest/shard_tables.hpp"
#include "harness/rest/stored_document.hpp"

namespace occ {

namespace {

std::shared_ptr<const ViewDocument> copied(std::string_view id, std::uint32_t shard, const Document& document) {
  auto copy = std::make_shared<ViewDocument>(ViewDocument{
      .id = std::string(id),
      .shard = shard,
      .version = document.version,
      .word = document.word,
      .kept = std::string(document.source.text()),
  });
  const StoredDocument parts = read_stored(copy->kept);
  copy->source = parts.source;
  copy->routing = parts.routing;
  return copy;
}

}  // namespace

const ViewDocument* SearchView::find(std::uint32_t shard, std::string_view id) const {
  if (shard >= by_shard_.size()) return nullptr;
  const auto at = by_shard_[shard].find(id);
  return at == by_shard_[shard].end() ? nullptr : at->second.get();
}

const FieldTypes& SearchView::field_types() const {
  std::call_once(types_found_, [this] {
    for (const ViewDocument* document : documents_) types_.add(parse_checked(document->source));
  });
  return types_;
}

std::shared_ptr<const SearchView> SearchViews::current(const Source& source, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  // acquire: pairs with want_refresh's release.
  const bool wanted = wanted_.exchange(false, std::memory_order_acquire);
  const std::int64_t interval_ms = interval_ms_.load(std::memory_order_relaxed);  // relaxed: a setting
  const bool is_old = interval_ms > 0 &&
                      (made_at_ms_ == std::numeric_limits<std::int64_t>::min() || now_ms - made_at_ms_ >= interval_ms);
  if (!wanted && !is_old) return view_;
  // Nobody has written since: it would be the same.
  if (source.logs.writes() != view_->writes_) view_ = make(source);
  made_at_ms_ = now_ms;
  return view_;
}

void SearchViews::refresh(const Source& source, std::int64_t now_ms) {
  want_refresh();
  finish_refresh(source, now_ms);
}

std::shared_ptr<const SearchView> SearchViews::make(const Source& source) {
  auto view = std::make_shared<SearchView>();
  view->writes_ = source.logs.writes();
  view->by_shard_.resize(source.table.shards());
  std::size_t count = 0;
  source.logs.for_each_id([&](std::string_view key) {
    // Two routings that lead to one shard lead to one document.
    const std::uint32_t shard = source.table.shard_of(key);
    const std::string_view id = id_of(key);
    SearchView::ById& by_id = view->by_shard_[shard];
    if (by_id.contains(id) || source.handle.get(key, source.buffer).result != Result::found) return;
    std::shared_ptr<const ViewDocument> document;
    // A document that was not written since is shared with the view before.
    if (shard < view_->by_shard_.size()) {
      const auto before = view_->by_shard_[shard].find(id);
      if (before != view_->by_shard_[shard].end() && before->second->word == source.buffer.word)
        document = before->second;
    }
    if (!document) document = copied(id, shard, source.buffer);
    view->bytes_ += sizeof(ViewDocument) + document->id.size() + document->kept.size();
    ++count;
    const std::string_view own_id = document->id;
    by_id.emplace(own_id, std::move(document));
  });
  view->documents_.reserve(count);
  for (const SearchView::ById& by_id : view->by_shard_) {
    for (const auto& [id, document] : by_id) view->documents_.push_back(document.get());
  }
  std::ranges::sort(view->documents_, [](const ViewDocument* a, const ViewDocument* b) {
    return a->shard != b->shard ? a->shard < b->shard : a->word.seq_no() < b->word.seq_no();
  });
  made_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count
  return view;
}

}  // namespace occ
