#include "harness/http/listening.hpp"

#include <fmt/format.h>

#include "harness/support/bad_input.hpp"

namespace occ {

namespace asio = boost::asio;
using asio::ip::tcp;

void listen_on(tcp::acceptor& acceptor, const std::string& address_text, std::uint16_t port) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(address_text, error);
  if (error) throw BadInput(fmt::format("'{}' is not an IP address to listen on", address_text));
  const tcp::endpoint endpoint(address, port);
  const auto check = [&] {
    if (!error) return;
    throw BadInput(fmt::format("cannot listen on {}:{}: {}{}",
                               address.is_v6() ? "[" + address_text + "]" : address_text, port, error.message(),
                               error == asio::error::address_in_use ? "; --listen takes another port, 0 for any" : ""));
  };
  acceptor.open(endpoint.protocol(), error);
  check();
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  check();
  acceptor.bind(endpoint, error);
  check();
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  check();
}

std::string url_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return fmt::format(fmt::runtime(address.is_v6() ? "http://[{}]:{}" : "http://{}:{}"), address.to_string(),
                     endpoint.port());
}

}  // namespace occ
