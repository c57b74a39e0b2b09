// kmem_cache_destroy() while objects are on their way back: it waits for those in task context, and says no elsewhere.
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct object {
  int number;
  struct rcu_head rcu;
  char rest[80];
};

static int faults;
static struct kmem_cache* cache;

static void want(bool right, const char* what) {
  if (!right && ++faults) printf("%s\n", what);
}

static struct kmem_cache* make(const char* name, slab_flags_t flags) {
  return (kmem_cache_create)(name, sizeof(struct object), 0, flags, NULL);
}

static void give_back(struct rcu_head* head) { kmem_cache_free(cache, (char*)head - offsetof(struct object, rcu)); }

/* Each takes some objects and sends them on their way, whatever that is. */
static void by_kfree_rcu(struct object* o) { kfree_rcu(o, rcu); }
static void by_call_rcu(struct object* o) { call_rcu(&o->rcu, give_back); }
static void by_kfree(struct object* o) { kfree(o); }
static void by_kvfree(struct object* o) { kvfree(o); }
static void by_kfree_sensitive(struct object* o) { kfree_sensitive(o); }
static void by_kfree_bulk(struct object* o) { kfree_bulk(1, (void**)&o); }
static void (*const ways[])(struct object*) = {by_kfree_rcu, by_call_rcu,        by_kfree,
                                               by_kvfree,    by_kfree_sensitive, by_kfree_bulk};

static void in_task_context(slab_flags_t flags) {
  for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
    for (int n = 1; n <= 1000; n *= 10) {
      cache = make("on_their_way", flags);
      for (int i = 0; i < n; i++) ways[way](kmem_cache_alloc(cache, GFP_KERNEL));
      want(!kmem_cache_destroy(cache), "destroy did not wait");
    }
}

/* Of two caches that are one, the first that is destroyed goes at once, the last waits. */
static void merged(void) {
  struct kmem_cache* other;

  cache = make("one_name", 0);
  other = make("another", 0);
  for (int i = 0; i < 100; i++) kfree_rcu((struct object*)kmem_cache_alloc(i % 2 ? cache : other, GFP_KERNEL), rcu);
  want(!kmem_cache_destroy(other), "a merged cache");
  want(!kmem_cache_destroy(cache), "the last of two merged caches");
}

static void in_atomic_context(slab_flags_t flags) {
  static DEFINE_SPINLOCK(lock);

  cache = make("in_atomic_context", flags);
  for (int i = 0; i < 10; i++) kfree_rcu((struct object*)kmem_cache_alloc(cache, GFP_KERNEL), rcu);
  spin_lock(&lock);
  want(kmem_cache_destroy(cache), "destroyed under a lock with objects on their way");
  spin_unlock(&lock);
  preempt_disable();
  want(kmem_cache_destroy(cache), "destroyed with preemption off");
  preempt_enable();
  rcu_read_lock();
  want(kmem_cache_destroy(cache), "destroyed by a reader");
  rcu_read_unlock();
  want(kmem_cache_alloc(cache, GFP_KERNEL) != NULL, "the cache is not usable any more");
  want(kmem_cache_destroy(cache), "destroyed with an object out");
}

static void destroy_in_callback(struct rcu_head* head) {
  kmem_cache_free(cache, (char*)head - offsetof(struct object, rcu));
  want(!kmem_cache_destroy(cache), "destroyed in a callback, nothing is out");
}
static void too_early(struct rcu_head* head) {
  want(kmem_cache_destroy(cache), "destroyed in a callback, its own object is out");
  synchronize_rcu(); /* says no, and comes back */
  kmem_cache_free(cache, (char*)head - offsetof(struct object, rcu));
}

static void in_a_callback(void) {
  struct object* o;

  cache = make("in_a_callback", SLAB_NO_MERGE);
  o = kmem_cache_alloc(cache, GFP_KERNEL);
  call_rcu(&o->rcu, too_early);
  rcu_barrier();
  o = kmem_cache_alloc(cache, GFP_KERNEL);
  call_rcu(&o->rcu, destroy_in_callback);
  rcu_barrier();
}

/* Others read, drive grace periods and free what is theirs meanwhile. */
static atomic_bool stop;

static void* read_and_drive(void* arg) {
  struct kmem_cache* own = make("another_task's", SLAB_TYPESAFE_BY_RCU);

  for (unsigned n = 0; !stop; n++) {
    struct object* o = kmem_cache_alloc(own, GFP_KERNEL);

    rcu_read_lock();
    o->number = (int)n;
    rcu_read_unlock();
    kfree_rcu(o, rcu);
    if (n % 64 == 0) synchronize_rcu();
    if (n % 1000 == 0) kmem_cache_shrink(own);
  }
  want(!kmem_cache_destroy(own), "a task's own cache");
  return arg;
}

static void beside_others(void) {
  pthread_t threads[3];

  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, read_and_drive, NULL);
  for (int round = 0; round < 30; round++) {
    cache = make("beside_others", round % 2 ? SLAB_TYPESAFE_BY_RCU : SLAB_NO_MERGE);
    for (int i = 0; i < 50; i++) ways[i % 2]((struct object*)kmem_cache_alloc(cache, GFP_KERNEL));
    want(!kmem_cache_destroy(cache), "destroyed beside others");
  }
  stop = true;
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

int main(void) {
  /* A hang is a failure. */
  alarm(300);
  in_task_context(SLAB_NO_MERGE);
  in_task_context(SLAB_TYPESAFE_BY_RCU);
  in_task_context(SLAB_RED_ZONE | SLAB_POISON | SLAB_CONSISTENCY_CHECKS);
  merged();
  in_atomic_context(0);
  in_atomic_context(SLAB_TYPESAFE_BY_RCU);
  in_a_callback();
  beside_others();
  printf("%d faults\n", faults);
  return faults != 0;
}
