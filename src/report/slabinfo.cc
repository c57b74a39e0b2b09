#include "report/texts.h"

namespace kmem {
namespace {

constexpr char kVersion[] = "slabinfo - version: 2.1";
constexpr char kColumns[] =
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
    " : tunables <limit> <batchcount> <sharedfactor>"
    " : slabdata <active_slabs> <num_slabs> <sharedavail>";
/// The columns that a kernel with CONFIG_DEBUG_SLAB adds, as far as kmem has them.
constexpr char kCounted[] = " : cpustat <allochit> <allocmiss> <freehit> <freemiss>";

/// Readers split the line at white space, so a name must not have any, nor be empty.
struct Word {
  char text[sizeof CacheSnapshot::name] = "-";

  explicit Word(const char* name) {
    for (size_t i = 0; i + 1 < sizeof text && name[i]; ++i) {
      text[i] = static_cast<unsigned char>(name[i]) <= ' ' ? '_' : name[i];
      text[i + 1] = '\0';
    }
  }
};

/// The kernel's last column counts free objects that CPUs share; here full sheaves, as in `shared`.
uint64_t shared_avail(const CacheSnapshot& cache) { return cache.limit ? cache.cached_objs / cache.limit : 0; }

void put_cpustat(Text& out, const CacheSnapshot& cache) {
  out.printf(" : cpustat %6ju %6ju %6ju %6ju", cache.allocs - cache.slow_allocs, cache.slow_allocs,
             cache.frees - cache.slow_frees, cache.slow_frees);
}

void put_cache(Text& out, const CacheSnapshot& cache, bool counted) {
  out.printf("%-17s %6ju %6ju %6u %4u %4u", Word(cache.name).text, cache.active_objs, cache.num_objs, cache.stride,
             cache.objects_per_slab, cache.pages_per_slab);
  out.printf(" : tunables %4u %4u %4u", cache.limit, cache.batchcount, cache.shared);
  out.printf(" : slabdata %6ju %6ju %6ju", cache.active_slabs, cache.num_slabs, shared_avail(cache));
  if (counted) put_cpustat(out, cache);
  out.put('\n');
}

}  // namespace

void put_slabinfo(Text& out, const SystemSnapshot& system) {
  const bool counted = system.paths.counted;
  out.put(kVersion).put(counted ? " (statistics)\n" : "\n");
  out.put(kColumns).put(counted ? kCounted : "").put('\n');
  for (const CacheSnapshot& cache : system.caches) put_cache(out, cache, counted);
}

}  // namespace kmem
