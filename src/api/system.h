#pragma once
// The composition root: the one place that knows every layer.

#include "boot/command_line.h"
#include "boot/memblock.h"
#include "port/machine.h"
#include "slab/heap.h"

namespace kmem {

/// Everything, in the order in which it comes to life.
struct System {
  Machine machine;
  BootOptions options;
  SheafPool sheaves;
  PageAllocator pages;
  SlabWorld world;
  Heap heap;

  // Counted only where the boot word `stats` asks for it; see slab/fast_path.h.
  Counter allocs, frees;
  Counter slow_allocs, slow_frees;
};

/// The system; boot() first.
System& system();

/// Brings kmem up, once; cheap afterwards.  False: it cannot be, or this thread is in the middle of it.
bool boot();

#ifdef KMEM_SIM
/// Everything as it was before boot(): for tests that switch on one simulated machine after another.
void sim_reset();
#endif

/// In the child of a fork: what other threads of the parent were in the middle of will not go on.
void after_fork();

/// Runs every walker; for tests and the debugger, on a quiet system.
Fault check_system();

/// The slow halves of malloc and free: every size and pointer, boot included.
void* slow_malloc(size_t size, bool zero);
/// Frees what is ours, reports what is a mistake.  False: the pointer was never ours.
bool slow_free(void* p);
[[gnu::cold]] void report_bad_free(const void* p);

}  // namespace kmem
