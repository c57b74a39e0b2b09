#pragma once
// Heap profiles by sampling: which code has allocated how much.
//
// Off, nothing here is called.  On, malloc's and kmalloc's fast paths are closed, and slab/profiled_path.h has others, which
// count down the bytes to the next sample, in a word of this CPU's (kCountdown).  A sampled block is placed where no fast
// free knows it (slab/sampled_blocks.h), so that its end is seen too.
//
// `kmem profile` reads these tables from another process, and switches sampling on by a write to
// ProfileWorld::outside_until_ns.

#include "base/atomic.h"
#include "base/attributes.h"
#include "port/cpu_stack.h"
#include "port/diagnosis.h"
#include "watch/counters.h"

namespace kmem {

/// A call chain and a size group. Written once; then only the counters change.
struct ProfileSite {
  static constexpr unsigned kFrames = 44;
  Atomic<uint64_t> key;                             // 0: free; 1: being written
  uint64_t period = 0;                              // that its samples were taken with
  Counter allocs, alloc_bytes, frees, freed_bytes;  // of samples, and of their sizes
  uint32_t nr_frames = 0, reserved = 0;
  uint64_t frames[kFrames] = {};  // return addresses, innermost first
};

/// A sampled block that was not freed.
struct ProfileBlock {
  Atomic<uint64_t> key;  // the complement of its address; 0: never used; 1: used before; 2: being written
  uint64_t size = 0;
  uint64_t when_ns = 0;
  uint32_t site = 0, reserved = 0;
};

/// What a reader in another process needs.
struct ProfileWorld {
  static constexpr uint32_t kVersion = 2;
  static constexpr uint32_t kNrSites = 1u << 13, kNrBlocks = 1u << 18;

  uint32_t version = kVersion;
  uint32_t nr_sites = kNrSites, nr_blocks = kNrBlocks;
  Atomic<uint32_t> on{0};
  Atomic<ProfileSite*> sites{nullptr};
  Atomic<ProfileBlock*> blocks{nullptr};
  Atomic<uint64_t> period{0};
  Counter lost_sites, lost_blocks;  // samples for which a table had no room
  Counter live;                     // blocks in the table
  /// Written by the reader: sampling is wanted until this time of CLOCK_MONOTONIC, so it also ends if the reader is killed.
  Atomic<uint64_t> outside_until_ns{0};
  Atomic<uint64_t> outside_period{0};  // 0: the default
  /// What a reader sets to 0 so that the next call takes the slow path: the limits of malloc's and kmalloc's fast paths, the
  /// head of the pages', and each cache's slot, from the first one on, `cache_stride` bytes apart. Before, it sets `in_force`
  /// to kAgain: the next call on the slow path opens again what need not be closed.
  size_t *malloc_limit = nullptr, *kmalloc_limit = nullptr;
  uint64_t* listed_head = nullptr;
  const void* first_cache_slot = nullptr;
  const Atomic<uint32_t>* nr_caches = nullptr;
  uint64_t cache_stride = 0;
  Atomic<uint64_t> in_force{0};  // the period that the fast paths follow; 0: they are open
  static constexpr uint64_t kAgain = ~uint64_t{0};
};

/// Lock-free, any context.  Allocates nothing but its tables, from the port, when it is first switched on.
class Profile {
 public:
  static constexpr uint64_t kDefaultPeriod = 512 << 10;
  static constexpr uint64_t kLongestPeriod = uint64_t{1} << 40;

  /// Requests sampling every `period` bytes on average, or none; update() carries it out.
  void ask(uint64_t period) { asked_period_.store(period < kLongestPeriod ? period : kLongestPeriod); }
  /// Does the wanted period differ from the one that is in force? Slow paths ask.
  bool is_stale() const { return KMEM_UNLIKELY(wanted_period() != world.in_force.peek()); }
  /// Applies the wanted period to the sampler. False: another caller is doing it, or there is no memory.
  bool update();
  /// The fast paths follow what update() has applied: is_stale() is false from now on.
  void set_in_force() { world.in_force.store(period_now()); }
  bool is_on() const { return KMEM_UNLIKELY(world.on.peek() != 0); }

  /// Is a sample due on this CPU after `more` further bytes? Then the countdown starts again, and the caller's block is the
  /// sample.
  bool take_due(size_t more);

  /// Records the sampled block of `size` bytes at p.
  void record(const void* p, size_t size);
  /// For memory that no fast path hands out or takes back: p was allocated, or is null; it is about to be freed.
  void allocated(const void* p, size_t size) {
    if (is_on() && p && take_due(size)) record(p, size);
  }
  void frees(const void* p) {
    if (has_live()) freed(p);
  }
  /// Are there sampled blocks? For frees on the slow path.
  bool has_live() const { return KMEM_UNLIKELY(world.live.value() != 0); }
  /// The block at p, sampled or not, is about to be freed. Not to be called later: another block may begin there.
  void freed(const void* p);
  /// Was it sampled?
  bool is_sampled(const void* p) const { return find(p); }

  /// In the child of a fork.
  void after_fork() { updating_.poke(0); }

  ProfileWorld world;
  /// Constructs it again in place.
  static void* operator new(size_t, Profile* where) { return where; }

 private:
  uint64_t period_now() const { return world.on.peek() ? world.period.peek() : 0; }
  uint64_t wanted_period() const;
  bool make_tables();
  void draw(CpuId cpu);
  uint64_t random();
  ProfileSite* site_of(const uint64_t* frames, unsigned nr, size_t size);
  ProfileBlock* find(const void* p) const;
  bool insert(const void* p, size_t size, uint32_t site);
  void end_lease();

  Atomic<uint64_t> asked_period_{0};
  Atomic<uint64_t> seed_{0};
  Atomic<uint32_t> updating_{0};
};

}  // namespace kmem

extern "C" KMEM_HIDDEN kmem::Profile kmem_profile;
