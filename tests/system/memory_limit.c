// A program whose memory is bounded, by mem= or by its cgroup: the end is NULL and ENOMEM, nobody is killed, what was
// freed is there again, and what is kept in reserve still serves who may have it.
//
//   BOUND_MIB=64 memory_limit    the bound, for the sums to be compared with
#include "check.h"

enum { kMib = 1 << 20 };
static size_t bound;

/// kmem's own names, where the library has them; malloc alone is another library's business.
static void* (*kmalloc_)(size_t, unsigned);
static void (*kfree_)(const void*);
enum { kGfpAtomic = 0x20 | 0x200, kGfpNowait = 0x200 | 0x400, kGfpNoWarn = 0x400 };

/// Chained through themselves; the number.
static size_t take_all(size_t n, void*** head) {
  size_t count = 0;
  for (void** p;; ++count) {
    errno = 0;
    p = malloc(n);
    if (p == NULL) break;
    memset(opaque(p), 0x33, n);
    *p = (void*)*head;
    *head = p;
  }
  EXPECT(errno == ENOMEM, "errno %d at the end of memory", errno);
  return count;
}

static void give_all(void*** head) {
  while (*head != NULL) {
    void** next = **head;
    free(*head);
    *head = next;
  }
}

static void** held;

TEST(small_blocks_end_in_NULL_near_the_bound_and_again_when_they_were_freed) {
  for (int round = 0; round < 2; ++round) {
    const size_t count = take_all(1000, &held);
    EXPECT(count * 1024 < bound && count * 1024 > bound / 2, "%zu KiB of %zu", count, bound / 1024);
    give_all(&held);
  }
}

TEST(pages_and_large_blocks_are_bounded_by_the_same) {
  for (size_t n = 16 << 10; n <= bound / 4; n *= 4) {
    const size_t count = take_all(n, &held);
    EXPECT(count * n < bound && count * n > bound / 3, "%zu blocks of %zu", count, n);
    give_all(&held);
  }
}

TEST(both_together_too) {
  void* large = malloc(bound / 2);
  REQUIRE(large != NULL, "half of the bound in one block");
  memset(opaque(large), 1, bound / 2);
  const size_t count = take_all(1000, &held);
  EXPECT(count * 1024 < bound / 2, "%zu KiB beside a block of half the bound", count);
  give_all(&held);
  EXPECT(realloc(large, 4 * bound) == NULL, "a block of four times the bound");
  free(large);
}

TEST(a_block_larger_than_the_bound_is_refused_at_once) {
  errno = 0;
  EXPECT(malloc(bound * 2) == NULL && errno == ENOMEM, "errno %d", errno);
  EXPECT(calloc(2, bound) == NULL, "calloc too");
}

TEST(at_the_bound_the_reserve_still_serves_who_cannot_wait) {
  if (kmalloc_ == NULL) return;
  take_all(1000, &held);
  size_t nowait = 0, atomic = 0;
  void** mine = NULL;
  for (void** p; (p = kmalloc_(4096, kGfpNowait)) != NULL; mine = p, ++nowait) *p = (void*)mine;
  for (void** p; (p = kmalloc_(4096, kGfpAtomic | kGfpNoWarn)) != NULL; mine = p, ++atomic) {
    memset(opaque(p), 0x44, 4096);
    *p = (void*)mine;
  }
  EXPECT(atomic > 10, "%zu blocks of 4 KiB for GFP_ATOMIC after %zu for GFP_NOWAIT", atomic, nowait);
  while (mine != NULL) {
    void** next = *mine;
    kfree_(mine);
    mine = next;
  }
  give_all(&held);
}

TEST(elements_held_back_serve_at_the_bound) {
  void* reserve[16];
  for (int i = 0; i < 16; ++i) reserve[i] = malloc(4096);
  take_all(1000, &held);
  free(reserve[7]);
  void* p = malloc(4000);
  EXPECT(p != NULL, "what was freed is there again");
  free(p);
  for (int i = 0; i < 16; ++i)
    if (i != 7) free(reserve[i]);
  give_all(&held);
}

int main(int argc, char** argv) {
  const char* mib = getenv("BOUND_MIB");
  bound = (mib != NULL ? (size_t)atoi(mib) : 64) * kMib;
  *(void**)&kmalloc_ = dlsym(RTLD_DEFAULT, "kmem_kmalloc");
  *(void**)&kfree_ = dlsym(RTLD_DEFAULT, "kmem_kfree");
  return run_tests(argc, argv);
}
