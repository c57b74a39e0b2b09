/* A profile of a program's own heap, in a file for jeprof, pprof or kmem profile: what it keeps, by samples. */
#include <kmem/profile.h>
#include <linux/array_size.h>
#include <linux/slab.h>

#include <stdio.h>
#include <unistd.h>

int main(void) {
  static void* kept[4000];
  unsigned long long blocks = 0, bytes = 0;
  FILE* file = tmpfile();
  if (!file || kmem_profile_start(4096)) return 1; /* a sample in 4 KiB, for the program is small */
  for (size_t i = 0; i < ARRAY_SIZE(kept); ++i) kept[i] = kmalloc(1000, GFP_KERNEL);
  kmem_profile_stop();
  if (kmem_profile_write(fileno(file))) return 1;
  rewind(file);
  if (fscanf(file, "heap profile: %llu: %llu", &blocks, &bytes) != 2) puts("BAD: no head");
  /* A block of 1000 bytes is a sample with a chance of 1 - exp(-1000.0 / 4096); readers divide by that. */
  printf("of 4000 blocks, %llu were samples, with %llu bytes: readers estimate %llu bytes\n", blocks, bytes,
         bytes * 10000 / 2166);
  if (blocks < 600 || blocks > 1150) puts("BAD: that is far from the truth");
  for (size_t i = 0; i < ARRAY_SIZE(kept); ++i) kfree(kept[i]);
  return 0;
}
