#pragma once

#include "harness/http/http_exchange.hpp"
#include "harness/rest/rest_api.hpp"

namespace occ {

/// A session behind HTTP.
class RestHandler final : public RequestHandler {
 public:
  explicit RestHandler(Node& node) : session_(node) {}
  void answer(const Request& request, Response& response) override { session_.handle(request, response); }
  void tick() override { session_.renew(); }

 private:
  Session session_;
};

}  // namespace occ
