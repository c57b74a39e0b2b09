// Every function of the public headers, called in every context: those that may sleep are reported where they must not, the
// others nowhere.  The table is contexts_of_names.h.

#define KMEM_PERCPU_NO_STATIC
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
#include <linux/device.h>
#include <linux/hardirq.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/list_lru.h>
#include <linux/memblock.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/oom.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/vmalloc.h>

#include <signal.h>

#include <cstdarg>
#include <vector>

#include "base/sanitizer.h"
#include "unit/kernel_face/log.h"
#include "unit/kernel_face/run_again.h"
#include "watch/context.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;
using kmem::test::run_with;

// What the rows work on --------------------------------------------------------------------------------------------------

struct freed {
  long payload;
  struct rcu_head rcu;
};
constexpr phys_addr_t kDevice = 0x7d0000000000, kOther = 0x7d0000100000;

void* p;
freed* q;
unsigned long word;
char text[64] = "text";
char** names;
struct kmem_cache* cache;
struct slab_sheaf* sheaf;
struct page *page, *two[2];
struct vm_struct* area;
struct vm_area_struct vma;
void* io;
mempool_t *pool, own_pool;
void* const size_64 = reinterpret_cast<void*>(64);
struct percpu_counter counter;
struct percpu_ref ref;
struct rcu_head head;
struct shrinker *s, own_shrinker;
struct device dev;
struct mutex lock;
spinlock_t spin, held;
rwlock_t rw;
const kmem_device_ops no_ops{};
struct resource registers {
  kDevice, kDevice + 7, "registers", IORESOURCE_MEM
};

template <typename T>
void ignore(const T&) {}

struct kmem_cache* new_cache() {
  return (kmem_cache_create)("a", 64, 0, SLAB_NO_MERGE, nullptr);
}
void take_object() {
  cache = new_cache();
  p = kmem_cache_alloc(cache, GFP_KERNEL);
}
void drop_object() {
  kmem_cache_free(cache, p);
  kmem_cache_destroy(cache);
}
void take_sheaf() {
  cache = new_cache();
  sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 2);
}
void drop_sheaf() {
  kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
  kmem_cache_destroy(cache);
}
void take_pages() {
  for (auto& one : two) one = alloc_page(GFP_KERNEL);
}
struct list_head list, others = {&others, &others};
struct page_frag_cache frags;
struct list_lru lru;
kmem_buckets* buckets;
void take_buckets() {
  if (!buckets) buckets = kmem_buckets_create("of-rows", 0, 0, 0, nullptr);
}
void empty_list() { list.next = list.prev = &list; }
struct page* first_listed() {
  return reinterpret_cast<struct page*>(reinterpret_cast<char*>(list.next) - offsetof(struct page, lru));
}
void take_lru() {
  ignore(list_lru_init(&lru));
  empty_list();
}
lru_status skip(struct list_head*, struct list_lru_one*, void*) { return LRU_SKIP; }
lru_status skip_4(struct list_head*, struct list_lru_one*, spinlock_t*, void*) { return LRU_SKIP; }
void drop_pages() {
  for (auto* one : two) __free_page(one);
}
mempool_t* new_pool() { return mempool_create_kmalloc_pool(2, 64); }
void* alloc_2_6(int, void*) { return kmalloc(64, GFP_ATOMIC); }
void take_counter() { ignore(percpu_counter_init(&counter, 1, GFP_KERNEL)); }
void released(struct percpu_ref*) {}
void take_ref() { ignore(percpu_ref_init(&ref, released, PERCPU_REF_ALLOW_REINIT, GFP_KERNEL)); }
void called(struct rcu_head*) {}
unsigned long count_none(struct shrinker*, struct shrink_control*) { return SHRINK_EMPTY; }
unsigned long scan_none(struct shrinker*, struct shrink_control*) { return SHRINK_STOP; }
int shrink_2_6(int, unsigned) { return 0; }
void fill(struct shrinker* one) {
  *one = {};
  one->count_objects = count_none;
  one->scan_objects = scan_none;
}
struct shrinker* new_shrinker() {
  struct shrinker* one = shrinker_alloc(0, "a");
  one->count_objects = count_none;
  one->scan_objects = scan_none;
  return one;
}
int on_oom(struct notifier_block*, unsigned long, void*) { return NOTIFY_DONE; }
struct notifier_block block = {on_oom, nullptr, 0, {}};
void nothing(void*) {}
void release_nothing(struct device*, void*) {}
__attribute__((format(printf, 2, 3))) char* by_list(gfp_t gfp, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char* made = kvasprintf(gfp, format, arguments);
  va_end(arguments);
  return made;
}

__attribute__((format(printf, 2, 3))) char* noted_by_list(gfp_t gfp, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char* made = devm_kvasprintf(&dev, gfp, format, arguments);
  va_end(arguments);
  return made;
}

// The table ----------------------------------------------------------------------------------------------------------------

enum Kind { kSleeps, kByFlags, kFreesArea, kNever };
struct Row {
  const char* name;
  Kind kind;
  void (*before)();
  void (*call)(gfp_t gfp);
  void (*after)();
};

const std::vector<Row>& rows() {
#define ROW(kind, name, before, call, after) \
  {#name, kind, [] { before; },              \
   [](gfp_t gfp) {                           \
     (void)gfp;                              \
     call;                                   \
   },                                        \
   [] { after; }},
#define SLEEPS(...) ROW(kSleeps, __VA_ARGS__)
#define BY_FLAGS(...) ROW(kByFlags, __VA_ARGS__)
#define FREES_AREA(...) ROW(kFreesArea, __VA_ARGS__)
#define NEVER(...) ROW(kNever, __VA_ARGS__)
#define PLAIN(names)
  static const std::vector<Row> all = {
#include "unit/kernel_face/contexts_of_names.h"
  };
  return all;
}

// Contexts -----------------------------------------------------------------------------------------------------------------

const Row* row;
gfp_t flags;
void call() { row->call(flags); }
void on_signal(int) { call(); }

struct Context {
  const char* name;
  void (*run)();
  bool sleeps, interrupt;
};
const Context kContexts[] = {
    {"a task", [] { call(); }, true, false},
    {"a spin lock", [] { spin_lock(&held), call(), spin_unlock(&held); }, false, false},
    {"preempt_disable()", [] { preempt_disable(), call(), preempt_enable(); }, false, false},
    {"rcu_read_lock()", [] { rcu_read_lock(), call(), rcu_read_unlock(); }, false, false},
    {"local_irq_disable()", [] { local_irq_disable(), call(), local_irq_enable(); }, false, false},
    {"local_bh_disable()", [] { local_bh_disable(), call(), local_bh_enable(); }, false, true},
    {"non_block_start()", [] { non_block_start(), call(), non_block_end(); }, false, false},
    {"irq_enter()", [] { irq_enter(), call(), irq_exit(); }, false, true},
    {"a signal handler", [] { raise(SIGUSR1); }, false, true},
};

bool must_report(const Context& context) {
  if (context.sleeps || row->kind == kNever) return false;
  if (row->kind == kFreesArea) return !context.interrupt;
  return row->kind == kSleeps || (flags & __GFP_DIRECT_RECLAIM);
}

void check(const Context& context, gfp_t gfp) {
  flags = gfp;
  kmem::forget_sleep_sites();
  row->before();
  const std::string log = log_of(context.run);
  row->after();
  const bool reported = mentions(log, "BUG: sleeping function called from invalid context");
  EXPECT_EQ(reported, must_report(context)) << row->name << " in " << context.name << (gfp ? " with flags " : "") << gfp << "\n"
                                            << log;
  if (!reported || !mentions(context.name, "rcu")) return;
  EXPECT_TRUE(mentions(log, "RCU nest depth: 1, expected: 0")) << log;
}

/// With the boot word might_sleep, so that what is at hand is looked at too.
TEST(ContextsOfNames, DISABLED_each_function_in_each) {
  signal(SIGUSR1, on_signal);
  kmem_register_simulated_device("of the rows", kDevice, 4096, &no_ops, nullptr);
  for (const Row& one : rows()) {
    row = &one;
    for (const Context& context : kContexts) {
#if defined(KMEM_TSAN)
      if (context.interrupt && !mentions(context.name, "irq_enter")) continue;  // it delivers signals by itself
#endif
      check(context, GFP_KERNEL);
      if (one.kind == kByFlags) check(context, GFP_ATOMIC), check(context, GFP_NOWAIT);
    }
  }
}

TEST(ContextsOfNames, what_may_sleep_is_reported_where_it_must_not_and_nothing_else_is) {
  const std::string said = run_with("might_sleep", "ContextsOfNames.DISABLED_each_function_in_each");
  EXPECT_TRUE(mentions(said, "[  PASSED  ] 1 test")) << said;
  EXPECT_GT(rows().size(), 300u);
}

}  // namespace
