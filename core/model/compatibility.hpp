#pragma once

#include <cstdint>

namespace occ {

/// Which Elasticsearch's rules, requests and texts are followed.
enum class Compatibility : std::uint8_t {
  v6,  ///< `?version=N` (internal) is a precondition of writes; a tombstone's number can be named by `if_seq_no`; reasons
       ///< begin with the type: `[_doc][id]`
  v7,  ///< `?version=N` (internal) on a write is a bad request; answers carry `_type`
  v8,  ///< as v7, without types
};

}  // namespace occ
