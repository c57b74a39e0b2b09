/* The ways in which a program comes to name a function, in C and in C++: each is a call of kmem's.  Of what is only declared
 * here the label of the header has to hold, too. */
#ifdef __cplusplus
#define NOTHROW noexcept
extern "C" {
#else
#define NOTHROW
#endif
void kfree(const void* pointer) NOTHROW; /* before the header */
#ifdef __cplusplus
}
#endif
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif
void vfree(const void* address) NOTHROW; /* behind it */

/* What the program has for itself, and kmem's headers for these are not included. */
int up(int x) { return x + 1; }
unsigned readl(int x) { return (unsigned)x + 2; }
void put_page(int* x) { ++*x; }
#ifdef __cplusplus
}
namespace mine {
struct cache {
  static int kmalloc(int x) { return x; }
};
}  // namespace mine
#endif

static void* (*const allocate)(size_t, gfp_t) = kmalloc;
struct operations {
  void (*release)(const void*);
};
static const struct operations operations = {kfree};
static inline void* wrapped(size_t n) { return kzalloc(n, GFP_KERNEL); }

static void in_a_block(const void* p) {
#ifndef __cplusplus
  extern void kfree(const void* pointer);
#endif
  kfree(p);
}

int main(void) {
  int used = up(1) == 2 && readl(1) == 3;
  put_page(&used);
  void* p = allocate(100, GFP_KERNEL);
  operations.release(p);
  in_a_block(wrapped(10));
  vfree(vmalloc(5000));
  struct kmem_cache* cache = kmem_cache_create("labels", 40, 0, 0, NULL);
  kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
  used += kmem_cache_destroy(cache) == 0;
#ifdef __cplusplus
  used += mine::cache::kmalloc(0);
#endif
  if (used == 3) puts("ok");
  return used != 3;
}
