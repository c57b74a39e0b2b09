#pragma once
// The port's per-CPU words: one step on this CPU's copy of a variable.
//
// As with the stacks (port/cpu_stack.h) a restartable sequence ends in one store, so what crosses the port is the step.
// The port supplies, in <kmem_port/cpu_local_impl.h>, struct CpuLocalImpl with the static functions that the concept
// below asks for.  The copy of CPU n of the variable at address a lies at a + distance(n); kmem_percpu_distances[n] is
// that distance, or 0 while the copy is somebody's: no step enters it then.
//
//   try_op(access, old)      the step; false, and nothing done, where the copy is somebody's or the task has no
//   sequences try_add_while(...)       the same, and only while *word == expected: adds n to 8 bytes.  Refused answers
//   both try_take(cpu)            sets this CPU's distance to 0 in one step: from then on the copy is the caller's
//   alone.  False
//                            where it was 0 already, or without sequences
//   here()                   the CPU that we are on, or were a moment ago
//   join()                   inline steps of this task (<linux/percpu.h>) may begin; false where it has no sequences
//   leave()                  they may not: each takes the slow way
//   use_none()               no sequences from now on (at boot)

#include "base/attributes.h"
#include "base/types.h"

namespace kmem {

/// Of a variable at address a: the copy of CPU n is at a + kPercpuDistance + n * kPercpuStride.  Not a multiple of any
/// object's size in particular: an object, or a chunk, has up to kPercpuStride bytes.
inline constexpr uint64_t kPercpuDistance = uint64_t{64} << 20;
inline constexpr uint64_t kPercpuStride = uint64_t{64} << 10;
constexpr uint64_t percpu_distance(uint32_t copy) { return kPercpuDistance + copy * kPercpuStride; }

enum class CpuOp : uint8_t { Read, Write, Add, And, Or, Xchg, Cmpxchg, AddReturn };

/// One step: `size` (1, 2, 4, 8) bytes at `variable`, plus a distance.  Old is what was found; AddReturn: what is there
/// now; of the others nothing.
struct CpuAccess {
  char* variable = nullptr;
  CpuOp op{};
  uint8_t size = 8;
  uint64_t value = 0;     // what to write, add ...
  uint64_t expected = 0;  // Cmpxchg
};

}  // namespace kmem

/// By CPU, and two zeros before it: for the numbers -1 and -2 of a thread without sequences.
extern "C" KMEM_EXPORT const uint64_t* const kmem_percpu_distances;

#include "kmem_port/cpu_local_impl.h"

namespace kmem {
template <typename L>
concept CpuLocalPort = requires(const CpuAccess& access, uint64_t& old, uint32_t& cpu, char* p, const uint64_t* word) {
  {static_cast<bool>(L::try_op(access, old))};
  {static_cast<bool>(L::try_add_while(p, uint64_t{1}, word, uint64_t{0}))};
  {static_cast<bool>(L::try_take(cpu))};
  {static_cast<uint32_t>(L::here())};
  {static_cast<bool>(L::join())};
  {L::leave()};
  {L::use_none()};
};
static_assert(CpuLocalPort<CpuLocalImpl>, "the port's CpuLocalImpl lacks a function that the core needs");
using CpuLocal = CpuLocalImpl;
}  // namespace kmem
