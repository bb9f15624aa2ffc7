#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>

namespace occ {

/// Raises this process's limit on open files, as far as the system lets it, so that `connections` and some files more
/// fit.
inline void allow_open_files(std::size_t connections) noexcept {
  constexpr rlim_t kOthers = 64;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, connections + kOthers);
  if (wanted <= limit.rlim_cur) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace occ
