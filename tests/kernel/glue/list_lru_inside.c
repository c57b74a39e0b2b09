/* mm/list_lru.c over kmem's slab: items of each node in the order in which they came, and a walk that removes, rotates
 * and skips. */
#include <linux/module.h>
#include <linux/slab.h>

#include "checks.h"

/* One node, in every state; and no memory groups. */
unsigned int nr_node_ids = 1, nr_online_nodes = 1;
nodemask_t node_states[NR_NODE_STATES] = {[0 ... NR_NODE_STATES - 1] = {{1}}};
void set_shrinker_bit(struct mem_cgroup* memcg, int nid, int id) {}

struct item {
  struct list_head links;
  unsigned int number;
};

static enum lru_status by_number(struct list_head* links, struct list_lru_one* list, spinlock_t* lock, void* argument) {
  const struct item* i = list_entry(links, struct item, links);
  unsigned int* last = argument;
  CHECK(spin_is_locked(lock));
  CHECK(i->number >= *last);
  *last = i->number;
  if (i->number % 3 == 0) {
    list_lru_isolate(list, links);
    return LRU_REMOVED;
  }
  return i->number % 3 == 1 ? LRU_ROTATE : LRU_SKIP;
}
static enum lru_status seen_and_skipped(struct list_head* links, struct list_lru_one* list, spinlock_t* lock, void* argument) {
  ++*(unsigned int*)argument;
  return LRU_SKIP;
}
static enum lru_status into_list(struct list_head* links, struct list_lru_one* list, spinlock_t* lock, void* gone) {
  list_lru_isolate_move(list, links, gone);
  return LRU_REMOVED;
}

#define ITEMS 3000
static void walk(struct list_lru* lru, struct item* const* items) {
  unsigned int i, last = 0, seen = 0;
  LIST_HEAD(gone);
  CHECK(list_lru_walk(lru, by_number, &last, ITEMS) == ITEMS / 3);
  CHECK(list_lru_count(lru) == ITEMS - ITEMS / 3);
  for (i = 0; i < ITEMS; ++i) CHECK(list_empty(&items[i]->links) == (i % 3 == 0));
  CHECK(list_lru_walk(lru, seen_and_skipped, &seen, 100) == 0);
  CHECK(seen == 100);
  CHECK(list_lru_walk(lru, into_list, &gone, 10) == 10);
  for (i = 2; i < 32; i += 3) { /* what was rotated is behind what was skipped */
    CHECK(list_last_entry(&gone, struct item, links)->number == i);
    list_del_init(gone.prev);
  }
  CHECK(list_empty(&gone));
}

static int __init list_lru_checks(void) {
  static struct item* items[ITEMS];
  struct kmem_cache* cache = kmem_cache_create("item", sizeof(struct item), 0, 0, NULL);
  struct list_lru lru;
  unsigned int i;
  CHECK(list_lru_init(&lru) == 0);
  for (i = 0; i < ITEMS; ++i) {
    items[i] = kmem_cache_alloc(cache, GFP_KERNEL);
    items[i]->number = i;
    INIT_LIST_HEAD(&items[i]->links);
    CHECK(list_lru_add(&lru, &items[i]->links));
    CHECK(!list_lru_add(&lru, &items[i]->links));
  }
  CHECK(list_lru_count(&lru) == ITEMS);
  walk(&lru, items);
  for (i = 0; i < ITEMS; ++i) {
    const bool was_in = !list_empty(&items[i]->links);
    CHECK(list_lru_del(&lru, &items[i]->links) == was_in);
    kmem_cache_free(cache, items[i]);
  }
  CHECK(list_lru_count(&lru) == 0);
  list_lru_destroy(&lru);
  kmem_cache_destroy(cache);
  checks_end();
  return 0;
}
late_initcall(list_lru_checks);
MODULE_LICENSE("GPL");
