// list_lru: LRU lists by node.

#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

constexpr int kNoMemory = -12;  // -ENOMEM

/// The list of a node; null, and reported, if there is none.
list_lru_one* list_of(list_lru* lru, int nid) {
  if (KMEM_LIKELY(nid >= 0 && static_cast<unsigned>(nid) < lru->kmem_nodes)) return &lru->node[nid];
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, kmem::Trouble::Bug, "list_lru %p has no list for node %d: it has %u, or was not initialised",
                           static_cast<void*>(lru), nid, lru->kmem_nodes);
  return nullptr;
}

int node_of(const list_head* item) {
  const struct page* page = virt_to_page(item);
  return page ? page_to_nid(page) : 0;  // node 0 for memory that is not kmem's
}

/// Holds a list's lock, with interrupts off if asked.
class Hold {
 public:
  Hold(list_lru_one& list, bool irqs_off) : list_(list), irqs_were_on_(irqs_off ? kmem_irq_save() : 0) {
    spin_lock(&list.lock);
  }
  ~Hold() {
    spin_unlock(&list_.lock);
    kmem_irq_restore(irqs_were_on_);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  list_lru_one& list_;
  unsigned long irqs_were_on_;
};

/// Applies the result of isolate(). False: the walk ends, or starts again because the lock was dropped.
bool goes_on(lru_status status, list_head* item, list_lru_one& list, unsigned long& taken) {
  if (status == LRU_REMOVED || status == LRU_REMOVED_RETRY) ++taken;
  if (status == LRU_ROTATE) list_move_tail(item, &list.list);
  return status == LRU_REMOVED || status == LRU_ROTATE || status == LRU_SKIP;
}

// A round visits as many items as the list had at its start, so that rotated and skipped ones are not visited again.
template <typename Isolate>
unsigned long walk(list_lru_one& list, Isolate isolate, unsigned long& left) {
  unsigned long taken = 0;
  for (lru_status status = LRU_RETRY; left && (status == LRU_RETRY || status == LRU_REMOVED_RETRY);) {
    status = LRU_SKIP;
    list_head* item = list.list.next;
    for (long n = list.nr_items; n > 0 && left && item != &list.list; --n) {
      list_head* const next = item->next;
      --left;
      status = isolate(item);
      if (!goes_on(status, item, list, taken)) break;
      item = next;
    }
  }
  return taken;
}

template <typename Isolate>
unsigned long walk_node(list_lru* lru, int nid, Isolate isolate, unsigned long* nr_to_walk, bool irqs_off) {
  list_lru_one* list = list_of(lru, nid);
  if (!list) return 0;
  const Hold hold(*list, irqs_off);
  return walk(
      *list, [&](list_head* item) { return isolate(item, *list); }, *nr_to_walk);
}

template <typename Isolate>
unsigned long walk_all(list_lru* lru, Isolate isolate, unsigned long nr_to_walk) {
  unsigned long taken = 0;
  for (unsigned nid = 0; nid < lru->kmem_nodes && nr_to_walk; ++nid)
    taken += walk_node(lru, static_cast<int>(nid), isolate, &nr_to_walk, false);
  return taken;
}

auto with_three(list_lru_walk_cb isolate, void* argument) {
  return [=](list_head* item, list_lru_one& list) { return isolate(item, &list, argument); };
}
auto with_four(kmem_list_lru_walk_cb_4 isolate, void* argument) {
  return [=](list_head* item, list_lru_one& list) { return isolate(item, &list, &list.lock, argument); };
}

}  // namespace

extern "C" {

int list_lru_init(struct list_lru* lru) noexcept {
  const gfp_t flags = KMEM_GFP_HERE(GFP_KERNEL);
  *lru = {};
  if (!kmem::boot()) return kNoMemory;
  const unsigned nr = kmem::system().pages.nr_nodes();
  lru->node = static_cast<list_lru_one*>(kcalloc(nr, sizeof(list_lru_one), flags));
  if (!lru->node) return kNoMemory;
  lru->kmem_nodes = nr;
  for (unsigned nid = 0; nid < nr; ++nid) INIT_LIST_HEAD(&lru->node[nid].list);
  return 0;
}

void list_lru_destroy(struct list_lru* lru) noexcept {
  kfree(lru->node);
  *lru = {};
}

bool kmem_list_lru_add(struct list_lru* lru, struct list_head* item, int nid) noexcept {
  list_lru_one* list = list_of(lru, nid);
  if (!list) return false;
  const Hold hold(*list, false);
  if (!list_empty(item)) return false;
  list_add_tail(item, &list->list);
  ++list->nr_items;
  return true;
}

bool kmem_list_lru_del(struct list_lru* lru, struct list_head* item, int nid) noexcept {
  list_lru_one* list = list_of(lru, nid);
  if (!list) return false;
  const Hold hold(*list, false);
  if (list_empty(item)) return false;
  list_lru_isolate(list, item);
  return true;
}

bool list_lru_add_obj(struct list_lru* lru, struct list_head* item) noexcept {
  return kmem_list_lru_add(lru, item, node_of(item));
}
bool list_lru_del_obj(struct list_lru* lru, struct list_head* item) noexcept {
  return kmem_list_lru_del(lru, item, node_of(item));
}

unsigned long list_lru_count_node(struct list_lru* lru, int nid) noexcept {
  const list_lru_one* list = list_of(lru, nid);
  const long n = list ? __atomic_load_n(&list->nr_items, __ATOMIC_RELAXED) : 0;
  return n > 0 ? static_cast<unsigned long>(n) : 0;
}

unsigned long list_lru_count(struct list_lru* lru) noexcept {
  unsigned long n = 0;
  for (unsigned nid = 0; nid < lru->kmem_nodes; ++nid) n += list_lru_count_node(lru, static_cast<int>(nid));
  return n;
}

void list_lru_isolate(struct list_lru_one* list, struct list_head* item) noexcept {
  list_del_init(item);
  --list->nr_items;
}

void list_lru_isolate_move(struct list_lru_one* list, struct list_head* item, struct list_head* head) noexcept {
  list_move(item, head);
  --list->nr_items;
}

unsigned long kmem_list_lru_walk(struct list_lru* lru, int nid, list_lru_walk_cb isolate, void* argument,
                                 unsigned long* nr_to_walk, bool irqs_off) {
  return walk_node(lru, nid, with_three(isolate, argument), nr_to_walk, irqs_off);
}
unsigned long kmem_list_lru_walk_4(struct list_lru* lru, int nid, kmem_list_lru_walk_cb_4 isolate, void* argument,
                                   unsigned long* nr_to_walk, bool irqs_off) {
  return walk_node(lru, nid, with_four(isolate, argument), nr_to_walk, irqs_off);
}
unsigned long kmem_list_lru_walk_all(struct list_lru* lru, list_lru_walk_cb isolate, void* argument, unsigned long nr_to_walk) {
  return walk_all(lru, with_three(isolate, argument), nr_to_walk);
}
unsigned long kmem_list_lru_walk_all_4(struct list_lru* lru, kmem_list_lru_walk_cb_4 isolate, void* argument,
                                       unsigned long nr_to_walk) {
  return walk_all(lru, with_four(isolate, argument), nr_to_walk);
}

}  // extern "C"
