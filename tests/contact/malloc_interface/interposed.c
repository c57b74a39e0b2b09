// A program with a malloc of its own, and kmem in the same process: preloaded, linked, or opened at run time.  The program's
// malloc then serves libc and the program, kmem serves who asks kmem, and neither gets a block of the other.
//   interposed [LIBRARY...]     opens these and uses the malloc that each has
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../system/check.h"

#ifdef KMEM_LINKED
void* ask_kmalloc(size_t size);
void give_kfree(void* p);
#endif

// The program's malloc ----------------------------------------------------------------------------------------------------

// One mapping of 256 MiB, handed out from front to back, with a header that a foreign block does not have.
enum { kMark = 0x600d600d };
struct Header {
  size_t size;
  unsigned mark, freed;
} __attribute__((aligned(16)));
static char* arena;
static size_t used;
static const size_t kArena = (size_t)256 << 20;
static int nr_foreign;

static void* own_alloc(size_t alignment, size_t size) {
  if (size > kArena / 2) {
    errno = ENOMEM;
    return NULL;
  }
  char* from = __atomic_load_n(&arena, __ATOMIC_ACQUIRE);
  if (!from) {
    char* mapped = mmap(NULL, kArena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return NULL;
    if (__atomic_compare_exchange_n(&arena, &from, mapped, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) from = mapped;
    else munmap(mapped, kArena);
  }
  const size_t room = (size + 15) / 16 * 16 + sizeof(struct Header) + alignment;
  const size_t at = __atomic_fetch_add(&used, room, __ATOMIC_RELAXED);
  if (at + room > kArena) {
    errno = ENOMEM;
    return NULL;
  }
  char* p = (char*)(((uintptr_t)from + at + sizeof(struct Header) + alignment - 1) & ~(uintptr_t)(alignment - 1));
  ((struct Header*)p)[-1] = (struct Header){size, kMark, 0};
  return p;
}
static struct Header* header_of(void* p) {
  const int own = (char*)p > arena && (char*)p < arena + kArena && ((struct Header*)p)[-1].mark == kMark;
  if (own) return (struct Header*)p - 1;
  ++nr_foreign;
  static const char text[] = "a foreign block came to the program's malloc\n";
  if (write(2, text, sizeof text - 1) < 0) abort();
  return NULL;
}
void* malloc(size_t size) { return own_alloc(16, size); }
void free(void* p) {
  struct Header* header = p ? header_of(p) : NULL;
  if (header && __atomic_fetch_add(&header->freed, 1, __ATOMIC_RELAXED)) abort();
}
void* calloc(size_t n, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(n, size, &bytes)) return own_alloc(16, bytes);
  errno = ENOMEM;
  return NULL;
}
void* realloc(void* p, size_t size) {
  struct Header* header = p ? header_of(p) : NULL;
  void* q = own_alloc(16, size);
  if (header && q) memcpy(q, p, header->size < size ? header->size : size);
  if (q) free(p);
  return q;
}
void* aligned_alloc(size_t alignment, size_t size) { return own_alloc(alignment, size); }
void* memalign(size_t alignment, size_t size) { return own_alloc(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) {
  *out = own_alloc(alignment, size);
  return *out ? 0 : ENOMEM;
}
size_t malloc_usable_size(void* p) { return p ? ((struct Header*)p)[-1].size : 0; }

static int is_own(const void* p) { return (const char*)p > arena && (const char*)p < arena + kArena; }

// What libc and the program do with it --------------------------------------------------------------------------------------

static void write_and_read_lines(void) {
  char name[] = "/tmp/interposed.XXXXXX";
  const int fd = mkstemp(name);
  REQUIRE(fd >= 0, "mkstemp");
  static const int lengths[] = {0, 45, 80, 2, 8201, 0, 17};
  enum { kLines = sizeof lengths / sizeof lengths[0] };
  FILE* file = fdopen(fd, "w");
  for (int i = 0; i < kLines; ++i) {
    for (int j = 0; j < lengths[i]; ++j) fputc('A' + (i + j) % 26, file);
    fputc('\n', file);
  }
  EXPECT(fclose(file) == 0, "fclose");
  file = fopen(name, "r");
  char* line = NULL;
  size_t room = 0;
  for (int i = 0; i < kLines; ++i) {
    EXPECT(getline(&line, &room, file) == lengths[i] + 1, "line %d", i);
    EXPECT(lengths[i] == 0 || (line[0] == 'A' + i % 26 && line[lengths[i] - 1] == 'A' + (i + lengths[i] - 1) % 26), "line %d",
           i);
  }
  EXPECT(getline(&line, &room, file) == -1, "the end");
  EXPECT(is_own(line), "libc's line is not the program's: %p", (void*)line);
  fclose(file);
  free(line);
  unlink(name);
}

static void use_own(void) {
  char* copy = strdup("words");
  EXPECT(is_own(copy), "strdup gave %p", (void*)copy);
  free(copy);
  for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
    void* p = aligned_alloc(alignment, 100);
    EXPECT(is_own(p) && is_aligned(p, alignment), "aligned_alloc(%zu) = %p", alignment, p);
    free(p);
  }
  write_and_read_lines();
  const pid_t child = fork();
  if (child == 0) _exit(is_own(malloc(10)) ? 55 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 55, "the child: status %#x", status);
}

static void use_kmem(void) {
#ifdef KMEM_LINKED
  for (size_t size = 1; size <= 1u << 20; size *= 3) {
    unsigned char* p = ask_kmalloc(size);
    REQUIRE(p != NULL && !is_own(p), "kmalloc(%zu) = %p", size, (void*)p);
    fill(opaque(p), size, size);
    EXPECT(is_filled(opaque(p), size, size), "kmalloc(%zu)", size);
    give_kfree(p);
  }
#endif
}

static void* in_thread(void* unused) {
  (void)unused;
  use_own();
  use_kmem();
  return NULL;
}

TEST(the_program_and_libc_use_the_programs_malloc) { use_own(); }
TEST(kmem_serves_who_asks_it) { use_kmem(); }
TEST(threads_do_the_same) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, in_thread, NULL);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
}

#ifndef KMEM_STATIC_TEST
static int nr_libraries;
static char** libraries;
TEST(a_kmem_opened_at_run_time_is_a_malloc_of_its_own) {
  for (int i = 0; i < nr_libraries; ++i) {
    void* library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    REQUIRE(library != NULL, "%s", dlerror());
    void* (*other_malloc)(size_t);
    void (*other_free)(void*);
    void* (*other_realloc)(void*, size_t);
    void* (*other_reallocarray)(void*, size_t, size_t);
    *(void**)&other_malloc = dlsym(library, "malloc");
    *(void**)&other_free = dlsym(library, "free");
    *(void**)&other_realloc = dlsym(library, "realloc");
    *(void**)&other_reallocarray = dlsym(library, "reallocarray");
    REQUIRE(other_malloc && other_free && other_realloc && other_reallocarray, "%s has no malloc", libraries[i]);
    for (size_t size = 0; size < 3u << 20; size = size * 2 + 7) {
      unsigned char* p = other_malloc(size);
      REQUIRE(p && !is_own(p), "its malloc(%zu) = %p", size, (void*)p);
      fill(opaque(p), size, size);
      p = other_realloc(p, size * 2 + 1);
      REQUIRE(p && !is_own(p), "its realloc(%zu) = %p", size * 2 + 1, (void*)p);
      EXPECT(is_filled(opaque(p), size, size), "its realloc(%zu) lost the contents", size * 2 + 1);
      other_free(p);
    }
    use_own();
  }
}

#endif

TEST(no_foreign_block_came_to_the_programs_malloc) { EXPECT(nr_foreign == 0, "%d did", nr_foreign); }

int main(int argc, char** argv) {
#ifndef KMEM_STATIC_TEST
  nr_libraries = argc - 1;
  libraries = argv + 1;
#endif
  return run_tests(argc > 0, argv);
}
