// What malloc and its relatives promise: the C standard, POSIX, and the manual pages that programs rely on.
// Every check here holds on glibc's malloc too, so that a failure is the tested allocator's.
#include <malloc.h>

#include "check.h"

static const size_t kSizes[] = {1,     2,      8,      15,     16,     17,     24,      48,      64,      100,     127,
                                128,   129,    192,    255,    256,    257,    500,     1000,    1024,    1025,    2048,
                                3000,  4095,   4096,   4097,   5000,   8192,   10000,   16384,   32768,   40000,   65536,
                                70000, 100000, 131072, 131073, 262144, 500000, 1048576, 1048577, 3000000, 20000000};
enum { kNrSizes = sizeof kSizes / sizeof kSizes[0] };

// Sizes that no machine has: beyond PTRDIFF_MAX, and so near SIZE_MAX that rounding up overflows.
static const size_t kImpossible[] = {(size_t)PTRDIFF_MAX,
                                     (size_t)PTRDIFF_MAX + 1,
                                     (size_t)PTRDIFF_MAX - 1,
                                     (size_t)PTRDIFF_MAX - 64,
                                     SIZE_MAX,
                                     SIZE_MAX - 1,
                                     SIZE_MAX - 8,
                                     SIZE_MAX - 15,
                                     SIZE_MAX - 16,
                                     SIZE_MAX - 63,
                                     SIZE_MAX - 4095,
                                     SIZE_MAX - 4096,
                                     SIZE_MAX - 65536,
                                     SIZE_MAX / 2 + 4096,
                                     SIZE_MAX - (2u << 20)};
enum { kNrImpossible = sizeof kImpossible / sizeof kImpossible[0] };

static int is_zero(const void* p, size_t n) {
  const unsigned char* bytes = p;
  return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

TEST(malloc_of_zero_bytes_gives_distinct_pointers) {
  enum { kCount = 1000 };
  void* blocks[kCount];
  for (int i = 0; i < kCount; ++i) {
    blocks[i] = malloc(opaque_size(0));
    EXPECT(blocks[i] != NULL, "malloc(0), call %d", i);
    for (int j = 0; j < i; ++j) EXPECT(blocks[i] != blocks[j], "malloc(0) gave %p twice", blocks[i]);
  }
  for (int i = 0; i < kCount; ++i) free(blocks[i]);
}

TEST(every_size_up_to_9000_is_aligned_to_16_and_usable) {
  for (size_t n = 1; n <= 9000; ++n) {
    void* p = malloc(opaque_size(n));
    REQUIRE(p != NULL, "malloc(%zu)", n);
    EXPECT(is_aligned(p, 16), "malloc(%zu) = %p", n, p);
    EXPECT(malloc_usable_size(p) >= n, "malloc(%zu) has %zu usable", n, malloc_usable_size(p));
    memset(p, 0x5a, n);
    free(p);
  }
}

TEST(larger_sizes_are_aligned_to_16_and_usable) {
  for (size_t n = 9001; n <= 6u << 20; n += n / 61) {
    void* p = malloc(opaque_size(n));
    REQUIRE(p != NULL, "malloc(%zu)", n);
    EXPECT(is_aligned(p, 16), "malloc(%zu) = %p", n, p);
    EXPECT(malloc_usable_size(p) >= n, "malloc(%zu) has %zu usable", n, malloc_usable_size(p));
    memset(p, 0x5a, n);
    free(p);
  }
}

TEST(blocks_do_not_overlap_when_written_to_their_usable_size) {
  enum { kCount = 4000 };
  static void* blocks[kCount];
  static size_t sizes[kCount];
  uint64_t random = 12345;
  for (size_t i = 0; i < kCount; ++i) {
    const size_t n = 1 + next_random(&random) % (i % 100 == 0 ? 200000 : 2000);
    blocks[i] = malloc(n);
    REQUIRE(blocks[i] != NULL, "malloc(%zu)", n);
    sizes[i] = malloc_usable_size(blocks[i]);
    fill(opaque(blocks[i]), sizes[i], i);
  }
  for (size_t i = 0; i < kCount; ++i)
    EXPECT(is_filled(blocks[i], sizes[i], i), "block %zu at %p of %zu bytes, offset %zu", i, blocks[i], sizes[i],
           first_wrong_byte(blocks[i], sizes[i], i));
  for (size_t i = 0; i < kCount; ++i) free(blocks[i]);
}

TEST(freeing_null_does_nothing) {
  for (int i = 0; i < 100; ++i) free(opaque(NULL));
}

TEST(free_preserves_errno) {
  for (int i = 0; i < kNrSizes; ++i) {
    void* p = malloc(kSizes[i]);
    REQUIRE(p != NULL, "malloc(%zu)", kSizes[i]);
    errno = 4711;
    free(opaque(p));
    EXPECT(errno == 4711, "free of %zu bytes left errno %d", kSizes[i], errno);
  }
  errno = 4711;
  free(opaque(NULL));
  EXPECT(errno == 4711, "free(NULL) left errno %d", errno);
}

TEST(impossible_sizes_give_null_and_enomem) {
  for (int i = 0; i < kNrImpossible; ++i) {
    const size_t n = opaque_size(kImpossible[i]);
    errno = 0;
    EXPECT(malloc(n) == NULL, "malloc(%zu)", n);
    EXPECT(errno == ENOMEM, "malloc(%zu) left errno %d", n, errno);
    errno = 0;
    EXPECT(calloc(1, n) == NULL, "calloc(1, %zu)", n);
    EXPECT(errno == ENOMEM, "calloc(1, %zu) left errno %d", n, errno);
    errno = 0;
    EXPECT(realloc(opaque(NULL), n) == NULL, "realloc(NULL, %zu)", n);
    EXPECT(errno == ENOMEM, "realloc(NULL, %zu) left errno %d", n, errno);
    errno = 0;
    EXPECT(memalign(4096, n) == NULL, "memalign(4096, %zu)", n);
    EXPECT(errno == ENOMEM, "memalign(4096, %zu) left errno %d", n, errno);
    errno = 0;
    EXPECT(aligned_alloc(64, n) == NULL, "aligned_alloc(64, %zu)", n);
    EXPECT(errno == ENOMEM, "aligned_alloc(64, %zu) left errno %d", n, errno);
    errno = 0;
    EXPECT(valloc(n) == NULL, "valloc(%zu)", n);
    EXPECT(errno == ENOMEM, "valloc(%zu) left errno %d", n, errno);
    errno = 0;
    EXPECT(pvalloc(n) == NULL, "pvalloc(%zu)", n);
    EXPECT(errno == ENOMEM, "pvalloc(%zu) left errno %d", n, errno);
  }
}

TEST(after_impossible_sizes_ordinary_ones_still_work) {
  for (int i = 0; i < kNrImpossible; ++i) (void)!malloc(opaque_size(kImpossible[i]));
  void* p = malloc(1000);
  REQUIRE(p != NULL, "malloc(1000)");
  memset(p, 1, 1000);
  free(p);
}

TEST(calloc_clears_memory_that_was_used_before) {
  enum { kCount = 64 };
  for (int s = 0; s < kNrSizes; ++s) {
    const size_t n = kSizes[s];
    const int count = n > 1000000 ? 3 : kCount;
    void* blocks[kCount];
    for (int i = 0; i < count; ++i) {
      blocks[i] = malloc(n);
      REQUIRE(blocks[i] != NULL, "malloc(%zu)", n);
      memset(opaque(blocks[i]), 0xff, malloc_usable_size(blocks[i]));
    }
    for (int i = 0; i < count; ++i) free(blocks[i]);
    for (int i = 0; i < count; ++i) {
      blocks[i] = calloc(opaque_size(1), n);
      REQUIRE(blocks[i] != NULL, "calloc(1, %zu)", n);
      EXPECT(is_zero(opaque(blocks[i]), n), "calloc(1, %zu), block %d at %p", n, i, blocks[i]);
    }
    for (int i = 0; i < count; ++i) free(blocks[i]);
  }
}

TEST(calloc_clears_large_blocks_cut_from_recycled_larger_ones) {
  for (int round = 0; round < 8; ++round) {
    const size_t n = (size_t)(1 + round) * 700001;
    void* p = malloc(n * 3);
    REQUIRE(p != NULL, "malloc(%zu)", n * 3);
    memset(opaque(p), 0xee, n * 3);
    free(p);
    unsigned char* a = calloc(opaque_size(n), 1);
    unsigned char* b = calloc(opaque_size(n / 100 + 1), 100);
    REQUIRE(a != NULL && b != NULL, "calloc of %zu", n);
    EXPECT(is_zero(opaque(a), n), "first block of %zu", n);
    EXPECT(is_zero(opaque(b), n), "second block of %zu", n);
    free(a);
    free(b);
  }
}

TEST(calloc_refuses_a_product_that_overflows) {
  const size_t half = opaque_size((size_t)1 << 32);
  const size_t factors[][2] = {{half, half},           {SIZE_MAX, 2},         {2, SIZE_MAX},
                               {SIZE_MAX, SIZE_MAX},   {SIZE_MAX / 2 + 1, 2}, {SIZE_MAX / 3 + 1, 3},
                               {3, SIZE_MAX / 3 + 17}, {half + 1, half},      {SIZE_MAX / 16 + 1, 16}};
  for (size_t i = 0; i < sizeof factors / sizeof factors[0]; ++i) {
    errno = 0;
    void* p = calloc(opaque_size(factors[i][0]), opaque_size(factors[i][1]));
    EXPECT(p == NULL, "calloc(%zu, %zu)", factors[i][0], factors[i][1]);
    EXPECT(errno == ENOMEM, "calloc(%zu, %zu) left errno %d", factors[i][0], factors[i][1], errno);
    free(p);
  }
}

TEST(calloc_of_nothing_gives_distinct_pointers) {
  void* a = calloc(opaque_size(0), 5);
  void* b = calloc(opaque_size(5), 0);
  EXPECT(a != NULL && b != NULL && a != b, "calloc(0, 5) = %p, calloc(5, 0) = %p", a, b);
  free(a);
  free(b);
}

TEST(realloc_of_null_allocates) {
  void* p = realloc(opaque(NULL), opaque_size(100));
  REQUIRE(p != NULL, "realloc(NULL, 100)");
  memset(p, 1, 100);
  free(p);
}

TEST(realloc_to_zero_frees_and_does_not_leak) {
  // C leaves open what is returned: glibc frees and gives NULL, others a block of size 0.  Both must not leak.
  const size_t before = resident_bytes();
  for (int i = 0; i < 20000; ++i) {
    void* p = malloc(10000);
    REQUIRE(p != NULL, "malloc, round %d", i);
    memset(opaque(p), 1, 10000);
    free(realloc(p, opaque_size(0)));
  }
  const size_t after = resident_bytes();
  EXPECT(after < before + (64u << 20), "resident memory went from %zu to %zu", before, after);
}

TEST(realloc_keeps_contents_from_every_size_to_every_other) {
  for (int from = 0; from < kNrSizes; ++from) {
    for (int to = 0; to < kNrSizes; ++to) {
      const size_t n = kSizes[from], m = kSizes[to], kept = n < m ? n : m;
      if (kept > 1100000) continue;  // the large ones have their own tests: this one is to stay quick
      unsigned char* p = malloc(n);
      REQUIRE(p != NULL, "malloc(%zu)", n);
      fill(opaque(p), kept, n);
      unsigned char* q = realloc(p, m);
      REQUIRE(q != NULL, "realloc(%zu -> %zu)", n, m);
      EXPECT(is_aligned(q, 16), "realloc(%zu -> %zu) = %p", n, m, (void*)q);
      EXPECT(is_filled(opaque(q), kept, n), "realloc(%zu -> %zu), offset %zu", n, m, first_wrong_byte(q, kept, n));
      EXPECT(malloc_usable_size(q) >= m, "realloc(%zu -> %zu) has %zu usable", n, m, malloc_usable_size(q));
      free(q);
    }
  }
}

TEST(realloc_step_by_step_keeps_contents) {
  size_t n = 1;
  unsigned char* p = malloc(n);
  REQUIRE(p != NULL, "malloc(1)");
  fill(p, n, 1);
  while (n < 3u << 20) {
    const size_t larger = n + 1 + n / 7;
    p = realloc(p, larger);
    REQUIRE(p != NULL, "realloc to %zu", larger);
    EXPECT(is_filled(opaque(p), n, 1), "growing %zu to %zu, offset %zu", n, larger, first_wrong_byte(p, n, 1));
    fill(p, larger, 1);
    n = larger;
  }
  while (n > 1) {
    n -= 1 + n / 9;
    if (n == 0) n = 1;
    p = realloc(p, n);
    REQUIRE(p != NULL, "realloc to %zu", n);
    EXPECT(is_filled(opaque(p), n, 1), "shrinking to %zu, offset %zu", n, first_wrong_byte(p, n, 1));
  }
  free(p);
}

TEST(realloc_of_large_blocks_keeps_contents) {
  size_t n = 1u << 20;
  unsigned char* p = malloc(n);
  REQUIRE(p != NULL, "malloc(%zu)", n);
  fill(p, n, 3);
  for (; n < 64u << 20; n *= 2) {
    p = realloc(p, n * 2);
    REQUIRE(p != NULL, "realloc to %zu", n * 2);
    EXPECT(is_filled(opaque(p), 1u << 20, 3), "growing to %zu", n * 2);
    p[n * 2 - 1] = 1;
  }
  for (; n >= 1u << 20; n /= 2) {
    p = realloc(p, n);
    REQUIRE(p != NULL, "realloc to %zu", n);
    EXPECT(is_filled(opaque(p), 1u << 20, 3), "shrinking to %zu", n);
  }
  free(p);
}

TEST(growing_a_large_untouched_block_touches_nothing) {
  // What a copy would do: read 256 MiB of zero pages and write 256 MiB of new ones.
  const size_t n = 256u << 20;
  unsigned char* p = malloc(opaque_size(n));
  REQUIRE(p != NULL, "malloc(%zu)", n);
  p[0] = 42;
  p[n - 1] = 43;
  const size_t before = resident_bytes();
  p = realloc(p, n * 2);
  REQUIRE(p != NULL, "realloc(%zu)", n * 2);
  const size_t after = resident_bytes();
  EXPECT(p[0] == 42 && p[n - 1] == 43, "contents %d %d", p[0], p[n - 1]);
  EXPECT(after < before + (32u << 20), "resident memory went from %zu to %zu", before, after);
  free(p);
}

TEST(shrinking_a_large_block_gives_memory_back) {
  const size_t n = 64u << 20;
  unsigned char* p = malloc(opaque_size(n));
  REQUIRE(p != NULL, "malloc(%zu)", n);
  memset(opaque(p), 1, n);
  const size_t before = resident_bytes();
  p = realloc(p, 1u << 20);
  REQUIRE(p != NULL, "realloc to 1 MiB");
  const size_t after = resident_bytes();
  EXPECT(after + (32u << 20) < before, "resident memory went from %zu to %zu", before, after);
  free(p);
}

TEST(a_failed_realloc_leaves_the_block_as_it_was) {
  for (int i = 0; i < kNrImpossible; ++i) {
    unsigned char* p = malloc(1000);
    REQUIRE(p != NULL, "malloc(1000)");
    fill(opaque(p), 1000, 9);
    errno = 0;
    EXPECT(realloc(p, opaque_size(kImpossible[i])) == NULL, "realloc to %zu", kImpossible[i]);
    EXPECT(errno == ENOMEM, "realloc to %zu left errno %d", kImpossible[i], errno);
    EXPECT(is_filled(opaque(p), 1000, 9), "contents after realloc to %zu", kImpossible[i]);
    free(p);
  }
}

TEST(reallocarray_refuses_a_product_that_overflows) {
  unsigned char* p = malloc(1000);
  REQUIRE(p != NULL, "malloc(1000)");
  fill(opaque(p), 1000, 5);
  errno = 0;
  EXPECT(reallocarray(p, opaque_size(SIZE_MAX / 2), opaque_size(3)) == NULL, "product overflows");
  EXPECT(errno == ENOMEM, "errno %d", errno);
  errno = 0;
  EXPECT(reallocarray(p, opaque_size((size_t)1 << 32), opaque_size((size_t)1 << 32)) == NULL, "product is 2^64");
  EXPECT(errno == ENOMEM, "errno %d", errno);
  EXPECT(is_filled(opaque(p), 1000, 5), "contents");
  p = reallocarray(p, 300, 10);
  REQUIRE(p != NULL, "reallocarray(300, 10)");
  EXPECT(is_filled(opaque(p), 1000, 5), "contents after growing");
  free(p);
}

TEST(posix_memalign_refuses_bad_alignments_and_leaves_errno_alone) {
  const size_t bad[] = {0, 1, 2, 3, 4, 7, 12, 24, 48, 100, 4095, 4097, SIZE_MAX, SIZE_MAX - 7, 3u << 20};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    void* p = &p;
    errno = 4711;
    const int result = posix_memalign(&p, opaque_size(bad[i]), 100);
    EXPECT(result == EINVAL, "alignment %zu gave %d", bad[i], result);
    EXPECT(errno == 4711, "alignment %zu left errno %d", bad[i], errno);
    EXPECT(p == (void*)&p, "alignment %zu changed the pointer to %p", bad[i], p);
  }
}

TEST(posix_memalign_of_an_impossible_size_returns_enomem) {
  for (int i = 0; i < kNrImpossible; ++i) {
    void* p = &p;
    const int result = posix_memalign(&p, 64, opaque_size(kImpossible[i]));
    EXPECT(result == ENOMEM, "size %zu gave %d", kImpossible[i], result);
    EXPECT(p == (void*)&p, "size %zu changed the pointer to %p", kImpossible[i], p);
  }
}

static void check_aligned_block(const char* function, unsigned char* p, size_t alignment, size_t n) {
  REQUIRE(p != NULL, "%s(%zu, %zu)", function, alignment, n);
  EXPECT(is_aligned(p, alignment), "%s(%zu, %zu) = %p", function, alignment, n, (void*)p);
  EXPECT(malloc_usable_size(p) >= n, "%s(%zu, %zu) has %zu usable", function, alignment, n, malloc_usable_size(p));
  fill(opaque(p), n, alignment);
}

TEST(alignments_up_to_64_mib_are_kept) {
  const size_t sizes[] = {1, 24, 100, 1000, 4096, 4097, 100000, 3000000};
  for (size_t alignment = sizeof(void*); alignment <= 64u << 20; alignment *= 2) {
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; ++s) {
      const size_t n = sizes[s];
      void* p[3] = {NULL, NULL, NULL};
      EXPECT(posix_memalign(&p[0], alignment, n) == 0, "posix_memalign(%zu, %zu)", alignment, n);
      p[1] = aligned_alloc(alignment, n);
      p[2] = memalign(alignment, n);
      const char* const functions[] = {"posix_memalign", "aligned_alloc", "memalign"};
      for (int i = 0; i < 3; ++i) check_aligned_block(functions[i], p[i], alignment, n);
      for (int i = 0; i < 3; ++i) EXPECT(p[i] == NULL || is_filled(p[i], n, alignment), "%s: overwritten", functions[i]);
      for (int i = 0; i < 3; ++i) free(p[i]);
    }
  }
}

TEST(every_small_size_is_aligned_when_it_comes_from_the_slab_and_again_when_it_was_freed) {
  for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
    for (size_t n = 1; n <= 9000; n += n < 600 ? 1 : 53) {
      for (int again = 0; again < 3; ++again) {
        unsigned char* p = aligned_alloc(opaque_size(alignment), n);
        check_aligned_block("aligned_alloc", p, alignment, n);
        EXPECT(is_filled(opaque(p), n, alignment), "contents");
        free(p);
      }
    }
  }
}

TEST(many_aligned_blocks_live_side_by_side) {
  enum { kCount = 600 };
  static unsigned char* blocks[kCount];
  static size_t sizes[kCount];
  uint64_t random = 99;
  for (size_t i = 0; i < kCount; ++i) {
    const size_t alignment = (size_t)8 << next_random(&random) % 12;
    sizes[i] = 1 + next_random(&random) % 6000;
    blocks[i] = memalign(alignment, sizes[i]);
    check_aligned_block("memalign", blocks[i], alignment, sizes[i]);
    if (blocks[i] != NULL) fill(blocks[i], sizes[i], i);
  }
  for (size_t i = 0; i < kCount; ++i) EXPECT(is_filled(blocks[i], sizes[i], i), "block %zu", i);
  for (size_t i = 0; i < kCount; i += 2) free(blocks[i]);
  for (size_t i = 1; i < kCount; i += 2) {
    EXPECT(is_filled(blocks[i], sizes[i], i), "block %zu after its neighbours were freed", i);
    blocks[i] = realloc(blocks[i], sizes[i] * 3);
    REQUIRE(blocks[i] != NULL, "realloc of an aligned block");
    EXPECT(is_filled(blocks[i], sizes[i], i), "block %zu after realloc", i);
    free(blocks[i]);
  }
}

TEST(odd_alignments_to_memalign_and_aligned_alloc_give_a_block_or_einval) {
  // glibc rounds memalign's alignment up to a power of two; others refuse.  Neither may crash or give too little.
  const size_t odd[] = {0, 1, 3, 24, 48, 100, 5000};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; ++i) {
    void* p[2];
    for (int which = 0; which < 2; ++which) {
      errno = 0;
      p[which] = which ? aligned_alloc(opaque_size(odd[i]), 200) : memalign(opaque_size(odd[i]), 200);
      if (p[which] == NULL) EXPECT(errno == EINVAL, "alignment %zu left errno %d", odd[i], errno);
      if (p[which] != NULL) memset(p[which], 1, 200);
    }
    free(p[0]);
    free(p[1]);
  }
}

TEST(an_impossible_alignment_gives_null) {
  errno = 0;
  void* p = memalign(opaque_size((SIZE_MAX >> 1) + 1), 64);
  EXPECT(p == NULL, "memalign(2^63, 64) = %p", p);
  EXPECT(errno == ENOMEM || errno == EINVAL, "errno %d", errno);
  void* q = &q;
  const int result = posix_memalign(&q, opaque_size((size_t)1 << 62), 64);
  EXPECT(result == ENOMEM || result == EINVAL, "posix_memalign(2^62, 64) gave %d", result);
}

TEST(valloc_and_pvalloc_give_whole_pages) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (size_t n = 1; n < 5 * page; n += 1021) {
    void* p = valloc(n);
    void* q = pvalloc(n);
    REQUIRE(p != NULL && q != NULL, "valloc and pvalloc of %zu", n);
    EXPECT(is_aligned(p, page) && is_aligned(q, page), "valloc(%zu) = %p, pvalloc = %p", n, p, q);
    EXPECT(malloc_usable_size(q) >= (n + page - 1) / page * page, "pvalloc(%zu): %zu", n, malloc_usable_size(q));
    memset(p, 1, n);
    memset(q, 2, (n + page - 1) / page * page);
    free(p);
    free(q);
  }
}

TEST(usable_size_of_null_is_zero) {
  EXPECT(malloc_usable_size(opaque(NULL)) == 0, "malloc_usable_size(NULL) = %zu", malloc_usable_size(NULL));
}

TEST(memory_that_libc_allocates_can_be_freed_and_reallocated) {
  char* copy = strdup("a word");
  char* text = NULL;
  EXPECT(asprintf(&text, "%s and %d", copy, 12) == 13, "asprintf");
  EXPECT(text != NULL && strcmp(text, "a word and 12") == 0, "asprintf: %s", text);
  copy = realloc(copy, 1000);
  EXPECT(copy != NULL && strcmp(copy, "a word") == 0, "realloc of a strdup");
  char* stream_text = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&stream_text, &length);
  REQUIRE(stream != NULL, "open_memstream");
  for (int i = 0; i < 10000; ++i) fprintf(stream, "%d\n", i);
  fclose(stream);
  EXPECT(length == 48890, "open_memstream wrote %zu", length);
  free(stream_text);
  free(text);
  free(copy);
  char* directory = realpath("/proc/self/..", NULL);
  EXPECT(directory != NULL && strcmp(directory, "/proc") == 0, "realpath: %s", directory);
  free(directory);
}

TEST(malloc_trim_says_zero_or_one) {
  const int result = malloc_trim(0);
  EXPECT(result == 0 || result == 1, "malloc_trim(0) = %d", result);
  EXPECT(malloc_trim(SIZE_MAX / 4) <= 1, "malloc_trim of a large pad");
}

TEST(mallinfo2_sees_what_is_in_use) {
  struct mallinfo2 before = mallinfo2();
  void* small[1000];
  for (int i = 0; i < 1000; ++i) small[i] = malloc(10000);
  void* large = malloc(50000000);
  REQUIRE(large != NULL, "malloc(50000000)");
  struct mallinfo2 after = mallinfo2();
  const size_t used_before = before.uordblks + before.hblkhd, used_after = after.uordblks + after.hblkhd;
  EXPECT(used_after >= used_before + 50000000 + 5000000, "in use went from %zu to %zu", used_before, used_after);
  EXPECT(after.arena + after.hblkhd >= 50000000, "arena %zu, hblkhd %zu", after.arena, after.hblkhd);
  for (int i = 0; i < 1000; ++i) free(small[i]);
  free(large);
}

TEST(malloc_stats_writes_to_standard_error) {
  char name[] = "/tmp/malloc_stats.XXXXXX";
  const int file = mkstemp(name);
  REQUIRE(file >= 0, "mkstemp");
  unlink(name);
  fflush(stderr);
  const int saved = dup(2);
  dup2(file, 2);
  malloc_stats();
  fflush(stderr);
  dup2(saved, 2);
  close(saved);
  EXPECT(lseek(file, 0, SEEK_END) > 0, "malloc_stats wrote nothing");
  close(file);
}

TEST(mallopt_and_malloc_info_do_no_harm) {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_ARENA_MAX, 1);
  char* text = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&text, &length);
  REQUIRE(stream != NULL, "open_memstream");
  malloc_info(0, stream);
  fclose(stream);
  free(text);
  free(malloc(100));
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
