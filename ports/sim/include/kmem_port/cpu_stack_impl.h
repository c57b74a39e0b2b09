#pragma once
// Per-CPU stacks on a simulated machine: the words and sheaves of port/layout.h; every instruction of a sequence is a step.
//
// A sequence restarts if its task was preempted, migrated or interrupted between its first step and its last, or if
// another CPU fenced it.  Several CPUs share one thread of the host, so a sequence on another CPU stays in flight
// while this one goes on, as it does on a real machine.

#include "base/attributes.h"
#include "port/no_own_shadow.h"

namespace kmem {

uint32_t cpu_hint();

struct CpuStackSequences {
  static void* try_pop(char* base, Slot slot);
  static void* try_pop_counted(char* base, Slot slot, size_t bytes, bool& due);
  static Push try_push(char* base, Slot slot, const void* p);
  static unsigned try_pop_some(char* base, Slot slot, void** out, unsigned n);
  static unsigned try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit);

  /// As in the other ports: the distance to the slab's end, times 2^32 / size, tells whether it is a multiple of size.
  template <ptrdiff_t kDivisors>
  static Push try_push_object(char* base, Slot slot, const void* p) {
    const auto* divisor = reinterpret_cast<const uint32_t*>(base + kDivisors) + size_t{2} * slot.index;
    const uint32_t to_end = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p)) | divisor[0];
    return to_end * divisor[1] < divisor[1] ? try_push(base, slot, p) : Push::Inside;
  }
};

}  // namespace kmem

#include "port/cpu_stack_by_sequences.h"
