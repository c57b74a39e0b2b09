/* Flags of a cache that say what boot words do not hold for it: this program again with each of the words. */
#include <kmem/leaks.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <sys/wait.h>

#include "check.h"

static struct kmem_cache *plain, *flagged;
static void make(slab_flags_t flag, unsigned size) {
  plain = kmem_cache_create("plain", size, 0, SLAB_NO_MERGE, NULL);
  flagged = kmem_cache_create("flagged", size, 0, flag, NULL);
}

/* KMEM=slub_debug=Z: a write past the end is seen, but in a cache with SLAB_NO_USER_FLAGS. */
static void write_past_end(struct kmem_cache* cache) {
  char* p = (char*)kmem_cache_alloc(cache, GFP_KERNEL);
  ((volatile char*)p)[60] = 1;
  kmem_cache_free(cache, p);
}
static void no_user_flags(void) {
  make(SLAB_NO_USER_FLAGS, 60);
  SAYS("plain", write_past_end(plain));
  SAYS(NULL, write_past_end(flagged));
}

/* KMEM=kfence.sample_interval=1: some objects lie on pages of their own, but none with SLAB_SKIP_KFENCE. */
static int nr_guarded(struct kmem_cache* cache) {
  int n = 0;
  for (int i = 0; i < 300; ++i) {
    usleep(1100);
    void* objects[80];
    for (int k = 0; k < 80; ++k) objects[k] = kmem_cache_alloc(cache, GFP_KERNEL);
    for (int k = 0; k < 80; ++k) n += !PageSlab(virt_to_page(objects[k])), kmem_cache_free(cache, objects[k]);
    kmem_cache_shrink(cache);
  }
  return n;
}
static void skip_kfence(void) {
  make(SLAB_SKIP_KFENCE, 64);
  CHECK(nr_guarded(plain) > 0);
  CHECK(nr_guarded(flagged) == 0);
}

/* KMEM=failslab=1,100,0,-1,cache-filter=Y: only caches with SLAB_FAILSLAB fail. */
static void may_fail(void) {
  make(SLAB_FAILSLAB, 64);
  void* p = kmem_cache_alloc(plain, GFP_KERNEL);
  CHECK(p && !kmem_cache_alloc(flagged, GFP_KERNEL));
  kmem_cache_free(plain, p);
  kfree(kmalloc(8, GFP_KERNEL));
}

/* What nobody knows any more is reported, but of a cache with SLAB_NOLEAKTRACE. */
static __attribute__((__noinline__)) void lose(struct kmem_cache* cache, int n) {
  volatile unsigned long p = 0;
  for (int i = 0; i < n; ++i) p ^= (unsigned long)kmem_cache_alloc(cache, GFP_KERNEL);
  p = 0;
  (void)p;
}
static size_t nr_lost(void) {
  struct kmem_leak_totals totals;
  CHECK(kmem_leak_scan(-1, &totals) == 0);
  return totals.leaked_blocks;
}
static void no_leak_trace(void) {
  make(SLAB_NOLEAKTRACE, 64);
  const size_t before = nr_lost();
  lose(flagged, 200);
  CHECK(nr_lost() < before + 50);
  lose(plain, 200);
  CHECK(nr_lost() > before + 150);
}

static const struct {
  const char* words;
  void (*run)(void);
} kCases[] = {{"slub_debug=Z", no_user_flags},
              {"kfence.sample_interval=1", skip_kfence},
              {"failslab=1,100,0,-1,cache-filter=Y", may_fail},
              {"kmemleak=on", no_leak_trace}};

int main(int argc, char** argv) {
  if (argc > 1) {
    kCases[argv[1][0] - '0'].run();
    return failures != 0;
  }
  for (int i = 0; i < 4; ++i) {
    const char number[2] = {(char)('0' + i), 0};
    const pid_t child = fork();
    if (!child) {
      setenv("KMEM", kCases[i].words, 1);
      execl("/proc/self/exe", argv[0], number, (char*)NULL);
      _exit(9);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (failures) return printf("with KMEM=%s\n", kCases[i].words), 1;
  }
  return 0;
}
