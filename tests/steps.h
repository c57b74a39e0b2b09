#pragma once
// Long walks on short machines.

namespace kmem::test {

/// How many of `n` steps of a long walk are taken: fewer on a bare machine, which is emulated and takes twenty times as long.
#ifdef KMEM_BARE
inline constexpr int kOneStepOf = 6;
#else
inline constexpr int kOneStepOf = 1;
#endif
constexpr int steps(int n) { return n / kOneStepOf; }

}  // namespace kmem::test
