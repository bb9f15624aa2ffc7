#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/build/function_ref.hpp"
#include "core/model/document.hpp"
#include "core/model/outcome.hpp"
#include "core/model/precondition.hpp"

namespace occ {

/// What a transform wants done with the document (Elasticsearch's ctx.op: index, none, delete).
enum class Transformed : std::uint8_t { write, keep, remove };

/// Computes the next source from the current document, into `next`, whose former contents are unspecified. May run more
/// than once for one update, on any thread, and inside a lock; must therefore not call the table. If it throws, nothing
/// is written and the exception reaches the caller of update.
using Transform = FunctionRef<Transformed(const DocumentView& current, Source& next)>;

enum class UpdateForm : std::uint8_t {
  strategy_default,
  /// The transform runs where nobody can come between (inside the lock, at the owner): no conflict by construction.
  in_place,
  /// Read, transform, write under the condition that nothing changed, again on conflict: what Elasticsearch's `_update`
  /// does.
  optimistic,
};

struct UpdateOptions {
  /// Tries after the first one, so at most retry_on_conflict + 1 tries.
  std::uint32_t retry_on_conflict = 0;
  UpdateForm form = UpdateForm::strategy_default;
  /// none or seq_no_term (anything else is rejected): a live document that does not match is a conflict and is not
  /// tried again; an absent one is not_found.
  Precondition precondition;
  /// Written as a new document if there is no live one; then the transform is not run. Not together with a
  /// precondition.
  std::optional<Bytes> upsert;
};

/// One item of a bulk call. `outcome` is filled in; `document` must be set for get, `source` for index, `transform` for
/// update.
struct BulkItem {
  enum class Kind : std::uint8_t { get, index, remove, update };

  Kind kind = Kind::get;
  std::string_view id;
  Bytes source;
  Precondition precondition;
  const Transform* transform = nullptr;
  UpdateOptions options;
  Document* document = nullptr;
  Outcome outcome;
};

}  // namespace occ
