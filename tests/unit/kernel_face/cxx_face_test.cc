// The C++ face: containers, pmr, typed caches.

#include <kmem/kmem.hpp>

#include <gtest/gtest.h>

#include <list>
#include <map>
#include <memory_resource>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

TEST(Allocator, containers_live_in_kmallocs_memory) {
  std::vector<int, kmem::allocator<int>> numbers;
  for (int i = 0; i < 10000; ++i) numbers.push_back(i);
  EXPECT_GE(ksize(numbers.data()), 40000u);
  std::map<int, std::string, std::less<>, kmem::allocator<std::pair<const int, std::string>>> names;
  for (int i = 0; i < 1000; ++i) names[i] = std::to_string(i);
  EXPECT_EQ(names[777], "777");
  std::list<int, kmem::allocator<int>> list(numbers.begin(), numbers.begin() + 100);
  auto moved = std::move(list);
  EXPECT_EQ(moved.size(), 100u);
}

TEST(Allocator, more_than_kmalloc_serves_is_bad_alloc) {
  kmem::allocator<char> chars(GFP_KERNEL | __GFP_NOWARN);
  EXPECT_THROW((void)chars.allocate(KMALLOC_MAX_SIZE + 1), std::bad_alloc);
  kmem::allocator<long> longs;
  volatile size_t many = SIZE_MAX / 4;
  EXPECT_THROW((void)longs.allocate(many), std::bad_alloc);
}

struct alignas(256) Wide {
  char bytes[300];
};

TEST(Allocator, alignments_are_kept) {
  std::vector<Wide, kmem::allocator<Wide>> wide(7);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(wide.data()) % 256, 0u);
}

TEST(MemoryResource, pmr_containers_work_on_it_with_every_alignment) {
  kmem::memory_resource memory;
  std::pmr::vector<std::pmr::string> strings(&memory);
  for (int i = 0; i < 1000; ++i) strings.emplace_back("a string that is too long for its object " + std::to_string(i));
  EXPECT_EQ(strings[999].substr(strings[999].size() - 3), "999");
  for (size_t align = 1; align <= 65536; align *= 2) {
    void* p = memory.allocate(100, align);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
    memory.deallocate(p, 100, align);
  }
  kmem::memory_resource atomic(GFP_ATOMIC);
  EXPECT_TRUE(memory.is_equal(atomic));
  EXPECT_FALSE(memory.is_equal(*std::pmr::new_delete_resource()));
  EXPECT_THROW((void)kmem::memory_resource(GFP_KERNEL | __GFP_NOWARN).allocate(SIZE_MAX / 2), std::bad_alloc);
}

struct Session {
  static inline int nr_alive = 0;
  explicit Session(int s) : socket(s) {
    if (s < 0) throw std::invalid_argument("no socket");
    ++nr_alive;
  }
  ~Session() { --nr_alive; }
  int socket;
  char buffer[100];
};

TEST(Cache, handles_end_their_objects) {
  kmem::cache<Session> sessions("session");
  {
    auto one = sessions.make(3);
    auto two = sessions.make_with(GFP_ATOMIC, 4);
    EXPECT_EQ(one->socket + two->socket, 7);
    EXPECT_EQ(Session::nr_alive, 2);
    auto moved = std::move(one);
    EXPECT_FALSE(one);
  }
  EXPECT_EQ(Session::nr_alive, 0);
}

TEST(Cache, a_constructor_that_throws_leaves_nothing_behind) {
  kmem::cache<Session> sessions("throwing");
  EXPECT_THROW((void)sessions.make(-1), std::invalid_argument);
  EXPECT_EQ(Session::nr_alive, 0);
  EXPECT_EQ(kmem_cache_shrink(sessions.native()), 0);
}

struct Costly {
  static inline int nr_made = 0;
  Costly() noexcept { ++nr_made; }
  int uses = 0;
};

TEST(ConstructedCache, objects_stay_constructed_while_they_are_free) {
  {
    kmem::constructed_cache<Costly> cache("costly");
    { ASSERT_TRUE(cache.take()); }
    const int made = Costly::nr_made;
    for (int i = 0; i < 100; ++i) ++cache.take()->uses;
    EXPECT_EQ(Costly::nr_made, made);
    EXPECT_EQ(cache.take()->uses, 100);
  }
}

TEST(Cache, bulk_makes_and_ends_many_at_once) {
  kmem::cache<Session> sessions("bulk");
  std::vector<kmem::cache<Session>::handle> handles(100);
  sessions.make_bulk(GFP_KERNEL, handles.data(), 100, 5);
  EXPECT_EQ(Session::nr_alive, 100);
  EXPECT_EQ(handles[77]->socket, 5);
  handles[3].reset();
  sessions.end_bulk(handles.data(), 60);
  EXPECT_EQ(Session::nr_alive, 40);
  handles.clear();
  EXPECT_EQ(Session::nr_alive, 0);
  EXPECT_EQ(kmem_cache_shrink(sessions.native()), 0);
}

struct Third {
  static inline int nr_alive = 0, nr_made = 0;
  explicit Third(int limit) {
    if (nr_made++ == limit) throw std::runtime_error("enough");
    ++nr_alive;
  }
  ~Third() { --nr_alive; }
  char bytes[200];
};

TEST(Cache, bulk_is_all_or_nothing) {
  kmem::cache<Third> cache("all_or_nothing");
  for (const int limit : {0, 5, 32, 40, 69}) {
    Third::nr_made = 0;
    std::vector<kmem::cache<Third>::handle> handles(70);
    EXPECT_THROW(cache.make_bulk(GFP_KERNEL, handles.data(), 70, limit), std::runtime_error);
    EXPECT_EQ(Third::nr_alive, 0) << limit;
    for (const auto& handle : handles) EXPECT_FALSE(handle);
  }
  EXPECT_EQ(kmem_cache_shrink(cache.native()), 0) << "nothing was lost";
}

TEST(Mempool, handles_give_objects_back_to_the_pool) {
  kmem::mempool<Session> pool("sessions", 2);
  EXPECT_EQ(pool.min_nr(), 2);
  {
    auto one = pool.make(1);
    auto two = pool.try_make(GFP_ATOMIC, 2);
    auto three = pool.make_for(std::chrono::milliseconds(1), 3);
    EXPECT_EQ(one->socket + two->socket + three->socket, 6);
    EXPECT_EQ(Session::nr_alive, 3);
    EXPECT_THROW((void)pool.make(-1), std::invalid_argument);
  }
  EXPECT_EQ(Session::nr_alive, 0);
  EXPECT_TRUE(pool.resize(5));
  EXPECT_TRUE(pool.is_saturated());
}

TEST(Sources, containers_live_on_a_node_a_cache_and_a_pool) {
  std::vector<Wide, kmem::node_allocator<Wide>> wide(5, kmem::node_source(0));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(wide.data()) % 256, 0u);
  kmem_cache_t* cache = kmem_cache_create("nodes", 64, 0, SLAB_NO_MERGE, NULL);
  {
    std::map<int, int, std::less<>, kmem::cache_allocator<std::pair<const int, int>>> map{kmem::cache_source(cache)};
    for (int i = 0; i < 1000; ++i) map[i] = i;
    EXPECT_EQ(map[777], 777);
    EXPECT_NE(kmem_cache_shrink(cache), 0) << "they are the cache's";
    std::vector<int, kmem::cache_allocator<int>> grows{kmem::cache_source(cache)};
    for (int i = 0; i < 1000; ++i) grows.push_back(i);
    auto moved = std::move(grows);
    EXPECT_EQ(moved[999], 999);
  }
  EXPECT_EQ(kmem_cache_shrink(cache), 0) << "and came back";
  mempool_t* pool = mempool_create_slab_pool(8, cache);
  {
    const kmem::pool_source source(pool, 64);
    std::list<long, kmem::pool_allocator<long>> list{source};
    for (int i = 0; i < 100; ++i) list.push_back(i);
    EXPECT_EQ(list.back(), 99);
    kmem::pool_allocator<char> chars{source};
    EXPECT_THROW((void)chars.allocate(65), std::bad_alloc);
    kmem::pool_resource resource(source), same(source);
    std::pmr::list<int> numbers(&resource);
    numbers.assign({1, 2, 3});
    EXPECT_TRUE(resource.is_equal(same));
  }
  mempool_destroy(pool);
  kmem::cache_resource of_cache{kmem::cache_source(cache)};
  std::pmr::set<int> set(&of_cache);
  set.insert({3, 1, 2});
  kmem::node_resource of_node{kmem::node_source(0, GFP_KERNEL | __GFP_THISNODE)};
  std::pmr::vector<std::pmr::string> strings(&of_node);
  for (int i = 0; i < 100; ++i) strings.emplace_back("a string that is too long for its object " + std::to_string(i));
  EXPECT_FALSE(of_cache.is_equal(of_node));
  set.clear();
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

}  // namespace
