#pragma once
// One frame from or to this CPU's page list: the fast paths of alloc_pages() and __free_pages().

#include "page/gfp.h"
#include "page/page.h"
#include "page/page_allocator.h"
#include "port/cpu_stack.h"

extern "C" {
extern KMEM_HIDDEN char* kmem_direct_map;
extern KMEM_HIDDEN char* kmem_descriptors;
/// The descriptor's head of a single frame that a caller holds, in the zone that every CPU's list is filled from; zero until
/// boot has ended, and if there are several nodes, so that each request takes the slow path.
extern KMEM_HIDDEN uint64_t kmem_listed_head;
}

namespace kmem::fast {

inline constexpr Gfp kSlowPageGfp = gfp::kZoneMask | gfp::kZero | gfp::kThisNode | gfp::kCold;

/// Null: take the slow path.
template <typename Stack = CpuStack>
KMEM_INLINE Page* alloc_page(Gfp gfp, unsigned order) {
  const uint64_t head = kmem_listed_head;
  if (KMEM_UNLIKELY((gfp & kSlowPageGfp) | order || !head)) return nullptr;
  auto* p = static_cast<char*>(Stack::try_pop(kmem_base, kHotPages));
  if (KMEM_UNLIKELY(!p)) return nullptr;
  constexpr unsigned kShift = kPageShift - 6;
  static_assert(sizeof(Page) == 1u << 6);
  auto* page = reinterpret_cast<Page*>(kmem_descriptors + (static_cast<uint64_t>(p - kmem_direct_map) >> kShift));
  page->head.poke(head);
  return page;
}

/// False: nothing was done.  Any head but that of a single frame with one reference takes the slow path, which reports it if it
/// is wrong.
template <typename Stack = CpuStack>
KMEM_INLINE bool free_page(Page* page, unsigned order) {
  const uint64_t head = kmem_listed_head;
  // False for NULL and for error pointers.
  const bool is_pointer = reinterpret_cast<intptr_t>(page) > 0;
  if (KMEM_UNLIKELY(!is_pointer || order || !head || page->head.peek() != head)) return false;
  constexpr unsigned kShift = kPageShift - 6;
  char* p = kmem_direct_map + (static_cast<uint64_t>(reinterpret_cast<char*>(page) - kmem_descriptors) << kShift);
  page->head.poke(0);
  if (KMEM_LIKELY(Stack::try_push(kmem_base, kHotPages, p) == Push::Done)) return true;
  page->head.poke(head);
  return false;
}

}  // namespace kmem::fast
