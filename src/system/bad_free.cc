#include "system/bad_free.h"

#include "base/format.h"
#include "system/neighbours.h"
#include "system/system.h"
#include "watch/report.h"

namespace kmem {
namespace {

constinit RateLimit limit;

KMEM_COLD void report_other_family(const void* p, Family family, Family by) {
  static RateLimit family_limit;
  const bool of_malloc = family == Family::Malloc;
  bug_report_limited(family_limit, Trouble::Bug, "%s of %p, which %s gave: use %s", by == Family::Kmalloc ? "kfree" : "free", p,
                     of_malloc                   ? "malloc"
                     : family == Family::Kmalloc ? "kmalloc"
                                                 : "kmem_cache_alloc",
                     of_malloc                   ? "free"
                     : family == Family::Kmalloc ? "kfree"
                                                 : "kmem_cache_free");
}

KMEM_COLD void report_block(const void* p, const Block& block) {
  switch (block.kind) {
    case BlockKind::Object: return block.cache->slabs().refuse_free(p);
    case BlockKind::Inside:
      if (block.cache)
        return bug_report_limited(limit, Trouble::Bug, "free of %p, which is not the start of an object of cache %s", p,
                                  block.cache->name());
      return bug_report_limited(limit, Trouble::Bug, "free of %p, which is not the start of a block", p);
    case BlockKind::Pages: return bug_report_limited(limit, Trouble::Bug, "kfree of %p, a block of pages: use free_pages", p);
    default:  // also a mapped block that another thread has freed since it was classified
      return bug_report_limited(limit, Trouble::Bug, "free of %p, in a page that is free: a double free?", p);
  }
}

}  // namespace

bool free_block(void* p, const Block& block) {
  if (block.kind == BlockKind::Foreign) return false;
  if (!system().heap.free(p, block)) report_block(p, block);
  return true;
}

void check_family(const void* p, const Block& block, Family by) {
  const Family family = system().heap.family_of(p, block);
  const bool fits = by == Family::Kmalloc ? family != Family::Malloc : family == Family::Malloc;
  if (!fits && family != Family::Unknown) report_other_family(p, family, by);
}

void report_bad_free(const void* p) {
  const Block block = boot() ? system().heap.classify(p) : Block{};
  if (block.kind == BlockKind::Foreign) return report_foreign_free(p);
  report_block(p, block);
}

void report_foreign_free(const void* p) {
  if (TextOf<160> name; system().vmap.describe(p, name))
    return bug_report_limited(limit, Trouble::Bug, "free of %p, in %s: use vfree", p, name.data());
  if (free_at_neighbours(const_cast<void*>(p))) return;
  bug_report_limited(limit, Trouble::Bug, "free of %p, which kmem did not allocate", p);
}

}  // namespace kmem
