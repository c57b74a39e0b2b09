// Many large blocks: how many mappings they are, and what is in them.
#include "../../system/check.h"

#include <pthread.h>
#include <sys/wait.h>

enum { kPage = 4096, kBlock = 5000000 };

/// How many blocks at most are live at a time: 4000, or the first argument.
static size_t nr_blocks = 4000;

static long count_maps(void) {
  FILE* f = fopen("/proc/self/maps", "r");
  long n = 0;
  for (int c; f && (c = fgetc(f)) != EOF;) n += c == '\n';
  if (f) fclose(f);
  return n;
}

static long status_mib(const char* key) {
  FILE* f = fopen("/proc/self/status", "r");
  char line[256];
  long kib = -1;
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, key, strlen(key))) kib = atol(line + strlen(key));
  if (f) fclose(f);
  return kib / 1024;
}

// A word in the first page and one in the last, and both zero before.
static int mark(char* p, size_t bytes, uint64_t id) {
  uint64_t* first = (uint64_t*)p;
  uint64_t* last = (uint64_t*)(p + ((bytes - 16) & ~(size_t)15));
  const int zero = !*first && !*last;
  *first = *last = id;
  return zero;
}
static int holds(const char* p, size_t bytes, uint64_t id) {
  return *(const uint64_t*)p == id && *(const uint64_t*)(p + ((bytes - 16) & ~(size_t)15)) == id;
}

/// What a number of mappings may grow by, with so many blocks: glibc's malloc has one of them all, too.
static const long kFewMaps = 64;

TEST(the_number_of_mappings_does_not_grow_with_the_blocks) {
  char** p = malloc(nr_blocks * sizeof *p);
  const long before = count_maps();
  for (size_t i = 0; i < nr_blocks; ++i) {
    p[i] = calloc(1, kBlock);
    REQUIRE(p[i], "block %zu", i);
    EXPECT(mark(p[i], kBlock, i), "block %zu is zero", i);
  }
  EXPECT(count_maps() <= before + kFewMaps, "%ld mappings and %ld before", count_maps(), before);
  for (size_t i = 0; i < nr_blocks; ++i) EXPECT(holds(p[i], kBlock, i), "contents");
  for (size_t i = 0; i < nr_blocks; ++i) free(p[i]);
  free(p);
}

TEST(nor_with_the_holes_when_every_second_one_goes_and_others_come) {
  char** p = malloc(nr_blocks * sizeof *p);
  const long before = count_maps(), rss = status_mib("VmRSS:");
  for (size_t i = 0; i < nr_blocks; ++i) mark(p[i] = calloc(1, kBlock), kBlock, i);
  for (size_t i = 0; i < nr_blocks; i += 2) free(p[i]);
  EXPECT(count_maps() <= before + 512, "%ld mappings and %ld before", count_maps(), before);
  EXPECT(status_mib("VmRSS:") <= rss + (long)(nr_blocks / 2 * 8 / 1024) + 48, "%ld MiB and %ld before", status_mib("VmRSS:"),
         rss);
  for (size_t i = 0; i < nr_blocks; i += 2) EXPECT(mark(p[i] = calloc(1, kBlock - 100000), kBlock - 100000, i), "contents");
  EXPECT(count_maps() <= before + 512, "%ld mappings and %ld before", count_maps(), before);
  for (size_t i = 0; i < nr_blocks; ++i) EXPECT(holds(p[i], i % 2 ? kBlock : kBlock - 100000, i), "contents");
  for (size_t i = 0; i < nr_blocks; ++i) free(p[i]);
  free(p);
}

TEST(what_is_freed_is_no_address_space_any_more) {
  const long before = status_mib("VmSize:");
  char* p[2000];
  for (size_t i = 0; i < 2000; ++i) p[i] = malloc(kBlock);
  EXPECT(status_mib("VmSize:") >= before + 9000, "%ld MiB and %ld before", status_mib("VmSize:"), before);
  for (size_t i = 0; i < 2000; i += 2) free(p[i]);
  for (size_t i = 1; i < 2000; i += 2) free(p[i]);
  EXPECT(status_mib("VmSize:") <= before + 100, "%ld MiB and %ld before", status_mib("VmSize:"), before);
}

enum { kLive = 600 };

/// Blocks of many sizes and alignments that come, grow, shrink and go.
static void* churn(void* seed) {
  uint64_t random = (uint64_t)(uintptr_t)seed * 0x9e3779b97f4a7c15u;
  static _Thread_local struct {
    char* p;
    size_t bytes;
    uint64_t id;
  } live[kLive];
  memset(live, 0, sizeof live);
  uintptr_t wrong = 0;
  for (uint64_t step = 1; step < 6000; ++step) {
    const unsigned i = next_random(&random) % kLive;
    const size_t bytes = 4200000 + next_random(&random) % 6000000;
    if (live[i].p && next_random(&random) % 4 == 0) {
      const size_t least = bytes < live[i].bytes ? bytes : live[i].bytes;
      char* q = realloc(live[i].p, bytes);
      if (!q) {
        ++wrong;
        continue;
      }
      wrong += *(uint64_t*)q != live[i].id;
      if (least == live[i].bytes) wrong += !holds(q, least, live[i].id);
      live[i].p = q;
      live[i].bytes = bytes;
      *(uint64_t*)q = *(uint64_t*)(q + ((bytes - 16) & ~(size_t)15)) = live[i].id;
      continue;
    }
    if (live[i].p) {
      wrong += !holds(live[i].p, live[i].bytes, live[i].id);
      free(live[i].p);
    }
    live[i].bytes = bytes;
    live[i].id = step;
    if (step % 8) {
      wrong += !(live[i].p = calloc(1, bytes)) || !mark(live[i].p, bytes, step);
      continue;
    }
    const size_t align = (size_t)kPage << next_random(&random) % 12;
    live[i].p = aligned_alloc(align, bytes);
    wrong += !live[i].p || (uintptr_t)live[i].p % align;
    if (live[i].p) mark(live[i].p, bytes, step);
  }
  for (unsigned i = 0; i < kLive; ++i) {
    if (live[i].p) wrong += !holds(live[i].p, live[i].bytes, live[i].id);
    free(live[i].p);
  }
  return (void*)wrong;
}

TEST(blocks_of_all_sizes_come_and_go_in_two_threads_and_keep_what_is_in_them) {
  pthread_t other;
  void* wrong;
  const long before = count_maps();
  EXPECT(!pthread_create(&other, NULL, churn, (void*)1), "contents");
  EXPECT(churn((void*)2) == NULL, "contents");
  pthread_join(other, &wrong);
  EXPECT(wrong == NULL, "contents");
  EXPECT(count_maps() <= before + 300, "%ld mappings and %ld before", count_maps(), before);
}

TEST(a_child_that_was_forked_in_the_middle_goes_on) {
  pthread_t other;
  pthread_create(&other, NULL, churn, (void*)3);
  for (int i = 0; i < 3; ++i) {
    usleep(20000);
    const pid_t child = fork();
    if (!child) {
      alarm(300);
      _exit(churn((void*)(uintptr_t)(4 + i)) != NULL);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(status == 0, "contents");
  }
  void* wrong;
  pthread_join(other, &wrong);
  EXPECT(wrong == NULL, "contents");
}

int main(int argc, char** argv) {
  if (argc > 1 && atol(argv[1]) > 0) nr_blocks = (size_t)atol(argv[1]), --argc, ++argv;
  return run_tests(argc, argv);
}
