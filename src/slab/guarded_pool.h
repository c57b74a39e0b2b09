#pragma once
// A few objects, each alone on a page between pages that nobody may touch: an access past the object's end, or after it
// was freed, is caught by the machine in the instruction that makes it.  (The kernel's KFENCE; GWP-ASan.)
//
// One allocation now and then is served from here, on the slow path only, so that it costs nothing that can be measured
// and may be on always.  Over a long run, or many processes, the mistakes are found where they are made.

#include "base/atomic.h"
#include "base/fault.h"
#include "page/gfp.h"
#include "page/page_allocator.h"
#include "port/port.h"
#include "watch/counters.h"
#include "watch/report.h"

namespace kmem {

class Cache;

/// Who did something, and when.
struct Track {
  static constexpr unsigned kFrames = 20;
  void* frames[kFrames];
  uint32_t nr_frames;
  uint32_t task;
  uint32_t cpu;
  uint64_t at_ns;
};

/// Frames of the page allocator, taken when the first object is sampled: unit 0 and 1 are closed, then object and guard
/// take turns.  A unit is one page of the host.
///
///   slot state   its page      who may change it
///   ──────────   ───────────   ───────────────────────────────────────────
///   Unused       closed        whoever makes it Busy
///   Busy         in change     who made it Busy; lost in the child of a fork that came between
///   Allocated    open          its user the object; who frees it makes it Busy
///   Freed        closed        whoever makes it Busy: the one freed longest ago comes first
///
/// Lock-free; every function may be called in any context.
///
/// Invariants on a quiet system (walked by check()):
///   G1  an allocated object lies within its unit, aligned, and the bytes around it are the pattern
///   G2  nr_allocated is the number of allocated slots
class GuardedPool {
 public:
  static constexpr uint32_t kMostObjects = (1u << kMaxOrder) / 2 - 1;
  /// Sampling begins so much later where nobody asked for it by name: what ends soon is not worth a handler.
  static constexpr uint64_t kGrace = 1'000'000'000;

  struct Setup {
    PageAllocator* pages = nullptr;
    uint32_t host_page_bytes = kPageSize;
    uint32_t interval_ms = 0;  // 0: never
    uint32_t nr_objects = 255;
    bool (*caught)(const BadAccess& access) = nullptr;  // hands what the machine refused to caught() below
    bool asked_for = false;  // by a boot word: at once, and beside a program's own handler of bad accesses
  };
  void init(const Setup& setup);

  /// Is it time for the next one?  One caller in an interval is told so.
  bool due() {
    if (KMEM_LIKELY(!interval_ns_)) return false;
    const uint64_t now = kmem_port_tick_ns();
    uint64_t next = next_.peek();
    return KMEM_UNLIKELY(now >= next) && next_.compare_exchange(next, now + interval_ns_);
  }
  /// An object of exactly `size` bytes, at the beginning or the end of its page; null where there is none, or this is not
  /// the time for a system call.
  /// What was due cannot lie in the pool: it is too large, or its cache or flags forbid it.
  void skip() { nr_kind_.add(); }
  void* alloc(const Cache& cache, size_t size, size_t align);

  bool contains(const void* p) const {
    const auto offset = static_cast<uint64_t>(static_cast<const char*>(p) - start_.load());
    return offset < bytes_.peek();
  }
  /// The cache and size of the allocated object that begins at p; false where none does.
  struct Object {
    const Cache* cache = nullptr;
    size_t size = 0;
  };
  bool find(const void* p, Object& object) const;
  /// Frees the object that begins at p; whatever else p is gets a report.
  void free(void* p);
  uint32_t nr_of(const Cache& cache) const;
  /// Calls visit(address, size, cache) for every allocated object.
  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0; start_.peek() && i < nr_; ++i)
      if (slots_[i].state.peek() == Allocated) visit(slots_[i].object, size_t{slots_[i].size}, *slots_[i].cache);
  }

  /// Is it where we keep account?
  bool is_account(const void* p) const {
    return slots_ && static_cast<uint64_t>(static_cast<const char*>(p) - reinterpret_cast<const char*>(slots_)) < nr_ * sizeof(Slot);
  }

  /// The machine refused an access.  True: it was to us, it is reported, and the page is open now.
  bool caught(const BadAccess& access);

  struct Stats {
    bool enabled = false;
    uint64_t allocated = 0, total_allocs = 0, total_frees = 0, bugs = 0, skipped_full = 0, skipped_kind = 0, objects = 0, interval_ms = 0;
  };
  Stats stats() const;
  Fault check() const;

 private:
  friend class GuardedPoolTestPeer;
  enum State : uint32_t { Unused, Busy, Allocated, Freed };
  struct Slot {
    Atomic<uint32_t> state;
    uint32_t size;
    char* object;
    const Cache* cache;
    Atomic<char*> opened;  // a guard unit that a bad access went to, open until the object is freed
    char cache_name[32];   // the cache may be gone before a use of its object
    Track allocated, freed;
  };

  bool open_pool();
  bool make_pool();
  void stop();
  Slot* take_slot();
  uint64_t random();
  char* unit(uint32_t index) const { return start_.peek() + uint64_t{index} * unit_bytes_; }
  char* unit_of(const Slot& slot) const { return unit(2 + 2 * static_cast<uint32_t>(&slot - slots_)); }
  Slot* slot_of(const void* p) const;
  Slot* nearest(const char* address, uint32_t unit_index) const;
  char* place(const Slot& slot, size_t size, size_t align);
  const char* find_damage(const Slot& slot) const;
  void paint(const Slot& slot) const;
  void put_object(Report& report, const Slot& slot) const;
  void tell_history(const Slot& slot) const;
  void report_invalid_free(const Slot* slot, const void* p);
  void report_damage(const Slot& slot, const char* at);
  void report_access(const BadAccess& access, const Slot* slot, const char* what, const char* where);

  PageAllocator* pages_ = nullptr;
  uint64_t interval_ns_ = 0;
  Atomic<uint64_t> next_{0};
  Atomic<char*> start_{nullptr};  // null until the first sample
  Atomic<uint64_t> bytes_{0};  // others look while the pool is made
  uint32_t unit_bytes_ = kPageSize;
  uint32_t nr_ = 0;
  bool (*caught_)(const BadAccess&) = nullptr;
  bool share_ = false;
  Atomic<uint32_t> making_{0};
  Atomic<uint32_t> off_{0};
  Atomic<uint32_t> cursor_{0};
  Atomic<uint64_t> seed_{0};
  Slot* slots_ = nullptr;
  Counter nr_allocs_, nr_frees_, nr_bugs_, nr_full_, nr_kind_;
};

}  // namespace kmem
