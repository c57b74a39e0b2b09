// NULL, error pointers and what was freed or destroyed, given to every function that takes a cache, a pool, a page, per-CPU
// memory or an area: nothing where the kernel does nothing, else a report, and never a crash.
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void* bad; /* what each function is given */
static struct kmem_cache* good;
static void *object, *page;
static mempool_t* pool;
static struct slab_sheaf* sheaf;
static int faults, checks;

enum saying { QUIET = 1, SAYS = 2, EITHER = QUIET | SAYS };

/* One call, in a child; what it writes to standard error is what it says. */
static int ends[2];
static pid_t child;

static bool is_child(void) {
  fflush(stdout);
  if (pipe(ends) || (child = fork()) < 0) exit(2);
  if (child) return false;
  dup2(ends[1], 2);
  close(ends[0]);
  close(ends[1]);
  alarm(300);
  return true;
}

static void look(const char* call, enum saying wanted) {
  char said[256];
  int status;
  ssize_t n;

  close(ends[1]);
  n = read(ends[0], said, sizeof said);
  while (read(ends[0], said, sizeof said) > 0)
    ;
  close(ends[0]);
  waitpid(child, &status, 0);
  checks++;
  if (status && ++faults) printf("%s of %p: ends with status %#x\n", call, bad, status);
  else if (!((n > 0 ? SAYS : QUIET) & wanted) && ++faults)
    printf("%s of %p: %s\n", call, bad, n > 0 ? "a report where the kernel is quiet" : "no report");
}

#define CALL(wanted, ...)       \
  do {                          \
    if (is_child()) {           \
      __VA_ARGS__;              \
      _exit(0);                 \
    }                           \
    look(#__VA_ARGS__, wanted); \
  } while (0)

static struct kmem_cache* cache(void) { return bad; }

static void as_a_cache(enum saying destroying, enum saying freeing) {
  CALL(destroying, kmem_cache_destroy(cache()));
  CALL(SAYS, kmem_cache_shrink(cache()));
  CALL(SAYS, kmem_cache_size(cache()));
  CALL(SAYS, validate_slab_cache(cache()));
  CALL(SAYS, if (kmem_cache_alloc(cache(), GFP_KERNEL)) _exit(1));
  CALL(SAYS, if (kmem_cache_zalloc(cache(), GFP_ATOMIC)) _exit(1));
  CALL(SAYS, if (kmem_cache_alloc_node(cache(), GFP_KERNEL, 0)) _exit(1));
  CALL(SAYS, kmem_cache_free(cache(), object));
  CALL(SAYS, kmem_cache_free(cache(), page));
  CALL(EITHER, kmem_cache_free(cache(), NULL));
  CALL(SAYS, void* o[4]; if (kmem_cache_alloc_bulk(cache(), GFP_KERNEL, 4, o)) _exit(1));
  CALL(freeing, void* o[2]; o[0] = kmem_cache_alloc(good, GFP_KERNEL); o[1] = kmem_cache_alloc(good, GFP_KERNEL);
       kmem_cache_free_bulk(cache(), 2, o));
  CALL(SAYS, if (kmem_cache_prefill_sheaf(cache(), GFP_KERNEL, 4)) _exit(1));
  CALL(SAYS, kmem_cache_return_sheaf(cache(), GFP_KERNEL, sheaf));
  CALL(SAYS, if (kmem_cache_alloc_from_sheaf(cache(), GFP_KERNEL, sheaf)) _exit(1));
  CALL(SAYS, if (mempool_create_slab_pool(2, cache())) _exit(1));
}

static void as_a_sheaf(void) {
  CALL(SAYS, kmem_cache_return_sheaf(good, GFP_KERNEL, bad));
  CALL(SAYS, if (kmem_cache_alloc_from_sheaf(good, GFP_KERNEL, bad)) _exit(1));
  CALL(SAYS, if (kmem_cache_sheaf_size(bad)) _exit(1));
  CALL(SAYS, struct slab_sheaf* s = bad; if (!kmem_cache_refill_sheaf(good, GFP_KERNEL, &s, 8)) _exit(1));
}

static void as_a_pool(enum saying destroying) {
  CALL(SAYS, if (mempool_alloc(bad, GFP_KERNEL)) _exit(1));
  CALL(SAYS, if (mempool_alloc(bad, GFP_ATOMIC)) _exit(1));
  CALL(SAYS, mempool_free(object, bad));
  CALL(QUIET, mempool_free(NULL, bad));
  CALL(destroying, mempool_destroy(bad));
  CALL((long)bad > 0 ? EITHER : SAYS, mempool_exit(bad)); /* of zeroed memory it is nothing */
  CALL(SAYS, if (!(mempool_resize)(bad, 4)) _exit(1));
  CALL(SAYS, if (mempool_alloc_preallocated(bad)) _exit(1));
  CALL(QUIET, if (mempool_initialized(bad)) _exit(1));
}

static void as_a_block(enum saying freeing) {
  CALL(freeing, kfree(bad));
  CALL(freeing, kvfree(bad));
  CALL(EITHER, kfree_sensitive(bad));
  CALL(freeing, kmem_cache_free(good, bad));
  CALL(freeing, void* o[2]; o[0] = o[1] = bad; kfree_bulk(2, o));
  CALL(QUIET, ksize(bad));
  if (bad && freeing == SAYS) CALL(SAYS, void* p = krealloc(bad, 100, GFP_KERNEL); if (p) _exit(1));
}

static void as_a_page(enum saying freeing, enum saying holding) {
  CALL(freeing, __free_pages(bad, 0));
  CALL(freeing, __free_pages(bad, 2));
  CALL(freeing, __free_page(bad));
  CALL(freeing, free_hot_page(bad));
  CALL(freeing, free_cold_page(bad));
  CALL(holding, put_page(bad));
  CALL(holding, get_page(bad));
  CALL(holding, split_page(bad, 1));
  CALL(QUIET, page_address(bad));
  CALL(QUIET, page_count(bad));
  CALL(QUIET, page_to_nid(bad));
  CALL(QUIET, page_zonenum(bad));
}

static void as_an_address_of_pages(enum saying freeing) {
  CALL(freeing, free_pages((unsigned long)bad, 0));
  CALL(freeing, free_pages_exact(bad, 100));
  CALL(QUIET, virt_to_page(bad));
}

static void as_an_area(enum saying freeing) {
  CALL(freeing, vfree(bad));
  CALL(freeing, vfree_atomic(bad));
  CALL(freeing, vunmap(bad));
  CALL(SAYS, vm_unmap_ram(bad, 1));
  if (bad) CALL(SAYS, void* p = vrealloc(bad, 100, GFP_KERNEL); if (p) _exit(1));
  CALL(QUIET, if (vmalloc_to_page(bad)) _exit(1));
  CALL(QUIET, if (vmalloc_to_pfn(bad)) _exit(1));
  CALL(QUIET, if (find_vm_area(bad)) _exit(1));
  CALL(EITHER, if (remove_vm_area(bad)) _exit(1));
  CALL(EITHER, iounmap(bad));
}

static void as_percpu(enum saying freeing) {
  CALL(freeing, free_percpu(bad));
  CALL(QUIET, if (pcpu_alloc_size(bad)) _exit(1));
  CALL(QUIET, is_kernel_percpu_address((unsigned long)bad));
}

static void as_anything(enum saying nothing) {
  as_a_cache(nothing, nothing);
  as_a_sheaf();
  as_a_pool(nothing);
  as_a_block(nothing);
  as_a_page(nothing, SAYS);
  as_an_address_of_pages(nothing);
  as_an_area(nothing);
  as_percpu(nothing);
}

int main(void) {
  good = (kmem_cache_create)("good", 64, 0, SLAB_NO_MERGE, NULL);
  object = kmem_cache_alloc(good, GFP_KERNEL);
  page = (void*)__get_free_page(GFP_KERNEL);
  pool = mempool_create_kmalloc_pool(2, 64);
  sheaf = kmem_cache_prefill_sheaf(good, GFP_KERNEL, 4);

  as_anything(QUIET);
  bad = ERR_PTR(-12);
  as_anything(SAYS);
  bad = ERR_PTR(-512);
  as_anything(SAYS);

  bad = (kmem_cache_create)("gone", 64, 0, SLAB_NO_MERGE, NULL);
  kmem_cache_destroy(bad);
  as_a_cache(SAYS, SAYS);
  bad = kmalloc(64, GFP_KERNEL);
  kfree(bad);
  as_a_block(EITHER); /* a second free is noticed at once where the block is the last that came */
  bad = vmalloc(8192);
  vfree(bad);
  as_an_area(SAYS);
  bad = (void*)alloc_percpu(int);
  free_percpu(bad);
  as_percpu(SAYS);
  bad = mempool_create_kmalloc_pool(2, 64);
  mempool_destroy(bad);
  as_a_pool(SAYS);
  bad = alloc_page(GFP_KERNEL);
  __free_page(bad);
  as_a_page(SAYS, SAYS);
  bad = vmalloc(8192); /* an area is not a block of kmalloc's, and a block is no area */
  CALL(SAYS, kfree(bad));
  CALL(SAYS, void* p = krealloc(bad, 4096, GFP_KERNEL); if (p) _exit(1));
  CALL(SAYS, void* p = krealloc(bad, 20000, GFP_KERNEL); if (p) _exit(1));
  bad = kmalloc(8192, GFP_KERNEL);
  CALL(SAYS, vfree(bad));
  CALL(SAYS, void* p = vrealloc(bad, 4096, GFP_KERNEL); if (p) _exit(1));
  CALL(SAYS, free_percpu(bad));
  CALL(SAYS, free_page((unsigned long)bad));
  bad = page;
  CALL(SAYS, kfree(bad));
  CALL(SAYS, void* p = krealloc(bad, 100, GFP_KERNEL); if (p) _exit(1));

  printf("%d of %d checks failed\n", faults, checks);
  return faults != 0;
}
