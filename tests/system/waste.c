// How much larger a block may be than what was asked for: at most an eighth, from 128 bytes to 1 MiB.  This is the
// promise of kmem's size classes and not of malloc in general, so that this program fails on glibc.
#include <malloc.h>
#include <sys/wait.h>

#include "check.h"

static size_t usable(size_t n) {
  void* p = malloc(opaque_size(n));
  if (p == NULL) return 0;
  const size_t result = malloc_usable_size(p);
  free(p);
  return result;
}

TEST(small_blocks_are_multiples_of_16) {
  for (size_t n = 1; n < 128; ++n) {
    const size_t got = usable(n);
    EXPECT(got >= n && got % 16 == 0, "malloc(%zu) has %zu usable", n, got);
    EXPECT(got <= (n + 15) / 16 * 16, "malloc(%zu) has %zu usable", n, got);
  }
}

TEST(blocks_of_128_bytes_to_1_mib_waste_at_most_an_eighth) {
  // Waste as a part of the block, the usual reading: the next class is at most 1/7 above, exact classes are at 1/8.
  size_t worst = 0;
  double worst_waste = 0;
  for (size_t n = 128; n <= 1u << 20; n += n < 20000 ? 1 : n / 1999) {
    const size_t got = usable(n);
    const double waste = got == 0 ? 1 : (double)(got - n) / (double)got;
    EXPECT(got >= n, "malloc(%zu) has %zu usable", n, got);
    if (waste > worst_waste) worst_waste = waste, worst = n;
  }
  EXPECT(worst_waste <= 0.125, "malloc(%zu) has %zu usable: %.1f %% wasted", worst, usable(worst), 100 * worst_waste);
  dprintf(1, "worst: malloc(%zu) has %zu usable, %.1f %% wasted\n", worst, usable(worst), 100 * worst_waste);
}

/// Resident memory per byte asked for, of 64 MiB in blocks of n bytes, each written to.
static double resident_per_byte(size_t n) {
  enum { kMost = 70000 };
  static void* blocks[kMost];
  const size_t count = ((size_t)64 << 20) / n;
  memset(opaque(blocks), 0xff, sizeof blocks);
  const size_t before = resident_bytes();
  for (size_t i = 0; i < count; ++i) {
    blocks[i] = malloc(n);
    if (blocks[i] != NULL) memset(opaque(blocks[i]), 1, n);
  }
  const size_t after = resident_bytes();
  for (size_t i = 0; i < count; ++i) free(blocks[i]);
  return (double)(after - before) / (double)(n * count);
}

TEST(resident_memory_is_at_most_a_quarter_above_what_is_used) {
  // The rounding that malloc_usable_size shows is one part; what lies unused behind a block is another.
  const size_t sizes[] = {1000, 5000, 20000, 70000, 140000, 300000, 530000, 700000, 1300000, 2100000, 3000000, 5000000};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    double ratio = 0;
    const pid_t child = fork();  // each size with a fresh heap: what the last one left resident would hide growth
    if (child == 0) {
      ratio = resident_per_byte(sizes[i]);
      dprintf(1, "blocks of %zu bytes: %.2f bytes resident for each byte used\n", sizes[i], ratio);
      _exit(ratio <= 1.25 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(status == 0, "blocks of %zu bytes", sizes[i]);
  }
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
