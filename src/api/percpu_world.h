#pragma once
// Per-CPU memory, put together.  Not part of System: these tables are zero until they are used.

#include "percpu/copies.h"
#include "percpu/objects.h"
#include "percpu/percpu_heap.h"

namespace kmem {

struct PercpuWorld {
  Copies copies;
  PercpuHeap heap;
  PercpuObjects objects;
};

/// boot() first.
PercpuWorld& percpu();

/// Did the caller say that it must not be moved to another CPU: preempt_disable(), a spin lock, local_irq_disable()?
bool is_pinned();
/// When one of these ends: the copy that the task took for it goes back, if that was the last.
void end_pinning();

/// For boot().
void start_percpu(const Machine& machine);
/// All as it was before.
void clear_percpu();

}  // namespace kmem
