#include "harness/workload/documents.hpp"

#include <algorithm>
#include <unordered_set>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/bulk_parser.hpp"
#include "harness/support/json_text.hpp"
#include "harness/support/read_file.hpp"

namespace occ {
namespace {

/// Of a document that is loaded: from there a run counts on, and must not come to 2^63.
constexpr std::int64_t kMostLoadedCounter = std::int64_t{1} << 62;

std::optional<std::int64_t> counter_in(const Json& object, const std::string& field) {
  const auto at = object.find(field);
  if (at == object.end()) return 0;
  if (!at->is_number_integer() || *at < 0) return std::nullopt;
  return at->get<std::int64_t>();
}

/// The text without the field, for comparing everything else.
std::optional<Json> without(std::string_view text, const std::string& field) {
  Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  object.erase(field);
  return object;
}

}  // namespace

std::optional<std::int64_t> json_counter(std::string_view text, const std::string& field) {
  const Json object = Json::parse(text, nullptr, false);
  return object.is_object() ? counter_in(object, field) : std::nullopt;
}

Documents Documents::generated(SourceLayout layout, std::uint64_t count, std::size_t body_bytes,
                               std::string json_field) {
  const std::size_t least = layout == SourceLayout::stock      ? CounterSource::kLeastStockBytes
                            : layout == SourceLayout::counter  ? CounterSource::kLeastBytes
                            : layout == SourceLayout::resizing ? 2 * CounterSource::kLeastBytes
                                                               : 64;
  const bool empty = layout == SourceLayout::counter && body_bytes == 0;
  if ((body_bytes < least && !empty) || body_bytes > kMaxSourceBytes) {
    throw BadInput(fmt::format("--body {}: accepted are {}{} to {} bytes with transform {}", body_bytes,
                               layout == SourceLayout::counter ? "0 and " : "", least, kMaxSourceBytes,
                               kSourceLayouts[static_cast<std::size_t>(layout)]));
  }
  if (layout == SourceLayout::json && (json_field == "document" || json_field == "filler")) {
    throw BadInput(fmt::format("--json-field {}: generated documents have a field of that name; accepted is any other",
                               json_field));
  }
  Documents documents;
  documents.layout_ = layout;
  documents.count_ = static_cast<std::uint32_t>(count);
  documents.body_bytes_ = body_bytes;
  documents.json_field_ = std::move(json_field);
  return documents;
}

Documents Documents::load(const std::filesystem::path& file, std::string json_field) {
  return parse(read_file(file), file.string(), std::move(json_field));
}

Documents Documents::parse(std::string_view text, std::string_view name, std::string json_field) {
  Documents documents;
  documents.layout_ = SourceLayout::json;
  documents.json_field_ = std::move(json_field);
  std::unordered_set<std::string> seen;
  std::size_t bytes = 0;

  const auto take = [&](const BulkEntry& entry) {
    const auto refuse = [&](std::size_t line, const std::string& why) {
      return BadInput(fmt::format("--load: {}:{}: {}", name, line, why));
    };
    if (entry.action != BulkEntry::Action::index && entry.action != BulkEntry::Action::create) {
      throw refuse(entry.line, "only index and create actions can be loaded");
    }
    if (!entry.id) throw refuse(entry.line, "an _id is needed");
    if (entry.id->empty() || entry.id->size() > kMaxIdBytes) {
      throw refuse(entry.line, fmt::format("an id of {} bytes; accepted are 1 to {}", entry.id->size(), kMaxIdBytes));
    }
    if (entry.source.size() > kMaxSourceBytes) {
      throw refuse(entry.source_line,
                   fmt::format("a source of {} bytes; accepted are up to {}", entry.source.size(), kMaxSourceBytes));
    }
    try {
      check_json_object(entry.source);
    } catch (const JsonError& error) {
      throw refuse(entry.source_line, error.what());
    }
    std::string storage;
    const std::string_view source = plain_json(entry.source, storage, LoneSurrogates::replace);
    const auto counter = json_counter(source, documents.json_field_);
    if (!counter || *counter < 0 || *counter > kMostLoadedCounter) {
      throw refuse(entry.source_line,
                   fmt::format("field '{}' is not a whole number from 0 to {}; --json-field names another",
                               documents.json_field_, kMostLoadedCounter));
    }
    if (!seen.insert(*entry.id).second) throw refuse(entry.line, fmt::format("id '{}' comes twice", *entry.id));
    documents.ids_.push_back(*entry.id);
    documents.sources_.emplace_back(source);
    bytes += source.size();
  };
  try {
    for_each_bulk_entry(text, take);
  } catch (const BulkError& error) {
    throw BadInput(fmt::format("--load: {}:{}: {}", name, error.line, error.what()));
  }
  if (documents.ids_.empty()) throw BadInput(fmt::format("--load: '{}' holds no documents", name));
  documents.count_ = static_cast<std::uint32_t>(documents.ids_.size());
  documents.body_bytes_ = bytes / documents.ids_.size();
  return documents;
}

bool Documents::all_have_counter() const {
  return std::ranges::all_of(sources_,
                             [this](const std::string& source) { return Json::parse(source).contains(json_field_); });
}

void Documents::write_initial(std::uint32_t index, Source& into) const {
  if (loaded()) return into.assign(as_bytes(sources_[index]));
  if (body_bytes_ == 0) return into.assign({});
  if (layout_ != SourceLayout::json) {
    return CounterSource::write(index, bytes_of(index, 0), layout_ == SourceLayout::stock, into);
  }
  std::string text = Json{{"document", index}, {json_field_, 0}, {"filler", ""}}.dump();
  if (text.size() < body_bytes_) {
    text.insert(text.size() - 2, body_bytes_ - text.size(), static_cast<char>('a' + index % 26));
  }
  into.assign(as_bytes(text));
}

bool Documents::whole(std::uint32_t index, Bytes source) const {
  if (body_bytes_ == 0) return source.empty();
  if (layout_ == SourceLayout::resizing) {
    return CounterSource::whole(index, source) && source.size() == bytes_of(index, CounterSource::counter(source));
  }
  if (layout_ != SourceLayout::json) return CounterSource::whole(index, source);
  return source.size() >= 2 && source.front() == std::byte{'{'} && source.back() == std::byte{'}'};
}

std::optional<std::int64_t> Documents::increments(std::uint32_t index, Bytes source, Source& scratch) const {
  if (body_bytes_ == 0) return source.empty() ? std::optional<std::int64_t>(0) : std::nullopt;
  if (layout_ != SourceLayout::json) {
    if (source.size() < CounterSource::kLeastBytes) return std::nullopt;
    const std::uint64_t counter = CounterSource::counter(source);
    if (!CounterSource::intact(index, bytes_of(index, counter), layout_ == SourceLayout::stock, source, scratch))
      return std::nullopt;
    return static_cast<std::int64_t>(counter);
  }
  write_initial(index, scratch);
  const auto before = json_counter(scratch.text(), json_field_);
  const auto after = json_counter(as_text(source), json_field_);
  if (!before || !after) return std::nullopt;
  if (without(scratch.text(), json_field_) != without(as_text(source), json_field_)) return std::nullopt;
  return *after - *before;
}

}  // namespace occ
