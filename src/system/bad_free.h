#pragma once
// Invalid frees are classified and reported here, and nowhere else.

#include "slab/block.h"

namespace kmem {

/// Frees a block that was classified, or reports why it cannot be freed.  False: it is Foreign, and nothing was done.
bool free_block(void* p, const Block& block);
/// Reports a block of malloc() that is freed by kfree(), and the reverse; the block is freed nevertheless.
void check_family(const void* p, const Block& block, Family by);

/// For p where no block begins: reports what p is. A block of another kmem of the process is freed there. For callers that have
/// not classified p.
[[gnu::cold]] void report_bad_free(const void* p);
/// The same for p that is known to be Foreign, because slow_free() returned false.
[[gnu::cold]] void report_foreign_free(const void* p);

}  // namespace kmem
