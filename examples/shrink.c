/* A cache of one's own that gives objects back when memory is short, the oldest first: a shrinker over a list_lru. */
#include <kmem/stats.h>
#include <linux/list_lru.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include <stdio.h>

struct page_of_text {
  struct list_head lru;
  char text[1000];
};

static struct list_lru oldest;

static unsigned long count(struct shrinker* shrinker, struct shrink_control* control) {
  (void)shrinker, (void)control;
  return list_lru_count(&oldest);
}

static enum lru_status drop(struct list_head* item, struct list_lru_one* list, void* argument) {
  (void)argument;
  list_lru_isolate(list, item);
  kfree(container_of(item, struct page_of_text, lru));
  return LRU_REMOVED;
}

static unsigned long scan(struct shrinker* shrinker, struct shrink_control* control) {
  (void)shrinker;
  return list_lru_walk(&oldest, drop, NULL, control->nr_to_scan);
}

int main(void) {
  struct shrinker* shrinker = shrinker_alloc(0, "texts");
  if (!shrinker || list_lru_init(&oldest)) return 1;
  shrinker->count_objects = count;
  shrinker->scan_objects = scan;
  shrinker_register(shrinker);

  for (int i = 0; i < 1000; ++i) {
    struct page_of_text* one = kzalloc(sizeof *one, GFP_KERNEL);
    if (!one) continue;
    INIT_LIST_HEAD(&one->lru); /* on no list yet */
    list_lru_add_obj(&oldest, &one->lru);
  }
  printf("%lu texts are kept\n", list_lru_count(&oldest));
  list_lru_walk(&oldest, drop, NULL, 100); /* what reclaim does through scan() when an allocation finds no memory */
  printf("%lu after a hundred were asked back\n", list_lru_count(&oldest));

  shrinker_free(shrinker); /* nobody calls scan() any more */
  list_lru_walk(&oldest, drop, NULL, ~0UL);
  list_lru_destroy(&oldest);
  return 0;
}
