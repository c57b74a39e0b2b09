// Sorting arrays and lists: <linux/sort.h>, <linux/list_sort.h>.
#include <linux/list_sort.h>
#include <linux/sort.h>

namespace {

/// An array as a heap whose largest element is the first.
struct Heap {
  char* base;
  size_t size;
  cmp_r_func_t compare;
  swap_r_func_t swap;
  const void* context;

  char* at(size_t i) const { return base + i * size; }
  bool less(size_t a, size_t b) const { return compare(at(a), at(b), context) < 0; }
  void exchange(size_t a, size_t b) const {
    if (swap) return swap(at(a), at(b), static_cast<int>(size), context);
    for (size_t i = 0; i < size; ++i) {
      const char byte = at(a)[i];
      at(a)[i] = at(b)[i];
      at(b)[i] = byte;
    }
  }
  /// Lets element i sink to its place among the first n.
  void sift(size_t i, size_t n) const {
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
      if (child + 1 < n && less(child, child + 1)) ++child;
      if (!less(i, child)) return;
      exchange(i, child);
    }
  }
};

/// Adapts the functions of sort(), which take no context.
struct Plain {
  cmp_func_t compare;
  swap_func_t swap;
};
int compare_plain(const void* a, const void* b, const void* plain) { return static_cast<const Plain*>(plain)->compare(a, b); }
void swap_plain(void* a, void* b, int size, const void* plain) { static_cast<const Plain*>(plain)->swap(a, b, size); }

/// Merges two lists that end with NULL and whose prev is not set; among equals those of `a` come first.
list_head* merge(void* context, list_cmp_func_t compare, list_head* a, list_head* b) {
  list_head head, *last = &head;
  while (a && b) {
    list_head*& taken = compare(context, a, b) <= 0 ? a : b;
    last->next = taken;
    last = taken;
    taken = taken->next;
  }
  last->next = a ? a : b;
  return head.next;
}

void relink(list_head* head, list_head* first) {
  list_head* last = head;
  for (list_head* entry = first; entry; entry = entry->next) {
    last->next = entry;
    entry->prev = last;
    last = entry;
  }
  last->next = head;
  head->prev = last;
}

}  // namespace

void sort_r(void* base, size_t n, size_t size, cmp_r_func_t compare, swap_r_func_t swap_elements,
            const void* context) noexcept {
  const Heap heap{static_cast<char*>(base), size, compare, swap_elements, context};
  for (size_t i = n / 2; i-- > 0;) heap.sift(i, n);
  while (n > 1) {
    heap.exchange(0, --n);
    heap.sift(0, n);
  }
}

void sort(void* base, size_t n, size_t size, cmp_func_t compare, swap_func_t swap_elements) noexcept {
  const Plain plain{compare, swap_elements};
  sort_r(base, n, size, compare_plain, swap_elements ? swap_plain : nullptr, &plain);
}

void list_sort(void* context, list_head* head, list_cmp_func_t compare) noexcept {
  if (list_empty(head)) return;
  // Sorted runs of 2^k entries at index k; older entries come before younger ones.
  list_head* runs[64] = {};
  head->prev->next = nullptr;
  unsigned top = 0;
  for (list_head *entry = head->next, *following; entry; entry = following) {
    following = entry->next;
    entry->next = nullptr;
    unsigned k = 0;
    for (; runs[k]; ++k) {
      entry = merge(context, compare, runs[k], entry);
      runs[k] = nullptr;
    }
    runs[k] = entry;
    if (k > top) top = k;
  }
  list_head* sorted = nullptr;
  for (unsigned k = 0; k <= top; ++k)
    if (runs[k]) sorted = sorted ? merge(context, compare, runs[k], sorted) : runs[k];
  relink(head, sorted);
}
