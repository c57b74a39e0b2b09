/* Lists, lists of what has not been used for longest with a shrinker behind them, pieces of pages. */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/page_frag_cache.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "check.h"

struct entry {
  int number;
  struct list_head link;
  struct hlist_node hash;
};

static int digits(struct list_head* head) {
  int all = 0;
  struct entry* e;
  list_for_each_entry(e, head, link) all = 10 * all + e->number;
  return all;
}

static void plain_lists(void) {
  struct entry e[6];
  LIST_HEAD(head);
  LIST_HEAD(other);
  for (int i = 0; i < 6; ++i) e[i].number = i + 1;
  CHECK(list_empty(&head) && !list_is_singular(&head) && list_first_entry_or_null(&head, struct entry, link) == NULL);
  list_add_tail(&e[1].link, &head);
  CHECK(list_is_singular(&head));
  list_add(&e[0].link, &head);
  list_add_tail(&e[2].link, &head);
  CHECK(digits(&head) == 123 && list_count_nodes(&head) == 3 && list_is_first(&e[0].link, &head) &&
        list_is_last(&e[2].link, &head));
  list_move(&e[2].link, &head);
  list_rotate_left(&head);
  CHECK(digits(&head) == 123);
  list_add_tail(&e[3].link, &other);
  list_add_tail(&e[4].link, &other);
  list_splice_init(&other, &head);
  CHECK(digits(&head) == 45123 && list_empty(&other));
  list_move_tail(&e[3].link, &other);
  list_move_tail(&e[4].link, &other);
  list_splice_tail_init(&other, &head);
  CHECK(digits(&head) == 12345);
  list_replace(&e[2].link, &e[5].link);
  CHECK(digits(&head) == 12645);
  list_del(&e[5].link);
  CHECK(e[5].link.next == LIST_POISON1 && digits(&head) == 1245);
  list_del_init(&e[0].link);
  CHECK(list_empty(&e[0].link) && list_first_entry(&head, struct entry, link) == &e[1] &&
        list_last_entry(&head, struct entry, link) == &e[4]);
  CHECK(list_next_entry(&e[1], link) == &e[3] && list_prev_entry(&e[3], link) == &e[1]);
  int back = 0;
  struct entry *at, *next;
  list_for_each_entry_reverse(at, &head, link) back = 10 * back + at->number;
  CHECK(back == 542);
  list_for_each_entry_safe(at, next, &head, link) if (at->number != 4) list_del(&at->link);
  CHECK(digits(&head) == 4);
  struct list_head* link;
  list_for_each(link, &head) CHECK(list_entry(link, struct entry, link) == &e[3]);

  HLIST_HEAD(chain);
  for (int i = 0; i < 3; ++i) hlist_add_head(&e[i].hash, &chain);
  int all = 0;
  hlist_for_each_entry(at, &chain, hash) all = 10 * all + at->number;
  CHECK(all == 321);
  hlist_del_init(&e[1].hash);
  hlist_del_init(&e[1].hash);
  CHECK(hlist_unhashed(&e[1].hash) && !hlist_unhashed(&e[0].hash));
  struct hlist_node* following;
  hlist_for_each_entry_safe(at, following, &chain, hash) hlist_del(&at->hash);
  CHECK(hlist_empty(&chain));
}

/* What isolate() answers for each number, and which it saw. */
static enum lru_status answers[10];
static char seen[64];
static void note(struct entry* e) {
  const size_t n = strlen(seen);
  if (n < sizeof seen - 1) seen[n] = (char)('0' + e->number), seen[n + 1] = 0;
}
static enum lru_status isolate(struct list_head* item, struct list_lru_one* list, void* taken) {
  struct entry* e = list_entry(item, struct entry, link);
  CHECK(spin_is_locked(&list->lock) && in_atomic());
  note(e);
  const enum lru_status answer = answers[e->number];
  if (answer == LRU_REMOVED || answer == LRU_REMOVED_RETRY) list_lru_isolate_move(list, item, (struct list_head*)taken);
  if (answer == LRU_REMOVED_RETRY || answer == LRU_RETRY) {
    spin_unlock(&list->lock);
    answers[e->number] = LRU_SKIP;
    spin_lock(&list->lock);
  }
  return answer;
}
static enum lru_status isolate_old(struct list_head* item, struct list_lru_one* list, spinlock_t* lock, void* taken) {
  CHECK(lock == &list->lock);
  return isolate(item, list, taken);
}

static unsigned long walk(struct list_lru* lru, unsigned long* left, struct list_head* taken) {
  seen[0] = 0;
  return list_lru_walk_node(lru, 0, isolate, taken, left);
}

static void least_recently_used(void) {
  struct list_lru lru;
  struct entry e[6];
  LIST_HEAD(taken);
  CHECK(list_lru_init(&lru) == 0 && list_lru_count(&lru) == 0 && !list_lru_memcg_aware(&lru));
  for (int i = 0; i < 6; ++i) e[i].number = i, INIT_LIST_HEAD(&e[i].link);
  for (int i = 1; i < 6; ++i) CHECK(list_lru_add(&lru, &e[i].link, 0, NULL));
  CHECK(!list_lru_add(&lru, &e[1].link, 0, NULL) && list_lru_count_one(&lru, 0, NULL) == 5 &&
        list_lru_count_node(&lru, 0) == 5);
  CHECK(list_lru_del(&lru, &e[5].link, 0, NULL) && !list_lru_del(&lru, &e[5].link, 0, NULL) && list_lru_count(&lru) == 4);
  CHECK(list_lru_add(&lru, &e[5].link)); /* until 6.7; of the stack's memory: node 0 */

  unsigned long left = 3;
  for (int i = 0; i < 10; ++i) answers[i] = LRU_SKIP;
  CHECK(walk(&lru, &left, &taken) == 0 && strcmp(seen, "123") == 0 && left == 0);
  answers[1] = LRU_ROTATE, answers[2] = LRU_REMOVED, left = 100;
  CHECK(walk(&lru, &left, &taken) == 1 && strcmp(seen, "12345") == 0 && left == 95 && digits(&taken) == 2 &&
        list_lru_count(&lru) == 4);
  answers[4] = LRU_STOP;
  CHECK(walk(&lru, &left, &taken) == 0 && strcmp(seen, "34") == 0);
  answers[4] = LRU_SKIP, answers[5] = LRU_REMOVED_RETRY;
  CHECK(walk(&lru, &left, &taken) == 1 && strcmp(seen, "345341") == 0 && list_lru_count(&lru) == 3);
  answers[3] = LRU_RETRY, left = 100, seen[0] = 0;
  CHECK(list_lru_walk(&lru, isolate_old, &taken, 4) == 0 && strcmp(seen, "3341") == 0);
  struct shrink_control control;
  memset(&control, 0, sizeof control);
  control.nr_to_scan = 2;
  answers[3] = answers[4] = LRU_REMOVED;
  CHECK(list_lru_shrink_count(&lru, &control) == 3);
  CHECK(list_lru_shrink_walk_irq(&lru, &control, isolate_old, &taken) == 2 && control.nr_to_scan == 0 &&
        list_lru_count(&lru) == 1);
  unsigned long one = 1;
  answers[1] = LRU_REMOVED;
  CHECK(list_lru_walk_one(&lru, 0, NULL, isolate, &taken, &one) == 1 && !irqs_disabled() && !in_atomic());
  SAYS("no list for node 77", CHECK(!list_lru_add(&lru, &e[0].link, 77, NULL)));
  list_lru_destroy(&lru);
  list_lru_destroy(&lru);
  SAYS("was not initialised", CHECK(!list_lru_add(&lru, &e[0].link, 0, NULL)));
}

/* A cache of objects that a shrinker frees when memory is short. */
struct cached {
  char data[8000];
  struct list_head idle;
};
static struct list_lru idle;
static struct kmem_cache* objects;
static unsigned long count_idle(struct shrinker* s, struct shrink_control* control) {
  return (void)s, list_lru_shrink_count(&idle, control);
}
static enum lru_status take(struct list_head* item, struct list_lru_one* list, void* taken) {
  list_lru_isolate_move(list, item, (struct list_head*)taken);
  return LRU_REMOVED;
}
static unsigned long scan_idle(struct shrinker* s, struct shrink_control* control) {
  (void)s;
  LIST_HEAD(taken);
  const unsigned long n = list_lru_shrink_walk(&idle, control, take, &taken);
  struct cached *object, *next;
  list_for_each_entry_safe(object, next, &taken, idle) kmem_cache_free(objects, object);
  return n;
}
static void behind_a_shrinker(void) {
  CHECK(list_lru_init(&idle) == 0);
  objects = kmem_cache_create("idle-objects", sizeof(struct cached), 0, SLAB_RECLAIM_ACCOUNT | SLAB_NO_MERGE, NULL);
  struct shrinker* s = shrinker_alloc(SHRINKER_NUMA_AWARE, "idle");
  s->count_objects = count_idle;
  s->scan_objects = scan_idle;
  shrinker_register(s);
  unsigned long nr = 0;
  for (; nr < 20000; ++nr) {
    struct cached* object = (struct cached*)kmem_cache_alloc_lru(objects, &idle, GFP_KERNEL);
    if (!object) break;
    INIT_LIST_HEAD(&object->idle);
    CHECK(list_lru_add_obj(&idle, &object->idle));
  }
  /* More than 64 MiB of memory were asked for: the oldest went, and nobody got nothing. */
  CHECK(nr == 20000 && list_lru_count(&idle) > 100 && list_lru_count(&idle) < 15000);
  shrinker_free(s);
  LIST_HEAD(taken);
  list_lru_walk(&idle, take, &taken, ~0ul);
  struct cached *object, *next;
  list_for_each_entry_safe(object, next, &taken, idle) kmem_cache_free(objects, object);
  CHECK(list_lru_count(&idle) == 0 && kmem_cache_destroy(objects) == 0);
  list_lru_destroy(&idle);
}

static void fragments(void) {
  struct page_frag_cache cache;
  page_frag_cache_init(&cache);
  char* pieces[200];
  for (int i = 0; i < 200; ++i) {
    pieces[i] = (char*)page_frag_alloc(&cache, 1000 + (unsigned)i, GFP_KERNEL);
    memset(pieces[i], i, 1000 + (size_t)i);
    if (i % 20 && virt_to_head_page(pieces[i]) == virt_to_head_page(pieces[i - 1]))
      CHECK(pieces[i] == pieces[i - 1] + 1000 + i - 1);
  }
  for (int i = 0; i < 200; ++i) CHECK(pieces[i][0] == (char)i && pieces[i][999 + i] == (char)i);
  struct page* last = virt_to_head_page(pieces[199]);
  struct page* first = virt_to_head_page(pieces[0]);
  CHECK(first != last && page_size(first) == PAGE_FRAG_CACHE_MAX_SIZE && page_count(first) > 20);
  for (int i = 0; i < 200; ++i) page_frag_free(pieces[i] + i);
  CHECK(page_count(first) == 0 && page_count(last) > 0);
  /* The cache's own block is free of pieces: it begins anew. */
  char* anew = (char*)page_frag_alloc(&cache, 30000, GFP_ATOMIC);
  CHECK(anew && virt_to_head_page(anew) == last && anew == page_address(last));
  char* aligned = (char*)page_frag_alloc_align(&cache, 100, GFP_KERNEL, 256);
  CHECK(((uintptr_t)aligned & 255) == 0);
  page_frag_cache_drain(&cache);
  page_frag_cache_drain(&cache);
  CHECK(page_count(last) == 2);
  page_frag_free(anew);
  page_frag_free(aligned);
  page_frag_free(NULL);
  CHECK(page_count(last) == 0);
  CHECK(page_frag_alloc(&cache, PAGE_FRAG_CACHE_MAX_SIZE + 1, GFP_KERNEL) == NULL);
  SAYS("not an address of kmem's", page_frag_free(&failures));
}

static void released(struct percpu_ref* ref) { (void)ref; }
static void references(void) {
  struct percpu_ref ref;
  CHECK(percpu_ref_init(&ref, released, 0, GFP_KERNEL) == 0);
  rcu_read_lock();
  CHECK(percpu_ref_tryget_live_rcu(&ref));
  rcu_read_unlock();
  percpu_ref_put(&ref);
  percpu_ref_kill(&ref);
  CHECK(!percpu_ref_tryget_live_rcu(&ref));
  percpu_ref_exit(&ref);
}

int main(int argc, char** argv) {
  if (argc == 1) { /* little memory, for the shrinker */
    setenv("KMEM", "mem=64M", 1);
    execl("/proc/self/exe", argv[0], "again", (char*)NULL);
    return 9;
  }
  plain_lists();
  least_recently_used();
  behind_a_shrinker();
  fragments();
  references();
  return failures != 0;
}
