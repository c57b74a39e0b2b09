// kmemleak_*: marks on blocks, for the scan of <kmem/leaks.h>.

#include <linux/kmemleak.h>

#include "leak_marks.h"
#include "system/system.h"
#include "watch/report.h"

/// Found by its name: system/look_table.h.
extern "C" {
KMEM_HIDDEN kmem::LeakMarks kmem_leak_marks;
}

namespace {

using kmem::LeakMark;

kmem::LeakMarks& marks = kmem_leak_marks;

bool marking() { return kmem::boot() && kmem::system().options.kmemleak; }

/// The block that the address lies in, and when it was allocated.
const void* block_of(const void* p, uint64_t& born) {
  born = 0;
  const kmem::Block block = kmem::system().heap.classify(p);
  if (block.kind == kmem::BlockKind::Inside && block.cache) p = block.cache->slabs().frames().object_around(p);
  if (block.cache && block.kind != kmem::BlockKind::Guarded) born = block.cache->checked().born(p);
  return p;
}

void mark(LeakMark::Kind kind, const void* p, const void* from = nullptr, size_t bytes = 0) {
  if (!p || !marking()) return;
  uint64_t born;
  const void* block = block_of(p, born);
  static kmem::Once complained;
  if (!marks.add(kind, block, born, from, bytes) && complained.first()) kmem::note("kmemleak: too many blocks are marked");
}

}  // namespace

const kmem::LeakMarks& leak_marks() { return marks; }

extern "C" {

void kmemleak_alloc(const void* pointer, size_t size, int min_count, gfp_t) noexcept {
  if (!pointer || !marking()) return;
  marks.add(LeakMark::Foreign, pointer, 0, nullptr, size);
  if (!min_count) marks.add(LeakMark::NotLeak, pointer, 0, nullptr, 0);
}
void kmemleak_free(const void* pointer) noexcept {
  if (pointer && marking()) marks.remove(pointer);
}
void kmemleak_not_leak(const void* pointer) noexcept { mark(LeakMark::NotLeak, pointer); }
void kmemleak_ignore(const void* pointer) noexcept { mark(LeakMark::Ignore, pointer); }
void kmemleak_scan_area(const void* pointer, size_t size, gfp_t) noexcept { mark(LeakMark::ScanArea, pointer, pointer, size); }
void kmemleak_no_scan(const void* pointer) noexcept { mark(LeakMark::NoScan, pointer); }

}  // extern "C"
