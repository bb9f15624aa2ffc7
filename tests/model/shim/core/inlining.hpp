#pragma once

/// Model atomics are too large to be inlined everywhere.
#define OCCKIT_INLINE_WHOLE
