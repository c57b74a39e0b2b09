// kmem_cache_create and what is done with a cache, in the forms of 2.6 and of now.

#include <linux/mm.h>
#include <linux/slab.h>

#include <kmem/stats.h>

#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "death/in_child.h"
#include "slab/cache_handle.h"
#include "system/system.h"

#include "unit/kernel_face/log.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

uintptr_t number(const void* p) { return reinterpret_cast<uintptr_t>(p); }

struct Object {
  uint32_t magic;
  uint32_t value;
  char rest[48];
};
constexpr uint32_t kConstructed = 0xc0de;

int nr_constructed, nr_destroyed;
kmem_cache_t* seen_cache;

void construct(void* p) {
  ++nr_constructed;
  static_cast<Object*>(p)->magic = kConstructed;
  static_cast<Object*>(p)->value = 0;
}

/// 2.6: one function for both; it tells them apart by the flag.
void construct_or_destroy(void* p, kmem_cache_t* cache, unsigned long flags) {
  seen_cache = cache;
  if (flags & SLAB_CTOR_CONSTRUCTOR) {
    construct(p);
  } else {
    ++nr_destroyed;
    EXPECT_EQ(static_cast<Object*>(p)->magic, kConstructed);
    static_cast<Object*>(p)->magic = 0;
  }
}

class Caches : public testing::Test {
 protected:
  void SetUp() override {
    nr_constructed = nr_destroyed = 0;
    seen_cache = nullptr;
  }
};

TEST_F(Caches, objects_have_the_size_and_the_alignment_that_were_asked_for) {
  for (const unsigned size : {1u, 7u, 24u, 100u, 500u, 3000u, 8000u}) {
    for (const unsigned align : {0u, 1u, 8u, 64u, 256u}) {
      kmem_cache_t* cache = kmem_cache_create("sizes", size, align, 0, NULL);
      ASSERT_TRUE(cache) << size << " " << align;
      EXPECT_EQ(kmem_cache_size(cache), size);
      std::set<unsigned char*> objects;
      for (int i = 0; i < 50; ++i) {
        auto* p = static_cast<unsigned char*>(kmem_cache_alloc(cache, GFP_KERNEL));
        ASSERT_TRUE(p);
        EXPECT_EQ(number(p) % (align ? align : 1), 0u) << size;
        memset(p, i, size);
        EXPECT_TRUE(objects.insert(p).second);
      }
      for (unsigned char* p : objects) kmem_cache_free(cache, p);
      EXPECT_EQ(kmem_cache_destroy(cache), 0);
    }
  }
}

TEST_F(Caches, both_forms_of_create_stand_side_by_side) {
  kmem_cache_t* now = kmem_cache_create("now", sizeof(Object), 0, 0, construct);
  kmem_cache_t* then = kmem_cache_create("then", sizeof(Object), 0, 0, construct_or_destroy, construct_or_destroy);
  kmem_cache_t* plain = kmem_cache_create("plain", sizeof(Object), 0, SLAB_HWCACHE_ALIGN, NULL, NULL);
  ASSERT_TRUE(now && then && plain);
  for (kmem_cache_t* cache : {now, then}) {
    auto* p = static_cast<Object*>(kmem_cache_alloc(cache, GFP_KERNEL));
    EXPECT_EQ(p->magic, kConstructed);
    kmem_cache_free(cache, p);
  }
  EXPECT_EQ(seen_cache, then);
  for (kmem_cache_t* cache : {now, then, plain}) EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, the_constructor_runs_when_the_slab_is_made_and_not_at_each_allocation) {
  kmem_cache_t* cache = kmem_cache_create("constructed", sizeof(Object), 0, 0, construct);
  auto* p = static_cast<Object*>(kmem_cache_alloc(cache, GFP_KERNEL));
  const int after_first = nr_constructed;
  EXPECT_GE(after_first, 1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(p->magic, kConstructed);
    kmem_cache_free(cache, p);
    p = static_cast<Object*>(kmem_cache_alloc(cache, GFP_KERNEL));
  }
  EXPECT_EQ(nr_constructed, after_first);
  kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, a_constructed_object_keeps_its_state_over_free_and_allocate) {
  kmem_cache_t* cache = kmem_cache_create("state", sizeof(Object), 0, 0, construct);
  std::vector<Object*> objects;
  for (unsigned i = 0; i < 300; ++i) {
    objects.push_back(static_cast<Object*>(kmem_cache_alloc(cache, GFP_KERNEL)));
    ASSERT_EQ(objects.back()->magic, kConstructed);
    objects.back()->value = 1000 + i;
  }
  std::set<uint32_t> values;
  for (Object* p : objects) kmem_cache_free(cache, p);
  for (Object*& p : objects) {
    p = static_cast<Object*>(kmem_cache_alloc(cache, GFP_KERNEL));
    ASSERT_EQ(p->magic, kConstructed);
    if (p->value) values.insert(p->value);
  }
  EXPECT_GE(values.size(), 250u) << "most objects came back, each as it was left";
  for (Object* p : objects) kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, the_destructor_of_2_6_runs_on_every_object_before_its_memory_goes) {
  kmem_cache_t* cache = kmem_cache_create("destructed", sizeof(Object), 0, 0, construct_or_destroy, construct_or_destroy);
  std::vector<void*> objects;
  for (int i = 0; i < 500; ++i) objects.push_back(kmem_cache_alloc(cache, GFP_KERNEL));
  EXPECT_EQ(nr_destroyed, 0);
  for (void* p : objects) kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
  EXPECT_GE(nr_constructed, 500);
  EXPECT_EQ(nr_destroyed, nr_constructed);
}

TEST_F(Caches, destroy_fails_while_objects_are_out_and_the_cache_stays_usable) {
  kmem_cache_t* cache = kmem_cache_create("in_use", 80, 0, 0, NULL, NULL);
  void* p = kmem_cache_alloc(cache, GFP_KERNEL);
  const std::string log = log_of([&] { EXPECT_NE(kmem_cache_destroy(cache), 0); });
  EXPECT_TRUE(mentions(log, "in_use")) << log;
  void* q = kmem_cache_alloc(cache, GFP_KERNEL);
  EXPECT_TRUE(q);
  kmem_cache_free(cache, p);
  kmem_cache_free(cache, q);
  EXPECT_EQ(log_of([&] { EXPECT_EQ(kmem_cache_destroy(cache), 0); }), "");
}

TEST_F(Caches, destroying_and_freeing_NULL_does_nothing) {
  kmem_cache_t* cache = kmem_cache_create("null", 80, 0, 0, NULL);
  EXPECT_EQ(log_of([&] {
              kmem_cache_destroy(NULL);
              kmem_cache_free(cache, NULL);
            }),
            "");
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, zalloc_gives_zeroes_also_in_used_objects) {
  kmem_cache_t* cache = kmem_cache_create("zeroed", 200, 0, 0, NULL);
  for (int i = 0; i < 200; ++i) {
    auto* p = static_cast<unsigned char*>(kmem_cache_zalloc(cache, GFP_KERNEL));
    for (int at = 0; at < 200; ++at) ASSERT_EQ(p[at], 0);
    memset(p, 0xff, 200);
    kmem_cache_free(cache, p);
  }
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, bulk_gives_all_or_nothing_and_each_object_once) {
  kmem_cache_t* cache = kmem_cache_create("bulk", 64, 0, 0, NULL);
  void* objects[777];
  ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 777, objects), 777);
  EXPECT_EQ(std::set<void*>(objects, objects + 777).size(), 777u);
  for (void* p : objects) memset(p, 1, 64);
  kmem_cache_free_bulk(cache, 777, objects);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, bulk_of_every_size_takes_each_object_once_and_gives_all_back) {
  for (const unsigned size : {64u, 72u, 96u, 4096u}) {
    kmem_cache_t* cache = kmem_cache_create("bulk_sizes", size, 0, SLAB_NO_MERGE, NULL);
    for (size_t n = 1; n < 300; n += n < 40 ? 1 : 37) {
      std::vector<void*> objects(n + 1);
      ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, objects.data()), static_cast<int>(n));
      ASSERT_EQ(std::set<void*>(objects.begin(), objects.end() - 1).size(), n);
      ASSERT_EQ(objects[n], nullptr);
      for (size_t i = 0; i < n; ++i) memset(objects[i], 1, size);
      std::swap(objects[0], objects[n / 2]);
      kmem_cache_free_bulk(cache, n, objects.data());
    }
    EXPECT_EQ(kmem_cache_shrink(cache), 0) << "all came back";
    EXPECT_EQ(kmem_cache_destroy(cache), 0);
  }
}

TEST_F(Caches, bulk_looks_at_every_object) {
  kmem_cache_t* ours = kmem_cache_create("ours", 64, 0, SLAB_NO_MERGE, NULL);
  kmem_cache_t* others = kmem_cache_create("others", 64, 0, SLAB_NO_MERGE, NULL);
  for (int at = 0; at < 8; ++at) {
    void* objects[8];
    ASSERT_EQ(kmem_cache_alloc_bulk(ours, GFP_KERNEL, 8, objects), 8);
    void* right = objects[at];
    void* foreign = objects[at] = kmem_cache_alloc(others, GFP_KERNEL);
    const std::string log = log_of([&] { kmem_cache_free_bulk(ours, 8, objects); });
    EXPECT_TRUE(mentions(log, "others")) << at << log;
    kmem_cache_free(ours, right);
    kmem_cache_free(others, foreign);
    ASSERT_EQ(kmem_cache_alloc_bulk(ours, GFP_KERNEL, 8, objects), 8);
    right = objects[at];
    objects[at] = static_cast<char*>(right) + 8;
    EXPECT_NE(log_of([&] { kmem_cache_free_bulk(ours, 8, objects); }), "");
    kmem_cache_free(ours, right);
  }
  EXPECT_EQ(kmem_cache_destroy(ours), 0);
  EXPECT_EQ(kmem_cache_destroy(others), 0);
}

TEST_F(Caches, a_prefilled_sheaf_gives_what_it_promised) {
  kmem_cache_t* cache = kmem_cache_create("prefilled", 64, 0, SLAB_NO_MERGE, NULL);
  slab_sheaf* sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 20);
  ASSERT_TRUE(sheaf);
  EXPECT_GE(kmem_cache_sheaf_size(sheaf), 20u);
  std::set<void*> taken;
  for (int i = 0; i < 20; ++i) {
    void* p = kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT | __GFP_ZERO, sheaf);
    ASSERT_TRUE(p);
    EXPECT_EQ(*static_cast<long*>(p), 0);
    memset(p, 1, 64);
    EXPECT_TRUE(taken.insert(p).second);
  }
  while (kmem_cache_sheaf_size(sheaf)) taken.insert(kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf));
  EXPECT_EQ(kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf), nullptr);
  EXPECT_EQ(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 500), 0);
  EXPECT_GE(kmem_cache_sheaf_size(sheaf), 500u);
  kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
  for (void* p : taken) kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_shrink(cache), 0) << "all came back";
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, destroy_names_the_objects_that_are_out) {
  kmem_cache_t* cache = kmem_cache_create("named", 80, 0, SLAB_NO_MERGE, NULL);
  std::vector<void*> objects(60);
  ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 60, objects.data()), 60);
  kmem_cache_free_bulk(cache, 57, objects.data());
  const std::string log = log_of([&] { EXPECT_NE(kmem_cache_destroy(cache), 0); });
  EXPECT_TRUE(mentions(log, "3 objects are still allocated")) << log;
  for (int i = 57; i < 60; ++i) {
    char address[40];
    snprintf(address, sizeof address, "Object 0x%016lx", static_cast<unsigned long>(number(objects[i])));
    EXPECT_TRUE(mentions(log, address)) << address << log;
  }
  kmem_cache_free_bulk(cache, 3, objects.data() + 57);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, bulk_gives_zeroes_when_asked_to) {
  kmem_cache_t* cache = kmem_cache_create("bulk_zero", 64, 0, 0, NULL);
  void* objects[100];
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_ZERO, 100, objects), 100);
    for (void* p : objects) {
      for (int at = 0; at < 64; ++at) ASSERT_EQ(static_cast<char*>(p)[at], 0);
      memset(p, 0xff, 64);
    }
    kmem_cache_free_bulk(cache, 100, objects);
  }
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, kfree_bulk_takes_blocks_of_any_size) {
  void* blocks[] = {kmalloc(8, GFP_KERNEL), kmalloc(100, GFP_KERNEL), kmalloc(100000, GFP_KERNEL)};
  EXPECT_EQ(log_of([&] { kfree_bulk(3, blocks); }), "");
}

TEST_F(Caches, kfree_takes_objects_of_any_cache) {
  kmem_cache_t* cache = kmem_cache_create("kfreed", 120, 0, 0, NULL);
  void* p = kmem_cache_alloc(cache, GFP_KERNEL);
  EXPECT_EQ(log_of([&] { kfree(p); }), "");
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, shrinking_an_idle_cache_gives_its_slabs_back) {
  kmem_cache_t* cache = kmem_cache_create("shrunk", sizeof(Object), 0, 0, construct_or_destroy, construct_or_destroy);
  std::vector<void*> objects;
  for (int i = 0; i < 2000; ++i) objects.push_back(kmem_cache_alloc(cache, GFP_KERNEL));
  for (void* p : objects) kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_shrink(cache), 0);
  EXPECT_EQ(nr_destroyed, nr_constructed);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, a_dma_cache_has_all_its_objects_below_16_MiB) {
  kmem_cache_t* cache = kmem_cache_create("dma", 300, 0, SLAB_CACHE_DMA, NULL);
  std::vector<void*> objects;
  for (int i = 0; i < 200; ++i) {
    objects.push_back(kmem_cache_alloc(cache, GFP_KERNEL));
    ASSERT_TRUE(objects.back());
    EXPECT_LT(virt_to_phys(objects.back()), 16u << 20);
  }
  for (void* p : objects) kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, hwcache_align_starts_objects_at_lines_and_halves_it_for_small_ones) {
  const struct { unsigned size, align; } cases[] = {{200, 64}, {64, 64}, {40, 64}, {32, 32}, {20, 32}, {16, 16}};
  for (const auto& c : cases) {
    kmem_cache_t* cache = kmem_cache_create("lines", c.size, 0, SLAB_HWCACHE_ALIGN, NULL);
    std::vector<void*> objects;
    for (int i = 0; i < 40; ++i) {
      objects.push_back(kmem_cache_alloc(cache, GFP_KERNEL));
      EXPECT_EQ(number(objects.back()) % c.align, 0u) << c.size;
    }
    for (void* p : objects) kmem_cache_free(cache, p);
    EXPECT_EQ(kmem_cache_destroy(cache), 0);
  }
}

struct named {
  long a, b, c;
};

TEST_F(Caches, KMEM_CACHE_takes_name_size_and_alignment_of_the_struct) {
  kmem_cache_t* cache = KMEM_CACHE(named, SLAB_HWCACHE_ALIGN);
  ASSERT_TRUE(cache);
  EXPECT_EQ(kmem_cache_size(cache), sizeof(named));
  void* p = kmem_cache_alloc(cache, GFP_KERNEL);
  EXPECT_TRUE(mentions(log_of([&] { kmem_cache_destroy(cache); }), "named"));
  kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, the_name_is_copied) {
  char name[] = "borrowed";
  kmem_cache_t* cache = kmem_cache_create(name, 64, 0, SLAB_NO_MERGE, NULL);
  strcpy(name, "changed");
  void* p = kmem_cache_alloc(cache, GFP_KERNEL);
  EXPECT_TRUE(mentions(log_of([&] { kmem_cache_destroy(cache); }), "borrowed"));
  kmem_cache_free(cache, p);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, what_cannot_be_a_cache_is_refused) {
  EXPECT_EQ(kmem_cache_create("empty", 0, 0, 0, NULL), nullptr);
  EXPECT_EQ(kmem_cache_create("huge", 1u << 30, 0, 0, NULL), nullptr);
  EXPECT_EQ(kmem_cache_create("crooked", 64, 48, 0, NULL), nullptr);
}

TEST_F(Caches, a_free_into_the_wrong_cache_is_reported_with_both_names_and_harms_neither) {
  kmem_cache_t* left = kmem_cache_create("left", 64, 0, SLAB_NO_MERGE, NULL);
  kmem_cache_t* right = kmem_cache_create("right", 64, 0, SLAB_NO_MERGE, NULL);
  void* p = kmem_cache_alloc(left, GFP_KERNEL);
  const std::string log = log_of([&] { kmem_cache_free(right, p); });
  EXPECT_TRUE(mentions(log, "left")) << log;
  EXPECT_TRUE(mentions(log, "right")) << log;
  // As the kernel does, the object may have gone home or be out still: what counts is that `right` never gives it.
  for (int i = 0; i < 200; ++i) {
    void* q = kmem_cache_alloc(right, GFP_KERNEL);
    ASSERT_NE(q, p);
    kmem_cache_free(right, q);
  }
}

TEST_F(Caches, a_second_free_is_reported_with_the_name) {
  kmem_cache_t* cache = kmem_cache_create("twice", 64, 0, SLAB_NO_MERGE, NULL);
  void* p = kmem_cache_alloc(cache, GFP_KERNEL);
  kmem_cache_free(cache, p);
  EXPECT_TRUE(mentions(log_of([&] { kmem_cache_free(cache, p); }), "twice"));
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

// Today's form -----------------------------------------------------------------------------------------------------------

TEST_F(Caches, todays_form_takes_what_is_left_out_for_0) {
  kmem_cache_args args{};
  for (kmem_cache_args* given : {&args, static_cast<kmem_cache_args*>(nullptr)}) {
    kmem_cache_t* cache = kmem_cache_create("today", 100, given, SLAB_NO_MERGE);
    ASSERT_TRUE(cache);
    EXPECT_EQ(kmem_cache_size(cache), 100u);
    kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
    EXPECT_EQ(kmem_cache_destroy(cache), 0);
  }
  kmem_cache_t* cache = kmem_cache_create("today", 100, NULL, 0);
  ASSERT_TRUE(cache);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, todays_form_knows_the_alignment_and_the_constructor) {
  kmem_cache_args args{};
  args.align = 256;
  args.ctor = construct;
  kmem_cache_t* cache = kmem_cache_create("today", sizeof(Object), &args, 0);
  auto* object = static_cast<Object*>(kmem_cache_alloc(cache, GFP_KERNEL));
  EXPECT_EQ(number(object) % 256, 0u);
  EXPECT_EQ(object->magic, kConstructed);
  EXPECT_GT(nr_constructed, 0);
  kmem_cache_free(cache, object);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, a_cache_of_todays_form_has_sheaves_as_large_as_was_asked_as_far_as_there_is_room) {
  const std::vector<std::pair<unsigned, unsigned>> cases = {
      {1, 2}, {5, 5}, {1000000, kmem::kSheafCapacity}, {0, kmem::kSheafCapacity}};
  for (const auto& [asked, got] : cases) {
    kmem_cache_args args{};
    args.sheaf_capacity = asked;
    kmem_cache_t* cache = kmem_cache_create("sheaves", 64, &args, SLAB_NO_MERGE);
    EXPECT_EQ(kmem::cache_of(cache).sheaves().capacity(), got) << asked;
    void* objects[300];
    ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 300, objects), 300);
    EXPECT_EQ(std::set<void*>(objects, objects + 300).size(), 300u);
    kmem_cache_free_bulk(cache, 300, objects);
    EXPECT_EQ(kmem::cache_of(cache).nr_in_use(), 0);
    EXPECT_FALSE(kmem::cache_of(cache).check());
    EXPECT_EQ(kmem_cache_destroy(cache), 0);
  }
}

TEST_F(Caches, a_cache_with_a_sheaf_of_its_own_size_is_merged_with_no_other) {
  kmem_cache_args args{};
  kmem_cache_t* plain = kmem_cache_create("one", 88, &args, 0);
  kmem_cache_t* alike = kmem_cache_create("two", 88, &args, 0);
  args.sheaf_capacity = 8;
  kmem_cache_t* other = kmem_cache_create("three", 88, &args, 0);
  args = {};
  args.useroffset = 8;
  args.usersize = 80;
  kmem_cache_t* copied = kmem_cache_create("four", 88, &args, 0);
  EXPECT_EQ(plain, alike);
  EXPECT_NE(plain, other);
  EXPECT_NE(plain, copied);
  EXPECT_NE(other, copied);
  for (kmem_cache_t* cache : {plain, alike, other, copied}) EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, todays_form_refuses_what_does_not_lie_in_the_object) {
  const auto refused = [](unsigned offset, unsigned size) {
    kmem_cache_args args{};
    args.useroffset = offset;
    args.usersize = size;
    return mentions(log_of([&] { EXPECT_FALSE(kmem_cache_create("range", 64, &args, 0)); }), "does not lie in the object");
  };
  EXPECT_TRUE(refused(0, 65));
  EXPECT_TRUE(refused(65, 0));
  EXPECT_TRUE(refused(8, 57));
  EXPECT_TRUE(refused(8, ~0u));
  EXPECT_TRUE(refused(8, 0));
  const auto at = [](unsigned offset, slab_flags_t flags) {
    kmem_cache_args args{};
    args.freeptr_offset = offset;
    args.use_freeptr_offset = true;
    return kmem_cache_create("link", 64, &args, flags);
  };
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_FALSE(at(0, 0)); }), "SLAB_TYPESAFE_BY_RCU only"));
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_FALSE(at(64, SLAB_TYPESAFE_BY_RCU)); }), "does not lie in the object"));
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_FALSE(at(12, SLAB_TYPESAFE_BY_RCU)); }), "is not aligned"));
  kmem_cache_t* cache = at(56, SLAB_TYPESAFE_BY_RCU);
  ASSERT_TRUE(cache);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, an_object_whose_link_has_a_place_keeps_all_its_bytes_while_it_is_free) {
  kmem_cache_args args{};
  args.use_freeptr_offset = true;
  kmem_cache_t* cache = kmem_cache_create("readers", 64, &args, SLAB_TYPESAFE_BY_RCU);
  auto* object = static_cast<char*>(kmem_cache_alloc(cache, GFP_KERNEL));
  memset(object, 0x5a, 64);
  kmem_cache_free(cache, object);
  kmem_cache_shrink(cache);  // not the slab: it may be somebody's
  void* again = kmem_cache_alloc(cache, GFP_KERNEL);
  kmem_cache_free(cache, again);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

// Counting ---------------------------------------------------------------------------------------------------------------

/// In a child, whose every call is counted from here on as with the boot word `stats`.
template <typename F>
int counting(F f) {
  const kmem::test::Outcome outcome = kmem::test::run_in_child([&] {
    kmem::system().world.counts = &kmem::system().counts;
    kmem::system().options.stats = true;
    kmem::set_fast_paths(kmem::kForStats, kmem::FastPath::Closed);
    return f();
  });
  EXPECT_EQ(outcome.text, "");
  return outcome.status;
}

TEST_F(Caches, calls_are_counted_one_by_one_and_add_up_over_threads) {
  EXPECT_EQ(counting([] {
              constexpr uint64_t kThreads = 4, kRounds = 3000, kBulk = 16;
              kmem_cache_t* cache = kmem_cache_create("counted", 64, 0, SLAB_NO_MERGE, NULL);
              std::vector<void*> kept(kThreads);
              std::vector<std::thread> threads;
              for (uint64_t t = 0; t < kThreads; ++t)
                threads.emplace_back([cache, &kept, t] {
                  for (uint64_t i = 0; i < kRounds; ++i) {
                    void* objects[kBulk];
                    if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, kBulk, objects) != kBulk) _exit(2);
                    void* one = kmem_cache_alloc(cache, GFP_KERNEL);
                    void* cleared = kmem_cache_zalloc(cache, GFP_ATOMIC);
                    kmem_cache_free(cache, one);
                    kmem_cache_free_bulk(cache, kBulk, objects);
                    kmem_cache_free(cache, cleared);
                  }
                  kept[t] = kmem_cache_alloc(cache, GFP_KERNEL);
                });
              for (std::thread& thread : threads) thread.join();
              auto* c = &kmem::cache_of(cache);
              const kmem::CacheCalls calls = c->calls().read();
              if (calls.frees != kThreads * kRounds * (kBulk + 2)) return 3;
              if (calls.allocs != calls.frees + kThreads) return 4;
              if (c->nr_in_use() != int64_t{kThreads}) return 5;
              if (calls.slow_allocs > calls.allocs / 4) return 6;  // most were served as the fast path would have
              std::string text(kmem_slabinfo(nullptr, 0) + 4096, 0);
              text.resize(kmem_slabinfo(text.data(), text.size()));
              const size_t line = text.find("\ncounted ");
              if (line == text.npos || text.find(" : cpustat ", line) > text.find('\n', line + 1)) return 7;
              return c->check() ? 8 : 0;
            }),
            0);
}

TEST_F(Caches, blocks_of_kmalloc_and_malloc_are_counted_by_their_caches_and_large_ones_apart) {
  EXPECT_EQ(counting([] {
              kmem::System& s = kmem::system();
              const kmem::Cache& cache = s.heap.sizes().kmalloc(200);
              const kmem::CacheCalls before = cache.calls().read();
              void* small = kmalloc(200, GFP_KERNEL);
              void* cleared = kzalloc(200, GFP_KERNEL);
              void* large = kmalloc(100000, GFP_KERNEL);
              if (cache.calls().read().allocs != before.allocs + 2 || s.counts.allocs.value() != 1) return 2;
              kfree(small);
              kfree(cleared);
              kfree(large);
              return cache.calls().read().frees == before.frees + 2 && s.counts.frees.value() == 1 &&
                             s.counts.slow_frees.value() == 1
                         ? 0
                         : 3;
            }),
            0);
}

TEST_F(Caches, what_a_cache_counted_stays_in_the_sum_when_it_is_gone) {
  EXPECT_EQ(counting([] {
              kmem::System& s = kmem::system();
              for (int i = 0; i < 3; ++i) {
                kmem_cache_t* cache = kmem_cache_create("gone", 72, 0, SLAB_NO_MERGE, NULL);
                kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
                if (kmem::cache_of(cache).calls().read().allocs != 1 || kmem_cache_destroy(cache)) return 2;
              }
              return s.counts.allocs.value() == 3 && s.counts.frees.value() == 3 ? 0 : 3;
            }),
            0);
}

TEST_F(Caches, a_free_that_is_refused_is_not_counted) {
  const kmem::test::Outcome outcome = kmem::test::run_in_child([] {
    kmem::system().world.counts = &kmem::system().counts;
    kmem::set_fast_paths(kmem::kForStats, kmem::FastPath::Closed);
    kmem_cache_t* cache = kmem_cache_create("refused", 72, 0, SLAB_CONSISTENCY_CHECKS, NULL);
    void* p = kmem_cache_alloc(cache, GFP_KERNEL);
    kmem_cache_free(cache, p);
    kmem_cache_free(cache, p);
    return kmem::cache_of(cache).calls().read().frees == 1 ? 0 : 2;
  });
  EXPECT_EQ(outcome.status, 0) << outcome.text;
}

TEST_F(Caches, hundreds_of_caches_live_at_once) {
  std::vector<kmem_cache_t*> caches;
  for (unsigned i = 0; i < 600; ++i) {
    caches.push_back(kmem_cache_create("many", 8 + i, 0, SLAB_NO_MERGE, NULL));
    ASSERT_TRUE(caches.back()) << i;
  }
  std::vector<void*> objects;
  for (kmem_cache_t* cache : caches) objects.push_back(kmem_cache_alloc(cache, GFP_KERNEL));
  for (size_t i = 0; i < caches.size(); ++i) {
    memset(objects[i], 1, 8 + i);
    kmem_cache_free(caches[i], objects[i]);
  }
  for (kmem_cache_t* cache : caches) EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Caches, creating_and_destroying_for_ever_does_not_use_up_anything) {
  for (int i = 0; i < 5000; ++i) {
    kmem_cache_t* cache = kmem_cache_create("again", 72, 0, 0, NULL);
    ASSERT_TRUE(cache) << i;
    kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
    ASSERT_EQ(kmem_cache_destroy(cache), 0);
  }
}

}  // namespace
