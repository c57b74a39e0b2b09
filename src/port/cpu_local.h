#pragma once
// The port's per-CPU words: one step on this CPU's copy of a variable.
//
// As with the stacks (port/cpu_stack.h) a restartable sequence ends in one store, so the port's operation is one step.
// The port defines the static functions of struct CpuLocalImpl. The copy of CPU n of the variable at address a lies at
// a + distance(n); kmem_percpu_distances[n] is that distance, or 0 while a task owns the copy: no step uses it then.
//
// * try_op(access, old): the step. False, and nothing done, if a task owns the copy or this task has no sequences.
// * try_add_while(...): adds n to 8 bytes, but only while *word == expected. False means either refusal of the above.
// * try_take(cpu): sets this CPU's distance to 0 in one step; from then on only the caller uses the copy. False if the
//   distance was 0 already, or without sequences.
// * here(): the CPU that the task is on, or was a moment ago.
// * join(): inline steps of this task (<linux/percpu.h>) may begin. False if it has no sequences.
// * leave(): they may not; each takes the slow path.
// * use_none(): no sequences from now on (at boot).

#include "base/attributes.h"
#include "base/types.h"

namespace kmem {

/// The copy for CPU n of a variable at address a is at a + kPercpuDistance + n * kPercpuStride. An object, or a chunk, has up
/// to kPercpuStride bytes.
inline constexpr uint64_t kPercpuDistance = uint64_t{64} << 20;
inline constexpr uint64_t kPercpuStride = uint64_t{64} << 10;
constexpr uint64_t percpu_distance(uint32_t copy) { return kPercpuDistance + copy * kPercpuStride; }

enum class CpuOp : uint8_t { Read, Write, Add, And, Or, Xchg, Cmpxchg, AddReturn };

/// One step: `size` (1, 2, 4, 8) bytes at `variable`, plus a distance.  Old returns the old value, AddReturn the new one, the
/// others nothing.
struct CpuAccess {
  char* variable = nullptr;
  CpuOp op{};
  uint8_t size = 8;
  uint64_t value = 0;     // what to write, add ...
  uint64_t expected = 0;  // Cmpxchg
};

}  // namespace kmem

/// The distances by CPU number, after two zeros for the CPU numbers -1 and -2 of a thread without sequences.
extern "C" KMEM_EXPORT const uint64_t* const kmem_percpu_distances;

namespace kmem {

struct CpuLocalImpl {
  static bool try_op(const CpuAccess& access, uint64_t& old);
  static bool try_add_while(char* variable, uint64_t n, const uint64_t* word, uint64_t expected);
  static bool try_take(uint32_t& cpu);
  static uint32_t here();
  static bool join();
  static void leave();
  static void use_none();
};
using CpuLocal = CpuLocalImpl;

}  // namespace kmem
