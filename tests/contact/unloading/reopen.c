// A host opens a library that uses kmem, calls it from two threads, closes it, and goes on: again and again.
//   reopen LIBRARY ROUNDS
// A thread that has been in a restartable sequence has left the address of its descriptor with the kernel, which reads it
// when the thread comes back from wherever it was: the descriptor must still be there, or forgotten.  And what the library
// took of address space must not be taken anew each time.
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "../../system/check.h"

typedef void* (*Alloc)(size_t, unsigned);
typedef void (*Free)(void*);

static const char* path;

static void rest(void) {
  const struct timespec some = {0, 50000};
  sched_yield();
  nanosleep(&some, NULL);
}

// What the library has to offer: a plugin's function, the kernel's names, or malloc's.
static void use(void* library) {
  unsigned long (*work)(void) = (unsigned long (*)(void))(uintptr_t)dlsym(library, "plugin_work");
  if (work) {
    EXPECT(work() != 0, "the plugin failed");
    return;
  }
  Alloc alloc = (Alloc)(uintptr_t)dlsym(library, "kmalloc");
  Free give_back = (Free)(uintptr_t)dlsym(library, "kfree");
  if (!alloc) {
    alloc = (Alloc)(uintptr_t)dlsym(library, "malloc");
    give_back = (Free)(uintptr_t)dlsym(library, "free");
  }
  REQUIRE(alloc && give_back, "%s has none of the names", path);
  void* blocks[100];
  for (int i = 0; i < 100; ++i) memset(blocks[i] = alloc(64, 0xcc0), i, 64);
  for (int i = 0; i < 100; ++i) give_back(blocks[i]);
}

struct Second {
  pthread_barrier_t barrier;
  void* library;
  int over;
};

// Its time in the library is over when the first thread closes it, but it has been there.
static void* second_thread(void* argument) {
  struct Second* second = argument;
  for (;;) {
    pthread_barrier_wait(&second->barrier);
    if (second->over) return NULL;
    use(second->library);
    pthread_barrier_wait(&second->barrier);
    rest();
  }
}

struct Space {
  long mappings, kib;
};

static struct Space space_of_process(void) {
  struct Space space = {0, 0};
  char line[512];
  FILE* file = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, file)) ++space.mappings;
  fclose(file);
  file = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, file)) sscanf(line, "VmSize: %ld", &space.kib);
  fclose(file);
  return space;
}

static void one_round(struct Second* second) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != NULL, "dlopen(%s): %s", path, dlerror());
  second->library = library;
  pthread_barrier_wait(&second->barrier);
  use(library);
  pthread_barrier_wait(&second->barrier);
  dlclose(library);
  rest();
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  path = arguments[1];
  const int rounds = atoi(arguments[2]);
  struct Second second = {.over = 0};
  pthread_barrier_init(&second.barrier, NULL, 2);
  pthread_t thread;
  pthread_create(&thread, NULL, second_thread, &second);
  for (int i = 0; i < 5; ++i) one_round(&second);
  const struct Space before = space_of_process();
  for (int i = 0; i < rounds && !nr_failures; ++i) one_round(&second);
  const struct Space after = space_of_process();
  second.over = 1;
  pthread_barrier_wait(&second.barrier);
  pthread_join(thread, NULL);
  EXPECT(after.mappings <= before.mappings + 20, "%ld mappings before, %ld after", before.mappings, after.mappings);
  EXPECT(after.kib <= before.kib + 4096, "%ld KiB of addresses before, %ld after", before.kib, after.kib);
  return nr_failures != 0;
}
