/* Every name of the headers once, by a program that knows only the headers and the shared library: gnu11 C, and,
 * through every_name.cc, C++20.  What the names mean is tested beside this file; here it is that they exist, are
 * exported, and take what kernel code gives them.  Newer families have programs of their own, in ../../contact/kernel_code, as
 * C and as C++; contexts_of_names_check sees that no function is in neither. */
#include <kmem/boot.h>
#include <kmem/device.h>
#include <kmem/fault.h>
#include <kmem/free_watch.h>
#include <kmem/leaks.h>
#include <kmem/lock_watch.h>
#include <kmem/profile.h>
#include <kmem/stats.h>
#include <kmem/version.h>
#include <linux/bitmap.h>
#include <linux/bootmem.h>
#include <linux/bug.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/hardirq.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/list_lru.h>
#include <linux/memblock.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/oom.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <asm/io.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

struct object {
  long number;
  char text[40];
};

static int nr_seen;
static void construct(void* p) { ((struct object*)p)->number = 42; }
static void construct_2_6(void* p, kmem_cache_t* cache, unsigned long flags) {
  CHECK(cache != NULL && (flags & SLAB_CTOR_CONSTRUCTOR || nr_seen));
  ++nr_seen;
  construct(p);
}

static void kmalloc_names(void) {
  kfree(kmalloc(100, GFP_KERNEL));
  kfree(kmalloc_node(100, GFP_NOFS, NUMA_NO_NODE));
  kfree(kzalloc(100, GFP_ATOMIC));
  kfree(kzalloc_node(100, GFP_NOIO, 0));
  kfree(kcalloc(10, 10, GFP_USER));
  kfree(kcalloc_node(10, 10, GFP_KERNEL_ACCOUNT, 0));
  kfree(kmalloc_array(10, 10, GFP_NOWAIT));
  kfree(kmalloc_array_node(10, 10, GFP_KERNEL | __GFP_REPEAT, 0));
  kfree(krealloc(kmalloc(8, __GFP_WAIT), 100, GFP_KERNEL | __GFP_NORETRY));
  kfree(krealloc_array(NULL, 10, 10, GFP_KERNEL | __GFP_NOFAIL));
  kfree_sensitive(kmalloc(10, GFP_KERNEL | __GFP_COMP | __GFP_COLD | __GFP_HIGH));
  kzfree(kmalloc(10, GFP_KERNEL | __GFP_RETRY_MAYFAIL));
  CHECK(ksize(NULL) == 0 && kmalloc_size_roundup(33) == 64);
  CHECK(gfpflags_allow_blocking(GFP_KERNEL) && !gfpflags_allow_blocking(GFP_ATOMIC));
  CHECK(ZERO_OR_NULL_PTR(kmalloc(0, GFP_KERNEL)) && KMALLOC_MAX_CACHE_SIZE < KMALLOC_MAX_SIZE);
}

static unsigned long count_none(struct shrinker* shrinker, struct shrink_control* control) {
  CHECK(shrinker->count_objects == count_none && control->memcg == NULL);
  return SHRINK_EMPTY;
}
static unsigned long scan_none(struct shrinker* shrinker, struct shrink_control* control) {
  (void)shrinker, (void)control;
  return SHRINK_STOP;
}
static int shrink_2_6(int nr_to_scan, unsigned int gfp_mask) { return (void)gfp_mask, -(nr_to_scan != 0); }
static int on_oom(struct notifier_block* block, unsigned long action, void* data) {
  (void)block, (void)action, (void)data;
  return NOTIFY_DONE;
}

static void reclaim_names(void) {
  static struct shrinker own, prepared;
  static struct notifier_block block;
  struct shrinker* shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE | SHRINKER_NEEDS_FS, "every-%d", 1);
  CHECK(shrinker != NULL && shrinker->seeks == DEFAULT_SEEKS);
  shrinker->count_objects = own.count_objects = prepared.count_objects = count_none;
  shrinker->scan_objects = own.scan_objects = prepared.scan_objects = scan_none;
  shrinker_register(shrinker);
  shrinker_free(shrinker);
  CHECK(register_shrinker(&own) == 0);
  CHECK(register_shrinker(&own) != 0);
  unregister_shrinker(&own);
  CHECK(register_shrinker(&own, "own-%d", 1) == 0);
  unregister_shrinker(&own);
  CHECK(prealloc_shrinker(&prepared) == 0 && prealloc_shrinker(&prepared, "prepared") == 0);
  register_shrinker_prepared(&prepared);
  unregister_shrinker(&prepared);
  free_prealloced_shrinker(&prepared);
  remove_shrinker(set_shrinker(DEFAULT_SEEKS, shrink_2_6));
  block.notifier_call = on_oom;
  CHECK(register_oom_notifier(&block) == 0);
  CHECK(register_oom_notifier(&block) != 0);
  CHECK(unregister_oom_notifier(&block) == 0);
  CHECK(unregister_oom_notifier(&block) != 0);
  CHECK((NOTIFY_BAD & NOTIFY_STOP_MASK) && (NOTIFY_STOP & NOTIFY_STOP_MASK) && !(NOTIFY_OK & NOTIFY_STOP_MASK));
}

static void string_names(void) {
  char* text = kstrdup("text", GFP_KERNEL);
  CHECK(strcmp(text, "text") == 0);
  kfree(text);
  kfree(kstrndup("text", 2, GFP_KERNEL));
  kfree(kmemdup("text", 4, GFP_KERNEL));
  kfree(kmemdup_nul("text", 3, GFP_KERNEL));
  kfree(kmemdup_array("text", 2, 2, GFP_KERNEL));
  kfree(kasprintf(GFP_KERNEL, "%d", 1));
  long secret = 1;
  memzero_explicit(&secret, sizeof(secret));
  CHECK(secret == 0);
}

static void cache_names(void) {
  struct kmem_cache_args args = {64, 0, 0, 0, false, construct, 4};
  struct kmem_cache* today = kmem_cache_create("today", sizeof(struct object), &args, SLAB_ACCOUNT);
  struct kmem_cache* plain = kmem_cache_create("plain", sizeof(struct object), NULL, 0);
  CHECK(today && plain);
  void* made = kmem_cache_alloc(today, GFP_KERNEL);
  CHECK(made && (uintptr_t)made % 64 == 0);
  kmem_cache_free(today, made);
  kmem_cache_free(plain, kmem_cache_alloc(plain, GFP_KERNEL));
  CHECK(!kmem_cache_destroy(today) && !kmem_cache_destroy(plain));
  struct kmem_cache* now = kmem_cache_create("now", sizeof(struct object), 0, SLAB_HWCACHE_ALIGN, construct);
  kmem_cache_t* then = kmem_cache_create("then", sizeof(struct object), 0, SLAB_NO_REAP, construct_2_6, construct_2_6);
  kmem_cache_t* named = KMEM_CACHE(object, SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT | SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE);
  kmem_cache_t* copied = KMEM_CACHE_USERCOPY(object, SLAB_PANIC, text);
  kmem_cache_t* all[4];
  all[0] = now, all[1] = then, all[2] = named, all[3] = copied;
  for (int i = 0; i < 4; ++i) {
    void* some[3];
    CHECK(all[i] != NULL && kmem_cache_size(all[i]) == sizeof(struct object));
    kmem_cache_free(all[i], kmem_cache_alloc(all[i], SLAB_KERNEL));
    kmem_cache_free(all[i], kmem_cache_alloc_node(all[i], SLAB_ATOMIC, 0));
    CHECK(kmem_cache_alloc_bulk(all[i], GFP_KERNEL, 3, some) == 3);
    kmem_cache_free_bulk(all[i], 3, some);
    kmem_cache_shrink(all[i]);
  }
  kmem_cache_free(named, kmem_cache_zalloc(named, GFP_KERNEL));
  CHECK(nr_seen > 0);
  for (int i = 0; i < 4; ++i) CHECK(kmem_cache_destroy(all[i]) == 0);
  void* blocks[2];
  blocks[0] = kmalloc(10, GFP_KERNEL), blocks[1] = kmalloc(20000, GFP_KERNEL);
  kfree_bulk(2, blocks);
}

static void* pool_alloc(gfp_t flags, void* data) { return kmalloc((size_t)data, flags); }
static void* pool_alloc_2_6(int flags, void* data) { return kmalloc((size_t)data, (gfp_t)flags); }
static void pool_free(void* element, void* data) {
  (void)data;
  kfree(element);
}

struct node {
  long value;
  struct rcu_head rcu;
};
static int nr_called;
static void called(struct rcu_head* head) {
  (void)head;
  ++nr_called;
}

static void rcu_names(void) {
  struct node on_stack = {1, {NULL, NULL}};
  struct node* shared = NULL;
  RCU_INIT_POINTER(shared, NULL);
  rcu_assign_pointer(shared, (struct node*)kmalloc(sizeof(struct node), GFP_KERNEL));
  rcu_read_lock();
  CHECK(rcu_dereference(shared) != NULL && rcu_read_lock_held() && rcu_access_pointer(shared) == shared);
  rcu_read_unlock();
  call_rcu(&on_stack.rcu, called);
  kfree_rcu(shared, rcu);
  kfree_rcu_mightsleep(kmalloc(10, GFP_KERNEL));
  synchronize_rcu();
  synchronize_rcu_expedited();
  rcu_barrier();
  kmem_rcu_poll();
  CHECK(nr_called == 1);
}

static void sheaf_names(void) {
  kmem_cache_t* cache = kmem_cache_create("sheaf", 64, 0, SLAB_NO_MERGE, NULL);
  struct slab_sheaf* sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 10);
  CHECK(sheaf != NULL && kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 12) == 0);
  CHECK(kmem_cache_sheaf_size(sheaf) == 12);
  kmem_cache_free(cache, kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf));
  kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
  CHECK(kmem_cache_destroy(cache) == 0);
}

static void pool_names(void) {
  mempool_t* anywhere = mempool_create_kvmalloc_pool(1, 20000);
  mempool_free(mempool_alloc(anywhere, GFP_KERNEL), anywhere);
  mempool_destroy(anywhere);
  kmem_cache_t* cache = kmem_cache_create("pooled", 100, 0, SLAB_NO_MERGE, NULL);
  mempool_t embedded[5];
  mempool_t* created[7];
  created[0] = mempool_create(2, pool_alloc, pool_free, (void*)100);
  created[1] = mempool_create(2, pool_alloc_2_6, pool_free, (void*)100);
  created[2] = mempool_create_node(2, pool_alloc, pool_free, (void*)100, GFP_KERNEL, NUMA_NO_NODE);
  created[3] = mempool_create_slab_pool(2, cache);
  created[4] = mempool_create_kmalloc_pool(2, 100);
  created[5] = mempool_create_page_pool(2, 0);
  created[6] = mempool_create(2, mempool_alloc_slab, mempool_free_slab, cache);
  CHECK(mempool_init(&embedded[0], 2, pool_alloc, pool_free, (void*)100) == 0);
  CHECK(mempool_init_node(&embedded[1], 2, mempool_kmalloc, mempool_kfree, (void*)100, GFP_KERNEL, 0) == 0);
  CHECK(mempool_init_slab_pool(&embedded[2], 2, cache) == 0);
  CHECK(mempool_init_kmalloc_pool(&embedded[3], 2, 100) == 0);
  CHECK(mempool_init_page_pool(&embedded[4], 2, 0) == 0);
  for (int i = 0; i < 12; ++i) {
    mempool_t* pool = i < 7 ? created[i] : &embedded[i - 7];
    void* some[3];
    CHECK(pool != NULL && mempool_initialized(pool) && pool->min_nr == 2);
    some[0] = mempool_alloc(pool, GFP_KERNEL), some[1] = mempool_alloc_preallocated(pool);
    some[2] = mempool_alloc_timeout(pool, GFP_NOIO, 1000);
    for (int j = 0; j < 3; ++j) mempool_free(some[j], pool);
    CHECK(mempool_resize(pool, 3) == 0 && mempool_resize(pool, 4, GFP_KERNEL) == 0 && mempool_is_saturated(pool));
    if (i < 7) mempool_destroy(pool);
    else mempool_exit(pool);
  }
  CHECK(kmem_cache_destroy(cache) == 0);
}

static void page_names(void) {
  free_page(get_zeroed_page(GFP_KERNEL));
  free_page(__get_free_page(GFP_KERNEL));
  free_pages(__get_free_pages(GFP_KERNEL, 2), 2);
  free_pages(__get_dma_pages(GFP_KERNEL, 1), 1);
  free_pages_exact(alloc_pages_exact(10000, GFP_KERNEL), 10000);
  free_pages_exact(alloc_pages_exact_node(0, 10000, GFP_KERNEL), 10000);
  __free_pages(alloc_pages(GFP_HIGHUSER, 1), 1);
  __free_pages(alloc_pages_node(0, GFP_KERNEL | GFP_DMA32, 1), 1);
  __free_page(alloc_page(GFP_HIGHUSER_MOVABLE));
  free_hot_page(alloc_page(GFP_KERNEL));
  free_cold_page(alloc_page(GFP_KERNEL));
  struct page* page = NULL;
  CHECK(alloc_pages_bulk(GFP_KERNEL, 1, &page) == 1);
  CHECK(pfn_to_page(page_to_pfn(page)) == page && virt_to_page(page_address(page)) == page);
  CHECK(virt_to_page((unsigned long)page_address(page)) == page && phys_to_page(page_to_phys(page)) == page);
  CHECK(__va(__pa(page_address(page))) == page_address(page) && phys_to_virt(virt_to_phys(&page)) == &page);
  CHECK(pfn_valid(page_to_pfn(page)) && virt_addr_valid(page_address(page)) && page_to_nid(page) >= 0);
  CHECK(page_zonenum(page) < MAX_NR_ZONES && !PageHighMem(page) && MAX_ORDER == MAX_PAGE_ORDER);
  memset(kmap(page), 0, PAGE_SIZE);
  kunmap(page);
  kunmap_local(kmap_local_page(page));
  kunmap_atomic(kmap_atomic(page));
  kunmap_atomic(kmap_atomic(page, KM_USER0), KM_USER0);
  set_page_private(page, 7);
  page->index = 8;
  page->lru.next = page->lru.prev = NULL;
  CHECK(page_private(page) == 7 && page_count(page) == 1);
  get_page(page);
  put_page(page);
  split_page(page, 0);
  put_page(page);
  CHECK(get_order(5000) == 1 && PAGE_ALIGN(5000UL) == 8192 && PFN_UP(5000UL) == 2 && offset_in_page(5000) == 904);
}

static void memblock_names(void) {
  uint64_t i;
  int nr = 0, nid;
  phys_addr_t start, end;
  unsigned long from, to;
  struct memblock_region* region;
  for_each_mem_range(i, &start, &end)++ nr;
  for_each_mem_range_rev(i, &start, &end)-- nr;
  CHECK(nr == 0);
  for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, &nid)++ nr;
  for_each_free_mem_range_reverse(i, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)-- nr;
  CHECK(nr == 0);
  for_each_reserved_mem_range(i, &start, &end)++ nr;
  for_each_reserved_mem_region(region)-- nr;
  CHECK(nr == 0);
  for_each_mem_pfn_range(nr, NUMA_NO_NODE, &from, &to, &nid) CHECK(from < to);
  for_each_mem_region(region) {
    CHECK(memblock_region_memory_base_pfn(region) < memblock_region_memory_end_pfn(region));
    CHECK(memblock_region_reserved_base_pfn(region) < memblock_region_reserved_end_pfn(region));
    CHECK(!memblock_is_hotpluggable(region) && !memblock_is_mirror(region) && !memblock_is_nomap(region));
    CHECK(memblock_get_region_node(region) >= 0);
  }
  end = memblock_end_of_DRAM();
  CHECK(memblock_add(end, PAGE_SIZE) < 0 && memblock_add_node(end, PAGE_SIZE, 0, MEMBLOCK_NONE) < 0);
  CHECK(memblock_remove(end, PAGE_SIZE) < 0 && memblock_mark_hotplug(end, PAGE_SIZE) < 0);
  CHECK(memblock_clear_hotplug(end, PAGE_SIZE) < 0 && memblock_mark_mirror(end, PAGE_SIZE) < 0);
  CHECK(memblock_mark_nomap(end, PAGE_SIZE) < 0 && memblock_clear_nomap(end, PAGE_SIZE) < 0);
  CHECK(memblock_set_node(end, PAGE_SIZE, &memblock.memory, 0) < 0 && memblock_reserve(end, PAGE_SIZE) < 0);
  memblock_allow_resize();
  memblock_set_bottom_up(true);
  CHECK(memblock_bottom_up());
  memblock_set_bottom_up(false);
  memblock_set_current_limit(memblock_get_current_limit());
  memblock_dump_all();
  CHECK(memblock_estimated_nr_free_pages() > 0 && memblock_reserved_size() < memblock_phys_mem_size());
  CHECK(!memblock_is_reserved(end) && !memblock_is_region_reserved(end, 1) && memblock_is_map_memory(end - 1));
  CHECK(memblock_find_in_range(0, MEMBLOCK_ALLOC_ANYWHERE, PAGE_SIZE, 0) != 0);
  CHECK(memblock_find_in_range_node(PAGE_SIZE, 0, 0, 0, NUMA_NO_NODE, MEMBLOCK_NONE) != 0);
  memblock_phys_free(memblock_phys_alloc_range(PAGE_SIZE, 0, 0, end), PAGE_SIZE);
  memblock_phys_free(memblock_phys_alloc_try_nid(PAGE_SIZE, 0, 0), PAGE_SIZE);
  memblock_phys_free(memblock_phys_alloc_nid(PAGE_SIZE, 0, 0), PAGE_SIZE);
  memblock_free(memblock_alloc_from(100, 0, PAGE_SIZE), 100);
  memblock_free(memblock_alloc_low(100, 0), 100);
  memblock_free(memblock_alloc_node(100, 0, 0), 100);
  memblock_free(memblock_alloc_try_nid(100, 0, 0, 0, 0), 100);
  memblock_free(memblock_alloc_try_nid_raw(100, 0, 0, 0, 0), 100);
  memblock_free(memblock_alloc_exact_nid_raw(100, 0, 0, 0, 0), 100);
  memblock_free(memblock_alloc_or_panic(100, 0), 100);
  CHECK(kmem_reserved("nothing", NULL) == NULL);
}

static void fault_names(void) {
  char text[256];
  CHECK(kmem_fault_set("failslab=1,100,0,1,verbose=0") == 0 && kmem_faults(text, sizeof(text)) > 0);
  CHECK(kmalloc(64, GFP_KERNEL | __GFP_NOWARN) == NULL);
  CHECK(kmem_fault_set("failslab=1") < 0 && kmem_fault_set("mem=1G") < 0);
  kmem_fault_reset();
  kmem_fail_nth_set(2);
  CHECK(kmem_fail_nth_get() == 2);
  kmem_fail_nth_set(0);
  kmem_make_it_fail(false);
  CHECK(kmem_fault_points() == 0 && kmem_fault_injected() == 0);
}

static void boot_names(void) {
  void* taken = alloc_bootmem(PAGE_SIZE);
  free_bootmem(__pa(taken), PAGE_SIZE);
  taken = alloc_bootmem_low(PAGE_SIZE);
  free_bootmem(__pa(taken), PAGE_SIZE);
  taken = alloc_bootmem_pages(PAGE_SIZE);
  free_bootmem(__pa(taken), PAGE_SIZE);
  taken = alloc_bootmem_low_pages(PAGE_SIZE);
  free_bootmem(__pa(taken), PAGE_SIZE);
  memblock_free(memblock_alloc(100, 64), 100);
  memblock_free(memblock_alloc_raw(100, 0), 100);
  CHECK(memblock_phys_free(memblock_phys_alloc(100, 0), 100) == 0);
  uint64_t position;
  phys_addr_t start, end;
  for_each_mem_range(position, &start, &end) CHECK(memblock_is_memory(start) && memblock_is_region_memory(start, 1));
  CHECK(memblock_phys_mem_size() > 0 && memblock_start_of_DRAM() < memblock_end_of_DRAM());
}

static void small_words(void) {
  struct object object;
  const int numbers[3] = {3, 1, 2};
  CHECK(container_of(&object.text, struct object, text) == &object);
  CHECK(ALIGN(5, 8) == 8 && ALIGN_DOWN(15, 8) == 8 && IS_ALIGNED(16, 8) && roundup(7, 3) == 9 && DIV_ROUND_UP(7, 3) == 3);
  CHECK(ARRAY_SIZE(numbers) == 3 && min_t(int, 3, 2) == 2 && max_t(int, 3, 2) == 3);
#ifndef __cplusplus
  CHECK(min(3, 2) == 2 && max(3, 2) == 3);
#endif
  CHECK(IS_ERR(ERR_PTR(-ENOMEM)) && PTR_ERR(ERR_PTR(-ENOMEM)) == -ENOMEM && !IS_ERR_OR_NULL(&object));
  CHECK(array_size(SIZE_MAX, 2) == SIZE_MAX && !WARN_ON(0) && likely(1) && !unlikely(0));
  BUILD_BUG_ON(sizeof(u8) != 1 || sizeof(u16) != 2 || sizeof(u32) != 4 || sizeof(u64) != 8);
  CHECK(kmem_slabinfo(NULL, 0) && kmem_buddyinfo(NULL, 0) && kmem_zoneinfo(NULL, 0) && kmem_meminfo(NULL, 0));
  CHECK(kmem_pagetypeinfo(NULL, 0) && kmem_json(NULL, 0));
  CHECK(strcmp(kmem_version(), KMEM_VERSION_STRING) == 0 && kmem_version_code() == KMEM_VERSION_CODE);
  CHECK(KMEM_VERSION_OF(0, 1, 0) < KMEM_VERSION_OF(0, 1, 1) && KMEM_VERSION_OF(0, 1, 999) < KMEM_VERSION_OF(0, 2, 0));
  CHECK(kmem_kfence_stats(NULL, 0));
  CHECK(kmem_reports() == 0);
  CHECK(kmem_profile_write(-1) < 0 && kmem_profile_start(0) == 0);
  kmem_profile_stop();
  CHECK(kmem_leak_scan(-1, NULL) == 0 && kmem_leak_summary(-1, NULL) == 0);
  kmemleak_alloc(NULL, 0, 1, GFP_KERNEL);
  kmemleak_free(NULL);
  kmemleak_not_leak(NULL);
  kmemleak_ignore(NULL);
  kmemleak_scan_area(NULL, 0, GFP_KERNEL);
  kmemleak_no_scan(NULL);
  kmem_trim();
  kmem_watch_locks(0);
  kmem_watch_frees(0);
  CHECK(kmem_pressure_poll() == 0);
}

static DEFINE_SPINLOCK(spinlock);
static DEFINE_RAW_SPINLOCK(raw_spinlock);
static DEFINE_RWLOCK(rwlock);
static DEFINE_MUTEX(mutex);

static void context_names(void) {
  unsigned long flags;
  might_sleep();
  might_sleep_if(1);
  CHECK(in_task() && preemptible() && !in_atomic() && !in_interrupt() && !in_irq() && !in_hardirq());
  CHECK(!in_softirq() && !in_serving_softirq() && !in_nmi() && !irqs_disabled() && preempt_count() == 0);
  CHECK(hardirq_count() == 0 && softirq_count() == 0 && nmi_count() == 0);
  preempt_disable();
  cant_sleep();
  preempt_enable_no_resched();
  local_bh_disable(), local_bh_enable();
  irq_enter(), nmi_enter(), nmi_exit(), irq_exit();
  local_irq_disable(), local_irq_enable();
  local_save_flags(flags);
  CHECK(!irqs_disabled_flags(flags));
  local_irq_save(flags);
  local_irq_restore(flags);
  non_block_start(), non_block_end();
  CHECK(current_gfp_context(GFP_KERNEL) == GFP_KERNEL);
  char comm[TASK_COMM_LEN];
  struct task_struct* task = get_current();
  CHECK(task_pid_nr(task) > 0 && get_task_comm(comm, task) == comm && comm[0]);
#ifndef __cplusplus
  CHECK(current == task && (current->flags & PF_MEMALLOC) == 0);
#endif
  current_restore_flags(task->flags, PF_MEMALLOC);
  kmem_begin_turn();
  CHECK(cond_resched() == 0 && (need_resched() == 0 || need_resched() == 1));
  CHECK(schedule_timeout_uninterruptible(1) == 0 && schedule_timeout_interruptible((long)msecs_to_jiffies(1)) == 0 &&
        schedule_timeout_killable(0) == 0);
  memalloc_noio_restore(memalloc_noio_save());
  memalloc_nofs_restore(memalloc_nofs_save());
  memalloc_noreclaim_restore(memalloc_noreclaim_save());
  memalloc_flags_restore(memalloc_flags_save(PF_MEMALLOC_NOIO | PF_MEMALLOC_NOFS));
  might_alloc(GFP_KERNEL);
}

static void lock_names(void) {
  unsigned long flags;
  spinlock_t lock;
  struct mutex own;
  spin_lock_init(&lock);
  spin_lock(&lock);
  assert_spin_locked(&lock);
  CHECK(!spin_is_contended(&lock));
  spin_unlock(&lock);
  spin_lock_irqsave(&lock, flags);
  spin_unlock_irqrestore(&lock, flags);
  spin_lock_irq(&lock);
  spin_unlock_irq(&lock);
  spin_lock_bh(&lock);
  spin_unlock_bh(&lock);
  CHECK(spin_trylock(&lock));
  spin_unlock(&lock);
  CHECK(spin_trylock_bh(&lock));
  spin_unlock_bh(&lock);
  CHECK(spin_trylock_irq(&lock));
  spin_unlock_irq(&lock);
  CHECK(spin_trylock_irqsave(&lock, flags));
  spin_unlock_irqrestore(&lock, flags);
  lock = SPIN_LOCK_UNLOCKED;
  spin_lock_nested(&spinlock, 1);
  spin_unlock(&spinlock);
  raw_spin_lock_irqsave(&raw_spinlock, flags), raw_spin_unlock_irqrestore(&raw_spinlock, flags);
  raw_spin_lock(&raw_spinlock), raw_spin_unlock(&raw_spinlock);
  read_lock(&rwlock);
  read_unlock(&rwlock), write_lock(&rwlock);
  write_unlock(&rwlock);
  read_lock_irqsave(&rwlock, flags);
  read_unlock_irqrestore(&rwlock, flags);
  write_lock_irqsave(&rwlock, flags);
  write_unlock_irqrestore(&rwlock, flags);
  read_lock_bh(&rwlock);
  read_unlock_bh(&rwlock), write_lock_irq(&rwlock);
  write_unlock_irq(&rwlock);
  CHECK(read_trylock(&rwlock));
  read_unlock(&rwlock);
  CHECK(write_trylock(&rwlock));
  write_unlock(&rwlock);
  mutex_init(&own);
  mutex_lock(&mutex);
  mutex_unlock(&mutex), mutex_lock_nested(&own, 1);
  mutex_unlock(&own);
  CHECK(mutex_trylock(&own) && mutex_is_locked(&own));
  mutex_unlock(&own);
  CHECK(mutex_lock_interruptible(&own) == 0);
  mutex_unlock(&own);
  CHECK(mutex_lock_killable(&own) == 0);
  mutex_unlock(&own), mutex_destroy(&own);
}

static void window_names(void) {
  char* areas[12];
  areas[0] = (char*)vmalloc(5000);
  areas[1] = (char*)vzalloc(5000);
  areas[2] = (char*)vmalloc_user(5000);
  areas[3] = (char*)vmalloc_node(5000, 0);
  areas[4] = (char*)vzalloc_node(5000, 0);
  areas[5] = (char*)vmalloc_32(5000);
  areas[6] = (char*)vmalloc_32_user(5000);
  areas[7] = (char*)__vmalloc(5000, GFP_KERNEL);
  areas[8] = (char*)__vmalloc(5000, GFP_KERNEL | __GFP_HIGHMEM, PAGE_KERNEL);
  areas[9] = (char*)vmalloc_huge(5000, GFP_KERNEL);
  areas[10] = (char*)vmalloc_array(50, 100);
  areas[11] = (char*)vcalloc(50, 100);
  for (int i = 0; i < 12; ++i) {
    CHECK(areas[i] && is_vmalloc_addr(areas[i]) && is_vmalloc_or_module_addr(areas[i]));
    CHECK((unsigned long)areas[i] >= VMALLOC_START && (unsigned long)areas[i] < VMALLOC_END);
    CHECK(pfn_valid(vmalloc_to_pfn(areas[i])) && find_vm_area(areas[i])->addr == areas[i]);
    areas[i] = (char*)vrealloc(areas[i], 9000, GFP_KERNEL);
    memset(areas[i], 1, 9000);
  }
  CHECK(vmalloc_nr_pages() >= 36 && VMALLOC_TOTAL > 0);
  for (int i = 0; i < 12; ++i) i % 2 ? vfree(areas[i]) : vfree_atomic(areas[i]);
  struct page* pages[2] = {alloc_page(GFP_KERNEL), alloc_page(GFP_HIGHUSER)};
  void* both = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
  CHECK(both && vmalloc_to_page(both) == pages[0]);
  vunmap(both);
  both = vm_map_ram(pages, 2, NUMA_NO_NODE);
  vm_unmap_ram(both, 2);
  both = vm_map_ram(pages, 2, NUMA_NO_NODE, PAGE_KERNEL);
  vm_unmap_ram(both, 2);
  vm_unmap_aliases();
  struct vm_struct* area = get_vm_area(8192, VM_IOREMAP);
  CHECK(area && remove_vm_area(area->addr));
  free_vm_area(get_vm_area(8192, VM_IOREMAP));
  clear_highpage(pages[1]);
  copy_highpage(pages[0], pages[1]);
  zero_user(pages[0], 10, 10);
  memcpy_page(pages[0], 0, pages[1], 0, 100);
  memset_page(pages[0], 0, 1, 10);
  CHECK(kmap_to_page(kmap(pages[0])) == pages[0]);
  kunmap(pages[0]);
  kmap_flush_unused();
  __free_page(pages[0]);
  __free_page(pages[1]);
  kvfree(kvmalloc(100, GFP_KERNEL));
  kvfree(kvzalloc(100000, GFP_KERNEL));
  kvfree(kvmalloc_array(100, 100, GFP_KERNEL));
  kvfree(kvcalloc(100, 100, GFP_KERNEL));
  kvfree(kvmalloc_node(100, GFP_KERNEL, 0));
  kvfree(kvrealloc(kvmalloc(10, GFP_KERNEL), 20, GFP_KERNEL));
  kvfree_sensitive(kvmalloc(10, GFP_KERNEL), 10);
  char text[256];
  kmem_vmallocinfo(text, sizeof text);
}

static unsigned long long nr_reads;
static unsigned long long read_card(void* card, size_t offset, unsigned bytes) {
  (void)card;
  return ++nr_reads + offset * 0 + bytes * 0;
}

static void nothing(void* data) { (void)data; }
static void release_nothing(struct device* dev, void* block) { (void)dev, (void)block; }

static void managed_names(phys_addr_t at) {
  static struct device dev;
  const struct resource res = DEFINE_RES_MEM(at, 16);
  void* maps[4];
  dev.init_name = "every";
  dev_set_drvdata(&dev, &dev);
  CHECK(dev_get_drvdata(&dev) == &dev && !dev_get_platdata(&dev) && dev_name(&dev)[0] == 'e' && resource_size(&res) == 16);
  maps[0] = devm_ioremap(&dev, at, 16), maps[1] = devm_ioremap_wc(&dev, at, 16), maps[2] = devm_ioremap_uc(&dev, at, 16);
  maps[3] = devm_ioremap_resource(&dev, &res);
  CHECK(maps[0] && maps[1] && maps[2] && !IS_ERR(maps[3]));
  devm_iounmap(&dev, maps[0]);
  CHECK(devm_add_action(&dev, nothing, &dev) == 0 && devm_add_action_or_reset(&dev, nothing, &dev) == 0);
  devm_remove_action(&dev, nothing, &dev), devm_release_action(&dev, nothing, &dev);
  devm_kfree(&dev, devm_kmalloc(&dev, 10, GFP_KERNEL));
  CHECK(devm_kzalloc(&dev, 10, GFP_KERNEL) && devm_kcalloc(&dev, 2, 5, GFP_KERNEL) &&
        devm_kmalloc_array(&dev, 2, 5, GFP_KERNEL));
  CHECK(devm_kmemdup(&dev, "abc", 4, GFP_KERNEL) && devm_kstrdup(&dev, "abc", GFP_KERNEL));
  CHECK(devres_release_all(&dev) == 9);
  void* block = devres_alloc(release_nothing, 40, GFP_KERNEL);
  devres_add(&dev, block);
  CHECK(devres_find(&dev, release_nothing, NULL, NULL) == block);
  CHECK(devres_get(&dev, devres_alloc_node(release_nothing, 40, GFP_KERNEL, -1), NULL, NULL) == block);
  CHECK(devres_remove(&dev, release_nothing, NULL, NULL) == block);
  devres_free(block);
  CHECK(devres_destroy(&dev, release_nothing, NULL, NULL) == -2 && devres_release(&dev, release_nothing, NULL, NULL) == -2);
}

static void device_names(void) {
  static const struct kmem_device_ops ops = {read_card, NULL};
  const phys_addr_t at = 0xfe000000;
  unsigned char bytes[16] = {0};
  unsigned int i;
  void* maps[6];
  kmem_set_sysfs(NULL);
  CHECK(kmem_register_simulated_device("card", at, 4096, &ops, NULL) == 0 && request_mem_region(at, 16, "every") != NULL);
  maps[0] = ioremap(at, 16), maps[1] = ioremap_wc(at, 16), maps[2] = ioremap_uc(at, 16), maps[3] = ioremap_np(at, 16);
  maps[4] = ioremap_wt(at, 16), maps[5] = ioremap_cache(at, 16);
  for (i = 0; i < 6; ++i) CHECK(maps[i] && readb(maps[i]) == i + 1);
  CHECK(readw(maps[0]) && readl(maps[0]) && readq(maps[0]) && readb_relaxed(maps[0]) && readw_relaxed(maps[0]));
  CHECK(readl_relaxed(maps[0]) && readq_relaxed(maps[0]) && ioread8(maps[0]) && ioread16(maps[0]) && ioread32(maps[0]));
  CHECK(ioread64(maps[0]) && ioread16be(maps[0]) && ioread32be(maps[0]) && ioread64be(maps[0]));
  writeb(1, maps[0]), writew(1, maps[0]), writel(1, maps[0]), writeq(1, maps[0]);
  writeb_relaxed(1, maps[0]), writew_relaxed(1, maps[0]), writel_relaxed(1, maps[0]), writeq_relaxed(1, maps[0]);
  iowrite8(1, maps[0]), iowrite16(1, maps[0]), iowrite32(1, maps[0]), iowrite64(1, maps[0]);
  iowrite16be(1, maps[0]), iowrite32be(1, maps[0]), iowrite64be(1, maps[0]);
  readsb(maps[0], bytes, 2), readsw(maps[0], bytes, 2), readsl(maps[0], bytes, 2), readsq(maps[0], bytes, 2);
  writesb(maps[0], bytes, 2), writesw(maps[0], bytes, 2), writesl(maps[0], bytes, 2), writesq(maps[0], bytes, 2);
  ioread8_rep(maps[0], bytes, 1), ioread16_rep(maps[0], bytes, 1), ioread32_rep(maps[0], bytes, 1);
  iowrite8_rep(maps[0], bytes, 1), iowrite16_rep(maps[0], bytes, 1), iowrite32_rep(maps[0], bytes, 1);
  memcpy_fromio(bytes, maps[0], 16), memcpy_toio(maps[0], bytes, 16), memset_io(maps[0], 0, 16);
  mb(), rmb(), wmb(), dma_mb(), dma_rmb(), dma_wmb(), mmiowb();
  barrier();
  for (i = 0; i < 6; ++i) iounmap(maps[i]);
  CHECK(kmem_iomem(NULL, 0) > 0);
  release_mem_region(at, 16);
  managed_names(at);
  CHECK(kmem_unregister_device(at) == 0);
}

DEFINE_PER_CPU(int, plain) = 5;
DEFINE_PER_CPU_ALIGNED(long, aligned_one);
DEFINE_PER_CPU_SHARED_ALIGNED(long, shared_one);
DEFINE_PER_CPU_PAGE_ALIGNED(long, page_one);
DEFINE_PER_CPU_READ_MOSTLY(long, read_one);
DEFINE_PER_CPU_FIRST(long, first_one);
DECLARE_PER_CPU(int, plain);
DECLARE_PER_CPU_ALIGNED(long, aligned_one);
DECLARE_PER_CPU_SHARED_ALIGNED(long, shared_one);
DECLARE_PER_CPU_PAGE_ALIGNED(long, page_one);
DECLARE_PER_CPU_READ_MOSTLY(long, read_one);
EXPORT_PER_CPU_SYMBOL(plain);
EXPORT_PER_CPU_SYMBOL_GPL(shared_one);

/* In a section, so that all steps fall on one copy. */
#define EACH_STEP(prefix)                                                                           \
  do {                                                                                              \
    int was = 5;                                                                                    \
    get_cpu_var(plain) = 5;                                                                         \
    prefix##_add(plain, 3), prefix##_sub(plain, 1), prefix##_inc(plain), prefix##_dec(plain);       \
    prefix##_and(plain, 5), prefix##_or(plain, 2);                                                  \
    CHECK(prefix##_read(plain) == 7 && prefix##_add_return(plain, 2) == 9);                         \
    CHECK(prefix##_sub_return(plain, 1) == 8 && prefix##_inc_return(plain) == 9);                   \
    CHECK(prefix##_dec_return(plain) == 8 && prefix##_xchg(plain, 4) == 8);                         \
    CHECK(prefix##_cmpxchg(plain, 4, 6) == 4 && !prefix##_try_cmpxchg(plain, &was, 1) && was == 6); \
    CHECK(prefix##_try_cmpxchg(plain, &was, 1) && prefix##_read(plain) == 1);                       \
    prefix##_write(plain, 2);                                                                       \
    CHECK(*raw_cpu_ptr(&plain) == 2 && *this_cpu_ptr(&plain) == 2);                                 \
    put_cpu_var(plain);                                                                             \
  } while (0)

static void percpu_names(void) {
  unsigned int cpu, possible = 0, present = 0, online = 0;
  int* numbers = alloc_percpu(int);
  long* more = alloc_percpu_gfp(long, GFP_ATOMIC);
  CHECK(per_cpu(plain, 0) == 5 && *per_cpu_ptr(&plain, 0) == 5 && is_kernel_percpu_address((unsigned long)&per_cpu(plain, 0)));
  for_each_possible_cpu(cpu) possible += cpu_possible(cpu);
  for_each_present_cpu(cpu) present += cpu_present(cpu);
  for_each_online_cpu(cpu) online += cpu_online(cpu);
  CHECK(possible == num_possible_cpus() && present == num_present_cpus() && online == num_online_cpus() &&
        nr_cpu_ids >= possible);
  EACH_STEP(this_cpu);
  EACH_STEP(raw_cpu);
  EACH_STEP(__this_cpu);
  CHECK(numbers && more && *per_cpu_ptr(numbers, 0) == 0 && pcpu_alloc_size(more) >= sizeof(long));
  *get_cpu_ptr(numbers) = 1;
  put_cpu_ptr(numbers);
  free_percpu(numbers), free_percpu(more), free_percpu(__alloc_percpu(24, 8)),
      free_percpu(__alloc_percpu_gfp(24, 8, GFP_NOWAIT));
  const int here = get_cpu();
  CHECK(here == smp_processor_id() && here == raw_smp_processor_id());
  put_cpu();
}

static int nr_released;
static void release(struct percpu_ref* ref) { (void)ref, ++nr_released; }
static void counter_names(void) {
  struct percpu_counter one, many[2];
  struct percpu_ref ref;
  CHECK(percpu_counter_init(&one, 5, GFP_KERNEL) == 0 && percpu_counter_initialized(&one));
  CHECK(percpu_counter_init_many(many, 0, GFP_KERNEL, 2) == 0);
  percpu_counter_add(&one, 3), percpu_counter_sub(&one, 1), percpu_counter_inc(&one), percpu_counter_dec(&one);
  percpu_counter_add_local(&one, 2), percpu_counter_sub_local(&one, 1), percpu_counter_add_batch(&one, 1, 1000);
  CHECK(percpu_counter_sum(&one) == 9 && percpu_counter_sum_positive(&one) == 9 && percpu_counter_compare(&one, 8) > 0);
  CHECK(percpu_counter_read_positive(&one) >= 0 && percpu_counter_batch > 0);
  percpu_counter_sync(&one);
  CHECK(percpu_counter_limited_add(&one, 10, 1) && !percpu_counter_limited_add(&one, 10, 1) && percpu_counter_sum(&one) == 10);
  percpu_counter_set(&one, 3);
  CHECK(percpu_counter_sum(&one) == 3);
  percpu_counter_destroy(&one), percpu_counter_destroy_many(many, 2);

  CHECK(percpu_ref_init(&ref, release, 0, GFP_KERNEL) == 0);
  percpu_ref_get(&ref), percpu_ref_get_many(&ref, 2), percpu_ref_put(&ref), percpu_ref_put_many(&ref, 2);
  CHECK(percpu_ref_tryget(&ref) && percpu_ref_tryget_live(&ref) && percpu_ref_tryget_many(&ref, 1));
  percpu_ref_put_many(&ref, 3);
  percpu_ref_switch_to_atomic(&ref, NULL), percpu_ref_switch_to_atomic_sync(&ref), percpu_ref_switch_to_percpu(&ref);
  percpu_ref_kill_and_confirm(&ref, NULL);
  CHECK(percpu_ref_is_dying(&ref) && percpu_ref_is_zero(&ref) && nr_released == 1);
  percpu_ref_reinit(&ref);
  percpu_ref_get(&ref);
  percpu_ref_kill(&ref);
  percpu_ref_resurrect(&ref);
  percpu_ref_put(&ref);
  percpu_ref_kill(&ref);
  CHECK(nr_released == 2);
  percpu_ref_exit(&ref);
}

static void cpu_names(void) {
  static cpumask_t one, other, all;
  cpumask_clear(&one), cpumask_copy(&other, cpu_possible_mask);
  cpumask_set_cpu(0, &one);
  CHECK(cpumask_test_cpu(0, &one) && cpumask_weight(&one) == 1 && cpumask_first(&one) == 0);
  CHECK(cpumask_next(0, &one) >= nr_cpu_ids && cpumask_and(&all, &one, &other) && !cpumask_empty(&all));
  cpumask_or(&all, &one, &other);
  cpumask_clear_cpu(0, &one);
  CHECK(cpumask_empty(&one) && cpumask_weight(&all) == num_possible_cpus());
}

static char* by_list(const char* format, ...) KMEM_PRINTF_LIKE(1, 2);
static char* by_list(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char* text = kvasprintf(GFP_KERNEL, format, arguments);
  va_end(arguments);
  return text;
}
static char* noted_by_list(struct device* dev, const char* format, ...) KMEM_PRINTF_LIKE(2, 3);
static char* noted_by_list(struct device* dev, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char* text = devm_kvasprintf(dev, GFP_KERNEL, format, arguments);
  va_end(arguments);
  return text;
}

static void further_forms(void) {
  kfree(by_list("%d", 1));
  struct device dev;
  memset(&dev, 0, sizeof(dev));
  CHECK(noted_by_list(&dev, "%d", 1) != NULL && devres_release_all(&dev) == 1);
  kvfree(kvzalloc_node(10, GFP_KERNEL, 0));
  kvfree(kvmalloc_array_node(2, 5, GFP_KERNEL, 0));
  kvfree(kvcalloc_node(2, 5, GFP_KERNEL, 0));
  vfree(__vmalloc_array(2, 5000, GFP_KERNEL));
  vfree(__vcalloc(2, 5000, GFP_KERNEL));
  vfree(__vmalloc_node(5000, 1, GFP_KERNEL, 0, NULL));
  CHECK(size_mul(2, 3) == 6 && size_sub(3, 2) == 1);
  CHECK(PTR_ERR_OR_ZERO(ERR_CAST(ERR_PTR(-12))) == -12);
  bitmap_free(bitmap_alloc(70, GFP_KERNEL));
  bitmap_free(bitmap_alloc_node(70, GFP_KERNEL, 0));
  bitmap_free(bitmap_zalloc_node(70, GFP_KERNEL, 0));

  struct page* page = folio_page(folio_alloc_node(GFP_KERNEL, 1, 0), 0);
  char bytes[8] = "1234567";
  memcpy_to_page(page, 8, bytes, 8);
  memcpy_from_page(bytes, page, 8, 8);
  zero_user_segments(page, 0, 4, 8, 12), zero_user_segment(page, 0, 8), memzero_page(page, 0, 8);
  CHECK(bytes[0] == '1' && nr_free_highpages() <= totalhigh_pages());
  __free_pages(page, 1);

  struct list_head head, item, another;
  struct hlist_node node;
  struct list_lru lru;
  INIT_LIST_HEAD(&head), INIT_LIST_HEAD(&item), INIT_LIST_HEAD(&another), INIT_HLIST_NODE(&node);
  list_splice(&another, &head), list_splice_tail(&another, &head);
  CHECK(list_is_head(&head, &head) && hlist_unhashed(&node));
  CHECK(list_lru_init_memcg(&lru, NULL) == 0 && list_lru_add_obj(&lru, &item));
  CHECK(list_lru_del_obj(&lru, &item) && list_lru_add_obj(&lru, &item));
  list_lru_isolate(lru.node, &item);
  list_add(&item, &head), list_replace_init(&item, &another);
  CHECK(list_empty(&item) && head.next == &another && list_lru_count(&lru) == 0);
  list_lru_destroy(&lru);

  rwlock_t lock;
  rwlock_init(&lock);
  read_lock_irq(&lock), read_unlock_irq(&lock);
  write_lock_bh(&lock), write_unlock_bh(&lock);
  preempt_count_add(1), preempt_count_sub(1);
  preempt_disable(), preempt_enable();

  mempool_t pool;
  CHECK(mempool_init_kvmalloc_pool(&pool, 1, 64) == 0);
  mempool_exit(&pool);
  mempool_kvfree(mempool_kvmalloc(GFP_KERNEL, (void*)64), (void*)64);
  mempool_free_pages(mempool_alloc_pages(GFP_KERNEL, NULL), NULL);
  struct percpu_counter counter;
  CHECK(percpu_counter_init(&counter, 7, GFP_KERNEL) == 0 && percpu_counter_read(&counter) == 7);
  percpu_counter_destroy(&counter);
  CHECK(!is_module_percpu_address(1));
  struct kmem_cache* cache = KMEM_CACHE(object, 0);
  CHECK(validate_slab_cache(cache) == 0);
  kmem_cache_destroy(cache);
  struct resource memory = DEFINE_RES_MEM(0, 8);
  CHECK(resource_type(&memory) == IORESOURCE_MEM);
  printk(KERN_INFO "a line\n");
}

int main(void) {
  cpu_names();
  further_forms();
  percpu_names();
  counter_names();
  window_names();
  device_names();
  kmalloc_names();
  context_names();
  lock_names();
  string_names();
  reclaim_names();
  cache_names();
  rcu_names();
  sheaf_names();
  pool_names();
  page_names();
  boot_names();
  memblock_names();
  fault_names();
  small_words();
  pr_info("every name is there\n");
  return 0;
}
