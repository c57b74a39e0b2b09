#pragma once
// Per-CPU stacks on a simulated machine: the words and sheaves of port/layout.h, and every instruction of a sequence a
// step of its own.
//
// A sequence restarts if its task was preempted, migrated or interrupted between its first step and its last, or if
// another CPU fenced it.  Several CPUs share one thread of the host, so a sequence on another CPU stays in flight
// while this one goes on, as it does on a real machine.

#include "base/attributes.h"

namespace kmem {

struct CpuStackImpl {
  static void* try_pop(Slot slot) { return try_pop(kmem_base, slot); }
  static Push try_push(Slot slot, const void* p) { return try_push(kmem_base, slot, p); }
  static void* try_pop(char* base, Slot slot);
  static Push try_push(char* base, Slot slot, const void* p);

  static unsigned try_pop_some(Slot slot, void** out, unsigned n) { return try_pop_some(kmem_base, slot, out, n); }
  static unsigned try_push_some(Slot slot, void* const* in, unsigned n, Fit fit) { return try_push_some(kmem_base, slot, in, n, fit); }
  static unsigned try_pop_some(char* base, Slot slot, void** out, unsigned n);
  static unsigned try_push_some(char* base, Slot slot, void* const* in, unsigned n, Fit fit);

  /// As in the other ports: the distance to the slab's end, times 2^32 / size, tells whether it is a multiple of size.
  template <ptrdiff_t kDivisors>
  static Push try_push_object(char* base, Slot slot, const void* p) {
    const auto* divisor = reinterpret_cast<const uint32_t*>(base + kDivisors) + size_t{2} * slot.index;
    const uint32_t to_end = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p)) | divisor[0];
    return to_end * divisor[1] < divisor[1] ? try_push(base, slot, p) : Push::Inside;
  }

  static uint64_t* words(CpuId cpu) { return reinterpret_cast<uint64_t*>(kmem_base + cpu.value * kCpuStride); }
  static uint64_t word(CpuId cpu, Slot slot);

  static void* pop(Slot slot);
  static Push push(Slot slot, const void* p);
  static CpuId where();
  static bool replace(CpuId cpu, Slot slot, uint64_t expected, uint64_t desired);
  static uint64_t take_shadow(CpuId shadow, Slot slot);
  static void after_fork();
  static void use_shadows_only();
};

}  // namespace kmem
