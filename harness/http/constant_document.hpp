#pragma once

#include <string_view>

#include "harness/http/http_exchange.hpp"

namespace occ {

/// What `occkit serve --constant` answers: the answer to a GET of one of the documents of harness/load/load.py.
inline constexpr std::string_view kConstantDocument =
    R"({"_index":"load","_type":"_doc","_id":"500","_version":1,"_seq_no":500,"_primary_term":1,"found":true,)"
    R"("_source":{"n":0,"text":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}})";

/// Answers every request with kConstantDocument: what a server costs that has nothing to do but HTTP.
class ConstantHandler final : public RequestHandler {
 public:
  void answer(const Request& /*request*/, Response& response) override { response.body = kConstantDocument; }
};

}  // namespace occ
