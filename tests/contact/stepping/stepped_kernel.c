// The kernel's names that work on this CPU's own, for a debugger to step through: objects one by one and in bulk, pages,
// pools, per-CPU variables in line and in sections, counters, references.
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/slab.h>
#include <signal.h>
#include <unistd.h>

static DEFINE_PER_CPU(unsigned long, hits);
static DEFINE_PER_CPU(unsigned char, small_hits);
volatile int watched;

#define MUST(condition)         \
  do {                          \
    if (!(condition)) _exit(1); \
  } while (0)

static void nothing(struct percpu_ref* ref) { (void)ref; }

static unsigned long sum_of_hits(void) {
  unsigned long sum = 0;
  int cpu;
  for_each_possible_cpu(cpu) sum += per_cpu(hits, cpu);
  return sum;
}

int main(int count, char** arguments) {
  (void)arguments;
  struct kmem_cache* cache = kmem_cache_create("stepped", 200, 0, 0, NULL);
  mempool_t* pool = mempool_create_slab_pool(4, cache);
  struct percpu_counter counter;
  struct percpu_ref ref;
  MUST(cache && pool && !percpu_counter_init(&counter, 0, GFP_KERNEL) && !percpu_ref_init(&ref, nothing, 0, GFP_KERNEL));
  kfree(kmalloc(100, GFP_KERNEL));
  if (count == 1) raise(SIGSTOP);
  for (int i = 0; i < 2; ++i) {
    void *one = kmalloc(100, GFP_KERNEL), *own = kmem_cache_alloc(cache, GFP_ATOMIC), *many[5];
    MUST(one && own && kmem_cache_alloc_bulk(cache, GFP_KERNEL, 5, many) == 5);
    kmem_cache_free_bulk(cache, 5, many);
    kmem_cache_free(cache, own);
    kfree(one);
    struct page* page = alloc_page(GFP_KERNEL);
    MUST(page);
    __free_page(page);
    void* element = mempool_alloc(pool, GFP_KERNEL);
    MUST(element);
    mempool_free(element, pool);
    this_cpu_inc(hits);
    this_cpu_add_return(hits, 2);
    this_cpu_or(small_hits, 1);
    MUST(this_cpu_cmpxchg(small_hits, 3, 2) <= 1);
    get_cpu_var(hits) += 3;
    put_cpu_var(hits);
    percpu_counter_add(&counter, 1);
    percpu_ref_get(&ref);
    percpu_ref_put(&ref);
  }
  MUST(sum_of_hits() == 12 && percpu_counter_sum(&counter) == 2);
  watched = 7;
  _exit(watched);
}
