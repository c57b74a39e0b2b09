// The system calls that kmem may make where nobody may wait: docs/contexts.md has the list, and here it is enforced.  Each
// test runs in a child whose seccomp filter ends it at any other call.
//
// Linked with libkmem-malloc, so that malloc and kmalloc are one heap.
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "check.h"

namespace {

constexpr unsigned kEnd = ~0u;

/// What the test itself needs: to return from a handler, to say something, to end.
const unsigned kTestsOwn[] = {SYS_rt_sigreturn, SYS_exit_group, SYS_write, SYS_lseek, kEnd};

/// GFP_ATOMIC, GFP_NOWAIT, kfree, free_pages, kmem_cache_free, and whatever they set off.
const unsigned kAtomicPaths[] = {SYS_mmap,           // a section comes online
                                 SYS_mprotect,       // the same where addresses are reserved
                                 SYS_madvise,        // the same; huge pages for a block; free memory goes to the host
                                 SYS_clock_gettime,  // the same: when was memory given back last?
                                 kEnd};
/// malloc and free of blocks that have an address range of their own, in addition.
const unsigned kMappedBlocks[] = {SYS_mmap, SYS_munmap, SYS_mremap, kEnd};
/// A report of something that is wrong.
const unsigned kReports[] = {SYS_write, SYS_futex, kEnd};
/// Finding out whether a handler runs: once in a while where a call claims that it may sleep.
const unsigned kFindingOut[] = {SYS_futex, kEnd};

const unsigned kTimer[] = {SYS_setitimer, kEnd};
/// A task's malloc where memory is short.
const unsigned kMallocShort[] = {SYS_futex, kEnd};
/// malloc that would reclaim, and so finds out whether it may: in a handler it must not.
const unsigned kMallocThatLooks[] = {SYS_mmap, SYS_munmap, SYS_mremap, SYS_futex, kEnd};
/// The same where handlers run: a frame of one was found, and is it the frame of one that still runs?
const unsigned kHandlersThatLook[] = {SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_setitimer, kEnd};

class Filter {
 public:
  Filter() {
    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr));
    allow(kTestsOwn);
  }
  void allow(const unsigned* calls) {
    for (; *calls != kEnd; ++calls) {
      add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, *calls);
      add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
    }
  }
  /// A wake never waits; a wait would.
  void allow_futex_wake() {
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_futex);
    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args) + 8);
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, FUTEX_WAKE_PRIVATE);
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr));
  }
  bool install() {
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRAP);
    const sock_fprog program = {static_cast<unsigned short>(n_), code_};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  void add(unsigned code, unsigned yes, unsigned no, unsigned k) {
    code_[n_++] = {static_cast<unsigned short>(code), static_cast<unsigned char>(yes), static_cast<unsigned char>(no), k};
  }
  sock_filter code_[128];
  size_t n_ = 0;
};

void say_which(int, siginfo_t* info, void*) {
  // dprintf() itself would make such a call.
  char text[] = "a system call that is not on the list: number     \n";
  char* digit = text + sizeof text - 3;
  for (int n = info->si_syscall; n; n /= 10) *digit-- = static_cast<char>('0' + n % 10);
  (void)!write(2, text, sizeof text - 1);
  _exit(1);
}

constexpr int kCannot = 77;

/// The child's status: 0 where `body` made no call but those of the lists.
int confined(void (*body)(), const unsigned* more = nullptr, const unsigned* still_more = nullptr) {
  const pid_t child = fork();
  if (child == 0) {
    struct sigaction action = {};
    action.sa_sigaction = say_which;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, nullptr);
    Filter filter;
    filter.allow(kAtomicPaths);
    filter.allow_futex_wake();
    if (more) filter.allow(more);
    if (still_more) filter.allow(still_more);
    if (!filter.install()) _exit(kCannot);
    const int before = nr_failures;
    body();
    _exit(nr_failures != before ? 2 : 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

#define EXPECT_CONFINED(...)                                  \
  do {                                                        \
    const int status_ = confined(__VA_ARGS__);                \
    EXPECT(status_ == 0, "the child ended with %d", status_); \
  } while (0)

// What the paths are walked with ----------------------------------------------------------------------------------------

constexpr gfp_t kQuiet = GFP_ATOMIC | __GFP_NOWARN;
void* held[20000];
struct kmem_cache* cache;

/// Takes until nothing is left or `most` are held, writes to each, gives them back.
template <typename Take, typename Give>
void fill_and_empty(size_t most, Take take, Give give) {
  size_t n = 0;
  for (; n < most; ++n) {
    held[n] = take(n);
    if (!held[n]) break;
    *static_cast<volatile char*>(held[n]) = 1;
  }
  while (n) give(held[--n]);
}

void walk_kmalloc() {
  static const size_t sizes[] = {8, 100, 1000, 8000, 20000, 300000, 4 << 20};
  for (const size_t size : sizes)
    fill_and_empty(
        size < 8000 ? 20000 : 400, [&](size_t) { return kmalloc(size, kQuiet); }, [](void* p) { kfree(p); });
  kfree(kmalloc(100, GFP_NOWAIT | __GFP_ZERO));
  kfree(kmalloc(100, kQuiet | __GFP_DMA));
}

void walk_pages() {
  for (unsigned order = 0; order <= MAX_PAGE_ORDER; ++order)
    fill_and_empty(
        order ? 50 : 20000,
        [&](size_t) -> void* {
          struct page* p = alloc_pages(kQuiet, order);
          return p ? page_address(p) : nullptr;
        },
        [&](void* p) { free_pages((unsigned long)p, order); });
}

void walk_a_cache() {
  fill_and_empty(
      20000, [](size_t) { return kmem_cache_alloc(cache, kQuiet); }, [](void* p) { kmem_cache_free(cache, p); });
}

/// A fraction of the machine's memory, or nearly all of it: a task may then reclaim, and wait.
void walk_malloc(size_t nr_large) {
  static const size_t sizes[] = {10, 500, 9000, 100000, 3 << 20, 30 << 20};
  for (const size_t size : sizes)
    fill_and_empty(
        size < 9000 ? nr_large * 1000 : nr_large, [&](size_t) { return malloc(size); }, [](void* p) { free(p); });
  void* p = malloc(10 << 20);
  p = realloc(p, 40 << 20);
  p = realloc(p, 100);
  free(p);
}

void take_until_refused() {
  size_t n = 0;
  for (; n < 20000 && (held[n] = kmalloc(32 << 10, kQuiet)); ++n) *static_cast<volatile char*>(held[n]) = 1;
  EXPECT(n > 0 && n < 20000, "mem= does not bound the machine: %zu blocks", n);
  EXPECT(!alloc_pages(GFP_NOWAIT, 9), "order 9 is left");
  while (n) kfree(held[--n]);
}

/// What it interrupts may just hold all there is; a report of that would be another matter.
volatile sig_atomic_t nr_handled;
void handle(int) {
  nr_handled = nr_handled + 1;
  kfree(kmalloc(100, kQuiet));
  if (struct page* page = alloc_pages(kQuiet, 1)) __free_pages(page, 1);
  if (void* object = kmem_cache_alloc(cache, kQuiet)) kmem_cache_free(cache, object);
}

void walk_with_handlers() {
  const itimerval often = {{0, 100}, {0, 100}}, never = {};
  setitimer(ITIMER_REAL, &often, nullptr);
  while (nr_handled < 200) walk_kmalloc(), walk_pages();
  setitimer(ITIMER_REAL, &never, nullptr);
}

void handle_by_malloc(int) {
  nr_handled = nr_handled + 1;
  free(malloc(3000));
  free(malloc(60000));
}

bool can_confine() {
  return confined([] {}) != kCannot;
}

}  // namespace

TEST(the_filter_sees_a_call_that_is_not_on_the_list) {
  const int saved = dup(2);
  close(2);
  const int status = confined([] { syscall(SYS_getppid); });
  dup2(saved, 2);
  EXPECT(status == 1, "the child ended with %d", status);
}

TEST(kmalloc_with_GFP_ATOMIC_and_kfree_make_no_other_calls) { EXPECT_CONFINED(walk_kmalloc); }
TEST(pages_of_every_order_make_no_other_calls) { EXPECT_CONFINED(walk_pages); }
TEST(objects_of_a_cache_make_no_other_calls) { EXPECT_CONFINED(walk_a_cache); }
TEST(malloc_makes_no_other_calls_but_for_blocks_of_their_own_and_to_look_where_it_is) {
  EXPECT_CONFINED([] { walk_malloc(3); }, kMallocThatLooks);
}
TEST(malloc_where_memory_is_short_may_also_find_out_where_it_is_and_wait) {
  EXPECT_CONFINED([] { walk_malloc(20); }, kMallocShort, kMappedBlocks);
}
TEST(memory_that_runs_out_is_refused_with_no_other_calls) { EXPECT_CONFINED(take_until_refused); }

TEST(handlers_that_interrupt_all_of_it_make_no_other_calls) {
  struct sigaction action = {};
  action.sa_handler = handle;
  sigaction(SIGALRM, &action, nullptr);
  EXPECT_CONFINED(
      [] {
        walk_with_handlers();
        EXPECT(nr_handled >= 200, "%d handlers only", int(nr_handled));
      },
      kTimer);
}

TEST(malloc_in_handlers_makes_no_other_calls_but_to_find_them_out) {
  signal(SIGALRM, handle_by_malloc);
  EXPECT_CONFINED(
      [] {
        const itimerval often = {{0, 100}, {0, 100}}, never = {};
        setitimer(ITIMER_REAL, &often, nullptr);
        while (nr_handled < 200) walk_malloc(3);
        setitimer(ITIMER_REAL, &never, nullptr);
      },
      kMallocThatLooks, kHandlersThatLook);
}

TEST(a_report_makes_the_calls_that_are_listed_for_reports) {
  EXPECT_CONFINED([] { kfree(reinterpret_cast<void*>(uintptr_t{0x1234567000})); }, kReports);
}

TEST(finding_out_whether_a_handler_runs_makes_the_calls_that_are_listed_for_it) {
  EXPECT_CONFINED([] { EXPECT(!in_interrupt(), "a task is taken for a handler"); }, kFindingOut);
  EXPECT_CONFINED([] { kfree(kmalloc(100000, GFP_KERNEL)); }, kFindingOut);
}

int main(int, char** argv) {
  // A small machine, so that all of it can be walked: the words are read before main().
  if (!getenv("KMEM")) {
    setenv("KMEM", "mem=64M", 1);
    execv("/proc/self/exe", argv);
  }
  if (!can_confine()) {
    dprintf(1, "skipped: this host lets a process have no seccomp filter\n");
    return kCannot;
  }
  cache = kmem_cache_create("allowed-calls", 120, 0, SLAB_NO_MERGE, nullptr);
  return run_tests(1, argv);
}
