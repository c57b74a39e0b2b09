#pragma once
// What a cache has on one node.

#include "slab/barn.h"
#include "slab/node_slabs.h"

namespace kmem {

struct alignas(kCacheLine) CacheNode {
  Barn barn;
  NodeSlabs slabs;
};

}  // namespace kmem
