#pragma once

/// Model atomics are too large to be inlined everywhere.
#define OCCKIT_INLINE_WHOLE
#define OCCKIT_INLINE
#define OCCKIT_INLINE_LAMBDA
#define OCCKIT_NOT_INLINE
