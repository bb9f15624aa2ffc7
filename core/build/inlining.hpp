#pragma once

// Where the compiler draws the borders between functions decides what is handed over in memory, and what is written
// there in small stores and read in large loads waits until the stores have left the store buffer: a struct that is
// copied does, and so do all that a function gets or returns by reference. In the paths that are measured it is not left
// to chance. For the same reason their structs are not const (gcc 12 takes no const struct apart into registers) and go
// to rare functions by value.
//
// How short a path has to be is the processor's matter. The cache miss of the next operation begins while this one's is
// under way only if the instructions that wait for this one's line fit into the scheduler, some 80 on a Zen 5, and all
// of them into what else it has: about 430 instructions, 190 written registers, 100 stores. So what is computed from a
// document that has just been missed is counted most carefully: numbers that go together are compared as one word, what
// is rare is asked for once, by a comparison that catches all of it, and what was known before is not read again.
// `occkit_micro --benchmark_filter=look_ahead` shows the steps.
//
// Under a sanitizer nobody measures, and the models of the memory orders, whose atomics are large, do without: gcc 12
// needs minutes for them, or fails. Those builds find another core/build/inlining.hpp first (tests/sanitized, tests/model/shim).

/// OCCKIT_INLINE_WHOLE, before a function: all that it calls is inlined, whatever its size.
/// OCCKIT_INLINE: it is inlined wherever it is called.
/// OCCKIT_INLINE_LAMBDA, behind the parameters of a lambda: the same of it.
/// OCCKIT_NOT_INLINE: it is not; for what is rare, so that its needs do not burden the caller.
#define OCCKIT_INLINE_WHOLE [[gnu::flatten]]
#define OCCKIT_INLINE [[gnu::always_inline]]
#define OCCKIT_INLINE_LAMBDA __attribute__((always_inline))
#define OCCKIT_NOT_INLINE [[gnu::noinline]]
