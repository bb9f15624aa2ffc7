#pragma once

/// Before a function: all that it calls is inlined, whatever its size. A macro so that the models of the memory orders,
/// whose atomics are large, can do without: gcc 12 needs minutes for them, or fails.
#define OCCKIT_INLINE_WHOLE [[gnu::flatten]]
