// What malloc_usable_size() says is the caller's: to be written in full, and to be asked of realloc() without a move.
// glibc's manual leaves open how much that is; here each block of a size is tried, in every way of getting one.
#include <malloc.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../system/check.h"

static const size_t kSizes[] = {0,      1,      7,      16,      17,      24,      100,     130,     250,    1000,   1500,
                                3000,   4096,   5000,   9000,    20000,   32768,   32769,   40000,   65536,  100000, 131072,
                                200000, 300000, 500000, 1000000, 3000000, 4194303, 4194304, 4200000, 9000000};
enum { kNrSizes = sizeof kSizes / sizeof kSizes[0], kWays = 7 };
static const char* const kWay[kWays] = {
    "malloc", "calloc", "realloc", "aligned_alloc(64)", "memalign(4096)", "posix_memalign(512)", "valloc"};

static void* get(int way, size_t n) {
  void* p = NULL;
  switch (way) {
    case 0: return malloc(opaque_size(n));
    case 1: return calloc(opaque_size(n), 1);
    case 2: return realloc(malloc(8), n ? n : 1);
    case 3: return aligned_alloc(64, opaque_size(n));
    case 4: return memalign(4096, opaque_size(n));
    case 5: return posix_memalign(&p, 512, n) == 0 ? p : NULL;
    default: return valloc(opaque_size(n));
  }
}

// What a checker has to say about a block that was written where it may be is one report too many.
static int reports_file = -1, saved_stderr = -1;
static void catch_reports(void) {
  char name[] = "/tmp/usable.XXXXXX";
  reports_file = mkstemp(name);
  unlink(name);
  saved_stderr = dup(2);
  dup2(reports_file, 2);
}
static long caught_reports(void) {
  dup2(saved_stderr, 2);
  close(saved_stderr);
  const long bytes = (long)lseek(reports_file, 0, SEEK_END);
  char text[400] = {0};
  if (bytes > 0 && pread(reports_file, text, sizeof text - 1, 0) > 0) dprintf(2, "reported: %s\n", text);
  close(reports_file);
  return bytes;
}

static int is_glibc(void) { return getenv("KMEM_EXPECT_MALLOC") == NULL; }

TEST(the_usable_size_is_at_least_what_was_asked_for_and_the_same_each_time) {
  for (int way = 0; way < kWays; ++way) {
    for (int s = 0; s < kNrSizes; ++s) {
      void* p = get(way, kSizes[s]);
      REQUIRE(p != NULL, "%s of %zu", kWay[way], kSizes[s]);
      const size_t room = malloc_usable_size(p);
      EXPECT(room >= kSizes[s] && room > 0, "%s of %zu has room for %zu", kWay[way], kSizes[s], room);
      EXPECT(malloc_usable_size(p) == room, "%s of %zu: the second answer differs", kWay[way], kSizes[s]);
      free(p);
    }
  }
}

TEST(the_usable_size_may_be_written_in_full_without_a_report) {
  catch_reports();
  for (int round = 0; round < 12; ++round) {
    for (int way = 0; way < kWays; ++way) {
      for (int s = 0; s < kNrSizes; ++s) {
        if (kSizes[s] > 400000 && round > 1) continue;
        unsigned char* p = get(way, kSizes[s]);
        REQUIRE(p != NULL, "%s of %zu", kWay[way], kSizes[s]);
        const size_t room = malloc_usable_size(p);
        memset(opaque(p), 0xa0 + round, room);
        EXPECT(p[0] == 0xa0 + round && p[room - 1] == 0xa0 + round, "%s of %zu", kWay[way], kSizes[s]);
        if (round % 2) {
          p = realloc(p, room + 1000);
          REQUIRE(p != NULL, "realloc to %zu", room + 1000);
          memset(opaque(p), 0x11, malloc_usable_size(p));
        }
        free(p);
      }
    }
  }
  EXPECT(caught_reports() == 0, "something was reported");
}

TEST(realloc_to_the_usable_size_does_not_move) {
  for (int round = 0; round < 12; ++round) {
    for (int way = 0; way < kWays; ++way) {
      for (int s = 0; s < kNrSizes; ++s) {
        if (kSizes[s] > 400000 && round > 1) continue;
        unsigned char* p = get(way, kSizes[s]);
        REQUIRE(p != NULL, "%s of %zu", kWay[way], kSizes[s]);
        const size_t room = malloc_usable_size(p);
        unsigned char* q = realloc(p, room);
        EXPECT(q == p, "%s of %zu: realloc to its %zu bytes moved it", kWay[way], kSizes[s], room);
        EXPECT(malloc_usable_size(q) == room, "%s of %zu: room went from %zu to %zu", kWay[way], kSizes[s], room,
               malloc_usable_size(q));
        free(q);
      }
    }
  }
}

// Every size at this one's grain, from what there is down to half of it.
static void shrink_step_by_step(int way, size_t n) {
  unsigned char* p = get(way, n);
  REQUIRE(p != NULL, "%s of %zu", kWay[way], n);
  const size_t room = malloc_usable_size(p);
  const size_t tenth = room / 10 ? room / 10 : 1;
  for (size_t size = room; size && size >= room - room / 2; size = size > tenth ? size - tenth : 0) {
    unsigned char* q = get(way, n);
    REQUIRE(q != NULL, "%s of %zu", kWay[way], n);
    const size_t room_now = malloc_usable_size(q);
    if (size <= room_now && size >= room_now - room_now / 2) {
      fill(opaque(q), size, n);
      unsigned char* r = realloc(q, size);
      EXPECT(r == q, "%s of %zu: realloc from %zu to %zu moved it", kWay[way], n, room_now, size);
      EXPECT(malloc_usable_size(r) >= size, "%s of %zu: %zu usable after realloc to %zu", kWay[way], n, malloc_usable_size(r),
             size);
      EXPECT(is_filled(opaque(r), size, n), "%s of %zu: contents after realloc to %zu", kWay[way], n, size);
      memset(opaque(r), 3, malloc_usable_size(r));
      q = r;
    }
    free(q);
  }
  free(p);
}

TEST(realloc_to_not_less_than_half_of_it_does_not_move) {
  catch_reports();
  for (int round = 0; round < 3; ++round)
    for (int way = 0; way < kWays; ++way)
      for (int s = 0; s < kNrSizes; ++s)
        if (kSizes[s] <= 400000 || (round == 0 && way % 4 == 0)) shrink_step_by_step(way, kSizes[s]);
  EXPECT(caught_reports() == 0, "something was reported");
}

TEST(one_block_shrunk_again_and_again_keeps_its_contents) {
  for (int way = 0; way < kWays; ++way) {
    for (int s = 0; s < kNrSizes; ++s) {
      if (kSizes[s] > 400000 && way % 4) continue;
      size_t n = kSizes[s] ? kSizes[s] : 1;
      unsigned char* p = get(way, n);
      REQUIRE(p != NULL, "%s of %zu", kWay[way], n);
      fill(opaque(p), n, 77);
      while (n > 1) {
        n -= 1 + n / 5;
        if (n == 0) n = 1;
        p = realloc(p, n);
        REQUIRE(p != NULL, "realloc to %zu", n);
        EXPECT(is_filled(opaque(p), n, 77), "%s of %zu shrunk to %zu", kWay[way], kSizes[s], n);
        EXPECT(malloc_usable_size(p) >= n, "%zu usable of %zu", malloc_usable_size(p), n);
      }
      p = realloc(p, 3 * kSizes[s] + 5);
      REQUIRE(p != NULL, "realloc to %zu", 3 * kSizes[s] + 5);
      EXPECT(p[0] == (unsigned char)pattern_word(77, 0), "the first byte");
      free(p);
    }
  }
}

// A block that was shrunk is looked after as one that was asked for with its new size: what is written behind it is seen
// where the old end was guarded, and a free that names the new size is right.
TEST(a_sized_free_of_a_shrunk_block_is_no_mistake) {
  void (*sized)(void*, size_t);
  *(void**)&sized = dlsym(RTLD_DEFAULT, "free_sized");
  if (!sized) return;
  catch_reports();
  for (int round = 0; round < 12; ++round) {
    for (int s = 0; s < kNrSizes; ++s) {
      if (kSizes[s] < 10 || (kSizes[s] > 400000 && round)) continue;
      const size_t less = kSizes[s] - kSizes[s] / 3;
      void* p = realloc(malloc(kSizes[s]), less);
      REQUIRE(p != NULL, "realloc to %zu", less);
      sized(p, less);
    }
  }
  EXPECT(caught_reports() == 0, "something was reported");
}

TEST(what_is_written_behind_the_new_end_is_reported_where_blocks_are_checked) {
  const char* words = getenv("KMEM");
  if (!words || (!strstr(words, "hardened") && !strstr(words, "slub_debug"))) return;
  for (int s = 0; s < kNrSizes; ++s) {
    if (kSizes[s] < 10 || kSizes[s] > 400000) continue;
    catch_reports();
    const size_t less = (kSizes[s] - kSizes[s] / 4) | 1;  // never whole pages
    const pid_t child = fork();  // each with a report of its own: there is a limit on how many come at once
    if (child == 0) {
      char* p = realloc(malloc(kSizes[s]), less);
      if (p) ((volatile char*)p)[less] ^= 0x55;  // another value than the canary's, whatever that is
      free(p);
      _exit(0);
    }
    waitpid(child, NULL, 0);
    dup2(saved_stderr, 2);
    EXPECT(lseek(reports_file, 0, SEEK_END) > 0, "a write behind %zu bytes of %zu was not seen", less, kSizes[s]);
    close(saved_stderr);
    close(reports_file);
  }
}

/// What malloc_usable_size(p) writes to standard error in a child, and in `*size` its answer, 0 if it ended the child.
static long said_of(const void* p, size_t* size) {
  size_t* const answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  catch_reports();
  const pid_t child = fork();
  if (child == 0) {
    *answer = malloc_usable_size((void*)p);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  *size = *answer;
  munmap(answer, 4096);
  dup2(saved_stderr, 2);
  const long bytes = (long)lseek(reports_file, 0, SEEK_END);
  close(saved_stderr);
  close(reports_file);
  return bytes;
}

TEST(what_is_no_block_has_no_size_and_is_reported_where_blocks_are_checked) {
  if (is_glibc()) return;
  const char* words = getenv("KMEM");
  const int hardened = words && strstr(words, "hardened");
  char *small = malloc(100), *freed = malloc(100), *large = malloc(300000), local[64];
  free(opaque(freed));
  const void* const wrong[] = {small + 16, small + 1, large + 4096, local, (void*)8};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
    size_t size;
    EXPECT((said_of(wrong[i], &size) > 0) == hardened, "wrong pointer %zu: reported or not", i);
    EXPECT(size == 0, "wrong pointer %zu has room for %zu", i, size);
  }
  if (!hardened) return;  // one that was freed just now is in use for the slab, where frees are not looked at
  size_t size;
  EXPECT(said_of(freed, &size) > 0 && size == 0, "a freed block has room for %zu", size);
}

TEST(pvalloc_gives_whole_pages_to_use) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (size_t n = 0; n < 10 * page; n += page / 3) {
    char* p = pvalloc(n);
    REQUIRE(p != NULL, "pvalloc(%zu)", n);
    const size_t whole = n ? (n + page - 1) / page * page : page;
    // glibc's pvalloc(0) has no page behind it.
    if (n || !is_glibc()) EXPECT(malloc_usable_size(p) >= whole, "pvalloc(%zu): %zu usable", n, malloc_usable_size(p));
    if (n || !is_glibc()) memset(p, 1, whole);
    free(p);
  }
}

TEST(a_block_that_another_thread_or_alignment_made_can_grow) {
  for (size_t alignment = 16; alignment <= 1u << 20; alignment *= 4) {
    for (int s = 1; s < kNrSizes && kSizes[s] < 600000; ++s) {
      unsigned char* p = memalign(alignment, kSizes[s]);
      REQUIRE(p != NULL && is_aligned(p, alignment), "memalign(%zu, %zu) = %p", alignment, kSizes[s], (void*)p);
      fill(opaque(p), kSizes[s], s);
      p = realloc(p, kSizes[s] * 2 + 1);
      REQUIRE(p != NULL, "realloc to %zu", kSizes[s] * 2 + 1);
      EXPECT(is_aligned(p, 16) && is_filled(opaque(p), kSizes[s], s), "contents of %zu at %zu", kSizes[s], alignment);
      free(p);
    }
  }
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
