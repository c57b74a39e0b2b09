// Lists of pieces of memory.

#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

namespace {

/// Calls visit() with each stretch of the list in one page, from `skip` on, `bytes` at most: how many bytes there were.
template <typename Visit>
size_t each_stretch(scatterlist* list, unsigned n, size_t bytes, off_t skip, Visit visit) {
  size_t done = 0, behind = static_cast<size_t>(skip);
  for (scatterlist* sg = list; n-- && sg && done < bytes; sg = sg_next(sg)) {
    if (behind >= sg->length) {
      behind -= sg->length;
      continue;
    }
    size_t at = sg->offset + behind, left = sg->length - behind;
    behind = 0;
    if (left > bytes - done) left = bytes - done;
    while (left) {
      const size_t in_page = offset_in_page(at), step = left < PAGE_SIZE - in_page ? left : PAGE_SIZE - in_page;
      auto* mapped = static_cast<char*>(kmap_local_page(sg_page(sg) + (at >> PAGE_SHIFT)));
      visit(mapped + in_page, done, step);
      kunmap_local(mapped);
      at += step;
      left -= step;
      done += step;
    }
  }
  return done;
}

/// How many of the pages from `i` on lie one after the other.
unsigned run_from(page** pages, unsigned n, unsigned i) {
  unsigned end = i + 1;
  while (end < n && page_to_pfn(pages[end]) == page_to_pfn(pages[end - 1]) + 1) ++end;
  return end - i;
}
unsigned nr_runs(page** pages, unsigned n) {
  unsigned runs = 0;
  for (unsigned i = 0; i < n; i += run_from(pages, n, i)) ++runs;
  return runs;
}

}  // namespace

extern "C" {

int sg_nents(scatterlist* list) noexcept {
  int n = 0;
  for (; list; list = sg_next(list)) ++n;
  return n;
}
int sg_nents_for_len(scatterlist* list, u64 bytes) noexcept {
  if (!bytes) return 0;
  u64 total = 0;
  int n = 0;
  for (; list; list = sg_next(list)) {
    ++n;
    total += list->length;
    if (total >= bytes) return n;
  }
  return -EINVAL;
}
scatterlist* sg_last(scatterlist* list, unsigned n) noexcept {
  while (--n) list = sg_next(list);
  return list;
}

int sg_alloc_table(sg_table* table, unsigned n, gfp_t flags) noexcept {
  *table = {};
  if (!n) return -EINVAL;
  table->sgl = static_cast<scatterlist*>(kmalloc_array(n, sizeof(scatterlist), flags));
  if (!table->sgl) return -ENOMEM;
  sg_init_table(table->sgl, n);
  table->nents = table->orig_nents = n;
  return 0;
}
void sg_free_table(sg_table* table) noexcept {
  kfree(table->sgl);
  *table = {};
}

int sg_alloc_table_from_pages(sg_table* table, page** pages, unsigned n, unsigned offset, unsigned long size,
                              gfp_t flags) noexcept {
  if (const int error = sg_alloc_table(table, nr_runs(pages, n), flags)) return error;
  scatterlist* sg = table->sgl;
  for (unsigned i = 0; i < n; sg = sg_next(sg)) {
    const unsigned run = run_from(pages, n, i);
    unsigned long length = run * PAGE_SIZE - offset;
    if (length > size) length = size;
    sg_set_page(sg, pages[i], static_cast<unsigned>(length), offset);
    size -= length;
    offset = 0;
    i += run;
  }
  return 0;
}

size_t sg_copy_buffer(scatterlist* list, unsigned n, void* buffer, size_t bytes, off_t skip, bool to_buffer) noexcept {
  auto* b = static_cast<char*>(buffer);
  return each_stretch(list, n, bytes, skip, [&](char* piece, size_t at, size_t size) {
    if (to_buffer) memcpy(b + at, piece, size);
    else memcpy(piece, b + at, size);
  });
}
size_t sg_zero_buffer(scatterlist* list, unsigned n, size_t bytes, off_t skip) noexcept {
  return each_stretch(list, n, bytes, skip, [](char* piece, size_t, size_t size) { memset(piece, 0, size); });
}

}  // extern "C"
