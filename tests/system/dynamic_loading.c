// dlopen and dlclose under a preloaded malloc; and kmem's own libraries opened late, as an interpreter's extension
// module would pull them in: then there is little static TLS left, and a library that wants it cannot be loaded.
#include <pthread.h>

#include "check.h"

static const char* plugin_path;  // from the command line: TESTS need no other argument
static void* open_library(const char* path, int flags) {
  void* library = dlopen(path, flags);
  EXPECT(library != NULL, "dlopen(%s): %s", path, dlerror());
  return library;
}

static void use_plugin(int round) {
  void* library = open_library(plugin_path, round % 2 ? RTLD_NOW : RTLD_LAZY);
  if (library == NULL) return;
  void* (*allocate)(size_t) = (void* (*)(size_t))(uintptr_t)dlsym(library, "plugin_allocate");
  void (*give_back)(void*) = (void (*)(void*))(uintptr_t)dlsym(library, "plugin_free");
  size_t (*count)(void) = (size_t(*)(void))(uintptr_t)dlsym(library, "plugin_count");
  REQUIRE(allocate != NULL && give_back != NULL && count != NULL, "dlsym: %s", dlerror());
  EXPECT(count() >= 1100, "plugin_count() = %zu", count());
  unsigned char* theirs = allocate(5000);
  void* ours = malloc(5000);
  give_back(ours);
  dlclose(library);
  EXPECT(theirs != NULL && theirs[0] == 0x33 && theirs[4999] == 0x33, "a block outlives the library that made it");
  free(theirs);
}

static void* use_plugin_in_thread(void* argument) {
  for (int round = 0; round < 20; ++round) use_plugin(round);
  return argument;
}

TEST(a_library_that_allocates_can_be_opened_and_closed) {
  for (int round = 0; round < 50; ++round) use_plugin(round);
}

TEST(threads_can_open_and_close_libraries) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, use_plugin_in_thread, NULL);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
}

TEST(kmem_malloc_can_be_opened_late) {
  const char* path = getenv("KMEM_MALLOC_SO");
  if (path == NULL || access(path, R_OK) != 0) {
    dprintf(1, "skipped: KMEM_MALLOC_SO names no file\n");
    return;
  }
  void* library = open_library(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
  // Two mallocs in one process: each frees its own.
  void* (*their_malloc)(size_t) = (void* (*)(size_t))(uintptr_t)dlsym(library, "malloc");
  void (*their_free)(void*) = (void (*)(void*))(uintptr_t)dlsym(library, "free");
  REQUIRE(their_malloc != NULL && their_free != NULL, "dlsym: %s", dlerror());
  for (size_t n = 1; n < 3000000; n *= 3) {
    unsigned char* p = their_malloc(n);
    REQUIRE(p != NULL, "their malloc(%zu)", n);
    fill(p, n, n);
    EXPECT(is_filled(p, n, n), "their malloc(%zu)", n);
    their_free(p);
  }
  // Not closed: blocks of it may live anywhere, so nobody may unload a malloc.
}

TEST(kmem_can_be_opened_late) {
  const char* path = getenv("KMEM_SO");
  if (path == NULL || access(path, R_OK) != 0) {
    dprintf(1, "skipped: KMEM_SO names no file\n");
    return;
  }
  void* library = open_library(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
  void (*kfree)(const void*) = (void (*)(const void*))(uintptr_t)dlsym(library, "kfree");
  EXPECT(kfree != NULL, "dlsym(kfree): %s", dlerror());
}

int main(int argc, char** argv) {
  if (argc < 2) {
    dprintf(2, "usage: dynamic_loading PATH-OF-PLUGIN [TEST ...]\n");
    return 2;
  }
  plugin_path = argv[1];
  argv[1] = argv[0];
  return run_tests(argc - 1, argv + 1);
}
