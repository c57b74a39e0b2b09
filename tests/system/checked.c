/* Mistakes with objects of caches, for checkers of the host to find: checked.sh reads what they say.
 *   checked overrun|after_free|unwritten|lose|good */
#include <linux/slab.h>
#include <stdio.h>
#include <string.h>

static struct kmem_cache* cache;
static int nr_constructed;
static void construct(void* object) { memset(object, 7, 40), ++nr_constructed; }

__attribute__((noinline)) static void overrun(volatile char* p) { p[40] = 1; }
__attribute__((noinline)) static int after_free(volatile char* p) { return p[3]; }
__attribute__((noinline)) static int unwritten(volatile char* p) { return p[8] ? puts("set") : puts("clear"); }
__attribute__((noinline)) static void lose(void) {
  memset(kmem_cache_alloc(cache, GFP_KERNEL), 1, 40); /* the one that main() remembers */
  memset(kmem_cache_alloc(cache, GFP_KERNEL), 1, 40);
}

static int good(void) {
  struct kmem_cache* made = kmem_cache_create("made", 40, 0, 0, construct);
  for (int i = 0; i < 300; ++i) {
    char* p = kmem_cache_alloc(made, GFP_KERNEL);
    char* q = kzalloc((size_t)(i * 97), GFP_KERNEL);
    if (p[39] != 7) return 1;
    if (!ZERO_OR_NULL_PTR(q) && (q[0] || q[ksize(q) - 1])) return 1;
    q = krealloc(q, 20000, GFP_KERNEL);
    memset(q, 1, 20000);
    kfree(q);
    kmem_cache_free(made, p);
  }
  return kmem_cache_destroy(made) || !nr_constructed;
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "good";
  cache = kmem_cache_create("cups", 40, 64, SLAB_NO_MERGE, NULL);
  char* volatile keep = kmem_cache_alloc(cache, GFP_KERNEL);
  if (!strcmp(what, "overrun")) overrun(keep);
  if (!strcmp(what, "unwritten")) unwritten(keep);
  char* p = keep;
  kmem_cache_free(cache, p);
  int sum = !strcmp(what, "after_free") ? after_free(p) : 0;
  if (!strcmp(what, "lose")) lose();
  if (!strcmp(what, "good") && good()) return 1;
  printf("the end %d\n", sum * 0);
  return 0;
}
