// Describes an address in words.

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::BlockKind;
using kmem::Report;

const char* kind_of(const void* object) {
  if (!object) return "NULL pointer";
  if (object == ZERO_SIZE_PTR) return "zero-size pointer";
  switch ((kmem::boot() ? kmem::system().heap.classify(object) : kmem::Block{}).kind) {
    case BlockKind::Run: return "large block of kmalloc";
    case BlockKind::Pages: return "block of pages";
    case BlockKind::Free: return "free memory of kmem";
    case BlockKind::Inside: return "inside of a block of pages";
    case BlockKind::Guarded: return "guard page of kfence, or freed";
    default: return "non-slab/vmalloc memory";
  }
}

}  // namespace

extern "C" {

void mem_dump_obj(void* object) noexcept {
  if (kmem_dump_obj(object)) return;
  Report report;
  kmem::TextOf<192> name;
  if (is_vmalloc_addr(object) && kmem::system().vmap.describe(object, name)) report.line("%p: %s", object, name.data());
  else report.line("%p: %s", object, kind_of(object));
}

}  // extern "C"
