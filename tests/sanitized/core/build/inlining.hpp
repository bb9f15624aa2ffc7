/// Stands in for core/build/inlining.hpp in builds with a sanitizer, for which gcc 12 would need minutes.
#pragma once

#define OCCKIT_INLINE_WHOLE
#define OCCKIT_INLINE
#define OCCKIT_INLINE_LAMBDA
#define OCCKIT_NOT_INLINE
