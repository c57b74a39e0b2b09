// Four nodes: whose memory a request gets, and where it goes back to.

#include "sim/world.h"

namespace sim {
namespace {

constexpr kmem::Gfp kGfp = kmem::gfp::kKernel;
constexpr kmem::Gfp kHere = kGfp | kmem::gfp::kThisNode;
constexpr uint64_t kNodeBytes = 16 * sim_port::kMiB;

/// Nodes in a row: each a little farther from the last.
Facts four_nodes() {
  Facts facts{.nr_cpus = 8, .nr_nodes = 4, .ram = {}};
  for (uint8_t n = 0; n < 4; ++n) facts.ram.push_back({{(4 + n) * sim_port::kGiB}, kNodeBytes, {n}});
  facts.distance = {{10, 15, 20, 25}, {15, 10, 15, 20}, {20, 15, 10, 15}, {25, 20, 15, 10}};
  return facts;
}

class Numa : public testing::Test {
 protected:
  unsigned node_of_page(const Page* page) { return world.pages.zone_of(world.pages.pfn_of(page))->node().value; }
  unsigned node_of(const void* p) { return world.pages.zone_of(world.pages.pfn_of_address(p))->node().value; }
  /// Takes pages until the node has no more; how many.
  size_t exhaust(int nid) {
    size_t n = 0;
    for (const unsigned order : {10u, 6u, 0u})
      while (Page* page = world.pages.alloc(kHere, {static_cast<uint8_t>(order)}, nid)) {
        taken.push_back({page, order});
        ++n;
      }
    return n;
  }
  void give_all() {
    for (const auto& [page, order] : taken) EXPECT_TRUE(world.pages.free(page, {static_cast<uint8_t>(order)}));
    taken.clear();
  }

  World world{four_nodes()};
  struct Taken {
    Page* page;
    unsigned order;
  };
  std::vector<Taken> taken;
};

TEST(Bound, memory_is_asked_of_its_node_before_anybody_touches_it) {
  for (const bool bound : {true, false}) {
    World world(four_nodes());
    for (unsigned i = 0; i < world.pages.nr_zones(); ++i) world.pages.zone(i).set_bound(bound);
    Page* page = world.pages.alloc(kHere, {0}, 2);
    ASSERT_TRUE(page);
    if (!bound) {
      EXPECT_TRUE(host().bound.empty());
    } else {
      ASSERT_EQ(host().bound.size(), 2u) << "the frames, and their descriptors";
      for (const auto& range : host().bound) EXPECT_EQ(range.node, 2u);
      const char* first = static_cast<char*>(host().bound[0].address);
      const char* at = world.pages.address(world.pages.pfn_of(page));
      EXPECT_TRUE(first <= at && at < first + host().bound[0].bytes);
    }
    EXPECT_TRUE(world.pages.free(page, {0}));
  }
}

TEST_F(Numa, a_page_comes_from_the_node_of_its_cpu) {
  for (uint32_t cpu = 0; cpu < 8; ++cpu) {
    sim_port::stand_on(cpu);
    for (const unsigned order : {0u, 3u, 9u}) {
      Page* page = world.pages.alloc(kGfp, {static_cast<uint8_t>(order)}, kmem::kNoNode);
      ASSERT_NE(page, nullptr);
      EXPECT_EQ(node_of_page(page), cpu % 4);
      taken.push_back({page, order});
    }
  }
  give_all();
  sim_port::stand_on(0);
  expect_all_frames_free(world);
}

TEST_F(Numa, or_from_the_node_that_was_asked_for) {
  for (int nid = 0; nid < 4; ++nid) {
    Page* page = world.pages.alloc(kGfp, {2}, nid);
    ASSERT_NE(page, nullptr);
    EXPECT_EQ(node_of_page(page), static_cast<unsigned>(nid));
    taken.push_back({page, 2});
  }
  give_all();
}

TEST_F(Numa, a_node_without_memory_borrows_from_the_nearest) {
  EXPECT_GT(exhaust(1), 0u);
  Page* page = world.pages.alloc(kGfp, {0}, 1);
  ASSERT_NE(page, nullptr);
  EXPECT_TRUE(node_of_page(page) == 0 || node_of_page(page) == 2) << node_of_page(page);
  taken.push_back({page, 0});
  exhaust(0);
  exhaust(2);
  page = world.pages.alloc(kGfp, {0}, 1);
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(node_of_page(page), 3u);
  taken.push_back({page, 0});
  give_all();
  expect_all_frames_free(world);
}

TEST_F(Numa, a_request_for_one_node_only_fails_where_that_has_no_more) {
  EXPECT_GT(exhaust(2), 0u);
  EXPECT_EQ(world.pages.alloc(kHere, {0}, 2), nullptr);
  EXPECT_NE(world.pages.zone(0).nr_available(), 0u);
  sim_port::stand_on(2);
  EXPECT_EQ(world.pages.alloc(kHere, {0}, kmem::kNoNode), nullptr) << "without a number it is this CPU's node";
  sim_port::stand_on(0);
  give_all();
  expect_all_frames_free(world);
}

TEST_F(Numa, objects_come_from_the_node_that_was_asked_for) {
  Cache& cache = world.cache(1024);
  std::vector<void*> held;
  for (const kmem::Gfp gfp : {kGfp, kHere})
    for (uint32_t cpu = 0; cpu < 4; ++cpu)
      for (int nid = 0; nid < 4; ++nid) {
        sim_port::stand_on(cpu);
        held.push_back(cache.alloc(gfp, nid));
        ASSERT_NE(held.back(), nullptr);
        EXPECT_EQ(node_of(held.back()), static_cast<unsigned>(nid)) << "on CPU " << cpu << ", flags " << gfp;
      }
  sim_port::stand_on(0);
  for (void* p : held) cache.free(p);
  expect_nothing_stays(world);
}

TEST_F(Numa, an_object_of_this_node_only_is_of_this_node_whatever_was_freed_here) {
  Cache& cache = world.cache(1024);
  std::vector<void*> far;
  for (int i = 0; i < 40; ++i) far.push_back(cache.alloc(kHere, 3));
  for (void* p : far) cache.free(p);  // on CPU 0, of node 0
  for (const int nid : {0, kmem::kNoNode}) {
    void* p = cache.alloc(kHere, nid);
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(node_of(p), 0u);
    cache.free(p);
  }
  expect_nothing_stays(world);
}

TEST_F(Numa, what_is_freed_far_away_finds_back_to_its_node) {
  Cache& cache = world.cache(2048);
  Ledger ledger;
  std::vector<std::unique_ptr<User>> users;
  for (uint32_t cpu = 0; cpu < 4; ++cpu) {
    sim_port::stand_on(cpu);
    users.push_back(std::make_unique<User>(cache, ledger));
    users.back()->take(200);
  }
  for (uint32_t cpu = 0; cpu < 4; ++cpu) {
    sim_port::stand_on((cpu + 1) % 4);
    users[cpu]->give_all();
  }
  sim_port::stand_on(0);
  expect_all_accounted_for(world, cache, 0);
  expect_nothing_stays(world);
  for (unsigned n = 0; n < 4; ++n) EXPECT_EQ(cache.slabs().node(n).slabs.nr_slabs(), 0);
}

}  // namespace
}  // namespace sim
