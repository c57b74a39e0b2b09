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

/// For boot().
void start_percpu(const Machine& machine);

}  // namespace kmem
