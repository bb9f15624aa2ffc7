#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

namespace occ {

/// Makes `acceptor` listen on an IP address, version 4 or 6, and a port, 0 for any. Throws BadInput if it cannot.
void listen_on(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address, std::uint16_t port);

/// "http://127.0.0.1:9200"
[[nodiscard]] std::string url_of(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace occ
