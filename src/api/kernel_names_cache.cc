// kmem_cache_*: object caches, in the form of 2.6 and in today's.

#include <linux/slab.h>

#include "api/system.h"
#include "api/trouble.h"
#include "base/memory.h"
#include "page/gfp_context.h"
#include "port/port.h"
#include "slab/fast_path.h"
#include "watch/report.h"

namespace {

using kmem::Cache;
using kmem::Trouble;

using Constructor = void (*)(void*);
using Hook26 = void (*)(void*, kmem_cache_t*, unsigned long);

Cache& cache_of(kmem_cache* cache) { return *reinterpret_cast<Cache*>(cache); }
kmem_cache* name_of(Cache* cache) { return reinterpret_cast<kmem_cache*>(cache); }

template <typename Function>
Function hook_as(kmem::UserHook hook) {
  return reinterpret_cast<Function>(hook);
}

void construct(void* object, Cache* cache, bool creating) {
  if (creating) reinterpret_cast<Constructor>(cache->user_hook(0))(object);
}

void construct_26(void* object, Cache* cache, bool creating) {
  const auto hook = reinterpret_cast<Hook26>(cache->user_hook(creating ? 0 : 1));
  // One function may be both: the flag tells it which it is now.
  if (hook) hook(object, name_of(cache), creating ? SLAB_CTOR_CONSTRUCTOR | SLAB_CTOR_ATOMIC : 0);
}

void verify(void* object, Cache* cache) { construct(object, cache, true); }

void verify_26(void* object, Cache* cache) {
  const auto hook = reinterpret_cast<Hook26>(cache->user_hook(0));
  if (hook) hook(object, name_of(cache), SLAB_CTOR_CONSTRUCTOR | SLAB_CTOR_ATOMIC | SLAB_CTOR_VERIFY);
}

/// Objects of small sizes share a cache line as long as two fit, as the kernel has it.
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

/// Two caches may be one if nobody can tell them apart: no hooks, no flag that says otherwise, nearly the same size.
constexpr slab_flags_t kNeverMerge = SLAB_DEBUG_INITIAL | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_CONSISTENCY_CHECKS |
                                     SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE | SLAB_NO_REAP | SLAB_ACCOUNT;
static_assert(SLAB_CONSISTENCY_CHECKS == kmem::debug::kChecks && SLAB_RED_ZONE == kmem::debug::kRedZone &&
              SLAB_POISON == kmem::debug::kPoison && SLAB_STORE_USER == kmem::debug::kOwner);

Cache* find_alike(const Wish& wish, uint32_t align, kmem::Gfp gfp) {
  kmem::System& s = kmem::system();
  if (s.options.slab_nomerge || wish.hook || (wish.flags & kNeverMerge)) return nullptr;
  if (s.options.slub_debug.flags_for(wish.name)) return nullptr;
  const uint64_t size = kmem::round_up(wish.size < 8 ? 8 : wish.size, align < 8 ? 8 : align);
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id) {
    Cache& other = s.heap.cache(id);
    if (!other.live() || !other.refs.load() || other.hook() || other.debug().on() || (other.flags() & kNeverMerge) || other.gfp() != gfp) continue;
    if (other.shape().size == size && other.align() >= align && other.object_size() == wish.size) return &other;
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
  Cache* cache = s.heap.create({.name = wish.name, .object_size = static_cast<uint32_t>(wish.size), .align = align,
                                .flags = wish.flags, .gfp = gfp, .hook = wish.hook,
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

/// What the arguments of today's form must obey; null where they do.
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
  const char* wrong = !wish.name ? "it has no name"
                      : !wish.size || wish.size > KMALLOC_MAX_CACHE_SIZE * 32 ? "its size is 0 or too large"
                      : (wish.align & (wish.align - 1)) || wish.align > PAGE_SIZE ? "its alignment is not a power of two up to a page"
                                                                                  : nullptr;
  if (!wrong)
    if (Cache* cache = create(wish)) return name_of(cache);
  return refuse_create(wish.name, wrong ? wrong : "there is no memory, or there are too many caches", wish.flags);
}

KMEM_NOINLINE void* alloc_slowly(kmem_cache* cache, gfp_t flags, int nid, const void* site) {
  Cache& c = cache_of(cache);
  if (nid == kmem::kNoNode && !(flags & __GFP_ZERO) && kmem::only_counted())
    if (void* object = c.pop_counted()) return object;
  flags = kmem::effective_gfp(flags, site, "kmem_cache_alloc");
  void* object = nid < 0 ? kmem::system().heap.sample(c, c.object_size(), c.align(), flags, false) : nullptr;
  if (KMEM_LIKELY(!object)) object = c.alloc(flags, nid);
  if (KMEM_UNLIKELY(!object)) {
    kmem::report_failure(c.name(), c.object_size(), flags);
    return nullptr;
  }
  return flags & __GFP_ZERO && !c.hook() ? memset(object, 0, c.object_size()) : object;
}

void wait_for_readers() { kmem::system().rcu.synchronize(); }

/// Whoever begins to read after this finds none of its objects.  Slabs that reclaim took out of use are gone too, unless
/// a fork has lost who was giving them back.
void wait_for_readers_of(Cache& cache) {
  constexpr int kTries = 3;
  for (int tries = 0; tries < kTries && !cache.stop_leaving(); ++tries) wait_for_readers();
  wait_for_readers();
}

void put_owner(kmem::Text& text, const kmem::Owner& owner) {
  text.printf(" allocated by cpu=%u pid=%u from", unsigned{owner.cpu}, owner.task);
  for (unsigned i = 0; i < owner.nr_frames && i < 4; ++i) text.printf(" [<%p>]", owner.frames[i]);
}

/// Names the first of them, and who allocated each where that is remembered.
KMEM_COLD void refuse_destroy(const Cache& cache) {
  constexpr unsigned kMost = 8;
  const void* out[kMost];
  const unsigned n = cache.find_out(out, kMost);
  const auto all = static_cast<uint64_t>(cache.nr_in_use()) + kmem::system().guarded.nr_of(cache);
  kmem::TextOf<1536> names;
  for (unsigned i = 0; i < n; ++i) {
    names.printf("\n  object 0x%p", out[i]);
    if (const kmem::Owner* owner = cache.debug().owner(static_cast<const char*>(out[i]), false)) put_owner(names, *owner);
  }
  if (all > n && n) names.put("\n  and others");
  kmem::bug_report(Trouble::Bug, "kmem_cache_destroy(%s): %llu objects are still out; the cache stays%s", cache.name(),
                   static_cast<unsigned long long>(all), names.data());
}

/// Those that follow the first `got` of n, all zeroed if asked for.
KMEM_NOINLINE int alloc_rest(Cache& cache, gfp_t flags, size_t n, size_t got, void** objects, const void* site) {
  const kmem::Gfp gfp = kmem::effective_gfp(flags, site, "kmem_cache_alloc_bulk");
  if (got != n && !cache.alloc_bulk(gfp, n - got, objects + got)) {
    kmem_cache_free_bulk(reinterpret_cast<kmem_cache*>(&cache), got, objects);
    return 0;
  }
  for (size_t i = 0; (flags & __GFP_ZERO) && !cache.hook() && i < n; ++i) memset(objects[i], 0, cache.object_size());
  return static_cast<int>(n);
}

/// As many at a time as the fast path takes, and one by the slow path where it takes none.
KMEM_NOINLINE void free_rest(kmem_cache* cache, size_t n, void** objects) {
  while (n) {
    unsigned freed = cache ? kmem::fast::free_some(cache_of(cache).class_byte(), objects, n) : 0;
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
  Cache& c = cache_of(cache);
  kmem::PageAllocator& pages = kmem::system().pages;
  if (pages.is_online(pages.pfn_of_address(object)) && c.owns(object)) return c.free(object);
  const kmem::Block block = kmem::system().heap.classify(object);
  if (block.kind == kmem::BlockKind::Guarded && (!block.cache || block.cache == &c))
    return static_cast<void>(kmem::system().heap.free(object));
  if (block.cache && block.cache != &c && block.kind != kmem::BlockKind::Inside)
    return kmem::bug_report(Trouble::Bug, "kmem_cache_free(%s, %p): the object belongs to cache %s; nothing was freed", c.name(),
                            object, block.cache->name());
  kmem::bug_report(Trouble::Bug, "kmem_cache_free(%s, %p): not an object of this cache; nothing was freed", c.name(), object);
}

}  // namespace

/// Objects that one task has set aside.
struct slab_sheaf {
  kmem_cache* cache;
  uint32_t size, room;
  void* objects[];
};

namespace {

constexpr int kNoMemory = -12, kInvalid = -22;
constexpr unsigned kMostPrefilled = 1 << 16;

/// Up to `size` objects, or as many as there were.
int fill(slab_sheaf& sheaf, gfp_t flags, unsigned size) {
  if (sheaf.size >= size) return 0;
  if (!kmem_cache_alloc_bulk(sheaf.cache, flags & ~__GFP_ZERO, size - sheaf.size, sheaf.objects + sheaf.size)) return kNoMemory;
  sheaf.size = size;
  return 0;
}

bool is_of(const slab_sheaf& sheaf, const kmem_cache* cache, const char* function) {
  if (KMEM_LIKELY(sheaf.cache == cache)) return true;
  kmem::bug_report(Trouble::Bug, "%s: the sheaf is of cache %s, not of %s", function, cache_of(sheaf.cache).name(),
                   reinterpret_cast<const Cache*>(cache)->name());
  return false;
}

}  // namespace

extern "C" {

struct kmem_cache* (kmem_cache_create)(const char* name, unsigned int size, unsigned int align, slab_flags_t flags,
                                       void (*constructor)(void*)) noexcept {
  return create_or_report({name, size, align, flags, constructor ? construct : nullptr,
                           {reinterpret_cast<kmem::UserHook>(constructor), nullptr}, constructor ? verify : nullptr});
}

struct kmem_cache* kmem_cache_create_2_6(const char* name, size_t size, size_t offset, unsigned long flags,
                                         Hook26 constructor, Hook26 destructor) noexcept {
  return create_or_report({name, size, offset, static_cast<slab_flags_t>(flags), constructor || destructor ? construct_26 : nullptr,
                           {reinterpret_cast<kmem::UserHook>(constructor), reinterpret_cast<kmem::UserHook>(destructor)},
                           constructor ? verify_26 : nullptr});
}

struct kmem_cache* __kmem_cache_create_args(const char* name, unsigned int size, struct kmem_cache_args* args,
                                            slab_flags_t flags) noexcept {
  if (!args) return (kmem_cache_create)(name, size, 0, flags, nullptr);
  if (const char* wrong = wrong_args(*args, size, flags)) return refuse_create(name, wrong, flags);
  // Who asks for something that nobody else has shares slabs with nobody.
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
  Cache& c = cache_of(cache);
  if (c.refs.load() > 1) {
    c.refs.fetch_sub(1);
    return 0;
  }
  if (c.keeps_slabs()) wait_for_readers_of(c);
  if (kmem::system().heap.destroy(&c)) return 0;
  c.resume_leaving();
  refuse_destroy(c);
  return 1;
}

int kmem_cache_shrink(struct kmem_cache* cache) noexcept {
  if (cache_of(cache).keeps_slabs()) cache_of(cache).shrink_behind_readers(wait_for_readers);
  else cache_of(cache).shrink(true);
  return cache_of(cache).nr_slabs() != 0;
}

unsigned int kmem_cache_size(struct kmem_cache* cache) noexcept { return cache_of(cache).object_size(); }

long validate_slab_cache(struct kmem_cache* cache) noexcept { return static_cast<long>(cache_of(cache).validate()); }

void* kmem_cache_alloc(struct kmem_cache* cache, gfp_t flags) noexcept {
  void* object = flags & __GFP_ZERO ? nullptr : kmem::CpuStack::try_pop(cache_of(cache).fast_slot());
  return KMEM_LIKELY(object != nullptr) ? object : alloc_slowly(cache, flags, kmem::kNoNode, __builtin_return_address(0));
}

void* kmem_cache_alloc_node(struct kmem_cache* cache, gfp_t flags, int nid) noexcept {
  return alloc_slowly(cache, flags, nid, __builtin_return_address(0));
}

void kmem_cache_free(struct kmem_cache* cache, void* object) noexcept {
  if (KMEM_LIKELY(kmem::fast::free_to(cache_of(cache).class_byte(), object) == kmem::Push::Done)) return;
  free_slowly(cache, object);
}

int kmem_cache_alloc_bulk(struct kmem_cache* cache, gfp_t flags, size_t n, void** objects) noexcept {
  constexpr size_t kMost = kmem::kSheafCapacity;
  Cache& c = cache_of(cache);
  const size_t got = kmem::CpuStack::try_pop_some(c.fast_slot(), objects, static_cast<unsigned>(n < kMost ? n : kMost));
  if (KMEM_LIKELY(got == n && !(flags & __GFP_ZERO))) return static_cast<int>(n);
  return alloc_rest(c, flags, n, got, objects, __builtin_return_address(0));
}

void kmem_cache_free_bulk(struct kmem_cache* cache, size_t n, void** objects) noexcept {
  const unsigned freed = KMEM_LIKELY(cache && n) ? kmem::fast::free_some(cache_of(cache).class_byte(), objects, n) : 0;
  if (KMEM_UNLIKELY(freed != n)) free_rest(cache, n - freed, objects + freed);
}

// Prefilled sheaves -----------------------------------------------------------------------------------------------------

struct slab_sheaf* kmem_cache_prefill_sheaf(struct kmem_cache* cache, gfp_t flags, unsigned int size) noexcept {
  if (size > kMostPrefilled) {
    kmem::bug_report(Trouble::Warning, "kmem_cache_prefill_sheaf(%s): %u objects are too many for a sheaf", cache_of(cache).name(), size);
    return nullptr;
  }
  const size_t room = size < kmem::kSheafCapacity ? kmem::kSheafCapacity : size;
  auto* sheaf = static_cast<slab_sheaf*>(kmalloc(sizeof(slab_sheaf) + room * sizeof(void*), flags & ~__GFP_ZERO & ~GFP_ZONEMASK));
  if (!sheaf) return nullptr;
  *sheaf = {cache, 0, static_cast<uint32_t>(room)};
  if (!fill(*sheaf, flags, size)) return sheaf;
  kfree(sheaf);
  return nullptr;
}

int kmem_cache_refill_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf** sheafp, unsigned int size) noexcept {
  slab_sheaf* sheaf = *sheafp;
  if (!is_of(*sheaf, cache, "kmem_cache_refill_sheaf")) return kInvalid;
  if (size <= sheaf->room) return fill(*sheaf, flags, size);
  slab_sheaf* larger = kmem_cache_prefill_sheaf(cache, flags, size);
  if (!larger) return kNoMemory;
  kmem_cache_return_sheaf(cache, flags, sheaf);
  *sheafp = larger;
  return 0;
}

void kmem_cache_return_sheaf(struct kmem_cache* cache, gfp_t, struct slab_sheaf* sheaf) noexcept {
  if (!is_of(*sheaf, cache, "kmem_cache_return_sheaf")) return;
  kmem_cache_free_bulk(cache, sheaf->size, sheaf->objects);
  kfree(sheaf);
}

void* kmem_cache_alloc_from_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf* sheaf) noexcept {
  if (!is_of(*sheaf, cache, "kmem_cache_alloc_from_sheaf") || !sheaf->size) return nullptr;
  void* object = sheaf->objects[--sheaf->size];
  const Cache& c = cache_of(cache);
  return (flags & __GFP_ZERO) && !c.hook() ? memset(object, 0, c.object_size()) : object;
}

unsigned int kmem_cache_sheaf_size(struct slab_sheaf* sheaf) noexcept { return sheaf->size; }

}  // extern "C"
