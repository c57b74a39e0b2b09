// The small print of the single functions: errno, sizes that cannot be, alignments that are none, sizes of zero, blocks that
// came from one function and go to another, and the places in libc that allocate.
#include <malloc.h>
#include <mcheck.h>
#include <obstack.h>
#include <search.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../system/check.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static int is_glibc(void) { return getenv("KMEM_EXPECT_MALLOC") == NULL; }

enum { kWays = 8 };
static const char* const kWay[kWays] = {"malloc",        "calloc",   "realloc", "reallocarray",
                                        "aligned_alloc", "memalign", "valloc",  "pvalloc"};
static void* get(int way, size_t n, void* old) {
  switch (way) {
    case 0: return malloc(n);
    case 1: return calloc(n, 1);
    case 2: return realloc(old, n);
    case 3: return reallocarray(old, n, 1);
    case 4: return aligned_alloc(64, n);
    case 5: return memalign(256, n);
    case 6: return valloc(n);
    default: return pvalloc(n);
  }
}

// errno ------------------------------------------------------------------------------------------------------------------

TEST(no_function_that_succeeds_changes_errno) {
  const size_t sizes[] = {0, 1, 100, 5000, 50000, 400000, 6000000, 70000000};
  for (int way = 0; way < kWays; ++way) {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
      errno = 4711;
      void* p = get(way, opaque_size(sizes[i]), NULL);
      EXPECT(p && errno == 4711, "%s(%zu) = %p left errno %d", kWay[way], sizes[i], p, errno);
      EXPECT(malloc_usable_size(p) >= sizes[i] && errno == 4711, "malloc_usable_size left errno %d", errno);
      p = realloc(p, sizes[i] * 2 + 100);
      EXPECT(p && errno == 4711, "realloc(%zu) left errno %d", sizes[i] * 2 + 100, errno);
      p = realloc(p, sizes[i] / 3 + 1);
      EXPECT(p && errno == 4711, "realloc(%zu) left errno %d", sizes[i] / 3 + 1, errno);
      free(p);
      EXPECT(errno == 4711, "free left errno %d", errno);
    }
  }
  void* p = NULL;
  EXPECT(posix_memalign(&p, 4096, 100) == 0 && errno == 4711, "posix_memalign left errno %d", errno);
  free(p);
  malloc_trim(0);
  (void)mallinfo2();
  EXPECT(errno == 4711, "malloc_trim or mallinfo2 left errno %d", errno);
}

// The kernel refuses to cut a mapping in two where the process has as many as it may: what a free cannot give back it keeps,
// and says nothing.
static void free_between_mappings(void) {
  enum { kSize = 0x3000000 };
  char* blocks[3];
  for (int i = 0; i < 3; ++i) blocks[i] = malloc(kSize - 100);
  char name[] = "/tmp/small_print.XXXXXX";
  const int file = mkstemp(name);
  unlink(name);
  if (ftruncate(file, 4096) != 0) _exit(77);
  for (int i = 0; i < 70000; ++i)
    if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED) break;
  for (int i = 0; i < 3; ++i) {
    errno = 1789;
    free(opaque(blocks[(i + 1) % 3]));
    if (errno != 1789) _exit(1);
  }
  void* p = malloc(1000);
  if (!p) _exit(2);
  memset(opaque(p), 1, 1000);
  free(p);
  _exit(errno != 1789 ? 3 : 0);
}
TEST(free_keeps_errno_where_the_kernel_takes_no_more_mappings) {
  const pid_t child = fork();
  if (child == 0) free_between_mappings();
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77), "status %#x", status);
}

// Sizes that cannot be ------------------------------------------------------------------------------------------------------

static void refuse_everywhere(size_t n) {
  for (int way = 0; way < kWays; ++way) {
    unsigned char* old = malloc(16);
    fill(opaque(old), 16, 3);
    free(malloc(16));  // a small block at hand must not be given for a size that wrapped round
    errno = 0;
    void* p = get(way, opaque_size(n), old);
    EXPECT(p == NULL && errno == ENOMEM, "%s(%zu) = %p, errno %d", kWay[way], n, p, errno);
    EXPECT(is_filled(opaque(old), 16, 3), "%s(%zu) touched the old block", kWay[way], n);
    free(old);
  }
  for (size_t count = 2; count <= 8; count *= 2) {
    errno = 0;
    EXPECT(calloc(opaque_size(count), n / count + 1) == NULL && errno == ENOMEM, "calloc(%zu, %zu)", count, n / count + 1);
    errno = 0;
    EXPECT(calloc(n / count + 1, opaque_size(count)) == NULL && errno == ENOMEM, "calloc(%zu, %zu)", n / count + 1, count);
    errno = 0;
    EXPECT(reallocarray(NULL, n / count + 1, opaque_size(count)) == NULL && errno == ENOMEM, "reallocarray(%zu, %zu)",
           n / count + 1, count);
  }
}

static void refuse_at_each_alignment(size_t n) {
  for (size_t alignment = 1; alignment > 0; alignment <<= 1) {
    errno = 0;
    EXPECT(memalign(opaque_size(alignment), n) == NULL && errno == ENOMEM, "memalign(%zu, %zu): errno %d", alignment, n, errno);
    errno = 0;
    EXPECT(aligned_alloc(opaque_size(alignment), n) == NULL && errno == ENOMEM, "aligned_alloc(%zu, %zu): errno %d", alignment,
           n, errno);
    if (alignment < sizeof(void*)) continue;
    void* p = &p;
    errno = 4711;
    EXPECT(posix_memalign(&p, opaque_size(alignment), n) == ENOMEM && p == (void*)&p, "posix_memalign(%zu, %zu)", alignment, n);
    EXPECT(errno == 4711 || is_glibc(), "posix_memalign left errno %d", errno);
  }
}

TEST(sizes_near_the_largest_number_are_refused_by_every_function) {
  for (size_t i = 0; i < 1 << 14; i += i < 40 ? 1 : 509) {
    refuse_everywhere(SIZE_MAX - i);
    refuse_at_each_alignment(SIZE_MAX - i);
    refuse_everywhere((size_t)PTRDIFF_MAX + 1 + i);
    refuse_at_each_alignment((size_t)PTRDIFF_MAX + 1 + i);
  }
}

TEST(sizes_wider_than_any_address_are_refused_by_every_function) {
  // No machine has 2^50 bytes.  A host that promises all that it is asked for might still say yes.
  struct rlimit old, limit;
  getrlimit(RLIMIT_AS, &old);
  limit = old;
  const rlim_t most = ((rlim_t)1 << 50) - 1;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > most) limit.rlim_cur = most;
  setrlimit(RLIMIT_AS, &limit);
  for (size_t top = (1u << 14) - 1; top >= 1; top -= top > 300 ? 257 : 1) {
    refuse_everywhere((top << 50) | (((size_t)1 << 50) - 1));
    if (top % 8 == 1) refuse_at_each_alignment(top << 50);
  }
  setrlimit(RLIMIT_AS, &old);
}

// Alignments ----------------------------------------------------------------------------------------------------------------

TEST(alignments_that_are_none_are_refused) {
  const size_t bad[] = {0, 3, 65, 0x300, 4097, SIZE_MAX, SIZE_MAX - 4095};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    void* p = &p;
    EXPECT(posix_memalign(&p, bad[i], 10) == EINVAL && p == (void*)&p, "posix_memalign(%zu)", bad[i]);
    if (is_glibc()) continue;  // 2.36 rounds aligned_alloc's up, later ones refuse
    errno = 0;
    EXPECT(aligned_alloc(opaque_size(bad[i]), 64) == NULL && errno == EINVAL, "aligned_alloc(%zu): errno %d", bad[i], errno);
  }
  for (size_t alignment = 8; alignment < 1u << 23; alignment <<= 1) {
    if (is_glibc()) break;
    errno = 0;
    EXPECT(aligned_alloc(opaque_size(alignment + 1), 1) == NULL && errno == EINVAL, "aligned_alloc(%zu, 1)", alignment + 1);
  }
  for (size_t alignment = 1; alignment < sizeof(void*); alignment *= 2) {
    void* p = &p;
    EXPECT(posix_memalign(&p, alignment, 10) == EINVAL && p == (void*)&p, "posix_memalign(%zu)", alignment);
  }
  errno = 0;
  EXPECT(memalign(opaque_size(SIZE_MAX), 64) == NULL && errno == EINVAL, "memalign(SIZE_MAX, 64): errno %d", errno);
  errno = 0;
  EXPECT(aligned_alloc(opaque_size(SIZE_MAX / 2 + 1), opaque_size(SIZE_MAX / 2 + 1)) == NULL && errno == ENOMEM,
         "2^63 at 2^63");
  errno = 0;
  EXPECT(aligned_alloc(opaque_size((size_t)1 << 62), opaque_size(((size_t)3 << 62) + 1)) == NULL && errno == ENOMEM, "at 2^62");
}

TEST(memalign_rounds_an_odd_alignment_up) {
  for (size_t alignment = 1; alignment < 5000; alignment += alignment < 40 ? 1 : 97) {
    size_t power = 1;
    while (power < alignment) power *= 2;
    void* p = memalign(opaque_size(alignment), 100);
    EXPECT(p && is_aligned(p, power), "memalign(%zu, 100) = %p", alignment, p);
    free(p);
  }
}

TEST(each_size_at_each_alignment_up_to_itself) {
  for (size_t n = 1; n <= 2100; n += n < 1100 ? 1 : 7) {
    for (size_t alignment = 1; alignment <= n; alignment *= 2) {
      unsigned char* p[4];
      for (int i = 0; i < 4; ++i) {
        p[i] = aligned_alloc(alignment, n);
        EXPECT(p[i] && is_aligned(p[i], alignment), "aligned_alloc(%zu, %zu) = %p", alignment, n, (void*)p[i]);
        if (p[i]) fill(opaque(p[i]), n, n + (size_t)i);
      }
      for (int i = 0; i < 4; ++i) {
        EXPECT(p[i] && is_filled(p[i], n, n + (size_t)i), "aligned_alloc(%zu, %zu): overwritten", alignment, n);
        free(p[i]);
      }
    }
  }
}

TEST(alignments_up_to_128_mib_and_blocks_smaller_than_their_alignment) {
  const size_t sizes[] = {0, 8, 512, 1 << 19, 1 << 20, (1 << 22) + 1, 1 << 23};
  for (size_t alignment = 1; alignment <= 128u << 20; alignment *= 2) {
    void* p[sizeof sizes / sizeof sizes[0]];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
      p[i] = memalign(opaque_size(alignment), sizes[i]);
      EXPECT(p[i] && is_aligned(p[i], alignment), "memalign(%zu, %zu) = %p", alignment, sizes[i], p[i]);
      if (p[i] && sizes[i]) ((volatile char*)p[i])[0] = 1, ((volatile char*)p[i])[sizes[i] - 1] = 1;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) free(p[i]);
  }
}

TEST(an_aligned_block_costs_about_what_it_holds) {
  for (size_t n = 24; n <= 100000; n = n * 3 / 2) {
    const size_t alignment = 64;
    void* p = aligned_alloc(alignment, n);
    EXPECT(malloc_usable_size(p) <= n + n / 2 + 4096, "aligned_alloc(64, %zu) takes %zu", n, malloc_usable_size(p));
    free(p);
  }
  void* p = aligned_alloc(4096, 4097);
  EXPECT(malloc_usable_size(p) >= 4097 && malloc_usable_size(p) < 16000, "aligned_alloc(4096, 4097) takes %zu",
         malloc_usable_size(p));
  free(p);
}

// What was freed is used again -------------------------------------------------------------------------------------------

TEST(an_aligned_block_that_was_freed_is_given_again) {
  const char* words = getenv("KMEM");
  if (words && strstr(words, "hardened")) return;  // there it waits
  const size_t cases[][2] = {{24, 32}, {24, 64}, {128, 128}, {500, 128}};
  for (size_t i = 0; i < 4; ++i) {
    // kmem looks at the first blocks of each size, and keeps those apart.
    for (int warm = 0; warm < 40; ++warm) free(memalign(cases[i][1], cases[i][0]));
    int again = 0;
    for (int round = 0; round < 20; ++round) {
      void* p = opaque(memalign(cases[i][1], cases[i][0]));
      const size_t room = malloc_usable_size(p);
      free(p);
      void* q = memalign(cases[i][1], room);
      again += p == q;
      free(q);
    }
    EXPECT(again >= 15 || is_glibc(), "size %zu at %zu: %d of 20 came again", cases[i][0], cases[i][1], again);
  }
}

TEST(memory_of_large_aligned_blocks_is_used_again) {
  enum { kCount = 8 };
  const size_t before = resident_bytes();
  for (int round = 0; round < 2000; ++round) {
    void* p[kCount];
    for (int i = 0; i < kCount; ++i) {
      p[i] = memalign(64, 23450 + 100 * (size_t)i);
      REQUIRE(p[i] && is_aligned(p[i], 64), "memalign");
      memset(opaque(p[i]), 1, 23450);
    }
    for (int i = 0; i < kCount; ++i) free(p[i]);
  }
  EXPECT(resident_bytes() < before + (16u << 20), "resident memory went from %zu to %zu", before, resident_bytes());
}

// Sizes of zero -----------------------------------------------------------------------------------------------------------

TEST(a_size_of_zero_gives_a_block_that_can_be_freed_and_resized) {
  for (int way = 0; way < kWays; ++way) {
    void *p = get(way, opaque_size(0), NULL), *q = get(way, opaque_size(0), NULL);
    EXPECT(p && q && p != q, "%s(0) gave %p and %p", kWay[way], p, q);
    EXPECT(malloc_usable_size(p) > 0 || way >= 6, "%s(0) has no room at all", kWay[way]);
    p = realloc(p, 100);
    EXPECT(p != NULL, "realloc of %s(0)", kWay[way]);
    memset(opaque(p), 1, 100);
    free(p);
    free(q);
  }
  void *p = NULL, *q = NULL;
  EXPECT(posix_memalign(&p, sizeof(void*), 0) == 0 && p, "posix_memalign of 0");
  EXPECT(posix_memalign(&q, 4096, 0) == 0 && q && is_aligned(q, 4096), "posix_memalign(4096) of 0");
  free(p);
  free(q);
}

TEST(realloc_to_zero_frees_and_gives_null) {
  const size_t sizes[] = {0, 10, 5000, 100000, 6000000};
  for (size_t i = 0; i < 5; ++i) {
    void* p = malloc(sizes[i]);
    REQUIRE(p != NULL, "malloc(%zu)", sizes[i]);
    errno = 4711;
    p = realloc(p, opaque_size(0));
    EXPECT(p == NULL && errno == 4711, "realloc(%zu -> 0) = %p, errno %d", sizes[i], p, errno);
    p = reallocarray(malloc(sizes[i]), opaque_size(0), 16);
    EXPECT(p == NULL, "reallocarray(%zu -> 0) = %p", sizes[i], p);
  }
  errno = 4711;
  void *p = realloc(NULL, opaque_size(0)), *q = reallocarray(NULL, opaque_size(0), 16);
  EXPECT(p && q && errno == 4711, "realloc(NULL, 0) = %p, reallocarray(NULL, 0, 16) = %p, errno %d", p, q, errno);
  free(p);
  free(q);
}

TEST(calloc_of_zero_by_anything_gives_a_block) {
  const size_t many[] = {0, 1, 5, UINT32_MAX, SIZE_MAX};
  for (size_t i = 0; i < 5; ++i) {
    void *p = calloc(opaque_size(0), many[i]), *q = calloc(many[i], opaque_size(0));
    EXPECT(p && q && p != q, "calloc(0, %zu) = %p, and the other way %p", many[i], p, q);
    free(p);
    free(q);
  }
}

// Contents ----------------------------------------------------------------------------------------------------------------

TEST(calloc_is_zero_for_many_small_blocks) {
  enum { kCount = 20000 };
  static unsigned char* blocks[kCount];
  const size_t sizes[] = {5, 6, 15, 17, 31, 96};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; ++s) {
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < kCount; ++i) {
        blocks[i] = calloc(1, sizes[s]);
        REQUIRE(blocks[i] != NULL, "calloc");
        for (size_t at = 0; at < sizes[s]; ++at)
          EXPECT(blocks[i][at] == 0, "calloc(1, %zu): byte %zu of block %d", sizes[s], at, i);
        memset(blocks[i], 0xff, sizes[s]);
      }
      for (int i = kCount; i-- > 0;) free(blocks[i]);
    }
  }
}

// A heap that marks what is free inside of it could take an object with the same mark for one.
TEST(a_block_with_the_contents_of_a_freed_one_is_not_taken_for_it) {
  for (size_t n = 32; n <= 4096; n *= 2) {
    unsigned char *a = malloc(n), *b = malloc(n), *c = malloc(127 * 1024);
    REQUIRE(a && b && c, "malloc");
    memset(c, 0xff, 127 * 1024);
    unsigned char mark[32];
    unsigned char* const seen = opaque(a);
    free(a);
    memcpy(mark, seen, 32);
    memcpy(b, mark, 32);
    memcpy(c, mark, 32);
    free(b);
    free(c);
    a = malloc(n);
    b = malloc(n);
    EXPECT(a != b, "one block was given twice: %p", (void*)a);
    free(a);
    free(b);
  }
}

TEST(growing_step_by_step_copies_seldom) {
  const char* words = getenv("KMEM");
  if (words && (strstr(words, "hardened") || strstr(words, "slub_debug"))) return;  // there a block that grows always moves
  // A vector that grows by 64 bytes at a time up to 1 MiB: one that copied each time would copy 8 GiB.
  unsigned char* p = malloc(64);
  int moves = 0;
  for (size_t n = 64; n < 1u << 20; n += 64) {
    fill(opaque(p), 64, 5);
    unsigned char* q = realloc(p, n + 64);
    REQUIRE(q != NULL, "realloc(%zu)", n + 64);
    moves += q != p;
    p = q;
  }
  EXPECT(is_filled(opaque(p), 64, 5), "contents");
  EXPECT(moves < 400, "it moved %d times in 16,383 steps", moves);
  free(p);
}

TEST(growing_byte_by_byte_seldom_moves_where_blocks_are_checked_too) {
  unsigned char* p = malloc(1);
  int moves = 0;
  for (size_t n = 1; n <= 65536; ++n) {
    unsigned char* q = realloc(p, n);
    REQUIRE(q != NULL, "realloc(%zu)", n);
    q[n - 1] = (unsigned char)(n % 251);
    moves += q != p;
    p = q;
  }
  for (size_t n = 1; n <= 65536; ++n)
    if (p[n - 1] != n % 251) EXPECT(0, "byte %zu", n - 1);
  // A guarded block ends at a page, but for its alignment: each of its moves is worth 16 bytes.
  EXPECT(moves < 3000, "it moved %d times in 65,536 steps", moves);
  free(p);
}

// C23 ---------------------------------------------------------------------------------------------------------------------

TEST(sized_frees_take_null_and_what_they_are_told) {
  void (*sized)(void*, size_t);
  void (*aligned_sized)(void*, size_t, size_t);
  *(void**)&sized = dlsym(RTLD_DEFAULT, "free_sized");
  *(void**)&aligned_sized = dlsym(RTLD_DEFAULT, "free_aligned_sized");
  if (is_glibc() && (!sized || !aligned_sized)) return;
  REQUIRE(sized && aligned_sized, "free_sized and free_aligned_sized");
  errno = 4711;
  sized(NULL, 0);
  aligned_sized(NULL, 0, 0);
  const size_t sizes[] = {0, 1, 128, 5000, 100000, 6000000};
  for (int round = 0; round < 30; ++round) {
    for (size_t i = 0; i < 6; ++i) {
      if (sizes[i] > 200000 && round) continue;
      sized(malloc(sizes[i]), sizes[i]);
      sized(calloc(1, sizes[i]), sizes[i]);
      sized(realloc(malloc(10), sizes[i] + 1), sizes[i] + 1);
      aligned_sized(aligned_alloc(128, (sizes[i] + 127) / 128 * 128), 128, (sizes[i] + 127) / 128 * 128);
    }
  }
  EXPECT(errno == 4711, "errno %d", errno);
}

// Where libc allocates ------------------------------------------------------------------------------------------------------

TEST(obstacks_are_aligned_as_they_are_told) {
  for (int mask = 1; mask < 64; mask = mask * 2 + 1) {
    struct obstack stack;
    obstack_init(&stack);
    obstack_alignment_mask(&stack) = mask;
    (void)obstack_finish(&stack);
    char* last = NULL;
    for (int i = 0; i < 300; ++i) {
      last = obstack_alloc(&stack, 1000);
      EXPECT(((uintptr_t)last & (uintptr_t)mask) == 0, "%p at mask %#x", (void*)last, mask);
      memset(last, i, 1000);
    }
    for (int i = 0; i < 5000; ++i) obstack_1grow(&stack, 'x');
    const char* text = obstack_finish(&stack);
    EXPECT(text[0] == 'x' && text[4999] == 'x' && last[999] == (char)(299 & 0xff), "contents");
    obstack_free(&stack, NULL);
  }
}

static int nr_lines;
static void count_node(const void* node, VISIT visit, int depth) {
  (void)node, (void)depth;
  nr_lines += visit == postorder || visit == leaf;
}
static int compare_text(const void* a, const void* b) { return strcmp(a, b); }

// libc keeps mtrace() where nothing comes of it unless its own debugging library is preloaded.
TEST(mtrace_may_be_called_and_does_no_harm) {
  mtrace();
  void* root = NULL;
  char line[40];
  for (int i = 0; i < 5000; ++i) {
    snprintf(line, sizeof line, "line %d", i * 7919 % 3000);
    char* copy = strdup(line);
    char** place = tsearch(copy, &root, compare_text);
    REQUIRE(place != NULL, "tsearch");
    if (*place != copy) free(copy);
  }
  nr_lines = 0;
  twalk(root, count_node);
  EXPECT(nr_lines == 3000, "%d lines", nr_lines);
  tdestroy(root, free);
  muntrace();
}

// Another user of the break, or a wall behind it, is no concern of ours.
static void with_a_wall_behind_the_break(void) {
  char* const now = sbrk(0);
  char* const page = (char*)(((uintptr_t)now + 4095) & ~(uintptr_t)4095);
  if (mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != page) _exit(77);
  for (int i = 0; i < 100000; ++i)
    if (!malloc(opaque_size(16))) _exit(1);
  if (!malloc(opaque_size(10u << 20))) _exit(2);
  _exit(sbrk(0) != now ? 3 : 0);
}
TEST(the_break_of_the_process_cannot_grow_and_need_not) {
  const pid_t child = fork();
  if (child == 0) with_a_wall_behind_the_break();
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77), "status %#x", status);
}

TEST(the_break_is_the_programs) {
  if (is_glibc()) return;
  void* const before = sbrk(0);
  for (size_t n = 1; n < 50u << 20; n *= 3) free(malloc(opaque_size(n)));
  EXPECT(sbrk(0) == before, "the break moved from %p to %p", before, sbrk(0));
}

TEST(names_that_programs_may_look_for_are_there) {
  const char* const names[] = {"malloc",
                               "free",
                               "calloc",
                               "realloc",
                               "reallocarray",
                               "aligned_alloc",
                               "memalign",
                               "posix_memalign",
                               "valloc",
                               "pvalloc",
                               "malloc_usable_size",
                               "mallopt",
                               "mallinfo",
                               "mallinfo2",
                               "malloc_trim",
                               "malloc_stats",
                               "malloc_info",
                               "cfree",
                               "free_sized",
                               "free_aligned_sized"};
  const size_t common = 17;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    if (i >= common && is_glibc()) break;
    void* const at = dlsym(RTLD_DEFAULT, names[i]);
    Dl_info info;
    EXPECT(at != NULL, "%s", names[i]);
    if (is_glibc() || !at) continue;
    EXPECT(dladdr(at, &info) && info.dli_fname && strstr(info.dli_fname, "libkmem-malloc"), "%s is %s's", names[i],
           info.dli_fname);
  }
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
