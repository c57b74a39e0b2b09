#pragma once
// The composition root: the one place that knows every layer.

#include "boot/command_line.h"
#include "boot/memblock.h"
#include "pool/mempool.h"
#include "port/machine.h"
#include "report/snapshot.h"
#include "slab/heap.h"
#include "slab/quarantine.h"
#include "sync/rcu.h"
#include "sync/shuffle.h"
#include "system/boot_memory.h"
#include "vmap/io_space.h"
#include "vmap/kmap.h"

/// Does kmem serve every malloc() of the process? Then the program may not know of kmem, and its own handlers and sandbox have
/// priority. faces/malloc sets it to true.
extern "C" KMEM_HIDDEN bool kmem_serves_malloc;

namespace kmem {

/// All parts, in the order of initialisation.
struct System {
  Machine machine;
  BootOptions options;
  BootMemory boot_memory;
  SheafPool sheaves;
  PageAllocator pages;
  Quarantine quarantine;
  SlabWorld world;
  Dice dice;
  GuardedPool guarded;
  Heap heap;
  Atomic<uint32_t> slow_reasons;
  Rcu rcu;
  PoolWorld pool_world;
  PoolList pools;
  Vmap vmap;
  IoSpace io;
  Kmap kmap;

  CallCounts counts;  // for the boot word `stats`, besides those of the caches

  /// Constructs it again in place.
  static void* operator new(size_t, System* where) { return where; }
};

extern System the_system;
/// Valid after boot().
System& system();
inline BootMemory& boot_memory() { return system().boot_memory; }

/// Boots kmem, once; cheap afterwards. False: boot failed, or this thread is in the middle of it.
bool boot();
/// Has boot() succeeded?
bool is_up();
/// Is this thread in the middle of boot()?
bool booting_here();

#ifdef KMEM_SIM
/// Resets everything to the state before boot(), for tests that run several simulated machines.
void sim_reset();
#endif

/// Why calls take the slow path.
enum SlowReason : uint32_t {
  kForStats = 1,        // to count them
  kForChecks = 2,       // objects come from their slabs and return to them, checked
  kForFaults = 4,       // allocations may be made to fail
  kForContexts = 8,     // to check the context of each call
  kForSeals = 32,       // objects are sealed: slab/hardened_path.h has their fast paths
  kForProfile = 64,     // to count bytes to the next sample: slab/profiled_path.h has fast paths too
  kForFreeWatch = 128,  // to tell of each free: watch/free_watch.h
  kForPatterns = 16,    // to fill allocated and freed blocks (mallopt's M_PERTURB)
};
/// The fast paths are open while no reason holds. Any context; calls that have already started are not affected.
void set_fast_paths(SlowReason why, FastPath path);

/// Are the fast paths closed only for counting? Then the slow paths first do the same as the fast ones.
bool only_counted();

/// From now on the program's n-th failure point fails, as `nth` says.
void start_fail_nth(const FailNth& nth);

/// Before a fork, and after it in the parent: the locks are held across the fork, so that their data is consistent in the
/// child.
void before_fork();
void after_fork_in_parent();
/// Did a boot word request checks at the end? Then they may make system calls. Valid after boot().
bool checks_were_asked_for();
/// Does any other task of the process run?
enum class OtherTasks : uint8_t { None, Some };
/// At the end of a process: reports mistakes that were not detected before, by Heap::drain_sheaves() and Heap::validate().
void look_at_the_end(OtherTasks others);

/// In the child of a fork: repairs what other threads of the parent have left unfinished.
void after_fork();

/// At the end of the program, once: leak_report=exit.
void report_leaks_at_exit();

/// From now on reports accesses to inaccessible memory, if the program has no handler of its own.
void watch_accesses();

/// Runs every walker; for tests and the debugger, on a quiet system.
Fault check_system();

/// Runs the parts of an inspection one after the other. For this process it just calls them; for a copy of another process,
/// which may be inconsistent or damaged, it ends a part that crashes or loops, and continues with the next.
struct Parts {
  using Work = void (*)(void* of);
  bool (*run)(void* self, const char* part, const char* name, Work work, void* of) = nullptr;
  void* self = nullptr;

  /// False: the part did not run to its end.
  template <typename F>
  bool operator()(const char* part, const char* name, F work) const {
    if (!run) return work(), true;
    return run(
        self, part, name, [](void* of) { (*static_cast<F*>(of))(); }, &work);
  }
};

/// As kmem_take_snapshot(), but of system() in any state, up or not.
void take_snapshot(SystemSnapshot& out, const Parts& parts = {});

/// Only the structures, or also the patterns of all objects.
enum class Validated : bool { Structures, Objects };
/// The result of validate_system().
struct Validation {
  static constexpr size_t kMost = 64;
  bool done = false;
  size_t nr = 0;  // number of entries below; further ones are only reported
  ViolationSnapshot violations[kMost];
  uint64_t damaged = 0;  // objects of debugged caches with damaged patterns
};
/// Runs every walker, checks all objects of debugged caches, and reports each violation. On a quiet system. Later calls return
/// the first result, because the end of a program may call this several times. Validated::Structures if the memory also belongs
/// to another process, because damage around objects would be repaired.
const Validation& validate_system(Validated what = Validated::Objects, const Parts& parts = {});

/// Starts or stops profiling as requested (watch/profile.h). For slow paths; any context.
void follow_profile();

/// The slow paths of malloc and free: any size and pointer; they boot kmem if needed. `counted`: as in SampledBlocks::malloc().
void* slow_malloc(size_t size, Contents contents, Counted counted = Counted::No);
void* slow_malloc_aligned(size_t size, size_t align);
/// Frees a block of kmem, and reports an invalid free. False: the pointer was never kmem's. In the hardened levels it also
/// checks the family: kfree() is for blocks of kmalloc() and caches, free() for those of malloc().
bool slow_free(void* p, Family by = Family::Malloc);
/// The same with the block's size, which is checked.
bool slow_free_sized(void* p, size_t size);

// Defined by a face that has pools and RCU frees; the core works without it.

/// PoolWorld::poisonable.
[[gnu::weak]] size_t poisonable_element(const Mempool& pool, void* element, unsigned char*& memory);
/// Frees a block after a grace period, whichever allocator it is from.
[[gnu::weak]] void free_behind_readers(void* block);

}  // namespace kmem
