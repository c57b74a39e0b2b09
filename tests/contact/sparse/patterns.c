// Programs that ask for much and touch little, one pattern a run: `patterns NAME` prints what memory of its own
// is resident at the end, in KiB, and how much was touched.  A second word lists the mappings.  `patterns list` names the
// patterns.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kKiB = 1024, kMiB = 1024 * 1024, kPage = 4096 };

static long resident_kib(void) {
  FILE* f = fopen("/proc/self/status", "r");
  char line[256];
  long kib = -1;
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, "RssAnon:", 8)) kib = atol(line + 8);
  if (f) fclose(f);
  return kib;
}

/// Where it lies: to stderr, each mapping with more than 256 KiB of it, and whether the host gave huge pages.
static void tell_mappings(void) {
  FILE* f = fopen("/proc/self/smaps", "r");
  char line[512], mapping[512] = "";
  long kib = 0;
  while (f && fgets(line, sizeof line, f)) {
    if (strchr("0123456789abcdef", line[0])) strcpy(mapping, line);
    if (!strncmp(line, "Anonymous:", 10)) kib = atol(line + 10);
    if (!strncmp(line, "AnonHugePages:", 14) && kib > 256)
      fprintf(stderr, "%ld KiB, %ld of them huge, in %s", kib, atol(line + 14), mapping);
  }
  if (f) fclose(f);
}

static size_t touched;

static char* checked(void* p) {
  if (p) return p;
  puts("no memory");
  exit(1);
}

static void touch(char* p) {
  *(volatile char*)p = 1;
  ++touched;
}

static void touch_every(char* p, size_t bytes, size_t step) {
  for (size_t at = 0; at < bytes; at += step) touch(p + at);
}

static void nothing(void) {}

static void one_large_block(void) { touch_every(checked(malloc(1024u * kMiB)), 1024u * kMiB, 2 * kMiB); }

static void large_blocks(void) {
  for (int i = 0; i < 400; ++i) touch_every(checked(malloc(3000000)), 3000000, 1000000);
}

static void mapped_blocks(void) {
  for (int i = 0; i < 2000; ++i) touch(checked(malloc(5000000)));
}

static void hash_tables(void) {
  for (int i = 0; i < 1000; ++i) touch_every(checked(malloc(400000)), 400000, 200000);
}

static void stacks(size_t bytes, int nr) {
  for (int i = 0; i < nr; ++i) touch(checked(malloc(bytes)) + bytes - 100);  // grows down
}
static void coroutine_stacks_16k(void) { stacks(16 * kKiB, 4000); }
static void coroutine_stacks_64k(void) { stacks(64 * kKiB, 4000); }
static void coroutine_stacks_256k(void) { stacks(256 * kKiB, 4000); }

static void tables_of_tables(void) {
  for (int i = 0; i < 500; ++i) touch(checked(calloc(512 * 512, 8)) + (size_t)i * kPage);
}

static void one_large_calloc(void) {
  char* p = checked(calloc(800, kMiB));
  for (size_t i = 0; i < 200; ++i) touch(p + i * 4 * kMiB);
}

static void calloc_of_objects(void) {
  for (int i = 0; i < 4000; ++i) touch(checked(calloc(1, 16000)));
}

// Some frames are known to be zero, and some are not.
static void calloc_beside_used_memory(void) {
  char* used[16];
  for (int i = 0; i < 16; ++i) memset(used[i] = checked(malloc(200000)), 1, 200000);
  for (int i = 0; i < 16; i += 2) free(used[i]);
  for (int i = 0; i < 1000; ++i) touch(checked(calloc(1, 190000)));
}

static void arenas(void) {
  for (int i = 0; i < 100; ++i) {
    void* p;
    if (posix_memalign(&p, 2 * kMiB, 8 * kMiB)) exit(1);
    touch_every(p, 64 * kKiB, kPage);
  }
}

static void small_arenas(void) {
  for (int i = 0; i < 500; ++i) touch_every(checked(aligned_alloc(64 * kKiB, 512 * kKiB)), 8 * kKiB, kPage);
}

// Hash tables that double while they are nearly empty.
static void growing(void) {
  for (int i = 0; i < 60; ++i) {
    size_t bytes = 300000;
    char* p = checked(malloc(bytes));
    touch(p);
    for (; bytes < 20000000; bytes *= 2) touch((p = checked(realloc(p, 2 * bytes))) + bytes);
  }
}

// Sparse blocks between what is dense, as most programs have them.
static void mixed(void) {
  for (int i = 0; i < 1500; ++i) {
    for (int j = 0; j < 100; ++j) {
      char* p = checked(malloc(500));
      memset(p, 1, 500);
    }
    touch(checked(malloc(300000)));
  }
}

static void mixed_sizes(void) {
  uint32_t random = 1;
  for (int i = 0; i < 3000; ++i) {
    random = random * 1664525 + 1013904223;
    touch(checked(malloc(40000 + random % 6000000)));
    memset(checked(malloc(1000)), 1, 1000);
  }
}

static const struct {
  const char* name;
  void (*run)(void);
} kPatterns[] = {
    {"nothing", nothing},
    {"one_large_block", one_large_block},
    {"large_blocks", large_blocks},
    {"mapped_blocks", mapped_blocks},
    {"hash_tables", hash_tables},
    {"coroutine_stacks_16k", coroutine_stacks_16k},
    {"coroutine_stacks_64k", coroutine_stacks_64k},
    {"coroutine_stacks_256k", coroutine_stacks_256k},
    {"tables_of_tables", tables_of_tables},
    {"one_large_calloc", one_large_calloc},
    {"calloc_of_objects", calloc_of_objects},
    {"calloc_beside_used_memory", calloc_beside_used_memory},
    {"arenas", arenas},
    {"small_arenas", small_arenas},
    {"growing", growing},
    {"mixed", mixed},
    {"mixed_sizes", mixed_sizes},
};

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "list";
  for (size_t i = 0; i < sizeof kPatterns / sizeof *kPatterns; ++i) {
    if (!strcmp(name, "list")) puts(kPatterns[i].name);
    if (strcmp(name, kPatterns[i].name)) continue;
    kPatterns[i].run();
    printf("%ld %zu\n", resident_kib(), touched * (kPage / kKiB));
    if (argc > 2) tell_mappings();
    fflush(stdout);
    _Exit(0);  // what is freed at the end is nobody's concern
  }
  return strcmp(name, "list") ? 2 : 0;
}
