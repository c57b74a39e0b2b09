#pragma once
// The composition root: the one place that knows every layer.

#include "boot/command_line.h"
#include "boot/memblock.h"
#include "pool/mempool.h"
#include "port/machine.h"
#include "report/snapshot.h"
#include "slab/heap.h"
#include "sync/rcu.h"
#include "vmap/io_space.h"
#include "vmap/kmap.h"

/// Does every malloc of the process come here?  Such a process did not ask for us: its own handlers and its sandbox count.
/// preload/ says yes.
extern "C" KMEM_HIDDEN bool kmem_serves_malloc;

namespace kmem {

/// Everything, in the order in which it comes to life.
struct System {
  Machine machine;
  BootOptions options;
  SheafPool sheaves;
  PageAllocator pages;
  Quarantine quarantine;
  SlabWorld world;
  GuardedPool guarded;
  Heap heap;
  Atomic<uint32_t> diversions;
  Rcu rcu;
  PoolWorld pool_world;
  PoolList pools;
  Vmap vmap;
  IoSpace io;
  Kmap kmap;

  CallCounts counts;  // of the boot word `stats`, beside those of the caches

  /// Made anew where it is.
  static void* operator new(size_t, System* where) { return where; }
};

/// The system; boot() first.
System& system();

/// Brings kmem up, once; cheap afterwards.  False: it cannot be, or this thread is in the middle of it.
bool boot();
/// Is this thread in the middle of it?
bool booting_here();

#ifdef KMEM_SIM
/// Everything as it was before boot(): for tests that switch on one simulated machine after another.
void sim_reset();
#endif

/// Why calls take the long way instead of the fast paths.
enum Diversion : uint32_t {
  kForStats = 1,   // to count them
  kForChecks = 2,  // objects go straight to their slabs and back
  kForFaults = 4,  // what is asked for may be made to fail
  kForContexts = 8,  // to look at the context of each
};
/// The fast paths are open while no reason holds.  Any context; in a call that is on its way nothing changes.
void divert(Diversion why, bool on);

/// Are the fast paths closed for counting alone?  Then the slow ones do first what those would have done.
bool only_counted();

/// From now on the program's n-th failure point fails, counted where `nth` says.
void start_fail_nth(const FailNth& nth);

/// Before a fork, and after it in the parent: what is guarded by a lock is whole in the child.
void before_fork();
void after_fork_in_parent();
/// At the end of a process: the mistakes that were not met, as Heap::last_look() says.
void look_at_the_end(bool quiet);

/// In the child of a fork: what other threads of the parent were in the middle of will not go on.
void after_fork();

/// At the end of the program, once: what leak_report=exit asks for.
void report_leaks_at_exit();

/// Has touches of what nobody may touch reported from now on, where nobody else listens for them.
void watch_accesses();

/// Runs every walker; for tests and the debugger, on a quiet system.
Fault check_system();

/// What validate_system() found.
struct Validation {
  static constexpr size_t kMost = 64;
  bool done = false;
  size_t nr = 0;  // of those below; what comes after is reported and not kept
  ViolationSnapshot violations[kMost];
  uint64_t damaged = 0;  // objects of debugged caches that were written where nobody may
};
/// Runs every walker to its end, and looks at all objects of debugged caches: each violation is reported.  On a quiet
/// system; the answer is the same from the first call on, for the end of a program comes in several ways.
/// `objects`: false where memory is also another's, for what is wrong around them is put right.
const Validation& validate_system(bool objects = true);

/// The slow halves of malloc and free: every size and pointer, boot included.
void* slow_malloc(size_t size, bool zero);
/// Frees what is ours, reports what is a mistake.  False: the pointer was never ours.  Hardened, it also tells the calls of
/// one family from those of the other: kfree() takes what kmalloc() and caches gave, free() what malloc() gave.
bool slow_free(void* p, Family by = Family::Malloc);
/// The same for who says how large the block is.
bool slow_free_sized(void* p, size_t size);
/// For PoolWorld; beside the kernel's names for pools.
size_t poisonable_element(const Mempool& pool, void* element, unsigned char*& memory);
[[gnu::cold]] void report_bad_free(const void* p);

}  // namespace kmem
