/// The system's memory for models, which start and end a pool some hundred thousand times a second: what was unmapped
/// is used again.
#pragma once

#include_next <sys/mman.h>

#include <array>
#include <cstddef>
#include <utility>

namespace occ {

struct UnmappedMemory {
  void* start;
  std::size_t bytes;
};
inline std::array<UnmappedMemory, 16> unmapped_memory{};

inline void* mmap(void* address, std::size_t bytes, int protection, int flags, int file, int offset) {
  for (UnmappedMemory& memory : unmapped_memory) {
    if (memory.bytes == bytes) return std::exchange(memory, {}).start;
  }
  return ::mmap(address, bytes, protection, flags, file, offset);
}
inline int munmap(void* start, std::size_t bytes) {
  for (UnmappedMemory& memory : unmapped_memory) {
    if (memory.bytes != 0) continue;
    memory = {start, bytes};
    return 0;
  }
  return ::munmap(start, bytes);
}

}  // namespace occ
