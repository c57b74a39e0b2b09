/* kmalloc() by type, scopes that give back, flags of caches, arithmetic on sizes. */
#include <kmem/device.h>
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "check.h"

struct item {
  long a, b;
};
struct list {
  int n;
  struct item items[];
};

static int is_zero(const void* p, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (((const char*)p)[i]) return 0;
  return 1;
}
/* The next block of that size comes back dirty if nobody clears it. */
static void dirty(size_t size) {
  void* p = kmalloc(size, GFP_KERNEL);
  memset(p, 0xff, size);
  kfree(p);
}

static volatile size_t too_many = SIZE_MAX / 8;
static void by_type(void) {
  struct item* p = kmalloc_obj(*p);
  CHECK(ksize(p) == kmalloc_size_roundup(sizeof(struct item)));
  kfree(p);
  dirty(sizeof(struct item));
  p = kzalloc_obj(struct item, GFP_ATOMIC);
  CHECK(is_zero(p, sizeof *p));
  kfree(p);
  p = kmalloc_objs(*p, 100);
  CHECK(ksize(p) >= 100 * sizeof *p);
  kfree(p);
  dirty(50 * sizeof *p);
  p = kzalloc_objs(struct item, 50, GFP_KERNEL);
  CHECK(is_zero(p, 50 * sizeof *p));
  kfree(p);
  CHECK(kmalloc_objs(*p, too_many, GFP_KERNEL | __GFP_NOWARN) == NULL);
  p = kvmalloc_obj(*p);
  kvfree(p);
  p = kvzalloc_objs(*p, 1000000, GFP_KERNEL);
  CHECK(p && is_zero(p, 100000));
  kvfree(p);
  p = kvmalloc_objs(*p, 10);
  kvfree(p);
  p = kvzalloc_obj(struct item);
  kvfree(p);

  int n = 0;
  struct list* list = kmalloc_flex(*list, items, 7 + n++);
  CHECK(n == 1 && ksize(list) == kmalloc_size_roundup(struct_size(list, items, 7)));
  kfree(list);
  dirty(struct_size(list, items, 20));
  list = kzalloc_flex(struct list, items, 20, GFP_KERNEL);
  CHECK(is_zero(list, struct_size(list, items, 20)));
  kfree(list);
  list = kvzalloc_flex(*list, items, 200000);
  CHECK(is_vmalloc_addr(list) || ksize(list) >= struct_size(list, items, 200000));
  kvfree(list);
  list = kvmalloc_flex(*list, items, 2);
  kvfree(list);
  CHECK(kmalloc_flex(*list, items, too_many, GFP_KERNEL | __GFP_NOWARN) == NULL);
}

/* What has been given back, by whom. */
static int nr_freed, nr_order;
static char order[16];
struct counted {
  char name;
};
static void count_free(struct counted* counted) { ++nr_freed, order[nr_order++] = counted->name, kfree(counted); }
DEFINE_FREE(counted, struct counted*, if (_T) count_free(_T))
static struct counted* new_counted(char name) {
  struct counted* counted = kmalloc_obj(*counted);
  counted->name = name;
  return counted;
}

static struct counted* kept(void) {
  struct counted* a __free(counted) = new_counted('a');
  struct counted* b __free(counted) = new_counted('b');
  struct counted* c __free(counted) = NULL;
  struct counted* d __free(counted) = new_counted('d');
  (void)a, (void)c;
  retain_and_null_ptr(d);
  return_ptr(b);
}
static int left_early(int when) {
  struct counted* a __free(counted) = new_counted('1');
  (void)a;
  if (when == 1) return 1;
  for (;;) {
    struct counted* b __free(counted) = new_counted('2');
    (void)b;
    if (when == 2) goto out;
    break;
  }
  return 3;
out:
  return 2;
}

static void frees(void) {
  struct counted* mine = kept();
  CHECK(mine && mine->name == 'b' && nr_freed == 1 && order[0] == 'a');
  kfree(mine);
  nr_freed = nr_order = 0;
  CHECK(left_early(1) == 1 && nr_freed == 1 && left_early(2) == 2 && nr_freed == 3 && memcmp(order, "121", 3) == 0);
  CHECK(left_early(3) == 3 && memcmp(order, "12121", 5) == 0);

  /* Each of the names that the headers bring: nothing is left of what they gave back. */
  struct kmem_cache* cache = kmem_cache_create("freed-by-scope", 64, 0, SLAB_NO_MERGE, NULL);
  void* object = kmem_cache_alloc(cache, GFP_KERNEL);
  const unsigned long areas = vmalloc_nr_pages();
  SAYS(NULL, {
    void* a __free(kfree) = object;
    void* b __free(kvfree) = vmalloc(100000);
    void* c __free(vfree) = vmalloc(100000);
    void* d __free(kfree_sensitive) = kmalloc(8, GFP_KERNEL);
    void* e __free(kfree) = ERR_PTR(-ENOMEM);
    void* f __free(kvfree) = NULL;
    void* g __free(free_page) = (void*)get_zeroed_page(GFP_KERNEL);
    unsigned long* h __free(bitmap) = bitmap_zalloc(1000, GFP_KERNEL);
    void __percpu* i __free(free_percpu) = alloc_percpu(long);
    CHECK(a && b && c && d && IS_ERR(e) && !f && g && is_zero(h, 1000 / 8) && i);
  });
  CHECK(vmalloc_nr_pages() == areas);
  CHECK(kmem_cache_destroy(cache) == 0);
}

static spinlock_t spin;
static rwlock_t rw;
static struct mutex mutex_lock_;
static int locked(void) { return spin_is_locked(&spin); }
static int guarded(int when) {
  guard(spinlock)(&spin);
  CHECK(locked() && in_atomic());
  if (when) return 1;
  return 0;
}
static int try_twice(void) {
  scoped_cond_guard(spinlock_try, return -EBUSY, &spin) { return locked(); }
  return -1;
}

static void guards(void) {
  CHECK(guarded(0) == 0 && !locked() && guarded(1) == 1 && !locked());
  int n = 0;
  scoped_guard(spinlock_irqsave, &spin) {
    CHECK(locked() && irqs_disabled());
    ++n;
  }
  CHECK(n == 1 && !locked() && !irqs_disabled());
  scoped_guard(spinlock_irq, &spin) {
    ++n;
    break;
  }
  scoped_guard(spinlock_bh, &spin) {
    CHECK(in_softirq());
    ++n;
    continue;
  }
  CHECK(n == 3 && !locked() && !in_atomic() && !irqs_disabled());
  CHECK(try_twice() == 1 && !locked());
  spin_lock(&spin);
  CHECK(try_twice() == -EBUSY);
  scoped_guard(spinlock_try, &spin) n = 100;
  scoped_guard(raw_spinlock_try, &spin) n = 100;
  CHECK(n == 3 && locked());
  spin_unlock(&spin);

  {
    guard(mutex)(&mutex_lock_);
    CHECK(mutex_is_locked(&mutex_lock_));
    scoped_guard(mutex_try, &mutex_lock_) n = 100;
    ACQUIRE(mutex_try, attempt)(&mutex_lock_);
    CHECK(ACQUIRE_ERR(mutex_try, &attempt) == -EBUSY && n == 3);
  }
  CHECK(!mutex_is_locked(&mutex_lock_));
  {
    ACQUIRE(mutex_intr, attempt)(&mutex_lock_);
    CHECK(ACQUIRE_ERR(mutex_intr, &attempt) == 0 && mutex_is_locked(&mutex_lock_));
  }
  CHECK(!mutex_is_locked(&mutex_lock_));
  scoped_guard(read_lock, &rw) CHECK(!write_trylock(&rw) && read_trylock(&rw));
  read_unlock(&rw);
  scoped_guard(write_lock_irqsave, &rw) CHECK(!read_trylock(&rw) && irqs_disabled());
  CHECK(write_trylock(&rw));
  write_unlock(&rw);
  scoped_guard(rcu) CHECK(rcu_read_lock_held());
  scoped_guard(preempt) CHECK(preempt_count() == 1);
  scoped_guard(irqsave) CHECK(irqs_disabled());
  CHECK(!rcu_read_lock_held() && preempt_count() == 0 && !irqs_disabled());
}

static void caches(void) {
  CHECK(SLAB_MEM_SPREAD == 0 && SLAB_DEBUG_OBJECTS == 0);
  SAYS("a flag is none that a cache can be made with", CHECK(!kmem_cache_create("no", 64, 0, SLAB_KMALLOC, NULL)));
  SAYS("a flag is none that a cache can be made with", CHECK(!kmem_cache_create("no", 64, 0, (slab_flags_t)0x80000000u, NULL)));
  struct kmem_cache* traced = kmem_cache_create("traced", 64, 0, SLAB_TRACE, NULL);
  void* p = NULL;
  SAYS("traced alloc", p = kmem_cache_alloc(traced, GFP_KERNEL));
  SAYS("traced free", kmem_cache_free(traced, p));
  kmem_cache_destroy(traced);

  struct kmem_cache* plain = kmem_cache_create("lru-objects", 64, 0, SLAB_NO_MERGE, NULL);
  p = kmem_cache_alloc_lru(plain, NULL, GFP_KERNEL);
  CHECK(p && kmem_cache_charge(p, GFP_KERNEL));
  SAYS("slab lru-objects start", CHECK(kmem_dump_obj((char*)p + 7)));
  SAYS("pointer offset 7 size 64", mem_dump_obj((char*)p + 7));
  CHECK(kmem_valid_obj(p) && !kmem_valid_obj(&failures) && !kmem_dump_obj(&failures));
  kmem_cache_free(plain, p);
  kmem_cache_destroy(plain);
  SAYS("NULL pointer", mem_dump_obj(NULL));
  SAYS("zero-size pointer", mem_dump_obj(kmalloc(0, GFP_KERNEL)));
  SAYS("non-slab/vmalloc memory", mem_dump_obj(&failures));
  p = vmalloc(5000);
  SAYS("vmalloc area", mem_dump_obj(p));
  vfree(p);
  struct kmem_cache* owned = kmem_cache_create("owned", 64, 0, SLAB_STORE_USER, NULL);
  p = kmem_cache_alloc(owned, GFP_KERNEL);
  SAYS("llocated", mem_dump_obj(p));
  kmem_cache_free(owned, p);
  kmem_cache_destroy(owned);
}

static void without_locks(void) {
  dirty(100);
  char* p = (char*)kmalloc_nolock(100, __GFP_ZERO | __GFP_ACCOUNT, NUMA_NO_NODE);
  CHECK(p && is_zero(p, 100));
  kfree_nolock(p);
  CHECK(kmalloc_nolock(0, 0, 0) == ZERO_SIZE_PTR && kmalloc_nolock(KMALLOC_MAX_CACHE_SIZE + 1, 0, -1) == NULL);
  SAYS(NULL, p = (char*)kmalloc_nolock(KMALLOC_MAX_CACHE_SIZE, 0, -1));
  kfree(p);
  SAYS("only __GFP_ZERO and __GFP_ACCOUNT", p = (char*)kmalloc_nolock(8, GFP_KERNEL, -1));
  kfree_nolock(p);
}

static void realloc_aligned(void) {
  char* p = (char*)kmalloc(96, GFP_KERNEL);
  memset(p, 7, 96);
  p = (char*)krealloc_node_align(p, 256, 256, GFP_KERNEL, NUMA_NO_NODE);
  CHECK(IS_ALIGNED((unsigned long)p, 256) && p[0] == 7 && p[95] == 7);
  CHECK(krealloc_node_align(p, 200, 64, GFP_KERNEL | __GFP_THISNODE, 0) == p);
  p = (char*)krealloc_node(p, 9000, GFP_KERNEL, 0);
  CHECK(p[95] == 7 && page_to_nid(virt_to_page(p)) == 0);
  SAYS("not a power of two", CHECK(krealloc_node_align(p, 10, 3, GFP_KERNEL, -1) == NULL));
  CHECK(krealloc_node_align(p, 0, 1, GFP_KERNEL, -1) == ZERO_SIZE_PTR);

  p = (char*)vmalloc(5000);
  memset(p, 9, 5000);
  p = (char*)vrealloc_node_align(p, 100000, 1 << 16, GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE);
  CHECK(IS_ALIGNED((unsigned long)p, 1 << 16) && p[4999] == 9 && is_zero(p + 5000, 95000));
  CHECK(vrealloc_node_align(p, 50000, 1 << 16, GFP_KERNEL, 0) == p);
  CHECK(vrealloc_node_align(p, 0, 1, GFP_KERNEL, 0) == NULL);

  p = (char*)kvrealloc_node_align(NULL, 100, 64, GFP_KERNEL, 0);
  memset(p, 5, 100);
  p = (char*)kvrealloc_node_align(p, 8 << 20, PAGE_SIZE, GFP_KERNEL, 0);
  CHECK(is_vmalloc_addr(p) && p[99] == 5);
  kvfree(p);
}

static void buckets(void) {
  kmem_buckets* b = kmem_buckets_create("of-users", 0, 0, 0, NULL);
  char* p = (char*)kmem_buckets_alloc(b, 100, GFP_KERNEL);
  CHECK(b && ksize(p) >= 100 && ksize(p) <= 128);
  SAYS("slab of-users-", CHECK(kmem_dump_obj(p)));
  /* What is freed is not given out for anything else of that size. */
  kfree(p);
  for (int i = 0; i < 1000; ++i) {
    void* other = kmalloc(100, GFP_KERNEL);
    CHECK(other != p);
    kfree(other);
  }
  CHECK(kmem_buckets_alloc(b, 100, GFP_KERNEL) == p);
  SAYS(NULL, kfree(p));
  p = (char*)kmem_buckets_alloc(b, KMALLOC_MAX_CACHE_SIZE + 1, GFP_KERNEL);
  CHECK(ksize(p) > KMALLOC_MAX_CACHE_SIZE);
  kfree(p);
  p = (char*)kmem_buckets_alloc(NULL, 10, GFP_KERNEL);
  kfree(p);
  CHECK(kmem_buckets_alloc(b, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
  p = (char*)kmem_buckets_valloc(b, 6 << 20, GFP_KERNEL);
  CHECK(is_vmalloc_addr(p));
  kvfree(p);
  p = (char*)kmem_buckets_valloc(b, 8, GFP_KERNEL | __GFP_ZERO);
  CHECK(is_zero(p, 8));
  kvfree(p);
}

static void areas(void) {
  char* p = (char*)vmalloc_no_huge(5 << 20);
  memset(p, 1, 5 << 20);
  CHECK(is_vmalloc_addr(p));
  vfree(p);
  p = (char*)vmalloc_huge_node(5 << 20, GFP_KERNEL | __GFP_ZERO, 0);
  CHECK(is_zero(p, 5 << 20) && page_to_nid(vmalloc_to_page(p)) == 0);
  vfree(p);

  static const struct kmem_device_ops registers = {NULL, NULL};
  CHECK(kmem_register_simulated_device("registers", 0x7e0000000000, 8192, &registers, NULL) == 0);
  void* mapped = memremap(0x7e0000000000, 8192, MEMREMAP_WB);
  CHECK(mapped && is_vmalloc_addr(mapped));
  SAYS("it is mapped", CHECK(kmem_unregister_device(0x7e0000000000) != 0));
  memunmap(mapped);
  CHECK(kmem_unregister_device(0x7e0000000000) == 0);
  p = (char*)kmalloc(100, GFP_KERNEL);
  CHECK(memremap(virt_to_phys(p), 100, MEMREMAP_WB) == p);
  SAYS(NULL, memunmap(p));
  SAYS("mapped already", CHECK(memremap(virt_to_phys(p), 100, MEMREMAP_WC) == NULL));
  kfree(p);
  SAYS(NULL, memunmap(NULL));
}

static void rcu_frees(void) {
  struct kmem_cache* cache = kmem_cache_create("rcu-freed", 128, 0, SLAB_NO_MERGE, NULL);
  for (int i = 0; i < 100; ++i) {
    struct in_cache {
      long a;
      struct rcu_head rcu;
    }* p = (struct in_cache*)kmem_cache_alloc(cache, GFP_KERNEL);
    kfree_rcu(p, rcu);
  }
  kvfree_rcu_barrier();
  SAYS(NULL, CHECK(kmem_cache_destroy(cache) == 0));
  void* p = kmalloc(8, GFP_KERNEL);
  kvfree_rcu_mightsleep(p);
  kvfree_rcu_mightsleep(NULL);
  p = vmalloc(5000);
  const unsigned long pages = vmalloc_nr_pages();
  kvfree_rcu_mightsleep(p);
  CHECK(vmalloc_nr_pages() < pages);
}

#define SHL(value, shift, type)                                                                                    \
  __extension__({                                                                                                  \
    type kmem_to = 0;                                                                                              \
    (long long)(check_shl_overflow((value), (shift), &kmem_to) ? -1000 - (long long)kmem_to : (long long)kmem_to); \
  })
static void arithmetic(void) {
  CHECK(SHL(1, 3, int) == 8 && SHL(0x7f, 1, unsigned char) == 0xfe && SHL(1u, 31, unsigned) == 0x80000000ll);
  CHECK(SHL(1, 31, int) < -1000 || SHL(1, 31, int) > 1000000); /* the sign has changed */
  CHECK(SHL(0x80, 1, unsigned char) == -1000 && SHL(1, 8, unsigned char) == -1001 && SHL(1, -1, int) == -1001);
  CHECK(SHL(-1, 1, int) == -1000 + 2 && SHL(5, 64, long) == -1005 && SHL(0x100000000ll, 0, int) == -1000);
  int n = 3, r;
  CHECK(!check_shl_overflow(n++, 2, &r) && r == 12 && n == 4);
  CHECK(overflows_type(256, unsigned char) && !overflows_type(255, unsigned char) && overflows_type(-1, unsigned));
  CHECK(wrapping_add(unsigned char, 200, 100) == 44 && wrapping_sub(unsigned char, 1, 2) == 255 &&
        wrapping_mul(unsigned char, 16, 17) == 16);
  CHECK(struct_size_t(struct list, items, 3) == sizeof(struct list) + 3 * sizeof(struct item));
  size_t many = SIZE_MAX / 4;
  struct list* list = NULL;
  CHECK(struct_size(list, items, many) == SIZE_MAX && flex_array_size(list, items, many) == SIZE_MAX &&
        size_add(SIZE_MAX, 1) == SIZE_MAX);
  static char room[struct_size_t(struct list, items, 2)];
  CHECK(sizeof room == sizeof(struct list) + 2 * sizeof(struct item));
  (void)room;

  DEFINE_RAW_FLEX(struct list, raw, items, 5);
  CHECK(raw->n == 0 && STACK_FLEX_ARRAY_SIZE(raw, items) == 5 && is_zero(raw, struct_size(raw, items, 5)));
  DEFINE_FLEX(struct list, counted, items, n, 6);
  CHECK(counted->n == 6 && is_zero(counted->items, 6 * sizeof(struct item)) && STACK_FLEX_ARRAY_SIZE(counted, items) == 6);
  counted->items[5].b = 4;

  CHECK(!gfpflags_allow_blocking(GFP_TRANSHUGE_LIGHT) && gfpflags_allow_blocking(GFP_TRANSHUGE) &&
        (GFP_TRANSHUGE & __GFP_COMP));
  CHECK(GFP_IOFS == (__GFP_IO | __GFP_FS) && gfpflags_allow_blocking(GFP_TEMPORARY));
  CHECK(!(__GFP_NOLOCKDEP | __GFP_NOTRACK | __GFP_SKIP_KASAN | __GFP_ZEROTAGS | __GFP_NO_OBJ_EXT));
  DECLARE_BITMAP(bits, 70);
  bitmap_fill(bits, 70);
  CHECK(sizeof bits == 16 && bits[0] == ~0ul);
  bitmap_zero(bits, 70);
  CHECK(is_zero(bits, 16));
}

int main(void) {
  by_type();
  frees();
  guards();
  caches();
  without_locks();
  realloc_aligned();
  buckets();
  areas();
  rcu_frees();
  arithmetic();
  return failures != 0;
}
