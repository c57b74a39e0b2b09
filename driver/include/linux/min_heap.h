#ifndef KMEM_LINUX_MIN_HEAP_H
#define KMEM_LINUX_MIN_HEAP_H
/* A heap in the caller's array: the smallest element is the first.  Any context that less() and swp() allow.
 * Meaning: the kernel's <linux/min_heap.h>, of 6.1. */
#include <kmem/driver_face.h>
#include <linux/bug.h>
#include <linux/string.h>
#include <linux/types.h>

struct min_heap {
  void* data;
  int nr;   /* elements that are in */
  int size; /* that fit */
};
struct min_heap_callbacks {
  int elem_size; /* bytes */
  bool (*less)(const void* a, const void* b);
  void (*swp)(void* a, void* b);
};

KMEM_BEGIN_C
static inline char* kmem_heap_at_(const struct min_heap* heap, int at, const struct min_heap_callbacks* f) {
  return (char*)heap->data + (long)at * f->elem_size;
}
/** An element sinks until its children are not less. */
static inline void min_heapify(struct min_heap* heap, int at, const struct min_heap_callbacks* f) {
  for (;;) {
    int child = 2 * at + 1;
    if (child >= heap->nr) return;
    if (child + 1 < heap->nr && f->less(kmem_heap_at_(heap, child + 1, f), kmem_heap_at_(heap, child, f))) ++child;
    if (!f->less(kmem_heap_at_(heap, child, f), kmem_heap_at_(heap, at, f))) return;
    f->swp(kmem_heap_at_(heap, child, f), kmem_heap_at_(heap, at, f));
    at = child;
  }
}
/** Makes a heap of elements in any order. */
static inline void min_heapify_all(struct min_heap* heap, const struct min_heap_callbacks* f) {
  int at;
  for (at = heap->nr / 2 - 1; at >= 0; --at) min_heapify(heap, at, f);
}
/** Takes the smallest out; none there is reported. */
static inline void min_heap_pop(struct min_heap* heap, const struct min_heap_callbacks* f) {
  if (WARN_ONCE(heap->nr <= 0, "Popping an empty heap")) return;
  memcpy(heap->data, kmem_heap_at_(heap, --heap->nr, f), (size_t)f->elem_size);
  min_heapify(heap, 0, f);
}
/** Another one in the place of the smallest. */
static inline void min_heap_pop_push(struct min_heap* heap, const void* element, const struct min_heap_callbacks* f) {
  memcpy(heap->data, element, (size_t)f->elem_size);
  min_heapify(heap, 0, f);
}
/** One more; no room is reported. */
static inline void min_heap_push(struct min_heap* heap, const void* element, const struct min_heap_callbacks* f) {
  int at;
  if (WARN_ONCE(heap->nr >= heap->size, "Pushing on a full heap")) return;
  at = heap->nr++;
  memcpy(kmem_heap_at_(heap, at, f), element, (size_t)f->elem_size);
  for (; at > 0 && f->less(kmem_heap_at_(heap, at, f), kmem_heap_at_(heap, (at - 1) / 2, f)); at = (at - 1) / 2)
    f->swp(kmem_heap_at_(heap, at, f), kmem_heap_at_(heap, (at - 1) / 2, f));
}
KMEM_END_C
#endif
