#pragma once
// The descriptor of one frame.

#include "base/atomic.h"
#include "base/types.h"

namespace kmem {

/// The use of a frame. Valid in the descriptor of a block's first frame; the owner decides about the others.
enum class PageKind : uint8_t {
  None = 0,      // free in its zone, or never handed out
  Listed = 1,    // on a per-CPU page list
  Block = 2,     // given to a caller by order: alloc_pages()
  Slab = 3,      // cut into objects: slab/slab.h lays its own words over this descriptor and those that follow
  SlabTail = 4,  // a later frame of a slab whose size does not follow from its class; `aux` is the distance to the first
  Run = 5,       // given to a caller by number of frames (kmalloc and malloc of large sizes); `aux` is that number
  Boot = 6,      // taken before the allocator ran
  Guarded = 7,   // KFENCE's pool of objects between guard pages: slab/guarded_pool.h
  Tail = 8,      // a later frame of a compound block; the reference count is the distance to the first
};

/// 64 bytes for each frame, committed with the frame.
///
///   kind      Page may be written by
///   ───────   ─────────────────────────────────────────────────────────
///   None      the CPU that claimed the frame's bit
///   Listed    the thread that popped it from the per-CPU stack
///   others    the owner of the block, by its own rules
struct alignas(64) Page {
  /// kind:8 zone:8 order:8 marks:8 refcount:32, from the top, written in one store when a block changes hands.
  Atomic<uint64_t> head;
  uint32_t aux;
  uint32_t aux2;
  /// For the owner: kernel code's lru, private, index and mapping lie here, a slab's words too.
  uint64_t words[6];

  /// Marks.  Compound: each later frame of the block is a Tail.  Reserved and Private are the owner's, for PageReserved() and
  /// PagePrivate(); a block that is reserved is not freed.  Sampled: a heap profile knows the block.
  static constexpr uint64_t kCompound = uint64_t{1} << 32, kReserved = uint64_t{2} << 32, kPrivate = uint64_t{4} << 32,
                            kSampled = uint64_t{8} << 32;

  static constexpr uint64_t pack(PageKind kind, unsigned zone, Order order, uint32_t refs) {
    return uint64_t{static_cast<uint8_t>(kind)} << 56 | uint64_t{zone} << 48 | uint64_t{order.value} << 40 | refs;
  }
  static constexpr PageKind kind_of(uint64_t head) { return static_cast<PageKind>(head >> 56); }
  static constexpr unsigned zone_of(uint64_t head) { return static_cast<uint8_t>(head >> 48); }
  static constexpr Order order_of(uint64_t head) { return {static_cast<uint8_t>(head >> 40)}; }
  static constexpr uint32_t refs_of(uint64_t head) { return static_cast<uint32_t>(head); }

  PageKind kind() const { return kind_of(head.peek()); }
  Order order() const { return order_of(head.peek()); }
};
static_assert(sizeof(Page) == 64, "docs, the ports and <linux/mm_types.h> count on 64 bytes");

}  // namespace kmem
