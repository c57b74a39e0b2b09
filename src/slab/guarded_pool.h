#pragma once
// A few objects, each alone on a page between two inaccessible pages: an access past the object's end, or after it was
// freed, faults at the instruction that makes it. (The kernel's KFENCE; GWP-ASan.) One allocation now and then is
// served from here, on the slow path only, so the cost is too small to measure and it may always be on. Over a long
// run, or many processes, mistakes are found where they are made.

#include "base/atomic.h"
#include "base/fault.h"
#include "page/gfp.h"
#include "port/port.h"
#include "slab/guarded_slot.h"
#include "slab/guarded_units.h"
#include "watch/counters.h"

namespace kmem {

class PageAllocator;
namespace guarded_report {
struct Subject;
}

/// Frames of the page allocator, allocated when the first object is sampled (slab/guarded_units.h says how they lie).  The
/// comment of GuardedSlot (slab/guarded_slot.h) explains the states of an object, and which thread may change them.
///
/// Lock-free; every function may be called in any context.
///
/// Invariants on a quiet system (walked by check()):
///   G1  an allocated object lies within its unit, aligned, and the bytes around it are the pattern
///   G2  nr_allocated is the number of allocated slots
class GuardedPool {
 public:
  static constexpr uint32_t kMostObjects = (1u << kMaxOrder) / 2 - 1;
  /// Sampling begins so many nanoseconds after boot if no boot word asked for it: short processes are not worth a
  /// handler.
  static constexpr uint64_t kGrace = 1'000'000'000;

  struct Setup {
    PageAllocator* pages = nullptr;
    uint32_t host_page_bytes = kPageSize;
    uint32_t interval_ms = 0;  // 0: never
    uint32_t nr_objects = 255;
    bool (*caught)(const BadAccess& access) = nullptr;  // passes refused accesses to caught() below
    bool asked_for = false;  // by a boot word: sampling begins at once, even if the program has a handler of its own
  };
  void init(const Setup& setup);

  /// Is the next sample due? True for one caller in each interval.
  bool due() {
    if (KMEM_LIKELY(!interval_ns_)) return false;
    const uint64_t now = kmem_port_tick_ns();
    uint64_t next = next_.peek();
    return KMEM_UNLIKELY(now >= next) && next_.compare_exchange(next, now + interval_ns_);
  }
  /// The sample that is due does not fit this request: its cache or flags forbid it.
  void skip() { counts_.skipped_kind.add(); }
  /// An object of exactly `size` bytes, at the beginning or the end of its page; null if there is none, or if the caller must
  /// not make a system call now.
  void* alloc(const Cache& cache, size_t size, size_t align);

  bool contains(const void* p) const { return units_.contains(p); }
  /// The cache and size of the allocated object that begins at p; false if none does.
  struct Object {
    const Cache* cache = nullptr;
    size_t size = 0;
  };
  bool find(const void* p, Object& object) const;
  /// Shrinks the allocated object that begins at p to `size` bytes; false if none does.
  bool shrink(void* p, size_t size);
  /// Frees the object that begins at p; any other pointer is reported.
  void free(void* p);
  uint32_t nr_of(const Cache& cache) const;
  /// Calls visit(address, size, cache) for every allocated object.
  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0; units_.start() && i < setup_.nr_objects; ++i)
      if (slots_[i].state.peek() == GuardedSlot::Allocated) visit(slots_[i].object, size_t{slots_[i].size}, *slots_[i].cache);
  }

  /// Does the address lie in the pool's own table of its objects?
  bool is_account(const void* p) const {
    return slots_ && static_cast<uint64_t>(static_cast<const char*>(p) - reinterpret_cast<const char*>(slots_)) <
                         setup_.nr_objects * sizeof(GuardedSlot);
  }

  /// Handles a refused access. True: it was to the pool; it has been reported, and the page is open now.
  bool caught(const BadAccess& access);

  struct Stats {
    bool enabled = false;
    uint64_t allocated = 0, total_allocs = 0, total_frees = 0, bugs = 0, skipped_full = 0, skipped_kind = 0, objects = 0,
             interval_ms = 0;
  };
  Stats stats() const;
  Fault check() const;

 private:
  friend class GuardedPoolTestPeer;
  struct Counts {
    Counter allocs, frees, bugs, skipped_full, skipped_kind;
  };

  bool open_pool();
  bool make_pool();
  void stop();
  GuardedSlot* take_slot();
  uint64_t random();
  char* unit_of(const GuardedSlot& slot) const { return units_.unit_of_object(static_cast<uint32_t>(&slot - slots_)); }
  char* unit_end(const GuardedSlot& slot) const { return unit_of(slot) + units_.unit_bytes(); }
  GuardedSlot* slot_of(const void* p) const;
  /// The allocated object that begins at p; null if none does.
  GuardedSlot* allocated_at(const void* p) const;
  GuardedSlot* nearest(const char* address) const;
  char* place(const GuardedSlot& slot, size_t size, size_t align);
  void report_damage(const GuardedSlot& slot);
  void report_access(const BadAccess& access, GuardedSlot* slot);
  guarded_report::Subject subject(const GuardedSlot* slot) const;

  Setup setup_;
  uint64_t interval_ns_ = 0;
  Atomic<uint64_t> next_{0};
  GuardedUnits units_;  // without memory until the first sample
  Atomic<uint32_t> making_{0};
  Atomic<uint32_t> off_{0};
  Atomic<uint32_t> cursor_{0};
  Atomic<uint64_t> seed_{0};
  GuardedSlot* slots_ = nullptr;
  Counts counts_;
};

}  // namespace kmem
