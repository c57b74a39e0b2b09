// The functions that speak of the heap as a whole: mallopt(), malloc_trim(), mallinfo(), malloc_info(), malloc_stats().
// What glibc's manual promises of them is checked on glibc too; where kmem has an answer of its own, docs/malloc.md says so.
#include <ctype.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../system/check.h"

static int is_glibc(void) { return getenv("KMEM_EXPECT_MALLOC") == NULL; }

// A setting holds for the rest of the process: each is tried in a child.  The child's answer is its number of failures.
static void in_child(const char* what, void (*run)(void)) {
  const pid_t child = fork();
  if (child == 0) {
    nr_failures = 0;
    run();
    _exit(nr_failures != 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %#x", what, status);
}

static int all_are(const unsigned char* p, size_t n, unsigned char byte) {
  for (size_t i = 0; i < n; ++i)
    if (p[i] != byte) return 0;
  return 1;
}

// glibc's cache of a thread gives and takes blocks up to 1032 bytes without a look at its settings and counts.
static size_t smallest_seen(void) { return is_glibc() ? 1100 : 0; }

static const size_t kSizes[] = {1, 24, 100, 1000, 5000, 30000, 40000, 300000, 1000000, 5000000};
enum { kNrSizes = sizeof kSizes / sizeof kSizes[0] };

// M_PERTURB --------------------------------------------------------------------------------------------------------------

static void perturbed_blocks(void) {
  for (int i = 0; i < kNrSizes; ++i) free(malloc(kSizes[i]));  // with what the fast paths hold
  EXPECT(mallopt(M_PERTURB, 0xa5) == 1, "mallopt");
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kNrSizes; ++i) {
      const size_t n = kSizes[i];
      if (n < smallest_seen()) continue;
      unsigned char* p = malloc(opaque_size(n));
      EXPECT(p && all_are(opaque(p), n, 0x5a), "malloc(%zu) is not the complement of the byte", n);
      unsigned char* z = calloc(opaque_size(n), 1);
      EXPECT(z && all_are(opaque(z), n, 0), "calloc(%zu) is not zero", n);
      unsigned char* a = aligned_alloc(256, (n + 255) / 256 * 256);
      EXPECT(a && all_are(opaque(a), n, 0x5a), "aligned_alloc of %zu is not the complement", n);
      memset(opaque(p), 1, n);
      const size_t room = malloc_usable_size(p);
      unsigned char* q = realloc(p, room * 3);
      EXPECT(q && all_are(opaque(q), n, 1), "realloc lost what was in the block of %zu", n);
      if (!is_glibc())
        EXPECT(all_are((unsigned char*)opaque(q) + room, room * 2, 0x5a), "the new bytes of realloc(%zu -> %zu)", n, room * 3);
      q = realloc(q, n);
      EXPECT(q && all_are(opaque(q), n, 1), "realloc back to %zu lost what was in it", n);
      free(q);
      free(z);
      free(a);
    }
  }
  // A freed block: glibc's own words stand at its beginning, so that the rest is looked at.
  const size_t n = 200 + smallest_seen();
  unsigned char *p = malloc(n), *next = malloc(n);
  memset(opaque(p), 1, n);
  unsigned char* const seen = opaque(p);
  free(p);
  // A block that was on probation has the poison of its own cache.
  EXPECT(all_are(seen + 32, n - 96, 0xa5) || (!is_glibc() && all_are(seen + 32, n - 96, 0x6b)),
         "a freed block is not filled: byte 32 is %#x", seen[32]);
  free(next);
}

static void perturbing_ends(void) {
  mallopt(M_PERTURB, 0x77);
  void* p = malloc(1000);
  EXPECT(all_are(opaque(p), 1000, 0x88), "a block while it holds");
  free(p);
  EXPECT(mallopt(M_PERTURB, 0) == 1, "mallopt(M_PERTURB, 0)");
  unsigned char* q = malloc(opaque_size(3000));
  memset(opaque(q), 9, 3000);
  unsigned char* const seen = opaque(q);
  free(q);
  EXPECT(seen[1000] != 0x77, "a block is still filled when it is freed");
}

TEST(m_perturb_fills_what_is_given_and_what_is_freed) { in_child("M_PERTURB", perturbed_blocks); }
TEST(m_perturb_of_zero_ends_it) { in_child("M_PERTURB, 0", perturbing_ends); }

// M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, malloc_trim() -------------------------------------------------------------

enum { kBlocks = 400, kBlock = 100000 };  // 40 MB, below the size that is mapped by itself
static size_t resident_after_freeing_40_mb(void) {
  static void* blocks[kBlocks];
  const size_t before = resident_bytes();
  for (int i = 0; i < kBlocks; ++i) {
    blocks[i] = malloc(kBlock);
    memset(opaque(blocks[i]), 1, kBlock);
  }
  for (int i = 0; i < kBlocks; ++i) free(blocks[i]);
  const size_t after = resident_bytes();
  return after > before ? after - before : 0;
}

enum { kMb = 1 << 20 };
static void nothing_is_trimmed(void) {
  EXPECT(mallopt(M_TRIM_THRESHOLD, -1) == 1, "mallopt");
  const size_t kept = resident_after_freeing_40_mb();
  EXPECT(kept >= 35 * kMb, "%zu bytes stayed", kept);
  EXPECT(malloc_trim(0) == 1, "malloc_trim has something to release");
  EXPECT(resident_bytes() < 20 * kMb, "%zu are resident after malloc_trim(0)", resident_bytes());
}
static void all_is_trimmed(void) {
  EXPECT(mallopt(M_TRIM_THRESHOLD, 0) == 1, "mallopt");
  EXPECT(mallopt(M_TOP_PAD, 0) == 1, "mallopt");
  const size_t kept = resident_after_freeing_40_mb();
  EXPECT(kept <= kMb, "%zu bytes stayed", kept);
}
static void half_is_kept(void) {
  EXPECT(mallopt(M_TRIM_THRESHOLD, 20 * kMb) == 1, "mallopt");
  const size_t kept = resident_after_freeing_40_mb();
  EXPECT(kept >= 14 * kMb && kept <= 23 * kMb, "%zu bytes stayed", kept);
}
static void a_pad_is_kept(void) {
  EXPECT(mallopt(M_TOP_PAD, 30 * kMb) == 1, "mallopt");
  EXPECT(mallopt(M_TRIM_THRESHOLD, 1 * kMb) == 1, "mallopt");
  const size_t kept = resident_after_freeing_40_mb();
  EXPECT(kept >= 25 * kMb && kept <= 33 * kMb, "%zu bytes stayed", kept);
}
static void blocks_go_at_once(void) {
  EXPECT(mallopt(M_TRIM_THRESHOLD, -1) == 1, "mallopt");
  EXPECT(mallopt(M_MMAP_THRESHOLD, 64 << 10) == 1, "mallopt");
  const size_t kept = resident_after_freeing_40_mb();
  EXPECT(kept <= 2 * kMb, "%zu bytes stayed of blocks above the threshold", kept);
}
static void trim_keeps_its_pad(void) {
  mallopt(M_TRIM_THRESHOLD, -1);
  const size_t kept = resident_after_freeing_40_mb();
  EXPECT(malloc_trim(20 * kMb) == 1, "it releases half");
  const size_t now = resident_bytes();
  EXPECT(kept >= 35 * kMb && now >= 18 * kMb && now <= 32 * kMb, "%zu bytes stayed, %zu are resident after malloc_trim(20 MiB)",
         kept, now);
}
TEST(m_trim_threshold_of_minus_1_keeps_all) { in_child("-1", nothing_is_trimmed); }
TEST(m_trim_threshold_of_0_keeps_nothing) { in_child("0", is_glibc() ? nothing_is_trimmed : all_is_trimmed); }
TEST(m_trim_threshold_bounds_what_is_kept) {
  if (!is_glibc()) in_child("20 MiB", half_is_kept);
}
TEST(m_top_pad_is_kept_whatever_the_threshold) {
  if (!is_glibc()) in_child("30 MiB", a_pad_is_kept);
}
TEST(m_mmap_threshold_blocks_go_back_at_once) { in_child("64 KiB", blocks_go_at_once); }
TEST(malloc_trim_keeps_its_pad) {
  if (!is_glibc()) in_child("20 MiB", trim_keeps_its_pad);
}

static void second_trim_finds_nothing(void) {
  mallopt(M_TRIM_THRESHOLD, -1);
  resident_after_freeing_40_mb();
  EXPECT(malloc_trim(0) == 1, "the first trim releases");
  EXPECT(malloc_trim(0) == 0, "the second has nothing to release");
}
TEST(malloc_trim_says_whether_something_was_released) {
  if (!is_glibc()) in_child("trim twice", second_trim_finds_nothing);  // glibc's says 1 as long as free chunks have whole pages
}

TEST(after_malloc_trim_the_blocks_that_are_out_are_as_they_were) {
  enum { kCount = 5000 };
  static unsigned char* blocks[kCount];
  uint64_t random = 5;
  size_t sizes[kCount];
  for (int i = 0; i < kCount; ++i) {
    sizes[i] = 1 + next_random(&random) % 16384;
    blocks[i] = malloc(sizes[i]);
    REQUIRE(blocks[i] != NULL, "malloc");
    fill(opaque(blocks[i]), sizes[i], i);
  }
  for (int i = 0; i < kCount; ++i)
    if (i % 13) free(blocks[i]);
  malloc_trim(0);
  for (int i = 0; i < kCount; i += 13) EXPECT(is_filled(blocks[i], sizes[i], i), "block %d", i);
  void* more = malloc(30000);
  memset(opaque(more), 2, 30000);
  malloc_trim(0);
  for (int i = 0; i < kCount; i += 13) EXPECT(is_filled(blocks[i], sizes[i], i), "block %d after the second trim", i);
  for (int i = 0; i < kCount; i += 13) free(blocks[i]);
  free(more);
}

// What mallopt() answers ---------------------------------------------------------------------------------------------------

static void answers(void) {
  const int kmem = !is_glibc();
  EXPECT(mallopt(M_MMAP_THRESHOLD, 64 * 1024) == 1, "M_MMAP_THRESHOLD");
  EXPECT(mallopt(M_TRIM_THRESHOLD, -1) == 1, "M_TRIM_THRESHOLD -1");
  EXPECT(mallopt(M_TOP_PAD, 64 * 1024) == 1, "M_TOP_PAD");
  EXPECT(mallopt(M_PERTURB, 0) == 1, "M_PERTURB");
  EXPECT(mallopt(M_ARENA_MAX, 8) == 1, "M_ARENA_MAX");
  EXPECT(mallopt(M_ARENA_TEST, 2) == 1, "M_ARENA_TEST");
  EXPECT(mallopt(M_CHECK_ACTION, 1) == 1, "M_CHECK_ACTION 1");
  EXPECT(mallopt(M_MXFAST, 0) == 1, "M_MXFAST 0");
  EXPECT(mallopt(M_MXFAST, 100000) == 0, "M_MXFAST above its largest value");
  // There is nothing here that these could set; glibc says 1 to all that it does not know.
  if (kmem) {
    EXPECT(mallopt(M_MMAP_MAX, 64 * 1024) == 0, "M_MMAP_MAX");
    EXPECT(mallopt(M_CHECK_ACTION, 0) == 0, "M_CHECK_ACTION 0: mistakes are never passed over in silence");
    EXPECT(mallopt(M_MMAP_THRESHOLD, 33 << 20) == 0, "M_MMAP_THRESHOLD above 32 MiB");
    EXPECT(mallopt(M_MMAP_THRESHOLD, -1) == 0, "a negative threshold");
    EXPECT(mallopt(M_ARENA_MAX, -1) == 0, "a negative number of arenas");
    EXPECT(mallopt(M_TOP_PAD, -1) == 0, "a negative pad");
    EXPECT(mallopt(4711, 1) == 0, "a parameter that nobody knows");
    const int useless[] = {M_NLBLKS, M_GRAIN, M_KEEP};
    for (int i = 0; i < 3; ++i) EXPECT(mallopt(useless[i], 1) == 0, "parameter %d", useless[i]);
  }
  free(malloc(100));
}
TEST(mallopt_says_1_to_what_it_does_and_0_to_what_it_cannot) { in_child("answers", answers); }

static void twice_freed(int action) {
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, 2);
  mallopt(M_CHECK_ACTION, action);
  void* p = malloc(100);
  free(opaque(p));
  free(opaque(p));
  _exit(0);
}
TEST(m_check_action_says_whether_a_mistake_is_the_last) {
  if (is_glibc()) return;  // whose own has no effect since 2.26
  for (int action = 1; action <= 3; action += 2) {
    const pid_t child = fork();
    if (child == 0) twice_freed(action);
    int status = 0;
    waitpid(child, &status, 0);
    if (action & 2) EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "action %d: status %#x", action, status);
    else EXPECT(WIFEXITED(status), "action %d: status %#x", action, status);
  }
}

static void mallopt_first(void) {
  const int kmem = !is_glibc();
  EXPECT(mallopt(M_ARENA_MAX, 1) == 1 && mallopt(M_MMAP_MAX, 0) == !kmem, "two settings");
  EXPECT(errno == 0 || errno == 4711, "errno %d", errno);
}
TEST(mallopt_leaves_errno_alone) {
  errno = 4711;
  mallopt(M_ARENA_MAX, 1);
  mallopt(12345, 1);
  EXPECT(errno == 4711, "errno %d", errno);
  in_child("first", mallopt_first);
}

// mallinfo() and mallinfo2() -----------------------------------------------------------------------------------------------

TEST(mallinfo2_adds_up) {
  void* p = malloc(60000);
  void* large = malloc(20000000);
  const struct mallinfo2 info = mallinfo2();
  EXPECT(info.arena == info.uordblks + info.fordblks, "arena %zu, in use %zu, free %zu", info.arena, info.uordblks,
         info.fordblks);
  EXPECT(info.hblks >= 1 && info.hblkhd >= 20000000, "%zu mapped blocks of %zu bytes", info.hblks, info.hblkhd);
  EXPECT(info.uordblks + info.hblkhd >= 20060000, "in use: %zu and %zu", info.uordblks, info.hblkhd);
  EXPECT(info.uordblks < 20000000, "a mapped block is counted apart, not in %zu too", info.uordblks);
  EXPECT(info.usmblks == 0, "usmblks %zu", info.usmblks);
  EXPECT(info.fsmblks <= info.fordblks && info.keepcost <= info.fordblks, "fsmblks %zu, keepcost %zu of %zu", info.fsmblks,
         info.keepcost, info.fordblks);
  free(p);
  free(large);
}

TEST(mallinfo2_sees_small_blocks) {
  static void* blocks[20];
  size_t total = 0;
  const struct mallinfo2 before = mallinfo2();
  for (int i = 1; i < 20; ++i) {
    const size_t n = smallest_seen() + 160 * (size_t)i;
    blocks[i] = malloc(n);
    total += n;
  }
  const struct mallinfo2 after = mallinfo2();
  EXPECT(after.uordblks >= before.uordblks + total, "in use went from %zu to %zu for %zu", before.uordblks, after.uordblks,
         total);
  for (int i = 1; i < 20; ++i) free(blocks[i]);
  const struct mallinfo2 end = mallinfo2();
  EXPECT(end.uordblks < after.uordblks, "in use went from %zu to %zu when all were freed", after.uordblks, end.uordblks);
}

TEST(mallinfo_says_the_same_in_int) {
  const struct mallinfo2 wide = mallinfo2();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const struct mallinfo info = mallinfo();
#pragma GCC diagnostic pop
  EXPECT(info.uordblks == (int)wide.uordblks && info.hblkhd == (int)wide.hblkhd && info.hblks == (int)wide.hblks,
         "uordblks %d, hblkhd %d, hblks %d", info.uordblks, info.hblkhd, info.hblks);
}

// malloc_info() -------------------------------------------------------------------------------------------------------------

// Does every element that is opened end, in order, with attributes in quotes, and is there one root?
static const char* xml_fault(const char* at) {
  char open[16][32];
  int depth = 0, roots = 0;
  while (*at) {
    if (*at != '<') {
      if (depth == 0 && !isspace((unsigned char)*at)) return at;
      if (*at == '>' || *at == '&') return at;
      ++at;
      continue;
    }
    const char* const start = at++;
    const int closing = *at == '/';
    at += closing;
    char name[32] = {0};
    for (size_t i = 0; i < sizeof name - 1 && isalpha((unsigned char)*at); ++i) name[i] = *at++;
    if (!name[0]) return start;
    while (*at && *at != '>' && *at != '/') {
      if (isspace((unsigned char)*at)) {
        ++at;
        continue;
      }
      while (isalpha((unsigned char)*at)) ++at;
      if (*at++ != '=' || *at++ != '"') return start;
      while (*at && *at != '"' && *at != '<') ++at;
      if (*at++ != '"') return start;
    }
    const int empty = *at == '/';
    at += empty;
    if (*at++ != '>') return start;
    if (closing) {
      if (!depth || strcmp(open[--depth], name) != 0) return start;
    } else if (!empty) {
      if (depth == 16) return start;
      if (!depth++) ++roots;
      strcpy(open[depth - 1], name);
    }
  }
  return depth || roots != 1 ? at : NULL;
}

static char* info_text(void) {
  char* text = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&text, &length);
  if (!stream || malloc_info(0, stream) != 0) return NULL;
  fclose(stream);
  return text;
}

static size_t attribute(const char* element, const char* name) {
  const char* at = element ? strstr(element, name) : NULL;
  return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}
static const char* last_of(const char* text, const char* what) {
  const char* found = NULL;
  for (const char* at = text; (at = strstr(at, what)); ++at) found = at;
  return found;
}

TEST(malloc_info_writes_xml_that_is_well_formed_and_true) {
  EXPECT(xml_fault("<a><b x=\"1\"/></a>\n") == NULL && xml_fault("<a><b></a></b>") && xml_fault("<a x=1/>") && xml_fault("<a>"),
         "the check of XML itself");
  void* large = malloc(30000000);
  char* text = info_text();
  REQUIRE(text != NULL, "malloc_info");
  const char* fault = xml_fault(text);
  EXPECT(fault == NULL, "not well-formed at: %.60s", fault);
  EXPECT(strncmp(text, "<malloc version=\"1\">", 20) == 0, "it begins with %.30s", text);
  EXPECT(strstr(text, "<heap nr=\"0\">") && strstr(text, "<sizes>"), "no heap, no sizes");
  const size_t current = attribute(last_of(text, "<system type=\"current\""), "size=\""),
               most = attribute(last_of(text, "<system type=\"max\""), "size=\"");
  const size_t rest = attribute(last_of(text, "<total type=\"rest\""), "size=\""),
               fast = attribute(last_of(text, "<total type=\"fast\""), "size=\"");
  const size_t mapped = attribute(last_of(text, "<total type=\"mmap\""), "size=\"");
  EXPECT(current > 0 && most >= current, "current %zu, max %zu", current, most);
  EXPECT(rest + fast <= current, "free: %zu and %zu of %zu", rest, fast, current);
  EXPECT(mapped >= 30000000, "mapped: %zu", mapped);
  free(text);
  free(large);
}

static void* allocate_beside(void* stop) {
  while (!__atomic_load_n((int*)stop, __ATOMIC_RELAXED)) {
    void* blocks[100];
    for (int i = 0; i < 100; ++i) blocks[i] = malloc(16 * (size_t)i);
    for (int i = 0; i < 100; ++i) free(blocks[i]);
  }
  return NULL;
}

TEST(malloc_info_is_well_formed_while_threads_allocate) {
  int stop = 0;
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) pthread_create(&threads[i], NULL, allocate_beside, &stop);
  for (int i = 0; i < 50; ++i) {
    char* text = info_text();
    EXPECT(text && !xml_fault(text), "round %d", i);
    free(text);
    (void)mallinfo2();
    malloc_trim(0);
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 3; ++i) pthread_join(threads[i], NULL);
}

TEST(malloc_info_refuses_options) {
  char* text = NULL;
  size_t length = 0;
  FILE* stream = open_memstream(&text, &length);
  errno = 0;
  const int result = malloc_info(1, stream);
  // The manual page says -1 and errno; glibc gives the error itself.
  EXPECT(result != 0, "malloc_info(1) = %d", result);
  if (!is_glibc()) EXPECT(result == -1 && errno == EINVAL, "malloc_info(1) = %d, errno %d", result, errno);
  fclose(stream);
  EXPECT(length == 0, "it wrote %zu bytes", length);
  free(text);
}

// malloc_stats() ------------------------------------------------------------------------------------------------------------

static pthread_barrier_t gate;
static void* stats_then_a_cancellation_point(void* unused) {
  pthread_barrier_wait(&gate);  // a request to cancel is pending from here on
  free(malloc(100));
  (void)unused;
  malloc_stats();
  pthread_testcancel();
  dprintf(2, "this is not reached\n");
  return NULL;
}

TEST(malloc_stats_is_whole_where_a_request_to_cancel_is_pending_and_leaves_it_pending) {
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0, "pipe");
  fflush(stderr);
  const int saved = dup(2);
  dup2(pipe_ends[1], 2);
  close(pipe_ends[1]);
  pthread_barrier_init(&gate, NULL, 2);
  pthread_t thread;
  void* result = NULL;
  pthread_create(&thread, NULL, stats_then_a_cancellation_point, NULL);
  pthread_cancel(thread);
  pthread_barrier_wait(&gate);
  pthread_join(thread, &result);
  fflush(stderr);
  dup2(saved, 2);
  close(saved);
  char text[4096] = {0};
  size_t length = 0;
  for (ssize_t n; length < sizeof text - 1 && (n = read(pipe_ends[0], text + length, sizeof text - 1 - length)) > 0;)
    length += (size_t)n;
  close(pipe_ends[0]);
  EXPECT(result == PTHREAD_CANCELED, "the thread was not cancelled");
  EXPECT(length > 20 && text[length - 1] == '\n', "malloc_stats wrote %zu bytes: %s", length, text);
  EXPECT(strstr(text, "not reached") == NULL, "the request to cancel was lost");
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
