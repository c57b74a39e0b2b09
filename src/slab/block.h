#pragma once
// What the heap knows about an address.

#include "base/types.h"

namespace kmem {

class Cache;

/// Guarded: in the guarded pool; `bytes` is not 0 if an object begins there.
enum class BlockKind : uint8_t { Foreign, Object, Run, Mapped, Inside, Free, Pages, Guarded };

/// The functions that allocated a block, if that is known.
enum class Family : uint8_t { Unknown, Malloc, Kmalloc, OwnCache };

/// The required contents of a new block.
enum class Contents : uint8_t { Any, Zero };

struct Block {
  BlockKind kind = BlockKind::Foreign;
  Cache* cache = nullptr;  // Object, Guarded
  size_t bytes = 0;        // usable
};

}  // namespace kmem
