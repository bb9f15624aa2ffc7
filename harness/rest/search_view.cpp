#include "harness/rest/search_view.hpp"

#include <algorithm>
#include <utility>

namespace occ {

const ViewDocument* SearchView::find(std::string_view id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second.get();
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
  source.logs.for_each_id([&](std::string_view id) {
    if (view->by_id_.contains(id) || source.handle.get(id, source.buffer).result != Result::found) return;
    std::shared_ptr<const ViewDocument> document;
    // A document that was not written since is shared with the view before.
    if (const auto before = view_->by_id_.find(id);
        before != view_->by_id_.end() && before->second->word == source.buffer.word) {
      document = before->second;
    } else {
      document = std::make_shared<const ViewDocument>(ViewDocument{std::string(id), source.table.shard_of(id),
                                                                   source.buffer.version, source.buffer.word,
                                                                   std::string(source.buffer.source.text())});
    }
    view->bytes_ += sizeof(ViewDocument) + document->id.size() + document->source.size();
    const std::string_view key = document->id;
    view->by_id_.emplace(key, std::move(document));
  });
  view->documents_.reserve(view->by_id_.size());
  for (const auto& [id, document] : view->by_id_) view->documents_.push_back(document.get());
  std::ranges::sort(view->documents_, [](const ViewDocument* a, const ViewDocument* b) {
    return a->shard != b->shard ? a->shard < b->shard : a->word.seq_no() < b->word.seq_no();
  });
  made_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count
  return view;
}

}  // namespace occ
