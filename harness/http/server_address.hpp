#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace occ {

/// Where a server is, and as whom to ask it.
struct ServerAddress {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  /// The value of the Authorization header; empty: none.
  std::string authorization;

  /// "http://127.0.0.1:9200", as it was given. Nothing secret is in it.
  [[nodiscard]] std::string url() const;
  /// "127.0.0.1:9200"
  [[nodiscard]] std::string host_and_port() const;
  [[nodiscard]] bool is_loopback() const;
};

/// The names of the environment variables that hold credentials. They come from nowhere else, since command lines are
/// seen by everybody on the machine and written into results.
inline constexpr const char* kUserVariable = "OCCKIT_URL_USER";
inline constexpr const char* kPasswordVariable = "OCCKIT_URL_PASSWORD";
inline constexpr const char* kApiKeyVariable = "OCCKIT_URL_API_KEY";

/// "http://HOST:PORT" or "https://HOST:PORT", with the credentials of the environment. Throws BadInput; a message never
/// repeats what could be a password.
ServerAddress read_server_address(std::string_view url);

}  // namespace occ
