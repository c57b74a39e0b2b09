// The sampler, over the real port: what it estimates, what it pairs, and whose callers it names.

#include "watch/profile.h"

#include <gtest/gtest.h>
#include <kmem/fault.h>
#include <linux/slab.h>
#include <signal.h>
#include <kmem/profile.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "port/port.h"
#include "system/system.h"
#include "unit/system/profiling.h"
#include "watch/profile_math.h"

namespace kmem {
namespace {

// The arithmetic -----------------------------------------------------------------------------------------------------------

TEST(ProfileMath, LogarithmsAreTheirs) {
  for (const uint64_t n : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{1000}, uint64_t{1} << 47, ~uint64_t{0}})
    EXPECT_NEAR(std::ldexp(static_cast<double>(log2_fixed(n)), -32), std::log2(static_cast<double>(n)), 1e-7) << n;
}

TEST(ProfileMath, AWeightIsTheSizeOverItsProbability) {
  for (const uint64_t period : {uint64_t{1}, uint64_t{4096}, uint64_t{512} << 10, Profile::kLongestPeriod})
    for (uint64_t size = 1; size < uint64_t{1} << 42; size = size * 3 + 1) {
      const double s = static_cast<double>(size), p = -std::expm1(-s / static_cast<double>(period));
      EXPECT_NEAR(static_cast<double>(weight_of(size, period)), s / p, s / p * 2e-6 + 1) << size << " of " << period;
    }
}

TEST(ProfileMath, DistancesAreExponential) {
  constexpr uint64_t kPeriod = 1 << 20, kSteps = 4096;
  double sum = 0;
  uint64_t above = 0;
  for (uint64_t i = 0; i < kSteps; ++i) {
    const uint64_t bytes = bytes_to_next(i * (~uint64_t{0} / kSteps) + ~uint64_t{0} / kSteps / 2, kPeriod);
    sum += static_cast<double>(bytes);
    above += bytes > kPeriod;
  }
  EXPECT_NEAR(sum / kSteps / kPeriod, 1, 0.002);
  EXPECT_NEAR(static_cast<double>(above) / kSteps, std::exp(-1), 0.001);
  EXPECT_GE(bytes_to_next(~uint64_t{0}, 1), 1u);
}

// Samples ------------------------------------------------------------------------------------------------------------------

TEST(Profile, EstimatesWhatWasAllocated) {
  for (const auto& [size, count] : {std::pair<size_t, size_t>{40, 400'000}, {1000, 60'000}, {8000, 20'000}, {100'000, 600}}) {
    const Sampling sampling(32 << 10);
    const Totals before = totals(size, size);
    for (size_t i = 0; i < count; ++i) kfree(kmalloc(size, GFP_KERNEL));
    const Totals found = totals(size, size) - before;
    const double truth = static_cast<double>(size * count);
    EXPECT_NEAR(found.bytes, truth, 6 * found.error + truth / 1000) << size;
    EXPECT_LT(found.error, truth / 5) << size;
    EXPECT_EQ(found.frees, found.allocs) << size;
  }
}

TEST(Profile, KnowsWhatIsAlive) {
  constexpr size_t kBlocks = 20'000, kSize = 504;
  std::vector<void*> blocks;
  const Sampling sampling(8 << 10);
  const uint64_t before = kmem_profile.world.live.value();
  for (size_t i = 0; i < kBlocks; ++i) blocks.push_back(kmalloc(kSize, GFP_KERNEL));
  const std::set<void*> all(blocks.begin(), blocks.end());
  uint64_t live = 0;
  for (uint32_t i = 0; i < ProfileWorld::kNrBlocks; ++i) {
    const ProfileBlock& block = kmem_profile.world.blocks.peek()[i];
    const uint64_t key = block.key.peek();
    if (key < 3 || block.size != kSize) continue;
    ++live;
    EXPECT_TRUE(all.count(reinterpret_cast<void*>(~key)));
    EXPECT_EQ(kmem_profile.world.sites.peek()[block.site].period, uint64_t{8 << 10});
  }
  const double expected = kBlocks * -std::expm1(-static_cast<double>(kSize) / (8 << 10));
  EXPECT_NEAR(static_cast<double>(live), expected, 6 * std::sqrt(expected));
  for (void* p : blocks) kfree(p);
  EXPECT_EQ(kmem_profile.world.live.value(), before);
}

// A call that may not wait, and one that may: where the first always fails, a sample of it does too.
TEST(Profile, SamplesHaveTheFlagsOfTheirCalls) {
  const Sampling sampling(1);
  ASSERT_EQ(kmem_fault_set("failslab=1,100,0,-1,ignore-gfp-wait=Y,verbose=0"), 0);
  void* atomic = kmalloc(100, GFP_NOWAIT | __GFP_NOWARN);
  // A guarded object, which comes now and then, is in no slab and doesn't fail with them.
  for (int tries = 0; tries < 10 && atomic && system().heap.classify(atomic).kind == BlockKind::Guarded; ++tries)
    kfree(std::exchange(atomic, kmalloc(100, GFP_NOWAIT | __GFP_NOWARN)));
  void* waits = kmalloc(100, GFP_KERNEL);
  kmem_fault_reset();
  EXPECT_EQ(atomic, nullptr);
  EXPECT_NE(waits, nullptr);
  kfree(atomic);
  kfree(waits);
}

// By the names that programs have.
TEST(Profile, ProgramsStartStopAndWriteIt) {
  const size_t size = 77'777;
  ASSERT_EQ(kmem_profile_start(1), 0);
  void* kept = kmalloc(size, GFP_KERNEL);
  kfree(kmalloc(size, GFP_KERNEL));
  kmem_profile_stop();
  EXPECT_FALSE(kmem_profile.is_on());
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(kmem_profile_write(fileno(file)), 0);
  std::rewind(file);
  std::string text(1 << 20, ' ');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_EQ(text.find("heap profile: "), 0u);
  EXPECT_NE(text.find("] @ heap_v2/1\n# lost "), std::string::npos) << text.substr(0, 200);
  EXPECT_NE(text.find("  1: 77777 [1: 77777] @ 0x"), std::string::npos);
  EXPECT_NE(text.find("  0: 0 [1: 77777] @ 0x"), std::string::npos);
  EXPECT_NE(text.find("\nMAPPED_LIBRARIES:\n"), std::string::npos);
  EXPECT_NE(text.find(" r-xp "), std::string::npos);
  kfree(kept);
}

TEST(Profile, AnObjectOfTheCxxFaceSamplesWhileItLives) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  void* kept = nullptr;
  {
    const kmem::heap_profile profile(1);
    EXPECT_TRUE(profile.started());
    EXPECT_TRUE(kmem_profile.is_on());
    kept = kmalloc(66'666, GFP_KERNEL);
    EXPECT_TRUE(profile.write(fileno(file)));
  }
  EXPECT_FALSE(kmem_profile.is_on());
  std::rewind(file);
  std::string text(1 << 20, ' ');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_NE(text.find("  1: 66666 [1: 66666] @ 0x"), std::string::npos) << text.substr(0, 500);
  kfree(kept);
}

// Where there is no memory for the caches of the samples, each slow call tries again.
TEST(Profile, BeginsAsSoonAsThereIsMemory) {
  kmem_profile.ask(1 << 20);
  follow_profile();
  EXPECT_FALSE(kmem_profile.is_stale());
  EXPECT_TRUE(kmem_profile.is_on());
  kmem_profile.ask(2 << 20);
  ASSERT_TRUE(kmem_profile.update());
  EXPECT_TRUE(kmem_profile.is_stale()) << "the limits of the fast paths are not set yet";
  follow_profile();
  EXPECT_FALSE(kmem_profile.is_stale());
  kmem_profile.ask(0);
  follow_profile();
  EXPECT_FALSE(kmem_profile.is_stale() || kmem_profile.is_on());
}

TEST(Profile, NoticesFreesAfterItsEnd) {
  const uint64_t before = kmem_profile.world.live.value();
  void* p = nullptr;
  {
    const Sampling sampling(1);
    // A thread that moves to another CPU at the wrong moment leaves its sample to the next call there.
    for (int tries = 0; tries < 10 && !(p && kmem_profile.is_sampled(p)); ++tries) {
      kfree(p);
      p = kmalloc(100, GFP_KERNEL | __GFP_ZERO);
    }
    for (int i = 0; i < 100; ++i) EXPECT_EQ(static_cast<char*>(p)[i], 0);
    EXPECT_TRUE(kmem_profile.is_sampled(p));
    EXPECT_GE(ksize(p), 100u);
  }
  EXPECT_FALSE(kmem_profile.is_on());
  EXPECT_EQ(kmem_profile.world.live.value(), before + 1);
  kfree(p);
  EXPECT_EQ(kmem_profile.world.live.value(), before);
}

TEST(Profile, HeapMayResizeAndAlignWhatIsSampled) {
  const Sampling sampling(1);  // of a block of 100 bytes or more each is a sample
  Heap& heap = system().heap;
  for (const size_t align : {16, 64, 4096, 65536}) {
    for (const size_t size : {1, 100, 5000, 70'000}) {
      void* p = slow_malloc_aligned(size, align);
      ASSERT_NE(p, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
      EXPECT_TRUE(heap.free(p));
    }
  }
  const uint64_t before = kmem_profile.world.live.value();
  auto* p = static_cast<char*>(slow_malloc(100, Contents::Any));
  for (size_t size = 300; size < size_t{64} << 20; size *= 3) {
    p = static_cast<char*>(heap.realloc(p, size));
    ASSERT_NE(p, nullptr);
    p[size - 1] = 1;
    EXPECT_EQ(kmem_profile.world.live.value(), before + 1) << size;
  }
  for (size_t size = heap.usable(p) / 3; size > 100; size /= 3) p = static_cast<char*>(heap.realloc(p, size));
  EXPECT_EQ(kmem_profile.world.live.value(), before + 1);
  EXPECT_TRUE(heap.free(p));
  EXPECT_EQ(kmem_profile.world.live.value(), before);
}

TEST(Profile, PairsUpWithThreadsThatHandBlocksOn) {
  const Sampling sampling(4 << 10);
  const Totals before = totals(0, ~uint64_t{0});
  std::vector<std::thread> threads;
  std::vector<Atomic<void*>> places(64);
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 40'000; ++i)
        kfree(places[(i * 7 + t * 13) % places.size()].exchange(kmalloc(16 + (i * 37 + t) % 2000, GFP_KERNEL)));
    });
  for (std::thread& thread : threads) thread.join();
  for (Atomic<void*>& place : places) kfree(place.exchange(nullptr));
  const Totals found = totals(0, ~uint64_t{0}) - before;
  EXPECT_GT(found.allocs, 1000u);
  EXPECT_EQ(found.allocs, found.frees);
  EXPECT_FALSE(check_system());
}

TEST(Profile, BeginsWhenASemaphoreIsRaised) {
  ASSERT_TRUE(boot());
  void* kept[300] = {};
  otel_memory_alloc_semaphore = 1;
  for (int i = 0; i < 10'000; ++i) kfree(std::exchange(kept[i % 300], kmalloc(256, GFP_KERNEL)));
  EXPECT_TRUE(kmem_profile.is_on());
  otel_memory_alloc_semaphore = 0;
  for (void*& p : kept) kfree(std::exchange(p, nullptr));
  follow_profile();
  EXPECT_FALSE(kmem_profile.is_on());
}

TEST(Profile, EndsWhereItsReaderIsGone) {
  ASSERT_TRUE(boot());
  kmem_profile.world.outside_period.store(1);
  kmem_profile.world.outside_until_ns.store(kmem_port_now_ns() - 1);
  follow_profile();
  EXPECT_TRUE(kmem_profile.is_on());
  for (int i = 0; i < 3; ++i) kfree(kmalloc(10'000, GFP_KERNEL));
  EXPECT_EQ(kmem_profile.world.outside_until_ns.load(), 0u);
  follow_profile();
  EXPECT_FALSE(kmem_profile.is_on());
  kmem_profile.world.outside_period.store(0);
}

// Callers ------------------------------------------------------------------------------------------------------------------

constexpr unsigned kMostFrames = 64;
struct Trace {
  void* frames[kMostFrames];
  unsigned n = 0;
};
volatile unsigned unpredictable = 3;

#if defined(__clang__)
#define OWN_FRAME [[gnu::noinline]]
#else
#define OWN_FRAME [[gnu::noinline, gnu::noipa, gnu::optimize("omit-frame-pointer")]]
#endif

// Without a frame pointer, and with a stack that grows.
OWN_FRAME unsigned nest(unsigned depth, Trace& trace) {
  volatile unsigned char room[64];
  room[depth % 64] = static_cast<unsigned char>(depth);
  if (depth == 0) return trace.n = kmem_port_backtrace(trace.frames, kMostFrames);
  return nest(depth - 1, trace) + room[depth % 64] + unpredictable;
}

unsigned longest_run(const Trace& trace) {
  unsigned best = 0, run = 0;
  for (unsigned i = 1; i < trace.n; ++i) best = std::max(best, run = trace.frames[i] == trace.frames[i - 1] ? run + 1 : 0);
  return best;
}

TEST(Unwind, EveryCallerIsThereOnce) {
  Trace trace;
  nest(20, trace);
  EXPECT_EQ(longest_run(trace), 19u);
  EXPECT_LT(trace.n, kMostFrames);
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
Trace in_handler;
void handle(int) { nest(5, in_handler); }

TEST(Unwind, ASignalsFrameIsSteppedOver) {
  signal(SIGUSR1, handle);
  Trace outside;
  nest(1, outside);
  raise(SIGUSR1);
  signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(longest_run(in_handler), 4u);
  ASSERT_GE(outside.n, 4u);
  ASSERT_GE(in_handler.n, outside.n);
  // Both end with the test runner's callers.
  EXPECT_EQ(in_handler.frames[in_handler.n - 1], outside.frames[outside.n - 1]);
  EXPECT_EQ(in_handler.frames[in_handler.n - 3], outside.frames[outside.n - 3]);
}
#endif

}  // namespace
}  // namespace kmem
