#pragma once
// CpuStackImpl of a port that has restartable sequences: included at the end of its <kmem_port/cpu_stack_impl.h>, behind
// CpuStackSequences and OwnStack.

#include "base/atomic.h"

namespace kmem {

struct CpuStackImpl : CpuStackSequences {
  using Own = OwnStack;
  using CpuStackSequences::try_pop;
  using CpuStackSequences::try_pop_some;
  using CpuStackSequences::try_push;
  using CpuStackSequences::try_push_some;
  static KMEM_INLINE void* try_pop(Slot slot) { return try_pop(kmem_base, slot); }
  static KMEM_INLINE Push try_push(Slot slot, const void* p) { return try_push(kmem_base, slot, p); }
  static KMEM_INLINE unsigned try_pop_some(Slot slot, void** out, unsigned n) { return try_pop_some(kmem_base, slot, out, n); }
  static KMEM_INLINE unsigned try_push_some(Slot slot, void* const* in, unsigned n, Fit fit) {
    return try_push_some(kmem_base, slot, in, n, fit);
  }

  static uint64_t* words(CpuId cpu) { return reinterpret_cast<uint64_t*>(kmem_base + cpu.value * kCpuStride); }
  static uint64_t word(CpuId cpu, Slot slot) {
    KMEM_STEP();
    return __atomic_load_n(&words(cpu)[slot.index], __ATOMIC_ACQUIRE);
  }

  static void* pop(Slot slot);
  static Push push(Slot slot, const void* p);
  static KMEM_INLINE uint32_t hint() { return cpu_hint(); }
  static CpuId where();
  static bool replace(CpuId cpu, Slot slot, uint64_t expected, uint64_t desired);
  static uint64_t take_shadow(CpuId shadow, Slot slot);
  static uint32_t nr_areas();
  static bool takes_by_fence(CpuId cpu);
  static bool is_at_work(CpuId cpu);
  static void after_fork();
  static void use_shadows_only();
};

}  // namespace kmem
