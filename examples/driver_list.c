/* A driver as it was written for 2.6: it keeps the packets that arrive in objects of a cache of its own.  Packets
 * arrive in an interrupt handler, which in a process is a signal handler, and so are allocated with GFP_ATOMIC, also
 * when the signal comes in the middle of an allocation of the main program. */
#include <linux/kernel.h>
#include <linux/slab.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

struct packet {
  struct packet* next;
  unsigned magic; /* set once by the constructor, and kept while the object is free */
  unsigned number;
  char data[116];
};
#define PACKET_MAGIC 0x9ac4e7u

static kmem_cache_t* packets;
static _Atomic(struct packet*) arrived;
static volatile sig_atomic_t nr_arrived, nr_lost;
static int nr_constructed, nr_destroyed;

/* One function for both ends of an object's life, as 2.6 allows. */
static void packet_init(void* object, kmem_cache_t* cache, unsigned long flags) {
  (void)cache;
  if (flags & SLAB_CTOR_CONSTRUCTOR) {
    ((struct packet*)object)->magic = PACKET_MAGIC;
    ++nr_constructed;
  } else {
    ++nr_destroyed;
  }
}

static void interrupt(int number) {
  (void)number;
  struct packet* p = kmem_cache_alloc(packets, GFP_ATOMIC);
  if (!p) {
    ++nr_lost;
    return;
  }
  p->number = (unsigned)nr_arrived++;
  memset(p->data, 'x', sizeof(p->data));
  p->next = atomic_load(&arrived);
  while (!atomic_compare_exchange_weak(&arrived, &p->next, p)) continue;
}

/* What a tasklet would do: takes the whole list at once and frees it. */
static unsigned handle_packets(void) {
  unsigned n = 0;
  for (struct packet* p = atomic_exchange(&arrived, NULL); p; ++n) {
    struct packet* next = p->next;
    BUG_ON(p->magic != PACKET_MAGIC);
    kmem_cache_free(packets, p);
    p = next;
  }
  return n;
}

int main(void) {
  packets = kmem_cache_create("packets", sizeof(struct packet), 0, SLAB_HWCACHE_ALIGN, packet_init, packet_init);
  if (!packets) return 1;

  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = interrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval every = {{0, 200}, {0, 200}};
  setitimer(ITIMER_REAL, &every, NULL);

  unsigned handled = 0;
  while (handled < 1000) {
    char* name = kasprintf(GFP_KERNEL, "packet %u", handled); /* work that the interrupts interrupt */
    kfree(name);
    handled += handle_packets();
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  handled += handle_packets();

  const int arrived_in_all = nr_arrived, lost = nr_lost, constructed = nr_constructed;
  const int busy = kmem_cache_destroy(packets);
  printf("%s: every packet that arrived was handled, %d lost\n", handled == (unsigned)arrived_in_all ? "good" : "BAD", lost);
  printf("%s: objects were constructed %s times than they were used\n", constructed < arrived_in_all ? "good" : "BAD",
         constructed < arrived_in_all ? "fewer" : "more");
  return busy || handled != (unsigned)arrived_in_all || lost || constructed != nr_destroyed;
}
