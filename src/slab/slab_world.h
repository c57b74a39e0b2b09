#pragma once
// What caches use of the system.

#include "slab/seal.h"
#include "watch/counters.h"

namespace kmem {

class Cache;
class DebugWords;
class Dice;
class GuardedPool;
class PageAllocator;
class Quarantine;
class Rcu;
class SheafPool;
struct Divisor;

/// Counts of every call, fast or slow, with the boot word `stats`.
struct CallCounts {
  Counter allocs, frees;
  Counter slow_allocs, slow_frees;  // those that no CPU's sheaf served
};

/// Closed: every call takes the slow path. Counted: allocations do, and first try the paths of slab/profiled_path.h.
enum class FastPath : uint8_t { Open, Closed, Counted };

/// One for all caches.
struct SlabWorld {
  PageAllocator* pages = nullptr;
  SheafPool* sheaves = nullptr;
  uint8_t* frame_class = nullptr;  // the frame table: by pfn
  Divisor* divisors = nullptr;     // by class
  uint32_t* class_sizes = nullptr;
  bool direct = false;         // no sheaves: every object comes from its slab and returns to it, checked
  bool init_on_alloc = false;  // with direct
  bool init_on_free = false;
  bool tells = false;                 // with direct: the host's checker is told about every object
  Rcu* rcu = nullptr;                 // for caches that keep their slabs for readers
  GuardedPool* guarded = nullptr;     // for sampled allocations; may be null
  bool random_order = false;          // objects of a slab are allocated in random order
  SealStates seals{};                 // if on, objects of caches without debugging are sealed (hardened levels 1 and 2)
  bool zeroes = false;                // sealed objects are zero while free, and wait in a quarantine
  bool guards_slabs = false;          // a slab of sealed objects begins with an inaccessible page
  Dice* dice = nullptr;               // sealed: for a random order
  uint64_t kmalloc_copies = 0;        // the secret that chooses among copies of kmalloc's caches; 0: there are none
  const DebugWords* debug = nullptr;  // which caches are debugged, besides those with debug flags
  Quarantine* quarantine = nullptr;   // of debugged caches
  Cache* caches = nullptr;            // by id; for objects that leave the quarantine
  uint64_t red_key = 0;               // key of the red zones' bytes
  /// Reports the free of an object that was not out.
  void (*report_double_free)(const Cache& cache, const void* object) = nullptr;
  FastPath fast_path = FastPath::Open;
  /// Calls that no cache counts: of large blocks, and of destroyed caches. Null: calls are not counted.
  CallCounts* counts = nullptr;
};

}  // namespace kmem
