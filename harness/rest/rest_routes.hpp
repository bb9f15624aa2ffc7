#pragma once

#include "harness/rest/rest_call.hpp"

namespace occ {

/// What answers a request's path and method. Throws Failure: 400 for a path that nothing answers, 405 with the methods
/// that are allowed, 501 for what Elasticsearch has there and the kit has not.
[[nodiscard]] Answering find_route(const Request& request, Compatibility compatibility);

}  // namespace occ
