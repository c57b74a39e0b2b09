// A plugin on kmem's names: objects, caches, pages, per-CPU variables inline.  Whether kmem is inside it (libkmem.a) or beside
// it (libkmem.so) is the linker's affair.
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/slab.h>

enum { kMany = 100 };

static DEFINE_PER_CPU(unsigned long, plugin_calls);

/// Answers how often it was called since it was loaded; 0 where kmem failed.
__attribute__((visibility("default"))) unsigned long plugin_work(void);
unsigned long plugin_work(void) {
  void* objects[kMany];
  for (int i = 0; i < kMany; ++i) {
    objects[i] = kmalloc(64, GFP_KERNEL);
    if (!objects[i]) return 0;
    ((unsigned char*)objects[i])[63] = 1;
  }
  for (int i = 0; i < kMany; ++i) kfree(objects[i]);
  struct page* page = alloc_page(GFP_KERNEL);
  if (!page) return 0;
  __free_page(page);
  this_cpu_inc(plugin_calls);
  unsigned long calls = 0;
  int cpu;
  for_each_possible_cpu(cpu) calls += *per_cpu_ptr(&plugin_calls, cpu);
  return calls;
}
