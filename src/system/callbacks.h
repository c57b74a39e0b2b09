#pragma once
// Callbacks of the lower layers into the system, passed as pointers when the layers are built.

#include "page/reclaim.h"
#include "pool/mempool.h"
#include "port/diagnosis.h"

namespace kmem {

class Cache;
struct BootOptions;
struct System;

/// For SlabWorld: reports the free of an object that was not out.
[[gnu::cold]] void report_double_free(const Cache& cache, const void* object);
/// Handles a refused access: reports one to the guarded pool or to the vmalloc window.  True: the page is accessible now, and
/// the access may be repeated.
bool caught_access(const BadAccess& access);
/// The callbacks of reclaim to the caches, and for an out-of-memory failure.
ReclaimHook reclaim_hook(System& system);
/// How memory pools allocate their tables, and what they may poison.
PoolWorld pool_world(const BootOptions& options, uint32_t nr_cpus);

}  // namespace kmem
