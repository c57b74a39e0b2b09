// Misuse of debugged caches, one process for each: the report in the kernel's form, and what happens after.

#include <gtest/gtest.h>
#include <linux/slab.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <regex>
#include <string>

#include "death/in_child.h"
#include "system/system.h"

namespace {

constexpr slab_flags_t kAll = SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER;

using kmem::test::Outcome;

template <typename F>
Outcome run(F f) {
  return kmem::test::run_in_child([&] {
    f();
    const kmem::Fault fault = kmem::check_system();
    if (fault) dprintf(STDERR_FILENO, "kmem: BUG broken: %s\n", fault.rule);
    return fault ? 1 : 0;
  });
}

/// What is wrong, where, and what was done: without dumps and traces, addresses as P.
std::string essence(const std::string& text) {
  static const std::regex address("(0x)?[0-9a-f]{16}");
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    for (const char* start : {"kmem: BUG", "kmem: FIX", "kmem: 0x"})
      if (!line.compare(0, strlen(start), start)) out += std::regex_replace(line.substr(6), address, "P") + "\n";
  }
  return out;
}

#define EXPECT_ESSENCE(outcome, want)                              \
  do {                                                             \
    EXPECT_EQ(essence((outcome).text), want) << (outcome).text;    \
    EXPECT_EQ((outcome).status, 0) << "the program did not go on"; \
  } while (false)

kmem_cache* inodes(slab_flags_t flags = kAll) { return (kmem_cache_create)("inodes", 100, 8, flags, nullptr); }
char* take(kmem_cache* cache) { return static_cast<char*>(kmem_cache_alloc(cache, GFP_KERNEL)); }
void finish(kmem_cache* cache) {
  if (validate_slab_cache(cache)) _exit(3);
  if (kmem_cache_destroy(cache)) _exit(4);
}

TEST(Overrun, of_one_byte_is_found_at_the_free_and_put_right) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes();
    char* p = take(cache);
    p[100] = 1;
    kmem_cache_free(cache, p);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome,
                 "BUG inodes (Not tainted): Right Redzone overwritten\n"
                 "P-P @offset=100. First byte 0x1 instead of 0xcc, found when it was freed\n"
                 "FIX inodes: Restoring Right Redzone P-P=0xcc\n");
}

TEST(Overrun, in_front_by_one_byte_is_found_too) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes(SLAB_RED_ZONE);
    char* p = take(cache);
    p[-1] = 1;
    kmem_cache_free(cache, p);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome,
                 "BUG inodes (Not tainted): Left Redzone overwritten\n"
                 "P-P @offset=-1. First byte 0x1 instead of 0xcc, found when it was freed\n"
                 "FIX inodes: Restoring Left Redzone P-P=0xcc\n");
}

TEST(Overrun, of_an_object_in_use_is_found_by_validation) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes();
    char* p = take(cache);
    memset(p + 100, 2, 3);
    if (validate_slab_cache(cache) != 1 || validate_slab_cache(cache) != 0) _exit(2);
    kmem_cache_free(cache, p);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome,
                 "BUG inodes (Not tainted): Right Redzone overwritten\n"
                 "P-P @offset=100. First byte 0x2 instead of 0xcc, found when it was looked at\n"
                 "FIX inodes: Restoring Right Redzone P-P=0xcc\n");
}

TEST(UseAfterFree, a_write_is_found_when_the_slab_goes_back) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes();
    char* p = take(cache);
    kmem_cache_free(cache, p);
    p[7] = 9;
    kmem_cache_shrink(cache);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome,
                 "BUG inodes (Not tainted): Poison overwritten\n"
                 "P-P @offset=7. First byte 0x9 instead of 0x6b, found when its slab was given back\n"
                 "FIX inodes: Restoring Poison P-P=0x6b\n");
}

TEST(UseAfterFree, a_write_is_found_when_the_object_is_given_out_again) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes();
    char *hold = take(cache), *p = take(cache);
    kmem_cache_free(cache, p);
    p[7] = 9;
    char* q = take(cache);
    if (q != p) _exit(2);
    kmem_cache_free(cache, q);
    kmem_cache_free(cache, hold);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome,
                 "BUG inodes (Not tainted): Poison overwritten\n"
                 "P-P @offset=7. First byte 0x9 instead of 0x6b, found when it was allocated\n"
                 "FIX inodes: Restoring Poison P-P=0x6b\n");
}

TEST(UseAfterFree, a_read_sees_poison) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes(SLAB_POISON);
    char* p = take(cache);
    strcpy(p, "secret");
    kmem_cache_free(cache, p);
    if (p[0] != 0x6b || p[98] != 0x6b || static_cast<unsigned char>(p[99]) != 0xa5) _exit(2);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome, "");
}

TEST(DoubleFree, is_refused_and_names_both_ends) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes();
    char *a = take(cache), *b = take(cache);
    kmem_cache_free(cache, a);
    kmem_cache_free(cache, b);
    kmem_cache_free(cache, a);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome,
                 "BUG inodes (Not tainted): Object already free\n"
                 "FIX inodes: Object at P not freed\n");
  EXPECT_TRUE(std::regex_search(outcome.text, std::regex("kmem: Allocated in .* age=[0-9]+ us cpu=[0-9]+ pid=[0-9]+\n")));
  EXPECT_TRUE(std::regex_search(outcome.text, std::regex("kmem: Freed in .* age=[0-9]+ us cpu=[0-9]+ pid=[0-9]+\n")));
}

TEST(Destroy, with_objects_out_names_them_and_the_cache_stays) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes();
    char *a = take(cache), *b = take(cache);
    if (!kmem_cache_destroy(cache)) _exit(2);
    kmem_cache_free(cache, a);
    kmem_cache_free(cache, b);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome, "BUG: kmem_cache_destroy(inodes): 2 objects are still allocated; the cache stays\n");
  size_t objects = 0;
  for (size_t at = 0; (at = outcome.text.find("kmem: Object 0x", at)) != std::string::npos; ++at) ++objects;
  EXPECT_EQ(objects, 2u) << outcome.text;
  EXPECT_NE(outcome.text.find("llocated"), std::string::npos) << outcome.text;
}

struct List {
  List *next, *prev;
  long key;
};
void make_list(void* p) {
  auto* list = static_cast<List*>(p);
  list->next = list->prev = list;
}

TEST(ConstructedState, that_is_lost_at_the_free_is_reported_and_made_anew) {
  const Outcome outcome = run([] {
    kmem_cache* cache = (kmem_cache_create)("lists", sizeof(List), 8, SLAB_DEBUG_INITIAL, make_list);
    auto* good = static_cast<List*>(kmem_cache_alloc(cache, GFP_KERNEL));
    good->key = 5;
    kmem_cache_free(cache, good);
    auto* bad = static_cast<List*>(kmem_cache_alloc(cache, GFP_KERNEL));
    bad->next = nullptr;
    kmem_cache_free(cache, bad);
    auto* again = static_cast<List*>(kmem_cache_alloc(cache, GFP_KERNEL));
    if (again != bad || again->next != again) _exit(2);
    kmem_cache_free(cache, again);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome,
                 "BUG lists (Not tainted): Constructor state lost\n"
                 "FIX lists: Object at P constructed again\n");
}

unsigned long told;
void both(void*, kmem_cache_t*, unsigned long flags) { told |= flags; }

TEST(ConstructedState, a_2_6_constructor_is_told_that_it_verifies) {
  const Outcome outcome = run([] {
    kmem_cache* cache = kmem_cache_create_2_6("old", 64, 0, SLAB_DEBUG_INITIAL, both, nullptr);
    void* p = kmem_cache_alloc(cache, GFP_KERNEL);
    if (told & SLAB_CTOR_VERIFY) _exit(2);
    kmem_cache_free(cache, p);
    if (!(told & SLAB_CTOR_VERIFY)) _exit(3);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome, "");
}

TEST(ManyMistakes, of_debugged_caches_do_not_drown_the_log) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes(SLAB_RED_ZONE);
    for (int i = 0; i < 200; ++i) {
      char* p = take(cache);
      p[100] = 1;
      kmem_cache_free(cache, p);
    }
    finish(cache);
  });
  size_t n = 0;
  for (size_t at = 0; (at = outcome.text.find("kmem: BUG", at)) != std::string::npos; ++at) ++n;
  EXPECT_EQ(n, 10u);
  EXPECT_EQ(outcome.status, 0);
}

TEST(Undebugged, caches_can_be_validated_as_well) {
  const Outcome outcome = run([] {
    kmem_cache* cache = inodes(SLAB_NO_MERGE);
    char* p = take(cache);
    if (validate_slab_cache(cache)) _exit(2);
    kmem_cache_free(cache, p);
    finish(cache);
  });
  EXPECT_ESSENCE(outcome, "");
}

}  // namespace
