// malloc_trim(), mallinfo(), malloc_stats() and the rest of <malloc.h> that speaks of the heap as a whole.

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/system.h"
#include "base/attributes.h"
#include "base/format.h"
#include "port/port.h"

namespace {

using kmem::system;

/// What mallinfo2() and malloc_stats() tell, in bytes.
struct Totals {
  size_t online = 0;    // of frames that were brought online and are not free
  size_t in_use = 0;    // with the program
  size_t mapped = 0;
  size_t nr_mapped = 0;
  size_t dirty = 0;     // free, still with us
};

Totals count() {
  Totals t;
  if (!kmem::boot()) return t;
  kmem::System& s = system();
  size_t slabs = 0, objects = 0, held = 0;
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) {
    held += s.pages.zone(i).nr_in_use() * kmem::kPageSize;
    t.dirty += s.pages.zone(i).nr_dirty() * kmem::kPageSize;
  }
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id) {
    const kmem::Cache& cache = s.heap.cache(id);
    if (!cache.live()) continue;
    slabs += static_cast<size_t>(cache.nr_slabs()) * cache.shape().bytes();
    objects += static_cast<size_t>(cache.nr_in_use()) * cache.shape().size;
  }
  t.mapped = s.heap.mapped().bytes();
  t.nr_mapped = s.heap.mapped().nr();
  t.online = held;
  t.in_use = objects + (held > slabs ? held - slabs : 0);
  return t;
}

}  // namespace

extern "C" {

KMEM_EXPORT int malloc_trim(size_t) {
  if (!kmem::boot()) return 0;
  const uint64_t slabs = system().heap.shrink_all(true);
  return system().pages.trim() + slabs != 0;
}

KMEM_EXPORT struct mallinfo2 mallinfo2(void) {
  const Totals t = count();
  struct mallinfo2 info;
  memset(&info, 0, sizeof info);
  info.arena = t.online + t.dirty;
  info.hblks = t.nr_mapped;
  info.hblkhd = t.mapped;
  info.uordblks = t.in_use + t.mapped;
  info.fordblks = info.arena > t.in_use ? info.arena - t.in_use : 0;
  info.keepcost = t.dirty;
  return info;
}

KMEM_EXPORT struct mallinfo mallinfo(void) {
  const struct mallinfo2 wide = mallinfo2();
  struct mallinfo info;
  memset(&info, 0, sizeof info);
  info.arena = static_cast<int>(wide.arena);
  info.hblks = static_cast<int>(wide.hblks);
  info.hblkhd = static_cast<int>(wide.hblkhd);
  info.uordblks = static_cast<int>(wide.uordblks);
  info.fordblks = static_cast<int>(wide.fordblks);
  info.keepcost = static_cast<int>(wide.keepcost);
  return info;
}

KMEM_EXPORT void malloc_stats(void) {
  const Totals t = count();
  kmem::TextOf<256> text;
  text.printf("kmem: in use %zu bytes, of frames %zu, mapped %zu in %zu blocks, free and still resident %zu\n", t.in_use, t.online,
              t.mapped, t.nr_mapped, t.dirty);
  kmem_port_log(text.data(), text.size());
}

// Settings of glibc's heap have no counterpart here: "not accepted" is the true answer.
KMEM_EXPORT int mallopt(int, int) { return 0; }

KMEM_EXPORT int malloc_info(int options, FILE* stream) {
  if (options) return -1;
  const Totals t = count();
  fprintf(stream, "<malloc version=\"kmem-1\">\n<total type=\"rest\" size=\"%zu\"/>\n<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n"
          "<system type=\"current\" size=\"%zu\"/>\n</malloc>\n", t.in_use, t.nr_mapped, t.mapped, t.online + t.dirty);
  return 0;
}

}  // extern "C"
