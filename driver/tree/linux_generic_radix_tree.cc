// An array without end: <linux/generic-radix-tree.h>.
//
// G1. The root is a page if its level is 0, else a node of as many pointers as fit a page, each to what is one level lower.
// G2. Pointers are set once, from null, by whoever comes first; the tree grows by a node above the root.
#include <string.h>

#include <linux/generic-radix-tree.h>

namespace {

constexpr unsigned kBits = PAGE_SHIFT - 3;  // pointers of a node, as a power of two
constexpr unsigned long kLevels = 0xf;

struct Node {
  void* below[1u << kBits];
};

unsigned level_of(const void* root) { return reinterpret_cast<unsigned long>(root) & kLevels; }
void* memory_of(const void* root) { return reinterpret_cast<void*>(reinterpret_cast<unsigned long>(root) & ~kLevels); }
void* root_of(void* memory, unsigned level) { return reinterpret_cast<void*>(reinterpret_cast<unsigned long>(memory) | level); }
unsigned shift_of(unsigned level) { return PAGE_SHIFT + level * kBits; }
bool reaches(unsigned level, size_t offset) { return shift_of(level) >= 64 || !(offset >> shift_of(level)); }
size_t slot_of(unsigned level, size_t offset) { return offset >> shift_of(level - 1) & ((1u << kBits) - 1); }

void* load(void* const* at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }
/// Sets a pointer that was `old`; else frees the memory.  Returns what the pointer is now.
void* set_or_free(void** at, void* old, void* now, void* memory) {
  if (__atomic_compare_exchange_n(at, &old, now, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return now;
  free_page(reinterpret_cast<unsigned long>(memory));
  return old;
}
void* new_page(gfp_t flags) { return reinterpret_cast<void*>(__get_free_page(flags | __GFP_ZERO)); }

void** root_place(__genradix* tree) { return reinterpret_cast<void**>(&tree->root); }

/// Puts a node above the root; null without memory.
void* grow(__genradix* tree, void* root, gfp_t flags) {
  auto* node = static_cast<Node*>(new_page(flags));
  if (!node) return nullptr;
  node->below[0] = memory_of(root);
  const unsigned level = memory_of(root) ? level_of(root) + 1 : 0;
  return set_or_free(root_place(tree), root, root_of(node, level), node);
}

void free_below(void* memory, unsigned level) {
  if (level)
    for (void* below : static_cast<Node*>(memory)->below)
      if (below) free_below(below, level - 1);
  free_page(reinterpret_cast<unsigned long>(memory));
}

/// The first page at or behind *offset below this; *offset moves to it.
char* next_page(void* memory, unsigned level, size_t* offset) {
  if (!level) return static_cast<char*>(memory);
  const size_t step = size_t{1} << shift_of(level - 1);
  for (size_t slot = slot_of(level, *offset); slot < 1u << kBits; ++slot) {
    const size_t behind = (*offset & ~(step - 1)) + step;
    void* below = load(&static_cast<Node*>(memory)->below[slot]);
    if (char* found = below ? next_page(below, level - 1, offset) : nullptr) return found;
    *offset = behind;
  }
  return nullptr;
}

}  // namespace

extern "C" {

void* __genradix_ptr(__genradix* tree, size_t offset) noexcept {
  void* root = load(root_place(tree));
  unsigned level = level_of(root);
  void* at = memory_of(root);
  if (!at || !reaches(level, offset)) return nullptr;
  for (; at && level; --level) at = load(&static_cast<Node*>(at)->below[slot_of(level, offset)]);
  return at ? static_cast<char*>(at) + offset % PAGE_SIZE : nullptr;
}

void* __genradix_ptr_alloc(__genradix* tree, size_t offset, gfp_t flags) noexcept {
  void* root = load(root_place(tree));
  while (!memory_of(root) || !reaches(level_of(root), offset))
    if (!(root = grow(tree, root, flags))) return nullptr;
  void* at = memory_of(root);
  for (unsigned level = level_of(root); level; --level) {
    void** place = &static_cast<Node*>(at)->below[slot_of(level, offset)];
    at = load(place);
    if (at) continue;
    void* page = new_page(flags);
    if (!page) return nullptr;
    at = set_or_free(place, nullptr, page, page);
  }
  return static_cast<char*>(at) + offset % PAGE_SIZE;
}

void* __genradix_iter_peek(genradix_iter* iter, __genradix* tree, size_t per_page) noexcept {
  void* root = load(root_place(tree));
  if (!memory_of(root) || !reaches(level_of(root), iter->offset)) return nullptr;
  size_t offset = iter->offset;
  char* page = next_page(memory_of(root), level_of(root), &offset);
  if (!page) return nullptr;
  if (offset != iter->offset) {  // it has passed over missing pages, to the beginning of one
    iter->offset = offset;
    iter->pos = offset / PAGE_SIZE * per_page;
  }
  return page + offset % PAGE_SIZE;
}

int __genradix_prealloc(__genradix* tree, size_t bytes, gfp_t flags) noexcept {
  for (size_t offset = 0; offset < bytes; offset += PAGE_SIZE)
    if (!__genradix_ptr_alloc(tree, offset, flags)) return -ENOMEM;
  return 0;
}

void __genradix_free(__genradix* tree) noexcept {
  void* root = __atomic_exchange_n(root_place(tree), nullptr, __ATOMIC_ACQ_REL);
  if (memory_of(root)) free_below(memory_of(root), level_of(root));
}

}  // extern "C"
