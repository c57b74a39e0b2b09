// malloc_trim(), mallinfo(), malloc_stats() and the other functions of <malloc.h> about the whole heap.

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/format.h"
#include "own.h"
#include "port/port.h"
#include "system/system.h"

namespace {

using kmem::kPageShift;
using kmem::system;

/// The numbers of mallinfo2() and related functions, in bytes. On a busy system they are not from the same moment.
struct Totals {
  size_t resident = 0;               // of frames that are in use, or free and still resident
  size_t most = 0;                   // the peak, for frames in use
  size_t in_use = 0;                 // held by the program, without mapped blocks
  size_t dirty = 0;                  // of free frames that are still resident
  size_t cached = 0, nr_cached = 0;  // free objects in sheaves and barns
  size_t nr_free = 0;                // free objects of slabs, those included
  size_t mapped = 0, nr_mapped = 0;

  size_t free() const { return resident > in_use ? resident - in_use : 0; }
};

size_t or_zero(int64_t n) { return n < 0 ? 0 : static_cast<size_t>(n); }

/// The free objects in a cache's slabs.
size_t nr_free(const kmem::Cache& cache) {
  return or_zero(cache.nr_slabs() * static_cast<int64_t>(cache.slabs().shape().nr_objects) - cache.nr_in_use());
}

/// Bytes of frames on the CPUs' page lists: free, though not counted as free in a zone.
size_t listed() {
  uint64_t frames = 0;
  kmem::System& s = system();
  for (uint32_t cpu = 0; cpu < kmem::CpuStack::nr_areas(); ++cpu)
    frames += s.pages.lists().nr_listed({cpu}, kmem::kHotPages) + s.pages.lists().nr_listed({cpu}, kmem::kColdPages);
  return frames << kPageShift;
}

Totals count() {
  Totals t;
  if (!kmem::boot()) return t;
  kmem::System& s = system();
  size_t slabs = 0, objects = 0, held = 0, most = 0;
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) {
    const kmem::Zone& zone = s.pages.zone(i);
    held += zone.nr_in_use() << kPageShift;
    most += zone.counts().most_in_use() << kPageShift;
    t.dirty += zone.nr_dirty() << kPageShift;
  }
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id) {
    const kmem::Cache& cache = s.heap.cache(id);
    if (!cache.live()) continue;
    slabs += or_zero(cache.nr_slabs()) * cache.slabs().shape().bytes();
    objects += or_zero(cache.nr_in_use()) * cache.slabs().shape().size;
    t.nr_cached += cache.sheaves().nr_objects();
    t.cached += cache.sheaves().nr_objects() * cache.slabs().shape().size;
    t.nr_free += nr_free(cache);
  }
  t.mapped = s.heap.mapped().bytes();
  t.nr_mapped = s.heap.mapped().nr();
  t.resident = held + t.dirty;
  t.most = most > t.resident ? most : t.resident;
  const size_t others = slabs + listed();
  t.in_use = objects + (held > others ? held - others : 0);
  return t;
}

uint64_t nr_returned() {
  uint64_t sum = 0;
  for (unsigned i = 0; i < system().pages.nr_zones(); ++i) sum += system().pages.zone(i).reporting().nr_returned();
  return sum;
}

// The elements of glibc's malloc_info(), so that programs that read it can read this. Objects in sheaves are shown as fast
// bins.
void print_totals(FILE* stream, const Totals& t) {
  const size_t cached = t.cached < t.free() ? t.cached : t.free();
  fprintf(stream, "<total type=\"fast\" count=\"%zu\" size=\"%zu\"/>\n<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n",
          t.nr_cached, cached, t.nr_free > t.nr_cached ? t.nr_free - t.nr_cached : 0, t.free() - cached);
}

void print_system(FILE* stream, const Totals& t) {
  fprintf(stream,
          "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n"
          "<aspace type=\"total\" size=\"%zu\"/>\n<aspace type=\"mprotect\" size=\"%zu\"/>\n",
          t.resident, t.most, t.resident, t.resident);
}

void print_sizes(FILE* stream) {
  fputs("<sizes>\n", stream);
  for (uint32_t id = 1; id <= system().heap.nr_caches(); ++id) {
    const kmem::Cache& cache = system().heap.cache(id);
    const size_t n = cache.live() ? nr_free(cache) : 0, size = cache.live() ? cache.object_size() : 0;
    if (n) fprintf(stream, "<size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n", size, size, n * size, n);
  }
  fputs("</sizes>\n", stream);
}

}  // namespace

extern "C" {

KMEM_REPLACEABLE int malloc_trim(size_t pad) {
  if (!kmem::boot()) return 0;
  const int saved = errno;
  const uint64_t before = nr_returned();
  let_go_kept(system().heap);
  system().heap.caches().shrink_all(kmem::OtherCpus::Ask);
  system().pages.trim(pad >> kPageShift, kmem::OtherCpus::Ask);
  errno = saved;
  return nr_returned() != before;
}

KMEM_REPLACEABLE struct mallinfo2 mallinfo2(void) {
  const Totals t = count();
  struct mallinfo2 info;
  memset(&info, 0, sizeof info);
  info.arena = t.resident;
  info.uordblks = t.resident - t.free();
  info.fordblks = t.free();
  info.ordblks = t.nr_free;
  info.smblks = t.nr_cached;
  info.fsmblks = t.cached < t.free() ? t.cached : t.free();
  info.hblks = t.nr_mapped;
  info.hblkhd = t.mapped;
  info.keepcost = t.dirty < t.free() ? t.dirty : t.free();
  return info;
}

KMEM_REPLACEABLE struct mallinfo mallinfo(void) {
  const struct mallinfo2 wide = mallinfo2();
  struct mallinfo info;
  info.arena = static_cast<int>(wide.arena);
  info.ordblks = static_cast<int>(wide.ordblks);
  info.smblks = static_cast<int>(wide.smblks);
  info.hblks = static_cast<int>(wide.hblks);
  info.hblkhd = static_cast<int>(wide.hblkhd);
  info.usmblks = static_cast<int>(wide.usmblks);
  info.fsmblks = static_cast<int>(wide.fsmblks);
  info.uordblks = static_cast<int>(wide.uordblks);
  info.fordblks = static_cast<int>(wide.fordblks);
  info.keepcost = static_cast<int>(wide.keepcost);
  return info;
}

KMEM_REPLACEABLE void malloc_stats(void) {
  const Totals t = count();
  kmem::TextOf<256> text;
  text.printf("kmem: in use %zu bytes, of frames %zu, mapped %zu in %zu blocks, free and still resident %zu\n", t.in_use,
              t.resident - t.dirty, t.mapped, t.nr_mapped, t.dirty);
  kmem_port_log(text.data(), text.size());
}

KMEM_REPLACEABLE int malloc_info(int options, FILE* stream) {
  if (options) {
    errno = EINVAL;
    return -1;
  }
  const Totals t = count();
  fputs("<malloc version=\"1\">\n<heap nr=\"0\">\n", stream);
  print_sizes(stream);
  print_totals(stream, t);
  print_system(stream, t);
  fputs("</heap>\n", stream);
  print_totals(stream, t);
  fprintf(stream, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n", t.nr_mapped, t.mapped);
  print_system(stream, t);
  fputs("</malloc>\n", stream);
  return ferror(stream) ? -1 : 0;
}

}  // extern "C"
