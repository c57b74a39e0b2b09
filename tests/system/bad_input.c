// One mistake of a program, and then a look at the heap: is every block that lives still whole, does malloc still give
// blocks that don't overlap?  bad_input.py runs it once for each mistake and reads what malloc said about it.
//
//   bad_input MISTAKE SIZE      prints "pointer 0x..." for each bad pointer; exit 0 if the heap is good
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

#include "check.h"

enum { kBlocks = 2000, kNeighbours = 64 };

static size_t size;  // of the block that is misused
static char static_bytes[64];
static unsigned char* neighbours[kNeighbours];

static void say(const void* pointer) { dprintf(1, "pointer %p\n", pointer); }

static unsigned char* make_victim(void) {
  unsigned char* p = malloc(size);
  if (p == NULL) abort();
  memset(opaque(p), 0x42, size);
  return p;
}

static void free_bad(void* p) {
  say(p);
  free(opaque(p));
}

/// Frees of other blocks of the same size, between two frees of the victim.
static void free_others(int count) {
  void** others = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < count; ++i) others[i] = make_victim();
  for (int i = 0; i < count; ++i) free(others[i]);
  munmap(others, 1 << 20);
}

static void double_free_after(int count) {
  void** others = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* victim = make_victim();
  for (int i = 0; i < count; ++i) others[i] = make_victim();
  free(opaque(victim));
  for (int i = 0; i < count; ++i) free(others[i]);
  free_bad(victim);
  munmap(others, 1 << 20);
}

static void nothing(void) { free(make_victim()); }
static void double_free_at_once(void) { double_free_after(0); }
static void double_free_after_1(void) { double_free_after(1); }
static void double_free_after_200(void) { double_free_after(size > 1000000 ? 5 : size > 100000 ? 20 : 200); }
static void double_free_after_20000(void) {
  double_free_after(size > 1000000 ? 10 : size > 100000 ? 100 : size > 1000 ? 2000 : 20000);
}

static void* free_in_thread(void* p) {
  free(p);
  return NULL;
}
static void double_free_by_another_thread(void) {
  void* victim = make_victim();
  pthread_t thread;
  pthread_create(&thread, NULL, free_in_thread, opaque(victim));
  pthread_join(thread, NULL);
  free_bad(victim);
}

static void free_with_offset(size_t offset) {
  unsigned char* victim = make_victim();
  free_bad(victim + offset);
  for (size_t i = 0; i < size; ++i) {
    if (victim[i] == 0x42) continue;
    EXPECT(victim[i] == 0x42, "a bad free has written into the block, at offset %zu", i);
    break;
  }
  free(victim);
}
/// By its name: C23's, which libc has not yet.
static void free_aligned(size_t alignment, size_t bytes) {
  void (*free_aligned_sized)(void*, size_t, size_t) = NULL;
  *(void**)&free_aligned_sized = dlsym(RTLD_DEFAULT, "free_aligned_sized");
  if (free_aligned_sized == NULL) abort();
  void* p = aligned_alloc(64, size);
  say(p);
  free_aligned_sized(opaque(p), alignment, bytes);
}
static void free_aligned_with_more_than_it_has(void) { free_aligned(64, 2 * size + 4096); }
static void free_aligned_with_an_alignment_that_it_has_not(void) { free_aligned((size_t)1 << 40, size); }
static void free_aligned_as_it_was_asked_for(void) { free_aligned(64, size); }
static void free_plus_1(void) { free_with_offset(1); }
static void free_plus_8(void) { free_with_offset(8); }
static void free_plus_16(void) { free_with_offset(16); }
static void free_in_the_middle(void) { free_with_offset(size / 2); }
static void free_last_byte(void) { free_with_offset(size - 1); }
static void free_second_page(void) { free_with_offset(4096); }

static void free_stack(void) {
  char bytes[64];
  memset(opaque(bytes), 1, sizeof bytes);
  free_bad(bytes + 16);
}
static void free_static(void) { free_bad(static_bytes); }
static void free_code(void) { free_bad((void*)(uintptr_t)&free_stack); }
static void free_mapping(void) {
  char* mapping = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  free_bad(mapping);
  free_bad(mapping + 4096);
  mapping[0] = 1;  // it must still be mapped
  mapping[4096] = 1;
  munmap(mapping, 1 << 20);
}
static void free_unmapped(void) {
  char* mapping = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(mapping, 1 << 20);
  free_bad(mapping);
}
static void free_small_number(void) {
  free_bad((void*)(uintptr_t)1);
  free_bad((void*)(uintptr_t)16);
  free_bad((void*)(uintptr_t)4096);
}
static void free_impossible_address(void) {
  free_bad((void*)(uintptr_t)0xdeadbeefdeadbee0u);
  free_bad((void*)(uintptr_t)0xfffffffffffffff0u);
  free_bad((void*)(uintptr_t)0x8000000000000000u);
}
static void free_beyond_the_heap(void) {
  // Addresses near blocks that exist, where malloc has its own structures or nothing yet.
  uintptr_t at = (uintptr_t)neighbours[0];
  for (int shift = 21; shift <= 40; shift += 3) {
    free(opaque((void*)((at & ~(uintptr_t)15) + ((uintptr_t)1 << shift) + 48)));
    free(opaque((void*)((at & ~(uintptr_t)15) - ((uintptr_t)1 << shift) - 48)));
  }
  say((void*)((at & ~(uintptr_t)15) + ((uintptr_t)1 << 21) + 48));
}

static void realloc_bad(void* p, size_t n) {
  say(p);
  void* result = realloc(opaque(p), n);
  if (result != NULL && result != p) free(result);
}
static void realloc_freed(void) {
  void* victim = make_victim();
  free(opaque(victim));
  realloc_bad(victim, size * 2);
}
static void realloc_middle(void) {
  unsigned char* victim = make_victim();
  realloc_bad(victim + 8, size * 2);
  free(victim);
}
static void realloc_stack(void) {
  char bytes[64];
  memset(opaque(bytes), 1, sizeof bytes);
  realloc_bad(bytes + 16, 1000);
}
static void realloc_static_to_zero(void) { realloc_bad(static_bytes, 0); }

static void usable_size_of_bad_pointers(void) {
  // No promise beyond not to crash and to name no bytes that aren't there.
  char bytes[64];
  EXPECT(malloc_usable_size(opaque(NULL)) == 0, "NULL");
  EXPECT(malloc_usable_size(opaque(bytes)) == 0, "stack: %zu", malloc_usable_size(opaque(bytes)));
  EXPECT(malloc_usable_size(opaque(static_bytes)) == 0, "static: %zu", malloc_usable_size(opaque(static_bytes)));
}

/// Mistakes without end: the log must not drown in them.
static void thousands_of_mistakes(void) {
  for (int i = 0; i < 5000; ++i) {
    void* victim = make_victim();
    free(opaque(victim));
    free(opaque(victim));
    free(opaque(static_bytes + i % 4 * 16));
  }
  say(static_bytes);
}

static const struct {
  const char* name;
  void (*make)(void);
} kMistakes[] = {
#define MISTAKE(name) \
  { #name, name }
    MISTAKE(nothing),
    MISTAKE(double_free_at_once),
    MISTAKE(double_free_after_1),
    MISTAKE(double_free_after_200),
    MISTAKE(double_free_after_20000),
    MISTAKE(double_free_by_another_thread),
    MISTAKE(free_plus_1),
    MISTAKE(free_plus_8),
    MISTAKE(free_plus_16),
    MISTAKE(free_in_the_middle),
    MISTAKE(free_last_byte),
    MISTAKE(free_second_page),
    MISTAKE(free_stack),
    MISTAKE(free_static),
    MISTAKE(free_code),
    MISTAKE(free_mapping),
    MISTAKE(free_unmapped),
    MISTAKE(free_small_number),
    MISTAKE(free_impossible_address),
    MISTAKE(free_beyond_the_heap),
    MISTAKE(realloc_freed),
    MISTAKE(realloc_middle),
    MISTAKE(realloc_stack),
    MISTAKE(realloc_static_to_zero),
    MISTAKE(free_aligned_with_more_than_it_has),
    MISTAKE(free_aligned_with_an_alignment_that_it_has_not),
    MISTAKE(free_aligned_as_it_was_asked_for),
    MISTAKE(usable_size_of_bad_pointers),
    MISTAKE(thousands_of_mistakes),
#undef MISTAKE
};

static void make_mistake(const char* name) {
  for (size_t i = 0; i < sizeof kMistakes / sizeof kMistakes[0]; ++i) {
    if (strcmp(kMistakes[i].name, name) != 0) continue;
    kMistakes[i].make();
    return;
  }
  EXPECT(0, "no mistake is called %s", name);
}

/// Allocates many blocks, mostly of the victim's size, and looks whether any two share a byte.
static void check_heap(uint64_t random) {
  static void* blocks[kBlocks];
  static size_t sizes[kBlocks];
  const size_t count = size > 1000000 ? 12 : size > 100000 ? 50 : size > 4096 ? 400 : kBlocks;
  for (size_t i = 0; i < count; ++i) {
    sizes[i] = i % 4 != 0 ? size : 1 + next_random(&random) % 2000;
    blocks[i] = malloc(sizes[i]);
    REQUIRE(blocks[i] != NULL, "malloc(%zu) after the mistake", sizes[i]);
    fill(opaque(blocks[i]), sizes[i], i);
  }
  for (size_t i = 0; i < count; ++i)
    EXPECT(is_filled(blocks[i], sizes[i], i), "block %zu at %p of %zu bytes shares memory with another", i, blocks[i],
           sizes[i]);
  for (size_t i = 0; i < count; ++i) free(blocks[i]);
}

int main(int argc, char** argv) {
  if (argc != 3 || !malloc_is_the_expected_one()) return 2;
  size = (size_t)atol(argv[2]);
  const size_t nr_neighbours = size > 100000 ? 8 : kNeighbours;
  for (size_t i = 0; i < nr_neighbours; ++i) {
    neighbours[i] = malloc(size);
    if (neighbours[i] == NULL) return 2;
    fill(neighbours[i], size, i);
  }
  free_others(10);
  make_mistake(argv[1]);
  for (uint64_t round = 1; round <= 3; ++round) check_heap(round);
  for (size_t i = 0; i < nr_neighbours; ++i) {
    EXPECT(is_filled(neighbours[i], size, i), "neighbour %zu at %p was written to", i, (void*)neighbours[i]);
    free(neighbours[i]);
  }
  for (uint64_t round = 4; round <= 5; ++round) check_heap(round);
  return nr_failures == 0 ? 0 : 1;
}
