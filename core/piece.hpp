#pragma once

namespace occ {

/// 32 bytes anywhere, moved by one instruction where the processor has it.
using Piece [[gnu::vector_size(32), gnu::aligned(1), gnu::may_alias]] = char;

}  // namespace occ
