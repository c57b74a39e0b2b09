#pragma once
// The objects of per-CPU memory. Not part of System: docs/decisions/per-cpu-tables.md.

#include "percpu/copies.h"
#include "percpu/objects.h"
#include "percpu/percpu_heap.h"

namespace kmem {

struct PercpuWorld {
  Copies copies;
  PercpuHeap heap;
  PercpuObjects objects;
};

extern PercpuWorld the_percpu;
/// Valid after boot().
PercpuWorld& percpu();

/// Has the caller declared that it must not migrate: preempt_disable(), a spin lock, local_irq_disable()?
bool is_pinned();
/// To be called when one of these ends: after the last one, releases the copy that the task took.
void end_pinning();

/// For boot().
void start_percpu(const Machine& machine);
/// Resets everything to the state before start_percpu().
void clear_percpu();

}  // namespace kmem
