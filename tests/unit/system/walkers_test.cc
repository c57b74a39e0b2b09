// The walkers of all layers, as check_system() and validate_system() call them: a fault in any layer is found by both.

#include <linux/ioport.h>
#include <linux/mempool.h>
#include <linux/oom.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <functional>

#include "system/percpu_world.h"
#include "system/system.h"
#include "unit/kernel_face/log.h"

namespace kmem {

// Each adds to one number of its part, or takes that back.
class ZoneTestPeer {
 public:
  static void miscount(Zone& zone, bool more) {
    FrameCounts& counts = zone.frames_.counts();
    more ? counts.note_given(1, 1) : counts.note_claimed(1, 1);
  }
};
class MappedBlocksTestPeer {
 public:
  static Counter& nr(MappedBlocks& blocks) { return blocks.out_.nr; }
};
class OutCountTestPeer {
 public:
  static Atomic<uint64_t>& own(OutCount& count) { return count.own_; }
};
class MempoolTestPeer {
 public:
  static Atomic<uint64_t>& nr_out(Mempool& pool) { return OutCountTestPeer::own(pool.out_); }
};
class GuardedPoolTestPeer {
 public:
  static Counter& allocs(GuardedPool& pool) { return pool.counts_.allocs; }
};
class IoSpaceTestPeer {
 public:
  static auto& region(unsigned i) { return system().io.regions_[i]; }
};
class VmapTestPeer {
 public:
  static Counter& frames(Vmap& vmap) { return vmap.counts_.frames; }
};
class PercpuHeapTestPeer {
 public:
  static auto& chunks(PercpuHeap& heap) { return heap.chunks_; }
};

namespace {

using test::log_of;
using test::mentions;

class Walkers : public testing::Test {
 protected:
  void SetUp() override { ASSERT_FALSE(check_system()) << check_system().rule; }
  void TearDown() override { EXPECT_FALSE(check_system()) << check_system().rule; }
  static void expect(const char* rule) {
    const Fault fault = check_system();
    ASSERT_TRUE(fault) << rule << " is not found";
    EXPECT_TRUE(fault.is(rule)) << fault.rule << ", and not " << rule;
  }
};

TEST_F(Walkers, a_frame_that_is_counted_and_not_free) {
  Zone& zone = *system().pages.preferred_zone(0);
  ZoneTestPeer::miscount(zone, true);
  expect("Z1");
  ZoneTestPeer::miscount(zone, false);
}

TEST_F(Walkers, a_cache_that_counts_an_object_too_many) {
  void* p = kmalloc(100, GFP_KERNEL);
  NodeSlabs& slabs = system().heap.cache(1).slabs().node(0).slabs;
  slabs.count_out(1);
  expect("C6");
  slabs.count_back(1);
  kfree(p);
}

TEST_F(Walkers, a_sheaf_that_is_lost) {
  uint64_t* words = system().sheaves.get_shared();
  ASSERT_TRUE(words);
  expect("Y1");
  system().sheaves.put_shared(words);
}

TEST_F(Walkers, a_large_block_that_is_not_counted) {
  MappedBlocks& blocks = system().heap.mapped();
  MappedBlocksTestPeer::nr(blocks).add();
  expect("L3");
  MappedBlocksTestPeer::nr(blocks).sub();
}

TEST_F(Walkers, a_notifier_that_is_being_called) {
  static bool seen;
  seen = false;
  notifier_block block{};
  block.notifier_call = [](notifier_block*, unsigned long, void*) -> int {
    seen = check_system().is("R2");
    return 0;
  };
  ASSERT_EQ(register_oom_notifier(&block), 0);
  (void)system().pages.reclaim().out_of_memory();
  EXPECT_EQ(unregister_oom_notifier(&block), 0);
  EXPECT_TRUE(seen);
}

TEST_F(Walkers, a_pool_with_less_than_nothing_out) {
  mempool_t* pool = mempool_create_kmalloc_pool(2, 64);
  ASSERT_TRUE(pool);
  const Mempool* core = nullptr;
  system().pools.each([&](const Mempool& one) { core = &one; });
  ASSERT_TRUE(core);
  MempoolTestPeer::nr_out(const_cast<Mempool&>(*core)).poke(0xffff'ffffu);
  expect("M4");
  MempoolTestPeer::nr_out(const_cast<Mempool&>(*core)).poke(0);
  mempool_destroy(pool);
}

TEST_F(Walkers, a_guarded_object_that_is_not_there) {
  GuardedPoolTestPeer::allocs(system().guarded).add();
  expect("G2");
  GuardedPoolTestPeer::allocs(system().guarded).sub();
}

TEST_F(Walkers, two_claimed_regions_that_overlap) {
  constexpr resource_size_t kPhys = 0xfe000000;
  ASSERT_TRUE(request_mem_region(kPhys, 0x1000, "a"));
  ASSERT_TRUE(request_mem_region(kPhys + 0x1000, 0x1000, "b"));
  IoSpaceTestPeer::region(0).bytes = 0x1001;
  expect("I3");
  IoSpaceTestPeer::region(0).bytes = 0x1000;
  release_mem_region(kPhys, 0x1000);
  release_mem_region(kPhys + 0x1000, 0x1000);
}

TEST_F(Walkers, a_frame_of_an_area_that_is_counted_and_not_there) {
  void* p = vmalloc(10);
  ASSERT_TRUE(p);
  VmapTestPeer::frames(system().vmap).add();
  expect("V3");
  VmapTestPeer::frames(system().vmap).sub();
  vfree(p);
}

TEST_F(Walkers, a_chunk_of_percpu_memory_in_two_places) {
  void* p = __alloc_percpu(8, 8);
  ASSERT_TRUE(p);
  auto& chunks = PercpuHeapTestPeer::chunks(percpu().heap);
  chunks[9].poke(chunks[0].peek());
  expect("H1");
  chunks[9].poke(nullptr);
  free_percpu(p);
}

TEST_F(Walkers, a_copy_that_is_not_given_back) {
  percpu().copies.take();
  const Fault fault = check_system();
  percpu().copies.give();
  EXPECT_TRUE(fault.is("D1") || fault.is("D2")) << (fault ? fault.rule : "nothing");
}

// It answers once in a program, and tells of every fault and not of the first alone.
TEST_F(Walkers, validation_names_each_part_that_is_broken) {
  MappedBlocksTestPeer::nr(system().heap.mapped()).add();
  GuardedPoolTestPeer::allocs(system().guarded).add();
  NodeSlabs& slabs = system().heap.cache(1).slabs().node(0).slabs;
  kfree(kmalloc(100, GFP_KERNEL));
  slabs.count_out(1);
  uint64_t* words = system().sheaves.get_shared();
  const std::string log = log_of([] { EXPECT_EQ(validate_system().nr, 4u); });
  for (const char* part : {"cache ", "large blocks", "guarded objects", "sheaves"})
    EXPECT_TRUE(mentions(log, std::string(part))) << part << " in " << log;
  for (const char* rule : {"C6 ", "L3 ", "G2 ", "Y1 "}) EXPECT_TRUE(mentions(log, rule)) << rule << " in " << log;
  system().sheaves.put_shared(words);
  slabs.count_back(1);
  GuardedPoolTestPeer::allocs(system().guarded).sub();
  MappedBlocksTestPeer::nr(system().heap.mapped()).sub();
}

}  // namespace
}  // namespace kmem
