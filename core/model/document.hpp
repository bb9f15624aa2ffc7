#pragma once

#include <cstdint>
#include <string_view>

#include "core/model/seq_no_term.hpp"
#include "core/model/source.hpp"

namespace occ {

/// Limits, in bytes. The id limit is Elasticsearch's (IndexRequest.validate); the source limit is this kit's.
inline constexpr std::size_t kMaxIdBytes = 512;
inline constexpr std::size_t kMaxSourceBytes = std::size_t{16} << 20;

/// `_version` as a request and an answer carry it: a Java long. Live versions are 1 or more (0 or more when external).
using Version = std::int64_t;
inline constexpr Version kVersionNotFound = -1;

/// A document as a read hands it out: the whole source is copied into the caller's buffer together with the `_version`
/// and the word that belong to it. One object used for many reads allocates only when a source is larger than all
/// before it.
struct Document {
  Version version = kVersionNotFound;
  SeqNoTerm word;
  Source source;
};

/// The same without ownership, valid only during the call that hands it out.
struct DocumentView {
  Version version = kVersionNotFound;
  SeqNoTerm word;
  Bytes source;
};

/// What is known of one id at one instant, without its source.
struct State {
  enum class Kind : std::uint8_t { absent, live, tombstone };

  Kind kind = Kind::absent;
  Version version = kVersionNotFound;
  /// The last write's word; vacant if the id was never written.
  SeqNoTerm word;
  /// Milliseconds of the table's clock; tombstones only.
  std::int64_t deleted_at_ms = 0;

  [[nodiscard]] constexpr bool live() const noexcept { return kind == Kind::live; }
};

}  // namespace occ
