// What init_on_alloc=1 and init_on_free=1 promise, and leave alone, by size and by way: run with either, both, and with what
// else watches.  The first argument says what is expected:
//   zero     all memory that is given out reads as zero
//   poison   objects of caches may hold poison instead, all else is zero
//   held     the same, and objects that were freed do not come back soon
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GARBAGE = 0x09, ROUNDS = 4, OBJECTS = 10 };

static int faults, checks;
static bool poisoned; /* objects of caches hold poison */
static bool held;     /* what is freed is held back for long */

static size_t count_dirty(const void* p, size_t bytes) {
  const unsigned char* b = p;
  size_t dirty = 0;

  for (size_t i = 0; i < bytes; i++) dirty += b[i] != 0;
  return dirty;
}

/* The kernel's poison: 6b ... 6b a5, as far as it was asked for; what came before it is gone. */
static bool is_poison(const void* p, size_t bytes) {
  const unsigned char* b = p;

  for (size_t i = 0; i + 1 < bytes; i++)
    if (b[i] != 0x6b) return false;
  return b[bytes - 1] == 0xa5 || b[bytes - 1] == 0x6b;
}

static void want_zero(const void* p, size_t bytes, const char* what) {
  size_t dirty = p ? count_dirty(p, bytes) : bytes;

  checks++;
  if (dirty && ++faults < 30) printf("%s of %zu bytes: %zu are not zero\n", what, bytes, dirty);
}

static void want_clean(const void* p, size_t bytes, const char* what) {
  if (poisoned && p && is_poison(p, bytes)) {
    checks++;
    return;
  }
  want_zero(p, bytes, what);
}

static void want(bool right, size_t bytes, const char* what) {
  checks++;
  if (!right && ++faults < 30) printf("%s (%zu bytes)\n", what, bytes);
}

static void pages(unsigned order) {
  size_t bytes = PAGE_SIZE << order;

  for (int round = 0; round < ROUNDS; round++) {
    struct page* page[3];
    unsigned long p = 0;
    void* exact;

    for (int i = 0; i < 3; i++) {
      page[i] = alloc_pages(i ? GFP_ATOMIC : GFP_KERNEL, order);
      if (page[i]) {
        want_zero(page_address(page[i]), bytes, "alloc_pages");
        memset(page_address(page[i]), GARBAGE, bytes);
      }
    }
    for (int i = 0; i < 3; i++)
      if (page[i]) round % 2 ? __free_pages(page[i], order) : put_page(page[i]);
    p = __get_free_pages(GFP_KERNEL, order);
    want_zero((void*)p, bytes, "__get_free_pages");
    memset((void*)p, GARBAGE, bytes);
    if (round % 2 && order) {
      split_page(virt_to_page(p), order);
      for (size_t at = 0; at < bytes; at += PAGE_SIZE) free_page(p + at);
    } else {
      free_pages(p, order);
    }
    exact = alloc_pages_exact(bytes - 100, GFP_KERNEL);
    want_zero(exact, bytes - 100, "alloc_pages_exact");
    memset(exact, GARBAGE, bytes - 100);
    free_pages_exact(exact, bytes - 100);
  }
}

static void blocks(size_t size) {
  /* A page and more comes without poison. */
  void (*look)(const void*, size_t, const char*) = size > KMALLOC_MAX_CACHE_SIZE ? want_zero : want_clean;

  for (int round = 0; round < ROUNDS; round++) {
    void *p = kmalloc(size, GFP_KERNEL), *q = kmalloc(size, GFP_ATOMIC);

    look(p, size, "kmalloc");
    look(q, size, "kmalloc");
    memset(p, GARBAGE, size);
    memset(q, GARBAGE, size);
    round % 3 == 2 ? kfree_sensitive(p) : kfree(p);
    kvfree(q);
    p = kzalloc(size, GFP_KERNEL);
    want_zero(p, size, "kzalloc");
    memset(p, GARBAGE, size);
    /* shorter, as long as before, and longer: what was never asked for before is clean */
    q = krealloc(p, size / 2 + 1, GFP_KERNEL);
    if (q && size * 2 <= KMALLOC_MAX_SIZE) {
      p = krealloc(q, size * 2, GFP_KERNEL);
      want((size > 1 ? count_dirty(p, size / 2) == size / 2 : 1), size, "krealloc lost what was there");
      look((char*)p + ksize(p) / 4 * 3, ksize(p) / 4, "krealloc's new end");
      q = p;
    }
    kfree(q);
  }
}

static void areas(size_t size) {
  for (int round = 0; round < ROUNDS; round++) {
    char* p = round % 3 == 1 ? vzalloc(size) : vmalloc(size);

    want_zero(p, size, "vmalloc");
    memset(p, GARBAGE, size);
    if (round % 3 == 2) {
      p = vrealloc(p, size / 2 + 1, GFP_KERNEL);
      p = vrealloc(p, size * 2, GFP_KERNEL);
      want_zero(p + size, size, "vrealloc");
      memset(p, GARBAGE, size * 2);
    }
    vfree(p);
    p = kvmalloc(size, GFP_KERNEL);
    size > KMALLOC_MAX_CACHE_SIZE ? want_zero(p, size, "kvmalloc") : want_clean(p, size, "kvmalloc");
    memset(p, GARBAGE, size);
    kvfree(p);
  }
}

/* Caches ---------------------------------------------------------------------------------------------------------- */

enum { MARK = 0x5eed5eed };

static void construct(void* object) { *(unsigned*)object = MARK; }

static void cache_of(size_t size, bool constructed, bool for_readers, bool zero) {
  struct kmem_cache* c =
      (kmem_cache_create)("clearing", size, 1, for_readers ? SLAB_TYPESAFE_BY_RCU : 0, constructed ? construct : NULL);
  size_t marked = constructed ? sizeof(unsigned) : 0;

  for (int round = 0; round < ROUNDS; round++) {
    void *p = kmem_cache_alloc(c, GFP_KERNEL | (zero ? __GFP_ZERO : 0)), *copy;

    if (zero) want_zero(p, size, "kmem_cache_zalloc");
    else if (constructed) want(*(unsigned*)p == MARK, size, "the constructed state is lost");
    else if (!for_readers) want_clean(p, size, "kmem_cache_alloc");
    memset((char*)p + marked, GARBAGE, size - marked);
    if (!for_readers) {
      kmem_cache_free(c, p);
      continue;
    }
    rcu_read_lock();
    copy = kmalloc(size, GFP_ATOMIC);
    memcpy(copy, p, size);
    kmem_cache_free(c, p);
    want(!memcmp(copy, p, size), size, "a freed object changes while its readers look");
    kfree(copy);
    rcu_read_unlock();
  }
  want(!kmem_cache_destroy(c), size, "kmem_cache_destroy");
}

/* The same object comes back with what it held. */
static void persistent(size_t size) {
  struct kmem_cache* c = (kmem_cache_create)("persistent", size, 1, SLAB_TYPESAFE_BY_RCU, NULL);
  void *saved = kmem_cache_alloc(c, GFP_KERNEL), *copy = kmalloc(size, GFP_KERNEL), *out[1000];
  int n = 0;

  for (size_t i = 0; i < size; i++) ((unsigned char*)saved)[i] = (unsigned char)(i * 7 + 1);
  memcpy(copy, saved, size);
  kmem_cache_free(c, saved);
  while (n < 1000 && (out[n] = kmem_cache_alloc(c, GFP_KERNEL)) != saved) n++;
  want(n < 1000 || held, size, "the object never came back");
  if (n < 1000) want(!memcmp(copy, saved, size), size, "an object for readers is cleared when it is allocated");
  kmem_cache_free_bulk(c, n < 1000 ? n + 1 : n, out);
  kfree(copy);
  want(!kmem_cache_destroy(c), size, "kmem_cache_destroy");
}

static void bulk(size_t size) {
  struct kmem_cache* c = (kmem_cache_create)("bulk", size, 8, 0, NULL);
  void* o[OBJECTS];

  for (int round = 0; round < ROUNDS; round++) {
    int n = kmem_cache_alloc_bulk(c, GFP_KERNEL, OBJECTS, o);

    want(n == OBJECTS, size, "kmem_cache_alloc_bulk");
    for (int i = 0; i < n; i++) {
      want_clean(o[i], size, "kmem_cache_alloc_bulk");
      memset(o[i], GARBAGE, size);
    }
    kmem_cache_free_bulk(c, n, o);
  }
  kmem_cache_destroy(c);
}

static void sheaves(size_t size) {
  struct kmem_cache* c = (kmem_cache_create)("sheaf", size, 8, 0, NULL);

  for (int round = 0; round < 3; round++) {
    struct slab_sheaf* sheaf = kmem_cache_prefill_sheaf(c, GFP_KERNEL, 8);
    void* p = kmem_cache_alloc_from_sheaf(c, GFP_KERNEL, sheaf);

    want_clean(p, size, "kmem_cache_alloc_from_sheaf");
    memset(p, GARBAGE, size);
    kmem_cache_return_sheaf(c, GFP_KERNEL, sheaf);
    kmem_cache_free(c, p);
  }
  kmem_cache_destroy(c);
}

/* Slabs that hold anything go back to the pages: constructed objects, objects for readers, red zones, poison.  Whoever
 * has the memory next finds nothing of it. */
static void slabs_become_pages(slab_flags_t flags, void (*constructor)(void*)) {
  enum { MANY = 512, LARGE = 1024 };
  struct kmem_cache* c = (kmem_cache_create)("leaving", LARGE, 8, flags, constructor);
  static void* o[MANY];
  static unsigned long p[4 * MANY];
  int n;

  for (n = 0; n < MANY; n++) {
    o[n] = kmem_cache_alloc(c, GFP_KERNEL);
    memset((char*)o[n] + sizeof(unsigned), GARBAGE, LARGE - sizeof(unsigned));
  }
  kmem_cache_free_bulk(c, MANY, o);
  want(!kmem_cache_destroy(c), LARGE, "kmem_cache_destroy");
  for (n = 0; n < 4 * MANY; n++) want_zero((void*)(p[n] = __get_free_page(GFP_KERNEL)), PAGE_SIZE, "a page that was a slab's");
  for (n = 0; n < 4 * MANY; n++) free_page(p[n]);
}

static void percpu(void) {
  for (int round = 0; round < ROUNDS; round++) {
    char* p = __alloc_percpu(1000, 8);
    int cpu;

    for_each_possible_cpu(cpu) {
      want_zero(per_cpu_ptr(p, cpu), 1000, "alloc_percpu");
      memset(per_cpu_ptr(p, cpu), GARBAGE, 1000);
    }
    free_percpu(p);
  }
}

/* What one kind of owner leaves behind, the next kind does not find. */
static void from_owner_to_owner(void) {
  for (int round = 0; round < 12; round++) {
    size_t bytes = (size_t)(round % 10 + 1) * 20000;
    char *run = kmalloc(bytes, GFP_KERNEL), *area = vmalloc(bytes), *object = kmalloc(2048, GFP_KERNEL);
    unsigned long page = __get_free_pages(GFP_KERNEL, (unsigned)round % 5);

    want_zero(run, bytes, "kmalloc between others");
    want_zero(area, bytes, "vmalloc between others");
    want_clean(object, 2048, "kmalloc between others");
    want_zero((void*)page, PAGE_SIZE << round % 5, "pages between others");
    memset(run, GARBAGE, bytes);
    memset(area, GARBAGE, bytes);
    memset(object, GARBAGE, 2048);
    memset((void*)page, GARBAGE, PAGE_SIZE << round % 5);
    run = krealloc(run, bytes / 3, GFP_KERNEL);
    free_pages(page, (unsigned)round % 5);
    kfree(run);
    vfree(area);
    kfree(object);
    if (round % 4 == 0) vm_unmap_aliases();
  }
}

int main(int argc, char** argv) {
  held = argc > 1 && !strcmp(argv[1], "held");
  poisoned = held || (argc > 1 && !strcmp(argv[1], "poison"));
  for (unsigned order = 0; order <= 10; order++) pages(order);
  for (size_t size = 1; size <= 1 << 20; size = size * 3 / 2 + 1) blocks(size);
  for (size_t size = 8; size <= KMALLOC_MAX_SIZE; size *= 2) blocks(size);
  for (size_t size = 100; size <= 4 << 20; size = size * 5 / 2) areas(size);
  for (size_t size = 8; size <= PAGE_SIZE; size = size * 5 / 2) {
    for (int way = 0; way < 8; way++)
      if (!(way & 1) || !(way & 4)) /* nobody asks for zeroes of what is constructed */
        cache_of(size, way & 1, way & 2, way & 4);
    persistent(size);
    bulk(size);
    sheaves(size);
  }
  slabs_become_pages(SLAB_TYPESAFE_BY_RCU, NULL);
  slabs_become_pages(0, construct);
  slabs_become_pages(SLAB_RED_ZONE | SLAB_STORE_USER, NULL);
  slabs_become_pages(SLAB_POISON, NULL);
  percpu();
  from_owner_to_owner();
  printf("%d of %d checks failed\n", faults, checks);
  return faults != 0;
}
