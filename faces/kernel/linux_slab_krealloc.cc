// Functions that need only kmalloc(), kfree() and ksize().

#include <linux/slab.h>
#include <linux/string.h>

#include "base/memory.h"
#include "on_behalf.h"
#include "slab/fast_path.h"
#include "system/neighbours.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

/// The requested size is not recorded, so the rest must be zero for a later growth with __GFP_ZERO.
void* keep(char* old, size_t new_size, size_t room, gfp_t flags) {
  if ((flags & __GFP_ZERO) || kmem::system().options.init_on_alloc) memset(old + new_size, 0, room - new_size);
  return old;
}

/// Reports a block of another allocator, whose size is unknown.
KMEM_COLD size_t refuse(const void* p) {
  static kmem::RateLimit limit;
  kmem::TextOf<192> name;
  if (kmem::system().vmap.describe(p, name))
    kmem::bug_report_limited(limit, kmem::Trouble::Bug, "krealloc of %p, in %s: use vrealloc or kvrealloc; nothing has changed",
                             p, name.data());
  else
    kmem::bug_report_limited(limit, kmem::Trouble::Bug,
                             "krealloc of %p, which is not a block of kmalloc's; nothing has changed", p);
  return 0;
}

/// The size of the block that begins at p; 0, and reported, if there is none that may be reallocated.
size_t room_of(const void* p) {
  if (const size_t size = kmem::fast::size_of(p)) return size;
  const kmem::Block block = kmem::boot() ? kmem::system().heap.classify(p) : kmem::Block{};
  switch (block.kind) {
    case kmem::BlockKind::Object:
    case kmem::BlockKind::Run:
    case kmem::BlockKind::Mapped:
    case kmem::BlockKind::Guarded:
      if (block.bytes) return block.bytes;
      break;
    default: break;
  }
  const size_t elsewhere = kmem::usable_at_neighbours(p);
  return elsewhere ? elsewhere : refuse(p);
}

}  // namespace

extern "C" {

size_t kmalloc_size_roundup(size_t size) noexcept {
  return size == 0 || size > KMALLOC_MAX_SIZE ? size : kmem_kmalloc_size(size);
}

void* krealloc(const void* pointer, size_t new_size, gfp_t flags) noexcept {
  if (new_size == 0) {
    kfree(pointer);
    return ZERO_SIZE_PTR;
  }
  if (ZERO_OR_NULL_PTR(pointer)) return kmem_kmalloc_from(new_size, flags, __builtin_return_address(0));

  char* old = static_cast<char*>(const_cast<void*>(pointer));
  const size_t room = room_of(old);
  if (!room) return nullptr;
  if (kmem::kmalloc_stays(room, new_size, reinterpret_cast<uintptr_t>(old))) return keep(old, new_size, room, flags);
  void* moved = kmem_kmalloc_from(new_size, flags, __builtin_return_address(0));
  // If there is no memory, a block that shrinks can stay, though it is less aligned than a new one.
  if (!moved) return new_size <= room ? keep(old, new_size, room, flags) : nullptr;
  memcpy(moved, old, room < new_size ? room : new_size);
  kfree(old);
  return moved;
}

void kfree_sensitive(const void* pointer) noexcept {
  if (ZERO_OR_NULL_PTR(pointer)) return;
  memzero_explicit(const_cast<void*>(pointer), ksize(pointer));
  kfree(pointer);
}

}  // extern "C"
