#pragma once
// What a cache has on one node.

#include "slab/barn.h"
#include "slab/node_slabs.h"

namespace kmem {

struct alignas(kCacheLine) CacheNode {
  Barn barn;
  NodeSlabs slabs;
};

/// What one cache has on all nodes, and the parts of its barns: 2^log2_parts for each node, one node after the other.
struct CacheNodes {
  CacheNode* nodes = nullptr;
  BarnPart* parts = nullptr;
  unsigned log2_parts = 0;
};

}  // namespace kmem
