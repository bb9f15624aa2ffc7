#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/build/inlining.hpp"
#include "core/model/update.hpp"
#include "harness/support/cycle_clock.hpp"
#include "harness/support/json_text.hpp"
#include "harness/workload/counter_source.hpp"
#include "harness/workload/documents.hpp"

namespace occ {

/// The transform of a run: thinks, then writes the source with its counter raised by one. One per thread. What it says
/// of its last run holds once the update has returned, wherever it ran.
class Increment {
 public:
  Increment(const Documents& documents, std::uint64_t think_ns)
      : documents_(documents),
        think_ticks_(CycleClock::instance().to_ticks(think_ns)),
        plain_bytes_(think_ns == 0 && documents.layout() == SourceLayout::counter ? documents.body_bytes() : 0) {}

  /// To be called before an update of document `index`.
  void aim(std::uint32_t index) noexcept { index_ = index; }

  OCCKIT_INLINE Transformed operator()(const DocumentView& current, Source& next) {
    if (!is_plain(current.source)) [[unlikely]]
      return apply(current, next);
    next.assign(current.source);
    CounterSource::set_stamped_counter(next, CounterSource::counter(current.source) + 1);
    return Transformed::write;
  }
  /// The same in the buffer of a client that has read the document itself. `spare` is the client's too.
  OCCKIT_INLINE void in_place(Document& document, Source& spare) {
    if (!is_plain(document.source.bytes())) [[unlikely]]
      return replace(document, spare);
    CounterSource::set_stamped_counter(document.source, CounterSource::counter(document.source.bytes()) + 1);
  }

  /// The last run took a unit from the stock; otherwise it restocked.
  [[nodiscard]] bool sold() const noexcept { return sold_; }
  /// Sources that nobody can have written.
  [[nodiscard]] std::uint64_t torn() const noexcept { return torn_; }

 private:
  /// Whole, with nothing in it but a counter and its stamp, and nothing to think about.
  OCCKIT_INLINE bool is_plain(Bytes source) const noexcept {
    return source.size() == plain_bytes_ && CounterSource::stamped_whole(index_, source);
  }

  OCCKIT_NOT_INLINE void replace(Document& document, Source& spare) {
    apply({.version = document.version, .word = document.word, .source = document.source.bytes()}, spare);
    std::swap(document.source, spare);
  }

  /// Of any layout, and of sources that are not what they should be.
  OCCKIT_NOT_INLINE Transformed apply(const DocumentView& current, Source& next) {
    if (think_ticks_ != 0) think();
    if (documents_.layout() == SourceLayout::json) return add_one_in_json(current, next);
    if (documents_.layout() == SourceLayout::resizing) return resize(current, next);
    next.assign(current.source);
    if (documents_.body_bytes() == 0) {  // nothing to count in; the version does
      if (!next.bytes().empty()) ++torn_;
      return Transformed::write;
    }
    if (next.size() < CounterSource::kLeastBytes) {  // the null strategy's empty document
      CounterSource::write(index_, documents_.body_bytes(), documents_.layout() == SourceLayout::stock, next);
    } else if (!CounterSource::whole(index_, current.source)) {
      ++torn_;
    }
    CounterSource::set_counter(next, CounterSource::counter(next.bytes()) + 1);
    if (documents_.layout() == SourceLayout::stock) {
      const std::uint64_t units = CounterSource::units(next.bytes());
      sold_ = units > 0;
      CounterSource::set_units(next, sold_ ? units - 1 : CounterSource::kUnits);
    }
    return Transformed::write;
  }

  Transformed resize(const DocumentView& current, Source& next) {
    if (!documents_.whole(index_, current.source)) ++torn_;
    const bool has_counter = current.source.size() >= CounterSource::kLeastBytes;
    const std::uint64_t counter = has_counter ? CounterSource::counter(current.source) + 1 : 1;
    CounterSource::write(index_, documents_.bytes_of(index_, counter), false, next);
    CounterSource::set_counter(next, counter);
    return Transformed::write;
  }

  void think() const noexcept {
    const CycleClock& clock = CycleClock::instance();
    for (const std::uint64_t begin = clock.now(); clock.now() - begin < think_ticks_;) {
    }
  }

  Transformed add_one_in_json(const DocumentView& current, Source& next) {
    Json object = Json::parse(as_text(current.source), nullptr, false);
    if (!object.is_object()) {
      if (!current.source.empty()) ++torn_;  // the null strategy's is empty
      object = Json::object();
    }
    Json& field = object[documents_.json_field()];
    field = (field.is_number_integer() ? field.get<std::int64_t>() : 0) + 1;
    next.assign(as_bytes(object.dump()));
    return Transformed::write;
  }

  const Documents& documents_;
  std::uint64_t think_ticks_;
  /// Of every document, if there is nothing to think about and nothing in it but a counter; else 0.
  std::size_t plain_bytes_;
  std::uint32_t index_ = 0;
  std::uint64_t torn_ = 0;
  bool sold_ = false;
};

}  // namespace occ
