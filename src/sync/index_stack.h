#pragma once
// A lock-free stack of entries that have a 32-bit index and are never unmapped.

#include "base/atomic.h"
#include "base/check.h"
#include "base/types.h"

namespace kmem {

/// Last in, first out, by one compare-and-exchange; usable in any context; no thread can block another.
///
/// The head is {tag:32, index:32}; the tag counts changes, so that a head that was popped and pushed again in between is not
/// mistaken for the one that was read (Treiber 1986; IBM System/370 Principles of Operation, appendix A).  Index 0 means none.
/// `Links` finds an entry's link: Atomic<uint32_t>& link(uint32_t index).
///
/// Reading the link of an entry that another CPU has just popped is harmless: the tag has changed, so the exchange fails.
class IndexStack {
 public:
  template <typename Links>
  void push(Links& links, uint32_t index) {
    push_chain(links, index, index);
  }

  /// Puts a private chain, linked from first to last, on top.
  template <typename Links>
  void push_chain(Links& links, uint32_t first, uint32_t last) {
    push_chain(links, first, last, [](uint32_t) {});
  }
  /// Calls above(index) with the index that the chain will lie on, or 0: once for each try, and only the last call counts.
  template <typename Links, typename Above>
  void push_chain(Links& links, uint32_t first, uint32_t last, Above above) {
    KMEM_ASSERT(first, !=, 0u);
    uint64_t head = head_.load();
    do {
      KMEM_ASSERT(static_cast<uint32_t>(head), !=, first);
      above(static_cast<uint32_t>(head));
      links.link(last).store(static_cast<uint32_t>(head));
    } while (!head_.compare_exchange(head, next_tag(head) | first));
  }

  template <typename Links>
  uint32_t pop(Links& links) {
    uint64_t head = head_.load();
    uint32_t index, next;
    do {
      index = static_cast<uint32_t>(head);
      if (!index) return 0;
      next = links.link(index).load();
    } while (!head_.compare_exchange(head, next_tag(head) | next));
    KMEM_ASSERT(next, !=, index);
    return index;
  }

  /// Empties the stack; the caller owns the chain and walks its links.
  uint32_t take_all() {
    uint64_t head = head_.load();
    while (static_cast<uint32_t>(head) && !head_.compare_exchange(head, next_tag(head))) {
    }
    return static_cast<uint32_t>(head);
  }

  bool empty() const { return !static_cast<uint32_t>(head_.peek()); }
  /// For walkers on a quiet system.
  uint32_t top() const { return static_cast<uint32_t>(head_.peek()); }

 private:
  static uint64_t next_tag(uint64_t head) { return (head & ~uint64_t{0xffffffff}) + (uint64_t{1} << 32); }

  Atomic<uint64_t> head_{0};
};

}  // namespace kmem
