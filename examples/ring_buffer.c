/* A ring buffer without a seam: its pages are mapped twice in a row, so that what runs over the end goes on at the start
 * by itself, and every message lies in one piece.
 *
 * The same page at two addresses needs frames that can be seen twice: the boot word alias=1.  It is read before main(), so
 * the program sets it and starts itself again. */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES 4
#define BYTES (PAGES * PAGE_SIZE)

struct ring {
  struct page* pages[PAGES];
  char* start;          /* 2 * BYTES of addresses */
  size_t written, read; /* ever */
};

static int ring_make(struct ring* ring) {
  struct page* twice[2 * PAGES];
  for (int i = 0; i < PAGES; ++i) {
    ring->pages[i] = alloc_page(GFP_KERNEL);
    if (!ring->pages[i]) return -1;
    twice[i] = twice[i + PAGES] = ring->pages[i];
  }
  ring->written = ring->read = 0;
  ring->start = (char*)vmap(twice, 2 * PAGES, VM_MAP, PAGE_KERNEL);
  return ring->start ? 0 : -1;
}

static void ring_end(struct ring* ring) {
  vunmap(ring->start);
  for (int i = 0; i < PAGES; ++i) __free_page(ring->pages[i]);
}

static void ring_put(struct ring* ring, const char* message) {
  const size_t bytes = strlen(message) + 1;
  memcpy(ring->start + ring->written % BYTES, message, bytes); /* over the end, if it must */
  ring->written += bytes;
}

static const char* ring_get(struct ring* ring) {
  const char* message = ring->start + ring->read % BYTES;
  ring->read += strlen(message) + 1;
  return message;
}

int main(int argc, char** argv) {
  (void)argc;
  if (!getenv("KMEM")) {
    setenv("KMEM", "alias=1", 1);
    execv("/proc/self/exe", argv);
  }
  struct ring ring;
  if (ring_make(&ring)) {
    fprintf(stderr, "no ring: KMEM=alias=1 is not set, or this host has no memory files\n");
    return 1;
  }
  int crossed = 0, wrong = 0;
  for (int i = 0; i < 5000; ++i) {
    char message[64];
    snprintf(message, sizeof message, "message number %d, in one piece", i);
    const size_t before = ring.written / BYTES;
    ring_put(&ring, message);
    crossed += ring.written / BYTES != before;
    wrong += strcmp(ring_get(&ring), message) != 0;
  }
  ring_end(&ring);
  printf("5000 messages through %lu bytes, %d of them across the end; %d were broken\n", (unsigned long)BYTES, crossed, wrong);
  return wrong != 0;
}
