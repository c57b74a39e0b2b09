// A test framework of one page, for C and C++: the programs here test malloc itself, so that the framework must not
// allocate, must not buffer, and must have named the test before it crashes.
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct TestCase {
  const char* name;
  void (*run)(void);
  struct TestCase* next;
};

enum { kMostFailuresShown = 30 };

static struct TestCase* first_test;
static struct TestCase** last_test = &first_test;
static int nr_failures;  // read and written by one thread: checks in other threads use EXPECT's value, or abort

static inline void add_test(struct TestCase* test) {
  *last_test = test;
  last_test = &test->next;
}

/// Declares a test: `TEST(freeing_null_does_nothing) { ... }`.  The name is a sentence.
#define TEST(name)                                                \
  static void name(void);                                         \
  static struct TestCase case_##name = {#name, name, NULL};       \
  __attribute__((constructor)) static void register_##name(void); \
  static void register_##name(void) { add_test(&case_##name); }   \
  static void name(void)

/// Notes a failure and goes on, so that one run shows all that is wrong.
#define EXPECT(condition, ...)                                            \
  do {                                                                    \
    if (!(condition) && nr_failures++ < kMostFailuresShown) {             \
      dprintf(2, "%s:%d: expected %s: ", __FILE__, __LINE__, #condition); \
      dprintf(2, __VA_ARGS__);                                            \
      dprintf(2, "\n");                                                   \
    }                                                                     \
  } while (0)

/// As EXPECT, and leaves the test: what follows would make no sense.
#define REQUIRE(condition, ...)         \
  do {                                  \
    const int before_ = nr_failures;    \
    EXPECT(condition, __VA_ARGS__);     \
    if (nr_failures != before_) return; \
  } while (0)

/// A value that the compiler knows nothing of: without this it removes allocations whose result it can foresee.
static inline void* opaque(void* p) {
  __asm__ volatile("" : "+r"(p) : : "memory");
  return p;
}
static inline size_t opaque_size(size_t n) {
  __asm__ volatile("" : "+r"(n));
  return n;
}

/// What word i of the block with this seed must hold; neighbours and blocks differ.
static inline uint64_t pattern_word(size_t seed, size_t i) { return (seed + i) * 0x9e3779b97f4a7c15u; }

/// Writes the pattern to every byte.  A shorter length is a prefix of a longer one, so that realloc can be checked.
static inline void fill(void* p, size_t n, size_t seed) {
  unsigned char* bytes = (unsigned char*)p;
  for (size_t at = 0; at < n; at += 8) {
    const uint64_t word = pattern_word(seed, at / 8);
    __builtin_memcpy(bytes + at, &word, n - at < 8 ? n - at : 8);
  }
}

/// The offset of the first word that no longer holds its pattern; n if the block is whole.
static inline size_t first_wrong_byte(const void* p, size_t n, size_t seed) {
  const unsigned char* bytes = (const unsigned char*)p;
  for (size_t at = 0; at < n; at += 8) {
    const uint64_t word = pattern_word(seed, at / 8);
    if (__builtin_memcmp(bytes + at, &word, n - at < 8 ? n - at : 8) != 0) return at;
  }
  return n;
}

static inline int is_filled(const void* p, size_t n, size_t seed) { return first_wrong_byte(p, n, seed) == n; }

static inline int is_aligned(const void* p, size_t alignment) { return ((uintptr_t)p & (alignment - 1)) == 0; }

/// Resident memory of this process in bytes, read without allocating.
static inline size_t resident_bytes(void) {
  char text[128] = {0};
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return 0;
  unsigned long total = 0, resident = 0;
  if (sscanf(text, "%lu %lu", &total, &resident) != 2) return 0;
  return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

/// A small random generator (xorshift): seeded, so that a failure can be repeated.
static inline uint64_t next_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/// A preload that ld.so silently ignored would let every test pass on glibc.  So the driver says which library must
/// own malloc (KMEM_EXPECT_MALLOC, a part of its file name), and we look.
static inline int malloc_is_the_expected_one(void) {
  const char* expected = getenv("KMEM_EXPECT_MALLOC");
  Dl_info info;
  if (expected == NULL || *expected == '\0') return 1;
  void* function = dlsym(RTLD_DEFAULT, "malloc");
  if (function != NULL && dladdr(function, &info) != 0 && info.dli_fname != NULL && strstr(info.dli_fname, expected)) return 1;
  dprintf(2, "malloc does not come from %s: was the preload refused?\n", expected);
  return 0;
}

static inline int is_chosen(const char* name, int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (strcmp(argv[i], name) == 0) return 1;
  return argc == 1;
}

/// Runs all tests, or those that are named; the exit status is 0 if nothing failed.
static inline int run_tests(int argc, char** argv) {
#ifndef KMEM_STATIC_TEST
  if (!malloc_is_the_expected_one()) return 2;
#endif
  int nr_run = 0;
  for (struct TestCase* test = first_test; test != NULL; test = test->next) {
    if (!is_chosen(test->name, argc, argv)) continue;
    const int before = nr_failures;
    dprintf(1, "[ run  ] %s\n", test->name);
    test->run();
    dprintf(1, "[%s] %s\n", nr_failures == before ? "  ok  " : "FAILED", test->name);
    ++nr_run;
  }
  dprintf(1, "%d tests, %d failed checks\n", nr_run, nr_failures);
  return nr_run > 0 && nr_failures == 0 ? 0 : 1;
}
