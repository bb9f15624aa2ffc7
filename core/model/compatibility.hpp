#pragma once

#include <cstdint>

namespace occ {

/// Which Elasticsearch's requests and texts are spoken. The table's rules are the same for all.
enum class Compatibility : std::uint8_t {
  v6,  ///< `?version=N` (internal) is a precondition of writes; reasons begin with the type: `[_doc][id]`
  v7,  ///< `?version=N` (internal) on a write is a bad request; answers carry `_type`
  v8,  ///< as v7, without types
};

}  // namespace occ
