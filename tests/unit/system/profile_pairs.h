#pragma once
// The probes of sampled blocks, in place of the port's: each free belongs to an allocation before it.

#include <gtest/gtest.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "slab/fast_path.h"
#include "system/bad_free.h"
#include "unit/system/profiling.h"

namespace kmem {

/// The sampled blocks that are out, as a listener to the probes knows them.
class Listener {
 public:
  void alloc(const void* p, size_t size, uint64_t weight) {
    nr_allocs.fetch_add(1);
    if (weight < size) wrong.fetch_add(1);
    const auto key = reinterpret_cast<uintptr_t>(p);
    if (find(key)) wrong.fetch_add(1);
    for (size_t i = home(key);; i = (i + 1) % kPlaces) {
      uintptr_t seen = places_[i].load();
      if (seen <= kGone && places_[i].compare_exchange_strong(seen, key)) return;
    }
  }
  void free(const void* p) {
    nr_frees.fetch_add(1);
    std::atomic<uintptr_t>* place = find(reinterpret_cast<uintptr_t>(p));
    uintptr_t key = reinterpret_cast<uintptr_t>(p);
    if (!place || !place->compare_exchange_strong(key, kGone)) wrong.fetch_add(1);
  }
  std::atomic<uint64_t> nr_allocs{0}, nr_frees{0}, wrong{0};

 private:
  static constexpr size_t kPlaces = 1 << 20;
  static constexpr uintptr_t kGone = 1;
  static size_t home(uintptr_t key) { return key * 0x9e3779b97f4a7c15u >> 44; }
  std::atomic<uintptr_t>* find(uintptr_t key) {
    for (size_t i = home(key); places_[i].load(); i = (i + 1) % kPlaces)
      if (places_[i].load() == key) return &places_[i];
    return nullptr;
  }
  std::atomic<uintptr_t> places_[kPlaces] = {};
};
inline Listener listener;

}  // namespace kmem

// The program's own come before those of the library.
extern "C" {
void kmem_port_probe_alloc(const void* p, size_t size, uint64_t weight) { kmem::listener.alloc(p, size, weight); }
void kmem_port_probe_free(const void* p) { kmem::listener.free(p); }
}

namespace kmem {

/// A thread's blocks of all kinds, some of which it hands on to other threads.
class Allocating {
 public:
  Allocating(kmem_cache* cache, uint64_t seed) : cache_(cache), seed_(seed) {}
  ~Allocating() {
    for (Block& block : own_) release(block);
  }
  Allocating(const Allocating&) = delete;
  Allocating& operator=(const Allocating&) = delete;

  void step() {
    const uint64_t dice = roll();
    Block& block = own_[dice % kOwn];
    if (block.kind == Kind::Malloc && dice >> 61 < 3) return resize(block, size_of(roll()));
    release(block);
    block = allocate(static_cast<Kind>(1 + (dice >> 32) % 5), size_of(roll()));
    if (block.kind == Kind::Kmalloc && dice >> 61 == 7) block.p = shared_[dice % kShared].exchange(block.p);
    if (!block.p) block.kind = Kind::None;
  }
  /// What nobody has taken at the end.
  static void release_shared() {
    for (auto& place : shared_) kfree(place.exchange(nullptr));
  }

 private:
  enum class Kind : uint8_t { None, Kmalloc, Cache, Malloc, Aligned, Pages };
  struct Block {
    Kind kind = Kind::None;
    void* p = nullptr;
  };
  static constexpr size_t kOwn = 256, kShared = 64;

  uint64_t roll() {
    seed_ ^= seed_ << 13;
    seed_ ^= seed_ >> 7;
    seed_ ^= seed_ << 17;
    return seed_ * 0x2545f4914f6cdd1du;
  }
  /// Mostly small, now and then of many pages.
  static size_t size_of(uint64_t dice) {
    const uint64_t kind = dice >> 56;
    return 1 + dice % (kind < 200 ? 512 : kind < 250 ? 8192 : kind < 255 ? 50'000 : 600'000);
  }
  Block allocate(Kind kind, size_t size) {
    Heap& heap = system().heap;
    switch (kind) {
      case Kind::Kmalloc: return {kind, kmalloc(size, GFP_KERNEL)};
      case Kind::Cache: return {kind, kmem_cache_alloc(cache_, GFP_KERNEL)};
      case Kind::Malloc: return {kind, heap.samples().malloc(heap, size, Contents::Any, Counted::No)};
      case Kind::Aligned: return {kind, slow_malloc_aligned(size, size_t{16} << size % 10)};
      case Kind::Pages: return {kind, alloc_pages(GFP_KERNEL, 0)};
      default: return {};
    }
  }
  void release(Block& block) {
    switch (block.kind) {
      case Kind::Kmalloc: kfree(block.p); break;
      case Kind::Cache: kmem_cache_free(cache_, block.p); break;
      case Kind::Malloc:
      case Kind::Aligned:
        if (fast::free(block.p) != Push::Done) slow_free(block.p, Family::Malloc);
        break;
      case Kind::Pages: __free_pages(static_cast<struct page*>(block.p), 0); break;
      default: break;
    }
    block = {};
  }
  static void resize(Block& block, size_t size) {
    if (void* p = system().heap.realloc(block.p, size)) block.p = p;
  }

  kmem_cache* cache_;
  uint64_t seed_;
  Block own_[kOwn];
  static inline std::atomic<void*> shared_[kShared] = {};
};

/// A child goes on with its thread's blocks; what it sees must be right as well.
inline void expect_right_in_a_child(Allocating& blocks) {
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 5000; ++i) blocks.step();
    _exit(listener.wrong.load() != 0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

/// So many steps by four threads, with a sample in 4 KiB that begins and ends again and again, and forks.
inline void expect_pairs(uint64_t steps, unsigned forks) {
  ASSERT_TRUE(boot());
  kmem_cache* cache = kmem_cache_create("paired", 200, 0, SLAB_NO_MERGE, nullptr);
  constexpr unsigned kThreads = 4;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([=] {
      Allocating blocks(cache, t + 1);
      for (uint64_t i = 0; i < steps / kThreads; ++i) {
        if (t == 0 && i % 20'000 == 0) {
          kmem_profile.ask(i % 100'000 == 80'000 ? 0 : 4 << 10);
          follow_profile();
        }
        if (t == 1 && i % (steps / kThreads / forks) == 1) expect_right_in_a_child(blocks);
        blocks.step();
      }
    });
  for (std::thread& thread : threads) thread.join();
  Allocating::release_shared();
  kmem_profile.ask(0);
  follow_profile();
  EXPECT_EQ(listener.wrong.load(), 0u);
  EXPECT_EQ(listener.nr_allocs.load(), listener.nr_frees.load());
  EXPECT_GT(listener.nr_allocs.load(), steps / 20);
  EXPECT_EQ(kmem_profile.world.live.value(), 0u);
  EXPECT_EQ(kmem_profile.world.lost_blocks.value() + kmem_profile.world.lost_sites.value(), 0u);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
  EXPECT_FALSE(check_system());
  std::printf("%llu steps, %llu samples\n", static_cast<unsigned long long>(steps),
              static_cast<unsigned long long>(listener.nr_allocs.load()));
}

}  // namespace kmem
