#pragma once
// Shadow CPUs: the words of threads that have no restartable sequences.
//
// The first nr_cpus of them are shared: a thread tries one's lock for a single call, and uses another path if it is taken. Each
// of the others can be owned by a thread (kmem_port/own_shadow.h). The shared ones serve threads without their own: if there
// are more threads than shadows, a thread that is ending, a child in its parent's memory, a thread that a debugger
// single-steps.

#include "port/cpu_stack.h"

namespace linux_port {

/// At boot: the number of areas of words for so many CPUs, the CPUs' own included.
uint32_t nr_areas_for(uint32_t nr_cpus);

/// This thread's own shadow; claims one if it has none and may claim. False: it has none.
bool own_shadow(kmem::CpuId& shadow);
/// A shared shadow.
kmem::CpuId shared_shadow();
/// Releases the thread's own shadow; it may not claim another.
void give_own_shadow_up();

bool replace_on_shadow(kmem::CpuId shadow, kmem::Slot slot, uint64_t expected, uint64_t desired);
void* pop_on_shadow(kmem::CpuId shadow, kmem::Slot slot);
kmem::Push push_on_shadow(kmem::CpuId shadow, kmem::Slot slot, const void* p);

}  // namespace linux_port
