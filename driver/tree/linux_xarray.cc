// Sparse arrays: <linux/xarray.h>.
//
// A tree of nodes of 64 slots.  A node of shift s covers indices of s + 6 bits; the slots of nodes with shift 0 are entries.
//   X1  a node's bit in `present`: there is an entry below that slot that readers see; in marks[m]: one with that mark
//   X2  a node's bit in `full`: every index below that slot is taken
//   X3  a node has at least one slot in use
// Writers hold xa_lock; readers are in an RCU section, and nodes are freed after a grace period.
#include <cerrno>

#include <linux/bug.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "tree/xarray_nodes.h"

namespace {

constexpr unsigned kBits = 6, kSlots = 1u << kBits, kMarks = 3;
constexpr u64 kAll = ~u64{0};

struct Node {
  Node* parent;
  u8 shift, offset;
  u16 count;
  u64 present, full;
  u64 marks[kMarks];
  rcu_head rcu;
  void* slots[kSlots];
};

kmem_cache* node_cache() {
  static kmem_cache* const cache = kmem_cache_create("xarray_node", sizeof(Node), 0, SLAB_PANIC, nullptr);
  return cache;
}
void free_later(rcu_head* head) { kmem_cache_free(node_cache(), container_of(head, Node, rcu)); }

void* error_entry(int error) { return reinterpret_cast<void*>(static_cast<long>(error) << 2 | 2); }
void* seen(void* entry) { return xa_is_zero(entry) ? nullptr : entry; }
unsigned slot_of(const Node* node, unsigned long index) { return index >> node->shift & (kSlots - 1); }
/// The largest index below a node, without overflow at the top.
unsigned long reach(const Node* node) {
  return node->shift + kBits >= BITS_PER_LONG ? ~0ul : (1ul << (node->shift + kBits)) - 1;
}
void put(u64& word, unsigned bit, bool value) {
  __atomic_store_n(&word, value ? word | u64{1} << bit : word & ~(u64{1} << bit), __ATOMIC_RELAXED);
}
Node* head_of(const xarray* xa) { return static_cast<Node*>(rcu_dereference(xa->xa_head)); }

/// The node of shift 0 that contains the index; NULL if there is none.
Node* leaf(const xarray* xa, unsigned long index) {
  Node* node = head_of(xa);
  if (!node || index > reach(node)) return nullptr;
  while (node && node->shift) node = static_cast<Node*>(rcu_dereference(node->slots[slot_of(node, index)]));
  return node;
}

/// Propagates a leaf's bits to the nodes above.
template <class Word>
void carry(Node* node, Word word, bool (*holds)(u64)) {
  for (Node* up = node->parent; up; node = up, up = up->parent) {
    const bool now = holds(word(node));
    if ((word(up) >> node->offset & 1) == now) return;
    put(word(up), node->offset, now);
  }
}
bool any(u64 word) { return word != 0; }
bool all(u64 word) { return word == kAll; }

void set_present(Node* node, unsigned slot, bool value) {
  put(node->present, slot, value);
  carry(
      node, [](Node* n) -> u64& { return n->present; }, any);
}
void set_full(Node* node, unsigned slot, bool value) {
  put(node->full, slot, value);
  carry(
      node, [](Node* n) -> u64& { return n->full; }, all);
}
void set_mark(Node* node, unsigned slot, xa_mark_t mark, bool value) {
  put(node->marks[mark], slot, value);
  carry(
      node, [mark](Node* n) -> u64& { return n->marks[mark]; }, any);
}

/// Nodes for one store: allocated atomically under the lock, or one that was allocated without the lock.
struct Nodes {
  gfp_t gfp;
  Node* spare = nullptr;

  Node* take() {
    Node* node = spare;
    spare = nullptr;
    return node ? node : static_cast<Node*>(kmem_cache_zalloc(node_cache(), GFP_NOWAIT | __GFP_NOWARN));
  }
};

Node* add_node(Nodes& nodes, Node* parent, u8 shift, u8 offset) {
  Node* const node = nodes.take();
  if (!node) return nullptr;
  node->parent = parent;
  node->shift = shift;
  node->offset = offset;
  return node;
}

/// Adds nodes above the head until the tree covers the index.
bool grow(xarray* xa, unsigned long index, Nodes& nodes) {
  Node* head = static_cast<Node*>(xa->xa_head);
  while (!head || index > reach(head)) {
    Node* const up = add_node(nodes, nullptr, head ? static_cast<u8>(head->shift + kBits) : u8{0}, 0);
    if (!up) return false;
    if (head) {
      up->slots[0] = head;
      up->count = 1;
      up->present = any(head->present);
      up->full = all(head->full);
      for (unsigned m = 0; m < kMarks; ++m) up->marks[m] = any(head->marks[m]);
      head->parent = up;
    }
    rcu_assign_pointer(xa->xa_head, static_cast<void*>(up));
    head = up;
  }
  return true;
}
/// The leaf for an index; makes missing nodes. NULL without memory.
Node* make_leaf(xarray* xa, unsigned long index, Nodes& nodes) {
  if (!grow(xa, index, nodes)) return nullptr;
  Node* node = static_cast<Node*>(xa->xa_head);
  while (node->shift) {
    const unsigned slot = slot_of(node, index);
    if (!node->slots[slot]) {
      Node* const down = add_node(nodes, node, static_cast<u8>(node->shift - kBits), static_cast<u8>(slot));
      if (!down) return nullptr;
      rcu_assign_pointer(node->slots[slot], static_cast<void*>(down));
      ++node->count;
    }
    node = static_cast<Node*>(node->slots[slot]);
  }
  return node;
}
/// Frees an empty node, and those above that become empty; X3.
void prune(xarray* xa, Node* node) {
  while (node && node->count == 0) {
    Node* const up = node->parent;
    if (up) {
      rcu_assign_pointer(up->slots[node->offset], static_cast<void*>(nullptr));
      --up->count;
    } else {
      rcu_assign_pointer(xa->xa_head, static_cast<void*>(nullptr));
    }
    call_rcu(&node->rcu, free_later);
    node = up;
  }
}

/// Stores an entry or NULL in a leaf's slot; clears the marks of a removed entry.
void set_slot(xarray* xa, Node* node, unsigned slot, void* entry) {
  void* const was = node->slots[slot];
  rcu_assign_pointer(node->slots[slot], entry);
  node->count = static_cast<u16>(node->count + !was * !!entry - !!was * !entry);
  if (!seen(entry))
    for (xa_mark_t m = 0; m < kMarks; ++m) set_mark(node, slot, m, false);
  set_present(node, slot, seen(entry) != nullptr);
  set_full(node, slot, entry != nullptr);
  if (!entry) prune(xa, node);
}

/// Drops the lock to allocate a node, and takes it again in the same way; false: no memory.
bool wait_for_node(xarray* xa, Nodes& nodes) {
  if (!gfpflags_allow_blocking(nodes.gfp)) {
    nodes.spare = static_cast<Node*>(kmem_cache_zalloc(node_cache(), nodes.gfp));
    return nodes.spare != nullptr;
  }
  const bool irq = xa->xa_flags & XA_FLAGS_LOCK_IRQ, bh = xa->xa_flags & XA_FLAGS_LOCK_BH;
  if (irq) xa_unlock_irq(xa);
  else if (bh) xa_unlock_bh(xa);
  else xa_unlock(xa);
  nodes.spare = static_cast<Node*>(kmem_cache_zalloc(node_cache(), nodes.gfp));
  if (irq) xa_lock_irq(xa);
  else if (bh) xa_lock_bh(xa);
  else xa_lock(xa);
  return nodes.spare != nullptr;
}

/// Repeats step(nodes) while it returns -ENOMEM because a node is missing.
template <class Step>
int with_nodes(xarray* xa, gfp_t gfp, Step step) {
  Nodes nodes{gfp};
  int error = step(nodes);
  while (error == -ENOMEM && wait_for_node(xa, nodes)) error = step(nodes);
  if (nodes.spare) kmem_cache_free(node_cache(), nodes.spare);
  if (error == -ENOMEM)  // nodes made on the way are empty
    for (unsigned long dead = 0; head_of(xa) && head_of(xa)->count == 0 && dead < 1; ++dead) prune(xa, head_of(xa));
  return error;
}

bool is_entry(const void* entry) { return (reinterpret_cast<unsigned long>(entry) & 3) != 2 || xa_is_zero(entry); }

/// Stores if allow(old entry) is true; returns the old entry.
template <class Allow>
void* store_if(xarray* xa, unsigned long index, void* entry, gfp_t gfp, Allow allow) {
  if (!is_entry(entry)) return error_entry(-EINVAL);
  void* was = nullptr;
  const int error = with_nodes(xa, gfp, [&](Nodes& nodes) {
    Node* node = leaf(xa, index);
    was = node ? node->slots[slot_of(node, index)] : nullptr;
    if (!allow(was) || (!node && !entry)) return 0;
    if (!node && !(node = make_leaf(xa, index, nodes))) return -ENOMEM;
    set_slot(xa, node, slot_of(node, index), entry);
    return 0;
  });
  return error ? error_entry(error) : was;
}

/// The bits of a node that a search follows.
u64 filtered(const Node* node, xa_mark_t filter) {
  return __atomic_load_n(filter == XA_PRESENT ? &node->present : &node->marks[filter], __ATOMIC_RELAXED);
}
/// The first index from `index` to `max` below `node` whose bit is set in word(node); *found is the entry.
template <class Word>
bool search(const Node* node, unsigned long& index, unsigned long max, Word word, void** found) {
  const unsigned long base = node->shift + kBits >= 64 ? 0 : index & ~reach(node);
  for (unsigned slot = slot_of(node, index); slot < kSlots; ++slot) {
    const u64 left = word(node) >> slot;
    if (!left) return false;
    const unsigned skipped = static_cast<unsigned>(__builtin_ctzll(left));
    slot += skipped;
    const unsigned long start = base | static_cast<unsigned long>(slot) << node->shift;
    if (start > index) index = start;
    if (index > max) return false;
    void* const below = rcu_dereference(node->slots[slot]);
    if (node->shift == 0) {
      *found = below;
      return true;
    }
    if (below && search(static_cast<Node*>(below), index, max, word, found)) return true;
    const unsigned long next = base + (static_cast<unsigned long>(slot + 1) << node->shift);
    if (slot + 1 < kSlots) index = next;
  }
  return false;
}

void* find(xarray* xa, unsigned long* index, unsigned long max, xa_mark_t filter) {
  void* found = nullptr;
  rcu_read_lock();
  for (unsigned long at = *index; at <= max;) {
    const Node* const head = head_of(xa);
    if (!head || at > reach(head)) break;
    void* entry = nullptr;
    if (!search(
            head, at, max, [filter](const Node* n) { return filtered(n, filter); }, &entry))
      break;
    if ((found = seen(entry)) != nullptr) {
      *index = at;
      break;
    }
    if (++at == 0) break;  // it was removed meanwhile
  }
  rcu_read_unlock();
  return found;
}

/// The lowest free index in [low, high]; false if there is none.
bool find_free(const xarray* xa, unsigned long low, unsigned long high, unsigned long& index) {
  if (low > high) return false;
  index = low;
  while (const Node* node = head_of(xa)) {
    if (index > reach(node)) break;
    bool passed = false;  // a slot was full: search again from the top, behind it
    while (!passed) {
      const unsigned slot = slot_of(node, index);
      if (node->full >> slot & 1) {
        const unsigned long step = 1ul << node->shift, next = (index | (step - 1)) + 1;
        if (next == 0 || next > high) return false;
        index = next;
        passed = true;
      } else if (node->shift == 0 || !node->slots[slot]) {
        return index <= high;
      } else {
        node = static_cast<const Node*>(node->slots[slot]);
      }
    }
  }
  return index <= high;
}

void destroy(Node* node) {
  if (node->shift)
    for (void* below : node->slots)
      if (below) destroy(static_cast<Node*>(below));
  call_rcu(&node->rcu, free_later);
}

}  // namespace

void kmem_driver::prepare_xarrays() { node_cache(); }

void* xa_load(xarray* xa, unsigned long index) noexcept {
  rcu_read_lock();
  const Node* const node = leaf(xa, index);
  void* const entry = node ? rcu_dereference(node->slots[slot_of(node, index)]) : nullptr;
  rcu_read_unlock();
  return seen(entry);
}
bool xa_get_mark(xarray* xa, unsigned long index, xa_mark_t mark) noexcept {
  rcu_read_lock();
  const Node* const node = leaf(xa, index);
  const bool marked = node && (filtered(node, mark) >> slot_of(node, index) & 1);
  rcu_read_unlock();
  return marked;
}
bool xa_marked(const xarray* xa, xa_mark_t mark) noexcept {
  rcu_read_lock();
  const Node* const head = head_of(xa);
  const bool marked = head && filtered(head, mark) != 0;
  rcu_read_unlock();
  return marked;
}
void* xa_find(xarray* xa, unsigned long* index, unsigned long max, xa_mark_t filter) noexcept {
  return find(xa, index, max, filter);
}
void* xa_find_after(xarray* xa, unsigned long* index, unsigned long max, xa_mark_t filter) noexcept {
  unsigned long next = *index + 1;
  if (next == 0) return nullptr;
  void* const entry = find(xa, &next, max, filter);
  if (entry) *index = next;
  return entry;
}
unsigned int xa_extract(xarray* xa, void** to, unsigned long start, unsigned long max, unsigned int n,
                        xa_mark_t filter) noexcept {
  unsigned int got = 0;
  unsigned long at = start;
  for (void* entry = n ? xa_find(xa, &at, max, filter) : nullptr; entry && got < n; entry = xa_find_after(xa, &at, max, filter))
    to[got++] = entry;
  return got;
}

void* __xa_store(xarray* xa, unsigned long index, void* entry, gfp_t gfp) noexcept {
  if (!entry && (xa->xa_flags & XA_FLAGS_ALLOC)) entry = XA_ZERO_ENTRY;
  void* const was = store_if(xa, index, entry, gfp, [](void*) { return true; });
  return seen(was);
}
void* __xa_erase(xarray* xa, unsigned long index) noexcept {
  return seen(store_if(xa, index, nullptr, 0, [](void*) { return true; }));
}
void* __xa_cmpxchg(xarray* xa, unsigned long index, void* old, void* entry, gfp_t gfp) noexcept {
  return seen(
      store_if(xa, index, entry, gfp, [old](void* was) { return old == XA_ZERO_ENTRY ? was == old : seen(was) == old; }));
}
int __xa_insert(xarray* xa, unsigned long index, void* entry, gfp_t gfp) noexcept {
  void* const was = store_if(xa, index, entry ? entry : XA_ZERO_ENTRY, gfp, [](void* there) { return !there; });
  return xa_is_err(was) ? xa_err(was) : was ? -EBUSY : 0;
}
int __xa_alloc(xarray* xa, u32* id, void* entry, struct xa_limit limit, gfp_t gfp) noexcept {
  if (WARN_ON_ONCE(!(xa->xa_flags & XA_FLAGS_ALLOC)) || !is_entry(entry)) return -EINVAL;
  const bool from_one = (xa->xa_flags & XA_FLAGS_ALLOC1) == XA_FLAGS_ALLOC1;
  const u32 low = from_one && limit.min == 0 ? 1 : limit.min;
  return with_nodes(xa, gfp, [&](Nodes& nodes) {
    unsigned long index;
    if (!find_free(xa, low, limit.max, index)) return -EBUSY;
    Node* const node = make_leaf(xa, index, nodes);
    if (!node) return -ENOMEM;
    set_slot(xa, node, slot_of(node, index), entry ? entry : XA_ZERO_ENTRY);
    *id = static_cast<u32>(index);
    return 0;
  });
}
int __xa_alloc_cyclic(xarray* xa, u32* id, void* entry, struct xa_limit limit, u32* next, gfp_t gfp) noexcept {
  const u32 begin = *next > limit.min ? *next : limit.min;
  int error = begin <= limit.max ? __xa_alloc(xa, id, entry, XA_LIMIT(begin, limit.max), gfp) : -EBUSY;
  if (error == -EBUSY && begin > limit.min) {
    error = __xa_alloc(xa, id, entry, limit, gfp);
    if (error == 0) error = 1;
  }
  if (error >= 0) *next = *id + 1;
  return error;
}

void __xa_set_mark(xarray* xa, unsigned long index, xa_mark_t mark) noexcept {
  Node* const node = leaf(xa, index);
  if (node && seen(node->slots[slot_of(node, index)])) set_mark(node, slot_of(node, index), mark, true);
}
void __xa_clear_mark(xarray* xa, unsigned long index, xa_mark_t mark) noexcept {
  Node* const node = leaf(xa, index);
  if (node) set_mark(node, slot_of(node, index), mark, false);
}
void xa_destroy(xarray* xa) noexcept {
  unsigned long flags;
  xa_lock_irqsave(xa, flags);
  Node* const head = static_cast<Node*>(xa->xa_head);
  rcu_assign_pointer(xa->xa_head, static_cast<void*>(nullptr));
  if (head) destroy(head);
  xa_unlock_irqrestore(xa, flags);
}
void* xa_store_range(xarray* xa, unsigned long first, unsigned long last, void* entry, gfp_t gfp) noexcept {
  if (last < first) return error_entry(-EINVAL);
  for (unsigned long index = first;; ++index) {
    void* const was = xa_store(xa, index, entry, gfp);
    if (xa_is_err(was)) return was;
    if (index == last) return nullptr;
  }
}
