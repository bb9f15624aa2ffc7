#include "harness/http/server_address.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

constexpr std::string_view kAccepted =
    "accepted are http://HOST:PORT and https://HOST:PORT, as in http://127.0.0.1:9200 or http://[::1]:9200";

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::string base64(std::string_view text) {
  std::vector<unsigned char> encoded((text.size() + 2) / 3 * 4 + 1);
  const int size = EVP_EncodeBlock(encoded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  return {encoded.begin(), encoded.begin() + size};
}

/// A header's value: what ends it early would be another header.
void check_printable(const char* name, std::string_view value) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(value, is_control)) throw BadInput(fmt::format("{}: holds a control character", name));
}

std::string authorization() {
  const std::string_view user = variable(kUserVariable);
  const std::string_view password = variable(kPasswordVariable);
  const std::string_view key = variable(kApiKeyVariable);
  if (!key.empty() && !(user.empty() && password.empty())) {
    throw BadInput(fmt::format("--url: {} is set and {} too; accepted is a user with a password, or an API key",
                               kApiKeyVariable, user.empty() ? kPasswordVariable : kUserVariable));
  }
  if (user.empty() != password.empty()) {
    throw BadInput(fmt::format("--url: {} is set without {}; accepted are both, or neither",
                               user.empty() ? kPasswordVariable : kUserVariable,
                               user.empty() ? kUserVariable : kPasswordVariable));
  }
  if (!key.empty()) {
    check_printable(kApiKeyVariable, key);
    return fmt::format("ApiKey {}", key);
  }
  if (user.empty()) return {};
  if (user.find(':') != user.npos) throw BadInput(fmt::format("{}: a user's name has no ':'", kUserVariable));
  return fmt::format("Basic {}", base64(fmt::format("{}:{}", user, password)));
}

}  // namespace

std::string ServerAddress::host_and_port() const {
  const bool bracketed = host.find(':') != host.npos;
  return fmt::format(fmt::runtime(bracketed ? "[{}]:{}" : "{}:{}"), host, port);
}

std::string ServerAddress::url() const {
  return (tls ? "https://" : "http://") + host_and_port();
}

bool ServerAddress::is_loopback() const {
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address(host, not_an_address);
  return not_an_address ? host == "localhost" : address.is_loopback();
}

ServerAddress read_server_address(std::string_view url) {
  if (url.find('@') != url.npos) {
    throw BadInput(
        fmt::format("--url: a user and a password do not belong on a command line; set {} and {}, or {}, and "
                    "leave out what stands before the '@'",
                    kUserVariable, kPasswordVariable, kApiKeyVariable));
  }
  const auto refuse = [url](std::string_view why) {
    return BadInput(fmt::format("--url '{}': {}; {}", url, why, kAccepted));
  };
  ServerAddress address;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    address.tls = true;
    rest.remove_prefix(std::string_view("https://").size());
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(std::string_view("http://").size());
  } else {
    throw refuse("neither http:// nor https://");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#") != rest.npos) throw refuse("a path");

  const auto colon = rest.rfind(':');
  std::string_view host = rest.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (colon == rest.npos || rest.ends_with(']') || (!bracketed && host.find(':') != host.npos)) {
    throw refuse("no port");
  }
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':';
  };
  if (host.empty() || !std::ranges::all_of(host, fits)) throw refuse("no name of a host");
  const std::string_view digits = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc{} || end != digits.data() + digits.size() || address.port == 0) {
    throw refuse("the port is not a whole number from 1 to 65535");
  }
  address.host = host;
  address.authorization = authorization();
  return address;
}

}  // namespace occ
