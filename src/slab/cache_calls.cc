#include "slab/cache_calls.h"

#include "slab/cache_node.h"
#include "slab/sheaf_layer.h"
#include "slab/slab_layer.h"
#include "slab/slab_world.h"

namespace kmem {
namespace {

BarnPart& this_part(const SlabLayer& slabs) {
  const Barn& barn = slabs.node(slabs.local_node()).barn;
  return barn.part(barn.here());
}

uint64_t sum_of(const SlabLayer& slabs, Counter BarnPart::*counter) {
  uint64_t sum = 0;
  for (unsigned n = 0; n < slabs.nr_nodes(); ++n) sum += slabs.node(n).barn.sum(counter);
  return sum;
}

}  // namespace

void CallCounting::count_alloc() const {
  if (KMEM_UNLIKELY(slabs_->world().counts != nullptr)) this_part(*slabs_).allocs.add();
}

void CallCounting::count_free() const {
  if (KMEM_UNLIKELY(slabs_->world().counts != nullptr)) this_part(*slabs_).frees.add();
}

// Reads frees first, so that they never exceed the allocations.
CacheCalls CallCounting::read() const {
  CacheCalls calls;
  calls.frees = sum_of(*slabs_, &BarnPart::frees);
  calls.allocs = sum_of(*slabs_, &BarnPart::allocs);
  calls.refills = sum_of(*slabs_, &BarnPart::nr_refills);
  calls.drains = sum_of(*slabs_, &BarnPart::nr_drains);
  const auto slow = [&](uint64_t counted, uint64_t exchanges) {
    return slabs_->world().counts && (!sheaves_->on() || counted < exchanges) ? counted : exchanges;
  };
  calls.slow_allocs = slow(calls.allocs, calls.refills);
  calls.slow_frees = slow(calls.frees, calls.drains);
  return calls;
}

void CallCounting::hand_over() const {
  if (CallCounts* all = slabs_->world().counts) {
    const CacheCalls calls = read();
    all->allocs.add(calls.allocs);
    all->frees.add(calls.frees);
    all->slow_allocs.add(calls.slow_allocs);
    all->slow_frees.add(calls.slow_frees);
  }
  for (unsigned n = 0; n < slabs_->nr_nodes(); ++n) slabs_->node(n).barn.reset_counters();
}

}  // namespace kmem
