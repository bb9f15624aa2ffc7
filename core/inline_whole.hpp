#pragma once

/// Before a function: all that it calls is inlined, whatever its size. A macro so that the models of the memory orders,
/// whose atomics are large, can do without: gcc 12 needs minutes for them, or fails. Under a sanitizer nobody measures.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OCCKIT_INLINE_WHOLE
#else
#define OCCKIT_INLINE_WHOLE [[gnu::flatten]]
#endif
