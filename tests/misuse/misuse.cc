// One mistake of a program's with its heap, by number: what malloc makes of it is for misuse.py to see.
//
//   misuse list                    "NUMBER MISTAKE SIZE N" a line
//   misuse order|reuse             no mistake: how predictable addresses are, as one line
//   misuse run NUMBER cold|warm    makes the mistake, at once or after thousands of blocks of that size, and ends
//
// Ends with 0 if the mistake had its way, with 10 if it did no harm: what a write went to was nobody's, what a read saw
// was not the contents.
#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

namespace {

constexpr int kHarmless = 10;

/// The compiler knows nothing about where a pointer points.
template <typename T>
T* opaque(T* p) {
  asm volatile("" : "+r"(p) : : "memory");
  return p;
}

char* block(size_t size) {
  auto* p = static_cast<char*>(opaque(malloc(size)));
  if (!p) abort();
  memset(p, 0x42, size);
  return opaque(p);
}

struct Case {
  int (*make)(size_t size, long n);
  const char* mistake;
  size_t size;
  long n;
};

// Writes and reads beyond --------------------------------------------------------------------------------------------------

/// A neighbour on each side, as in a real heap.
struct Row {
  explicit Row(size_t size) : before(block(size)), victim(block(size)), after(block(size)), bytes(size) {}
  int end() {
    bool whole = true;
    for (size_t i = 0; i < bytes; ++i) whole &= opaque(before)[i] == 0x42 && opaque(after)[i] == 0x42;
    free(opaque(victim));
    free(opaque(before));
    free(opaque(after));
    return whole && usable ? kHarmless : 0;
  }
  char *before, *victim, *after;
  size_t bytes;
  bool usable = false;  // malloc_usable_size() allowed it
};

// What is written beyond is 0x16: every byte of a canary is odd, so none is that by chance.

int overflow_write(size_t size, long n) {
  Row row(size);
  memset(opaque(row.victim) + size, 0x16, static_cast<size_t>(n));
  return row.end();
}
int overflow_jump(size_t size, long n) {
  Row row(size);
  opaque(row.victim)[size + static_cast<size_t>(n)] = 0x16;
  return row.end();
}
int overflow_of_a_block_that_stays(size_t size, long n) {
  memset(opaque(block(size)) + size, 0x16, static_cast<size_t>(n));
  return 0;
}
int underflow_write(size_t size, long n) {
  Row row(size);
  memset(opaque(row.victim) - n, 0x16, static_cast<size_t>(n));
  return row.end();
}
int overflow_read(size_t size, long n) {
  Row row(size);
  volatile char sink = opaque(row.victim)[size - 1 + static_cast<size_t>(n)];
  (void)sink;
  row.end();
  return 0;
}
int underflow_read(size_t size, long n) {
  Row row(size);
  volatile char sink = *(opaque(row.victim) - n);
  (void)sink;
  row.end();
  return 0;
}

// Frees ----------------------------------------------------------------------------------------------------------------------

int double_free(size_t size, long n) {
  char* others[1000];
  for (long i = 0; i < n; ++i) others[i] = block(size);
  char* p = block(size);
  free(opaque(p));
  for (long i = 0; i < n; ++i) free(opaque(others[i]));
  free(opaque(p));
  return 0;
}
void* free_it(void* p) {
  free(p);
  return nullptr;
}
int double_free_in_another_thread(size_t size, long) {
  char* p = block(size);
  free(opaque(p));
  pthread_t thread;
  pthread_create(&thread, nullptr, free_it, opaque(p));
  pthread_join(thread, nullptr);
  return 0;
}
int double_free_after_reuse(size_t size, long) {
  char* p = block(size);
  free(opaque(p));
  char* q = block(size);  // may be where p was: then the next line frees q, and the one after it frees twice
  free(opaque(p));
  free(opaque(q));
  return 0;
}
int free_inside(size_t size, long n) {
  char* p = block(size);
  free(opaque(p) + (n < 0 ? static_cast<long>(size / 2) & -16l : n));
  free(opaque(p));
  return 0;
}
char global[256];
int free_of_the_stack(size_t, long) {
  alignas(16) char local[64];
  free(opaque(&local[16]));
  return 0;
}
int free_of_a_global(size_t, long) {
  free(opaque(&global[64]));
  return 0;
}
int free_of_code(size_t, long) {
  free(reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(&free_of_a_global)));
  return 0;
}
int free_of_a_mapping(size_t, long) {
  free(opaque(mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
  return 0;
}
int free_of_a_number(size_t, long n) {
  free(reinterpret_cast<void*>(static_cast<uintptr_t>(n)));
  return 0;
}
int realloc_after_free(size_t size, long) {
  char* p = block(size);
  free(opaque(p));
  free(realloc(opaque(p), size * 2));
  return 0;
}
int realloc_inside(size_t size, long n) {
  char* p = block(size);
  free(realloc(opaque(p) + n, size * 2));
  return 0;
}

// Uses after the free ------------------------------------------------------------------------------------------------------

int write_after_free(size_t size, long n) {
  char* others[1000];
  for (long i = 0; i < n; ++i) others[i] = block(size);
  char* p = block(size);
  free(opaque(p));
  for (long i = 0; i < n; ++i) free(opaque(others[i]));
  opaque(p)[size / 2] = 0x16;
  for (long i = 0; i < n; ++i) others[i] = block(size);
  for (long i = 0; i < n; ++i) free(opaque(others[i]));
  return 0;
}
int read_after_free(size_t size, long) {
  char* p = block(size);
  free(opaque(p));
  return opaque(p)[size / 2] == 0x42 ? 0 : kHarmless;
}

// Wrong sizes ----------------------------------------------------------------------------------------------------------------

int delete_with_another_size(size_t size, long n) {
  void* p = operator new(size);
  memset(opaque(p), 0x42, size);
  operator delete(opaque(p), size + static_cast<size_t>(n));
  return 0;
}

// The table ------------------------------------------------------------------------------------------------------------------

constexpr size_t kMost = 400;
Case cases[kMost];
size_t nr_cases;

void add(const char* mistake, int (*make)(size_t, long), std::initializer_list<size_t> sizes, std::initializer_list<long> ns) {
  for (const size_t size : sizes)
    for (const long n : ns) cases[nr_cases++] = {make, mistake, size, n};
}

void make_table() {
#define ADD(mistake, ...) add(#mistake, mistake, __VA_ARGS__)
  ADD(overflow_write, {24, 64, 1000, 4096, 100000, 5000000}, {1, 8, 64, 4096});
  ADD(overflow_jump, {24, 1000, 100000}, {16, 2000});
  ADD(overflow_of_a_block_that_stays, {24, 1000, 100000}, {1, 64});
  ADD(underflow_write, {24, 1000, 4096, 100000, 5000000}, {1, 8, 64, 4096});
  ADD(overflow_read, {24, 1000, 100000, 5000000}, {1, 4096});
  ADD(underflow_read, {24, 1000, 100000, 5000000}, {1});
  ADD(double_free, {24, 1000, 20000, 100000, 5000000}, {0, 1, 20});
  ADD(double_free_in_another_thread, {24, 1000, 100000}, {0});
  ADD(double_free_after_reuse, {24, 1000, 100000}, {0});
  ADD(free_inside, {64, 1000, 100000}, {1, 16, -1});
  ADD(free_of_the_stack, {0}, {0});
  ADD(free_of_a_global, {0}, {0});
  ADD(free_of_code, {0}, {0});
  ADD(free_of_a_mapping, {0}, {0});
  ADD(free_of_a_number, {0}, {1, 4096, static_cast<long>(0x7fff00001230)});
  ADD(realloc_after_free, {24, 1000, 100000}, {0});
  ADD(realloc_inside, {64, 1000, 100000}, {16});
  ADD(write_after_free, {24, 1000, 4096, 100000, 5000000}, {0, 20});
  ADD(read_after_free, {24, 1000, 4096, 100000, 5000000}, {0});
  ADD(delete_with_another_size, {24, 1000, 100000}, {-8, 40});
#undef ADD
}

/// As in the middle of a program's life: thousands of blocks of the size have come and gone.
void warm_up(size_t size) {
  const size_t n = size > 1000000 ? 40 : size > 10000 ? 200 : 2000;
  static char* blocks[2000];
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < n; ++i) blocks[i] = block(size ? size : 64);
    for (size_t i = 0; i < n; ++i)
      if (i % 16 || round) free(opaque(blocks[i]));
    if (!round)
      for (size_t i = 0; i < n; i += 16) blocks[i] = opaque(blocks[i]);
  }
}

// No mistakes --------------------------------------------------------------------------------------------------------------

/// How many of 200 blocks lie right behind the one before.
int order() {
  uintptr_t last = reinterpret_cast<uintptr_t>(block(48));
  int in_row = 0;
  for (int i = 0; i < 200; ++i) {
    const auto at = reinterpret_cast<uintptr_t>(block(48));
    in_row += at > last && at - last < 128;
    last = at;
  }
  printf("%d of 200 in a row\n", in_row);
  return 0;
}

/// After how many others of its size a freed block's address comes again.
int reuse() {
  for (int i = 0; i < 100; ++i) block(48);  // no longer the first ones
  const auto* p = block(48);
  const auto at = reinterpret_cast<uintptr_t>(p);
  free(opaque(const_cast<char*>(p)));
  int others = 0;
  for (; others < 5000; ++others) {
    char* q = block(48);
    if (reinterpret_cast<uintptr_t>(q) == at) break;
    free(opaque(q));
  }
  printf("again after %d\n", others);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  make_table();
  if (argc == 2 && !strcmp(argv[1], "list")) {
    for (size_t i = 0; i < nr_cases; ++i) printf("%zu %s %zu %ld\n", i, cases[i].mistake, cases[i].size, cases[i].n);
    return 0;
  }
  if (argc == 2 && !strcmp(argv[1], "order")) return order();
  if (argc == 2 && !strcmp(argv[1], "reuse")) return reuse();
  const size_t number = argc == 4 && !strcmp(argv[1], "run") ? strtoul(argv[2], nullptr, 10) : kMost;
  if (number >= nr_cases) {
    fputs("usage: misuse list | misuse order | misuse reuse | misuse run NUMBER cold|warm\n", stderr);
    return 2;
  }
  if (!strcmp(argv[3], "warm")) warm_up(cases[number].size);
  return cases[number].make(cases[number].size, cases[number].n);
}
