// kmem_cache_*: object caches, in the form of 2.6 and in today's.

#include <linux/slab.h>

#include "base/memory.h"
#include "live_cache.h"
#include "page/gfp_context.h"
#include "port/port.h"
#include "slab/fast_path.h"
#include "slab/profiled_path.h"
#include "sleeping.h"
#include "sync/wait_word.h"
#include "system/system.h"
#include "system/trouble.h"
#include "watch/profile.h"
#include "watch/report.h"

namespace {

using kmem::Cache;
using kmem::Trouble;

// Error numbers, without libc's headers.
constexpr int kNoMemory = -12, kInvalid = -22;

using Constructor = void (*)(void*);
using Hook26 = void (*)(void*, kmem_cache_t*, unsigned long);

using kmem::cache_of;
using kmem::handle_of;
using kmem::HookCall;
using kmem::live_cache;

void construct(void* object, Cache* cache, HookCall call) {
  if (call == HookCall::Construct) reinterpret_cast<Constructor>(cache->setup().user_hooks[0])(object);
}

void construct_26(void* object, Cache* cache, HookCall call) {
  const bool creating = call == HookCall::Construct;
  const auto hook = reinterpret_cast<Hook26>(cache->setup().user_hooks[creating ? 0 : 1]);
  // One function may be both constructor and destructor: the flag tells it which call this is.
  if (hook) hook(object, handle_of(cache), creating ? SLAB_CTOR_CONSTRUCTOR | SLAB_CTOR_ATOMIC : 0);
}

void verify(void* object, Cache* cache) { construct(object, cache, HookCall::Construct); }

void verify_26(void* object, Cache* cache) {
  const auto hook = reinterpret_cast<Hook26>(cache->setup().user_hooks[0]);
  if (hook) hook(object, handle_of(cache), SLAB_CTOR_CONSTRUCTOR | SLAB_CTOR_ATOMIC | SLAB_CTOR_VERIFY);
}

/// Small objects share a cache line if at least two fit, as in the kernel.
uint32_t cache_line_alignment(size_t size, uint32_t align) {
  uint32_t line = kmem::kCacheLine;
  while (size <= line / 2) line /= 2;
  return line > align ? line : align;
}

struct Wish {
  const char* name;
  size_t size;
  size_t align;
  slab_flags_t flags;
  kmem::ObjectHook hook = nullptr;
  kmem::UserHook hooks[2] = {};
  kmem::VerifyHook verify = nullptr;
  uint32_t sheaf_capacity = 0;
};

/// Two caches may be merged if callers cannot tell them apart: no hooks, none of these flags, nearly the same size.
constexpr slab_flags_t kNeverMerge = SLAB_DEBUG_INITIAL | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER |
                                     SLAB_CONSISTENCY_CHECKS | SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE | SLAB_NO_REAP |
                                     SLAB_ACCOUNT | SLAB_TRACE | SLAB_NOLEAKTRACE | SLAB_SKIP_KFENCE | SLAB_FAILSLAB |
                                     SLAB_NO_USER_FLAGS | SLAB_HARDENED;
/// All flags with which a cache can be created.
constexpr slab_flags_t kKnown =
    kNeverMerge | SLAB_PANIC | SLAB_HWCACHE_ALIGN | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_RECLAIM_ACCOUNT;
static_assert(SLAB_TRACE == kmem::debug::kTrace && SLAB_NOLEAKTRACE == kmem::cache_flag::kNoLeakTrace &&
              SLAB_SKIP_KFENCE == kmem::cache_flag::kSkipKfence && SLAB_FAILSLAB == kmem::cache_flag::kMayFail &&
              SLAB_NO_USER_FLAGS == kmem::cache_flag::kNoUserFlags && SLAB_HARDENED == kmem::cache_flag::kHardened);
static_assert(KMALLOC_MAX_SIZE == Cache::Setup::kLargestObject);
static_assert(SLAB_CONSISTENCY_CHECKS == kmem::debug::kChecks && SLAB_RED_ZONE == kmem::debug::kRedZone &&
              SLAB_POISON == kmem::debug::kPoison && SLAB_STORE_USER == kmem::debug::kOwner);

Cache* find_alike(const Wish& wish, uint32_t align, kmem::Gfp gfp) {
  kmem::System& s = kmem::system();
  if (s.options.slab_nomerge || wish.hook || (wish.flags & kNeverMerge)) return nullptr;
  if (s.options.slub_debug.flags_for(wish.name)) return nullptr;
  const uint64_t size = kmem::round_up(wish.size < 8 ? 8 : wish.size, align < 8 ? 8 : align);
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id) {
    Cache& other = s.heap.cache(id);
    if (!other.live() || !other.refs.load() || other.setup().hook || other.checked().debug().on() ||
        (other.setup().flags & kNeverMerge) || other.setup().gfp != gfp)
      continue;
    if (other.slabs().shape().size == size && other.setup().align >= align && other.object_size() == wish.size) return &other;
  }
  return nullptr;
}

Cache* create(const Wish& wish) {
  if (!kmem::boot()) return nullptr;
  kmem::System& s = kmem::system();
  const auto asked = static_cast<uint32_t>(wish.align);
  const uint32_t align = wish.flags & SLAB_HWCACHE_ALIGN ? cache_line_alignment(wish.size, asked) : asked;
  const kmem::Gfp gfp = wish.flags & SLAB_CACHE_DMA ? kmem::gfp::kDma : wish.flags & SLAB_CACHE_DMA32 ? kmem::gfp::kDma32 : 0;
  if (Cache* alike = find_alike(wish, align, gfp)) {
    alike->refs.fetch_add(1);
    return alike;
  }
  Cache* cache = s.heap.caches().create({.name = wish.name,
                                         .object_size = static_cast<uint32_t>(wish.size),
                                         .align = align,
                                         .flags = wish.flags,
                                         .gfp = gfp,
                                         .hook = wish.hook,
                                         .user_hooks = {wish.hooks[0], wish.hooks[1]},
                                         .verify = wish.flags & SLAB_DEBUG_INITIAL ? wish.verify : nullptr,
                                         .sheaf_capacity = wish.sheaf_capacity,
                                         .no_reap = (wish.flags & SLAB_NO_REAP) != 0,
                                         .keeps_slabs = (wish.flags & SLAB_TYPESAFE_BY_RCU) != 0});
  if (cache) cache->refs.store(1);
  return cache;
}

kmem_cache* refuse_create(const char* name, const char* wrong, slab_flags_t flags) {
  kmem::bug_report(Trouble::Warning, "kmem_cache_create(%s) failed: %s", name ? name : "", wrong);
  if (flags & SLAB_PANIC) kmem_port_panic();
  return nullptr;
}

/// No mistake of the caller's, so no warning, as in the kernel.
kmem_cache* fail_create(const char* name, slab_flags_t flags) {
  {
    kmem::Report report;
    report.line("kmem_cache_create(%s) failed: there is no memory, or there are too many caches", name).call_trace();
  }
  if (flags & SLAB_PANIC) kmem_port_panic();
  return nullptr;
}

/// Checks the arguments of today's form; returns the broken rule, or null.
const char* wrong_args(const kmem_cache_args& args, unsigned size, slab_flags_t flags) {
  if (args.useroffset > size || args.usersize > size - args.useroffset || (args.useroffset && !args.usersize))
    return "the range for user space does not lie in the object";
  if (!args.use_freeptr_offset) return nullptr;
  if (!(flags & SLAB_TYPESAFE_BY_RCU)) return "a place for the free pointer is for SLAB_TYPESAFE_BY_RCU only";
  if (args.freeptr_offset >= size || args.freeptr_offset % alignof(void*))
    return "the place for the free pointer does not lie in the object, or is not aligned";
  return nullptr;
}

kmem_cache* create_or_report(const Wish& wish) {
  const uint64_t align = wish.align ? wish.align : 1;
  const char* wrong = !wish.name             ? "it has no name"
                      : wish.flags & ~kKnown ? "a flag is none that a cache can be made with"
                      : !kmem::is_power_of_two(align) || align > Cache::Setup::kLargestObject
                          ? "its alignment is not a power of two up to 4 MiB"
                      : !wish.size || wish.size > Cache::Setup::kLargestObject ||
                              kmem::round_up(wish.size, align) > Cache::Setup::kLargestObject
                          ? "its size is 0 or more than 4 MiB"
                          : nullptr;
  if (wrong) return refuse_create(wish.name, wrong, wish.flags);
  Cache* cache = create(wish);
  return cache ? handle_of(cache) : fail_create(wish.name, wish.flags);
}

KMEM_NOINLINE void* alloc_slowly(kmem_cache* cache, gfp_t flags, int nid, const void* site) {
  auto counted = kmem::Counted::No;
  if (nid == kmem::kNoNode && !(flags & __GFP_ZERO))
    if (void* object = kmem::profiled::object(cache_of(cache).fast(), counted)) return object;
  Cache* const live = live_cache(cache, "kmem_cache_alloc");
  if (KMEM_UNLIKELY(!live)) return nullptr;
  Cache& c = *live;
  if (nid == kmem::kNoNode && !(flags & __GFP_ZERO))
    if (void* object = kmem::CpuStack::Own::try_pop(kmem_base, kmem::shown(c.fast().slot))) return object;
  if (nid == kmem::kNoNode && !(flags & __GFP_ZERO) && kmem::only_counted())
    if (void* object = c.pop_counted()) return object;
  flags = kmem::effective_gfp(flags, site, "kmem_cache_alloc");
  kmem::follow_profile();
  void* object =
      nid < 0 ? kmem::system().heap.sample(c, c.object_size(), c.setup().align, flags, kmem::Contents::Any) : nullptr;
  if (KMEM_LIKELY(!object)) object = kmem::SampledBlocks::object_of(c, flags, nid, counted);
  if (KMEM_UNLIKELY(!object)) {
    kmem::report_failure(c.name(), c.object_size(), flags);
    return nullptr;
  }
  return flags & __GFP_ZERO && !c.setup().hook ? memset(object, 0, c.object_size()) : object;
}

void wait_for_readers() { kmem::system().rcu.synchronize(); }

/// Afterwards no reader can hold one of the cache's objects. Slabs that reclaim took out of use have been released too, unless
/// a fork cut off the thread that was releasing them.
void wait_for_readers_of(Cache& cache) {
  constexpr int kTries = 3;
  for (int tries = 0; tries < kTries && !cache.rcu_slabs().stop(); ++tries) wait_for_readers();
  wait_for_readers();
}

/// May this caller wait for readers and callbacks?
bool may_wait_for_readers() { return kmem::may_sleep() && !kmem::Rcu::is_reader() && !kmem::system().rcu.is_calling(); }

/// Objects may still wait in kfree_rcu() and call_rcu(), and another CPU's reclaim may hold slabs for milliseconds. If the
/// program holds no object, the others are held by tasks in the middle of an operation, which on a busy machine may not run for
/// some time.
bool destroy_patiently(Cache& cache) {
  constexpr unsigned kLooks = 8, kLooksForHands = 14;
  constexpr uint64_t kFirstLookNs = 100'000;
  wait_for_readers();
  for (unsigned look = 0; !kmem::system().heap.caches().destroy(&cache); ++look) {
    if (look >= (cache.nr_in_use() ? kLooks : kLooksForHands)) return false;
    kmem::sleep_until(kmem_port_now_ns() + (kFirstLookNs << look));
  }
  return true;
}

/// A caller that must not wait destroys a SLAB_TYPESAFE_BY_RCU cache only if there are no readers.
bool destroy(Cache& cache, bool may_wait) {
  if (cache.setup().keeps_slabs && may_wait) wait_for_readers_of(cache);
  else if (cache.setup().keeps_slabs && (cache.nr_slabs() || !cache.rcu_slabs().stop())) return false;
  return kmem::system().heap.caches().destroy(&cache) || (may_wait && destroy_patiently(cache));
}

/// Names the first of the objects that are out, and who allocated each where that is recorded: a report for each.
KMEM_COLD void say_objects_out(const Cache& cache) {
  constexpr unsigned kMost = 8;
  const void* out[kMost];
  const unsigned n = cache.slabs().frames().find_out(out, kMost);
  for (unsigned i = 0; i < n; ++i) {
    kmem::Report report;
    report.line("Object 0x%p", out[i]);
    if (const kmem::Owner* owner = cache.checked().debug().owner(static_cast<const char*>(out[i]), kmem::OwnerCall::Alloc))
      owner->print(report, "Allocated");
  }
  if (n && cache.nr_in_use() > n) kmem::Report().line("and others");
}

KMEM_COLD void refuse_destroy(const Cache& cache, bool waited) {
  const auto all = static_cast<uint64_t>(cache.nr_in_use()) + kmem::system().guarded.nr_of(cache);
  const char* hint = waited ? "" : ", and neither readers nor objects on their way can be waited for here";
  kmem::begin_bug_report(Trouble::Bug, "kmem_cache_destroy(%s): %llu objects are still allocated%s; the cache stays",
                         cache.name(), static_cast<unsigned long long>(all), hint);
  say_objects_out(cache);
  kmem::after_report(Trouble::Bug);
}

/// Allocates the objects after the first `got` of n, and zeroes all if requested.
KMEM_NOINLINE int alloc_rest(kmem_cache* handle, gfp_t flags, size_t n, size_t got, void** objects, const void* site) {
  Cache* const live = live_cache(handle, "kmem_cache_alloc_bulk");
  if (KMEM_UNLIKELY(!live)) return 0;
  Cache& cache = *live;
  const kmem::Gfp gfp = kmem::effective_gfp(flags, site, "kmem_cache_alloc_bulk");
  kmem::follow_profile();
  for (; got < n && KMEM_UNLIKELY(kmem_profile.is_on()); ++got)  // each may be a sample
    if (!(objects[got] = kmem::SampledBlocks::object_of(cache, gfp, kmem::kNoNode, kmem::Counted::No))) break;
  if (got != n && !cache.alloc_bulk(gfp, n - got, objects + got)) {
    kmem_cache_free_bulk(handle, got, objects);
    return 0;
  }
  for (size_t i = 0; (flags & __GFP_ZERO) && !cache.setup().hook && i < n; ++i) memset(objects[i], 0, cache.object_size());
  return static_cast<int>(n);
}

/// Frees as many at a time as the fast path takes, and one by the slow path if it takes none.
KMEM_NOINLINE void free_rest(kmem_cache* cache, size_t n, void** objects) {
  while (n) {
    unsigned freed = cache ? kmem::fast::free_some(cache_of(cache).fast().class_byte, objects, n) : 0;
    if (!freed) {
      cache ? kmem_cache_free(cache, objects[0]) : kfree(objects[0]);
      freed = 1;
    }
    objects += freed;
    n -= freed;
  }
}

KMEM_NOINLINE void free_slowly(kmem_cache* cache, void* object) {
  if (!object) return;
  Cache* const live = live_cache(cache, "kmem_cache_free");
  if (KMEM_UNLIKELY(!live)) return;
  Cache& c = *live;
  if (kmem::fast::free_to<kmem::CpuStack::Own>(c.fast().class_byte, object) == kmem::Push::Done) return;
  kmem::PageAllocator& pages = kmem::system().pages;
  if (pages.is_online(pages.pfn_of_address(object)) && c.slabs().owns(object)) {
    if (kmem_profile.has_live()) kmem_profile.freed(object);
    return c.free(object);
  }
  const kmem::Block block = kmem::system().heap.classify(object);
  if (block.kind == kmem::BlockKind::Guarded && (!block.cache || block.cache == &c))
    return static_cast<void>(kmem::system().heap.free(object, block));
  if (block.cache && block.cache != &c && block.kind != kmem::BlockKind::Inside)
    return kmem::bug_report(Trouble::Bug, "kmem_cache_free(%s, %p): the object belongs to cache %s; nothing was freed",
                            c.name(), object, block.cache->name());
  kmem::bug_report(Trouble::Bug, "kmem_cache_free(%s, %p): not an object of this cache; nothing was freed", c.name(), object);
}

}  // namespace

kmem::Cache* kmem::live_cache(kmem_cache* handle, const char* who) {
  Cache* cache = boot() && handle ? system().heap.caches().find(&cache_of(handle)) : nullptr;
  if (KMEM_LIKELY(cache != nullptr)) return cache;
  static RateLimit limit;
  bug_report_limited(limit, Trouble::Bug, "%s(%p): this is not a cache, or not any more; nothing was done", who,
                     static_cast<void*>(handle));
  return nullptr;
}

/// A prefilled sheaf: objects that one task has reserved.
struct slab_sheaf {
  kmem_cache* cache;
  uint32_t size, room;
  void* objects[];
};

namespace {

constexpr unsigned kMostPrefilled = 1 << 16;

/// Fills the sheaf up to `size` objects, or with fewer if there is no memory.
int fill(slab_sheaf& sheaf, gfp_t flags, unsigned size) {
  if (sheaf.size >= size) return 0;
  if (!kmem_cache_alloc_bulk(sheaf.cache, flags & ~__GFP_ZERO, size - sheaf.size, sheaf.objects + sheaf.size)) return kNoMemory;
  sheaf.size = size;
  return 0;
}

bool is_sheaf(const slab_sheaf* sheaf, const char* function) {
  if (KMEM_LIKELY(reinterpret_cast<intptr_t>(sheaf) > 0)) return true;
  kmem::bug_report(Trouble::Bug, "%s: %p is no sheaf", function, static_cast<const void*>(sheaf));
  return false;
}

bool is_of(const slab_sheaf* sheaf, kmem_cache* cache, const char* function) {
  if (!is_sheaf(sheaf, function)) return false;
  if (KMEM_LIKELY(sheaf->cache == cache && cache)) return true;
  const Cache *wanted = live_cache(cache, function), *its = wanted ? live_cache(sheaf->cache, function) : nullptr;
  if (its) kmem::bug_report(Trouble::Bug, "%s: the sheaf is of cache %s, not of %s", function, its->name(), wanted->name());
  return false;
}

}  // namespace

extern "C" {

struct kmem_cache*(kmem_cache_create)(const char* name, unsigned int size, unsigned int align, slab_flags_t flags,
                                      void (*constructor)(void*)) noexcept {
  KMEM_MIGHT_SLEEP();
  return create_or_report({name,
                           size,
                           align,
                           flags,
                           constructor ? construct : nullptr,
                           {reinterpret_cast<kmem::UserHook>(constructor), nullptr},
                           constructor ? verify : nullptr});
}

struct kmem_cache* kmem_cache_create_2_6(const char* name, size_t size, size_t offset, unsigned long flags, Hook26 constructor,
                                         Hook26 destructor) noexcept {
  KMEM_MIGHT_SLEEP();
  return create_or_report({name,
                           size,
                           offset,
                           static_cast<slab_flags_t>(flags),
                           constructor || destructor ? construct_26 : nullptr,
                           {reinterpret_cast<kmem::UserHook>(constructor), reinterpret_cast<kmem::UserHook>(destructor)},
                           constructor ? verify_26 : nullptr});
}

struct kmem_cache* __kmem_cache_create_args(const char* name, unsigned int size, struct kmem_cache_args* args,
                                            slab_flags_t flags) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!args) return create_or_report({name, size, 0, flags});
  if (const char* wrong = wrong_args(*args, size, flags)) return refuse_create(name, wrong, flags);
  // A cache with its own usercopy range or sheaf size is not merged.
  const slab_flags_t apart = args->usersize || args->sheaf_capacity ? SLAB_NO_MERGE : 0;
  Wish wish{name, size, args->align, flags | apart};
  if (args->ctor) {
    wish.hook = construct;
    wish.hooks[0] = reinterpret_cast<kmem::UserHook>(args->ctor);
    wish.verify = verify;
  }
  wish.sheaf_capacity = args->sheaf_capacity;
  return create_or_report(wish);
}

int kmem_cache_destroy(struct kmem_cache* cache) noexcept {
  if (!cache) return 0;
  KMEM_MIGHT_SLEEP();
  Cache* const live = live_cache(cache, "kmem_cache_destroy");
  if (!live) return kInvalid;
  Cache& c = *live;
  const uint32_t refs = c.refs.fetch_sub(1);
  if (refs > 1) return 0;
  const bool may_wait = may_wait_for_readers();
  if (destroy(c, may_wait)) return 0;
  c.refs.fetch_add(1);
  c.rcu_slabs().resume();
  refuse_destroy(c, may_wait);
  return 1;
}

int kmem_cache_shrink(struct kmem_cache* cache) noexcept {
  KMEM_MIGHT_SLEEP();
  Cache* const live = live_cache(cache, "kmem_cache_shrink");
  if (!live) return kInvalid;
  Cache& c = *live;
  if (c.setup().keeps_slabs && !may_wait_for_readers()) c.reap(kmem::OtherCpus::Interrupt);
  else c.shrink(kmem::OtherCpus::Interrupt);
  if (c.setup().keeps_slabs && may_wait_for_readers()) c.rcu_slabs().wait(c.slabs(), wait_for_readers);
  return c.nr_slabs() != 0;
}

unsigned int kmem_cache_size(struct kmem_cache* cache) noexcept {
  const Cache* live = live_cache(cache, "kmem_cache_size");
  return live ? live->object_size() : 0;
}

long validate_slab_cache(struct kmem_cache* cache) noexcept {
  KMEM_MIGHT_SLEEP();
  Cache* live = live_cache(cache, "validate_slab_cache");
  return live ? static_cast<long>(live->validate()) : kInvalid;
}

void* kmem_cache_alloc(struct kmem_cache* cache, gfp_t flags) noexcept {
  void* object = flags & __GFP_ZERO ? nullptr : kmem::CpuStack::try_pop(kmem::shown(cache_of(cache).fast().slot));
  return KMEM_LIKELY(object != nullptr) ? object : alloc_slowly(cache, flags, kmem::kNoNode, __builtin_return_address(0));
}

void* kmem_cache_alloc_node(struct kmem_cache* cache, gfp_t flags, int nid) noexcept {
  return alloc_slowly(cache, flags, nid, __builtin_return_address(0));
}

void kmem_cache_free(struct kmem_cache* cache, void* object) noexcept {
  if (KMEM_LIKELY(kmem::fast::free_to(cache_of(cache).fast().class_byte, object) == kmem::Push::Done)) return;
  free_slowly(cache, object);
}

int kmem_cache_alloc_bulk(struct kmem_cache* cache, gfp_t flags, size_t n, void** objects) noexcept {
  constexpr size_t kMost = kmem::kSheafCapacity;
  Cache& c = cache_of(cache);
  const size_t got =
      kmem::CpuStack::try_pop_some(kmem::shown(c.fast().slot), objects, static_cast<unsigned>(n < kMost ? n : kMost));
  if (KMEM_LIKELY(got == n && !(flags & __GFP_ZERO))) return static_cast<int>(n);
  return alloc_rest(cache, flags, n, got, objects, __builtin_return_address(0));
}

void kmem_cache_free_bulk(struct kmem_cache* cache, size_t n, void** objects) noexcept {
  const unsigned freed = KMEM_LIKELY(cache && n) ? kmem::fast::free_some(cache_of(cache).fast().class_byte, objects, n) : 0;
  if (KMEM_UNLIKELY(freed != n)) free_rest(cache, n - freed, objects + freed);
}

// Prefilled sheaves -----------------------------------------------------------------------------------------------------

struct slab_sheaf* kmem_cache_prefill_sheaf(struct kmem_cache* cache, gfp_t flags, unsigned int size) noexcept {
  flags = KMEM_GFP_HERE(flags);
  const Cache* live = live_cache(cache, "kmem_cache_prefill_sheaf");
  if (!live) return nullptr;
  if (size > kMostPrefilled) {
    kmem::bug_report(Trouble::Warning, "kmem_cache_prefill_sheaf(%s): %u objects are too many for a sheaf", live->name(), size);
    return nullptr;
  }
  const size_t room = size < kmem::kSheafCapacity ? kmem::kSheafCapacity : size;
  auto* sheaf =
      static_cast<slab_sheaf*>(kmalloc(sizeof(slab_sheaf) + room * sizeof(void*), flags & ~__GFP_ZERO & ~GFP_ZONEMASK));
  if (!sheaf) return nullptr;
  *sheaf = {cache, 0, static_cast<uint32_t>(room)};
  if (!fill(*sheaf, flags, size)) return sheaf;
  kfree(sheaf);
  return nullptr;
}

int kmem_cache_refill_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf** sheafp, unsigned int size) noexcept {
  flags = KMEM_GFP_HERE(flags);
  slab_sheaf* sheaf = sheafp ? *sheafp : nullptr;
  if (!is_of(sheaf, cache, "kmem_cache_refill_sheaf")) return kInvalid;
  if (size <= sheaf->room) return fill(*sheaf, flags, size);
  slab_sheaf* larger = kmem_cache_prefill_sheaf(cache, flags, size);
  if (!larger) return kNoMemory;
  kmem_cache_return_sheaf(cache, flags, sheaf);
  *sheafp = larger;
  return 0;
}

void kmem_cache_return_sheaf(struct kmem_cache* cache, gfp_t, struct slab_sheaf* sheaf) noexcept {
  if (!is_of(sheaf, cache, "kmem_cache_return_sheaf")) return;
  kmem_cache_free_bulk(cache, sheaf->size, sheaf->objects);
  kfree(sheaf);
}

void* kmem_cache_alloc_from_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf* sheaf) noexcept {
  if (!is_of(sheaf, cache, "kmem_cache_alloc_from_sheaf") || !sheaf->size) return nullptr;
  void* object = sheaf->objects[--sheaf->size];
  const Cache& c = cache_of(cache);
  return (flags & __GFP_ZERO) && !c.setup().hook ? memset(object, 0, c.object_size()) : object;
}

unsigned int kmem_cache_sheaf_size(struct slab_sheaf* sheaf) noexcept {
  return is_sheaf(sheaf, "kmem_cache_sheaf_size") ? sheaf->size : 0;
}

}  // extern "C"
