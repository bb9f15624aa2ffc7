#pragma once

#include <string>
#include <string_view>

namespace occ {

/// A document as its table keeps it: the source as it was sent, and behind it, where there is one, the routing between
/// two NULs, which no JSON has. Without one it is the source alone, and told apart by its last byte.
struct StoredDocument {
  std::string_view source;
  std::string_view routing;
};

[[nodiscard]] inline StoredDocument read_stored(std::string_view kept) noexcept {
  if (kept.empty() || kept.back() != '\0') return {kept, {}};
  const auto end = kept.find('\0');
  return {kept.substr(0, end), kept.substr(end + 1, kept.size() - end - 2)};
}

/// `source` itself, or written to `storage` with its routing.
[[nodiscard]] inline std::string_view to_stored(std::string_view source, std::string_view routing,
                                                std::string& storage) {
  if (routing.empty()) return source;
  storage.assign(source);
  storage.push_back('\0');
  storage.append(routing);
  storage.push_back('\0');
  return storage;
}

}  // namespace occ
