#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/document.hpp"
#include "harness/workload/counter_source.hpp"
#include "harness/workload/doc_id.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

/// The documents that a table is filled with: ids and initial sources by index, and how to read a source back. Either
/// computed from the index, or loaded from a file. Read-only after construction, so shared by all threads.
class Documents {
 public:
  /// `count` documents; throws BadInput if a layout does not fit into `body_bytes`. With 0 bytes and the layout
  /// `counter`, sources are empty and count nothing: `_version` has to do.
  static Documents generated(SourceLayout layout, std::uint64_t count, std::size_t body_bytes, std::string json_field);

  /// The index and create actions of a `_bulk` file (NDJSON); each id once. Sources are JSON objects in which
  /// `json_field` is absent or a whole number of 0 or more. Throws BadInput with the line.
  static Documents load(const std::filesystem::path& file, std::string json_field);
  /// As load, of a text; `name` stands for the file in messages.
  static Documents parse(std::string_view text, std::string_view name, std::string json_field);

  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] bool loaded() const { return !ids_.empty(); }
  [[nodiscard]] SourceLayout layout() const { return layout_; }
  [[nodiscard]] const std::string& json_field() const { return json_field_; }
  /// Of JSON: every document has that field from the beginning.
  [[nodiscard]] bool all_have_counter() const;
  /// Bytes of a source; the mean if it was loaded, the length that the others lie around if it changes.
  [[nodiscard]] std::size_t body_bytes() const { return body_bytes_; }

  /// The view is good until `buffer` is used again.
  [[nodiscard]] std::string_view id(std::uint32_t index, DocId& buffer) const {
    return ids_.empty() ? buffer(index) : std::string_view(ids_[index]);
  }

  /// The source that document `index` begins with.
  void write_initial(std::uint32_t index, Source& into) const;

  /// How long the source of document `index` is under that value of its counter; not of JSON.
  [[nodiscard]] std::size_t bytes_of(std::uint32_t index, std::uint64_t counter) const {
    return layout_ == SourceLayout::resizing ? CounterSource::resized_bytes(index, counter, body_bytes_) : body_bytes_;
  }

  /// Cheap look at a source that was read while others wrote: false if it cannot be what anybody wrote there.
  [[nodiscard]] bool whole(std::uint32_t index, Bytes source) const;

  /// By how much a source's counter has grown since the beginning, after a look at every byte of it; nothing if it is
  /// not a source of document `index`. 0 of an empty source. `scratch` is overwritten.
  [[nodiscard]] std::optional<std::int64_t> increments(std::uint32_t index, Bytes source, Source& scratch) const;

 private:
  SourceLayout layout_ = SourceLayout::counter;
  std::uint32_t count_ = 0;
  std::size_t body_bytes_ = 0;
  std::string json_field_;
  std::vector<std::string> ids_;
  std::vector<std::string> sources_;
};

/// The whole number in `field` of a JSON object, 0 if absent; nothing if the text is not such an object.
std::optional<std::int64_t> json_counter(std::string_view text, const std::string& field);

}  // namespace occ
