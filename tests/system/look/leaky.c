/* Programs that lose memory in known ways: leaky NUMBER.  Says "ready LOST", the number of blocks that nobody can reach, and
 * waits for its input to end.  leaky register: the only pointer is in a register.  leaky each: all of them, each in a child of
 * its own that ends at once, for checkers that look then; behind what they say on standard error, a line "program NUMBER lost
 * LOST".  leaky: how many there are. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT_OUT __attribute__((noinline))

struct node {
  struct node *next, *other;
  char rest[100];
};
void *global, *globals[16];
char* inside;
static __thread void* volatile of_thread;

static struct node* make(size_t bytes) {
  void* p = malloc(bytes);
  memset(p, 0, bytes);
  return p;
}

static KEPT_OUT int one(void) { return make(100), 1; }
static KEPT_OUT int chain(void) {
  struct node* list = NULL;
  for (int i = 0; i < 50; ++i) {
    struct node* node = make(sizeof *node);
    node->next = list;
    list = node;
  }
  return 50;
}
static KEPT_OUT int cycle(void) {
  struct node *a = make(sizeof *a), *b = make(sizeof *b), *c = make(sizeof *c);
  a->next = b, b->next = c, c->next = a;
  return 3;
}
static KEPT_OUT struct node* grow(int depth) {
  struct node* node = make(sizeof *node);
  if (depth) node->next = grow(depth - 1), node->other = grow(depth - 1);
  return node;
}
static KEPT_OUT int tree(void) { return grow(5), 63; }
static KEPT_OUT int overwritten(void) {
  global = make(200);
  global = make(300);
  return 1;
}
static KEPT_OUT int member(void) {
  struct node* node = make(sizeof *node);
  global = node;
  node->other = make(40);
  node->other = make(50);
  return 1;
}
static KEPT_OUT int kept_inside(void) { return inside = (char*)make(400) + 200, 0; }
static KEPT_OUT int kept_global(void) { return global = make(100), 0; }
static KEPT_OUT int kept_array(void) {
  for (int i = 0; i < 16; ++i) globals[i] = make(1000 + 100 * (size_t)i);
  return 0;
}
static KEPT_OUT int kept_in_heap(void) {
  struct node* node = make(sizeof *node);
  global = node;
  for (int i = 0; i < 100; ++i) node = node->next = make(sizeof *node);
  return 0;
}
static KEPT_OUT int kept_by_thread(void) { return of_thread = make(100), 0; }
static void* wait_for_ever(void* p) {
  void* volatile mine = make(333);
  ((char* volatile*)p)[0] = "ready";
  for (;;) pause();
  return mine;
}
static KEPT_OUT int kept_on_a_stack(void) {
  static char* volatile ready;
  pthread_t thread;
  pthread_create(&thread, NULL, wait_for_ever, (void*)&ready);
  while (!ready) usleep(1000);
  return 0;
}
static KEPT_OUT int large(void) { return make(40 << 20), 1; }
static KEPT_OUT int pages(void) { return make(200000), make(100000), 2; }
static KEPT_OUT int all_sizes(void) {
  for (size_t bytes = 24; bytes < 24 + 100 * 40; bytes += 40) make(bytes);
  return 100;
}
static KEPT_OUT int aligned(void) {
  void* p = aligned_alloc(256, 1024);
  memset(p, 0, 1024);
  return 1;
}
static KEPT_OUT int copied(void) { return strdup("a text that somebody was to free") != NULL; }
static KEPT_OUT int freed(void) {
  global = make(100);
  free(global);
  return 0;
}
static KEPT_OUT int known_to_the_dead(void) {
  struct node* node = make(sizeof *node);
  node->other = make(5000);
  free(node);
  return 1;
}
static KEPT_OUT int knows_the_living(void) {
  struct node* node = calloc(1, sizeof *node);
  node->next = global = make(100);
  return 1;
}
static KEPT_OUT int grown(void) {
  char* p = (char*)make(100);
  p = realloc(p, 100000);
  memset(p, 0, 100000);
  return 1;
}

static int (*const kPrograms[])(void) = {one,
                                         chain,
                                         cycle,
                                         tree,
                                         overwritten,
                                         member,
                                         kept_inside,
                                         kept_global,
                                         kept_array,
                                         kept_in_heap,
                                         kept_by_thread,
                                         kept_on_a_stack,
                                         large,
                                         pages,
                                         all_sizes,
                                         aligned,
                                         copied,
                                         freed,
                                         known_to_the_dead,
                                         knows_the_living,
                                         grown};

/* Waits with the last pointer to a block in a register, until its input ends.  Returns where it cannot be done. */
static KEPT_OUT void wait_with_a_register(void) {
#ifdef __x86_64__
  register void* kept __asm__("r12") = *(void* volatile*)&global;
  *(void* volatile*)&global = NULL;
  char byte;
  for (long got = 1; got > 0;)
    __asm__ volatile("syscall" : "=a"(got), "+r"(kept) : "a"(0L), "D"(0L), "S"(&byte), "d"(1L) : "rcx", "r11", "memory");
  *(void* volatile*)&global = kept;
#endif
}

static KEPT_OUT void wipe_stack(void) {
  volatile char room[65536];
  for (size_t i = 0; i < sizeof room; ++i) room[i] = 0;
}

static int each(size_t nr) {
  for (size_t which = 0; which < nr; ++which) {
    int ends[2], lost = -1, status = 0;
    if (pipe(ends)) return 1;
    const pid_t child = fork();
    if (child == 0) {
      lost = kPrograms[which]();
      wipe_stack();
      exit(write(ends[1], &lost, sizeof lost) != sizeof lost);
    }
    close(ends[1]);
    if (child < 0 || read(ends[0], &lost, sizeof lost) != sizeof lost) return 1;
    close(ends[0]);
    waitpid(child, &status, 0);
    dprintf(2, "\nprogram %zu lost %d\n", which, lost);
  }
  return 0;
}

int main(int argc, char** argv) {
  const size_t nr = sizeof kPrograms / sizeof *kPrograms;
  static char buffer[256];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer); /* which libc would allocate */
  if (argc < 2) return printf("%zu\n", nr), 0;
  if (!strcmp(argv[1], "each")) return each(nr);
  if (!strcmp(argv[1], "register")) {
    kept_global();
    wipe_stack();
    puts("ready 0");
    fflush(stdout);
    wait_with_a_register();
    return 0;
  }
  const size_t which = (size_t)atoi(argv[1]);
  if (which >= nr) return 1;
  const int lost = kPrograms[which]();
  wipe_stack();
  printf("ready %d\n", lost);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  return 0;
}
