// A thread forks while another one is in the middle of kmem's boot, which in the child nobody goes on with.
//
// The early hook is that middle: the task that boots makes a thread there, waits until it has forked and heard from its
// child, and goes on.

#include <gtest/gtest.h>
#include <kmem/boot.h>
#include <kmem/stats.h>
#include <linux/bootmem.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/sanitizer.h"
#include "system/system.h"

namespace {

int nr_hooks, of_other = -1, of_own = -1;
pid_t first_process;

/// 0, or the number of the step that failed.
int use_everything() {
  auto* p = static_cast<char*>(kmalloc(100, GFP_KERNEL));
  if (!p) return 1;
  memset(p, 0x5a, 100);
  auto* q = static_cast<char*>(vmalloc(100000));
  if (!q) return 2;
  q[99999] = 1;
  kfree(p), vfree(q);
  return kmem::check_system() ? 3 : 0;
}

/// In a child: its status, at most 255.  One that waits is ended after 300 seconds.
template <typename F>
int in_child(F&& body) {
  const pid_t child = fork();
  if (!child) {
    alarm(300);
    _exit(body());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

void run_early() {
  ++nr_hooks;
  if (first_process) return;  // the child's own boot
  first_process = getpid();
  // By another thread.  The child boots from the beginning; its own children, and threads, are as those of any process.
  std::thread([] {
    of_other = in_child([] {
      if (const int failed = use_everything()) return failed;
      if (nr_hooks != 2) return 10;
      int of_thread = -1;
      std::thread([&] { of_thread = use_everything(); }).join();
      return of_thread ? 20 + of_thread : in_child(use_everything);
    });
  }).join();
  // By the booting task: it is still in the middle.
  of_own = in_child([] { return kmalloc(100, GFP_KERNEL) || nr_hooks != 1 ? 1 : alloc_bootmem(100) ? 0 : 2; });
}

}  // namespace

KMEM_EARLY_INIT(run_early)

namespace {

TEST(ForkInBoot, a_child_that_another_thread_forks_boots_for_itself) {
#ifdef KMEM_TSAN
  GTEST_SKIP() << "ThreadSanitizer starts no threads in a forked child";
#endif
  EXPECT_EQ(of_other, 0);
}

TEST(ForkInBoot, a_child_of_the_booting_task_is_in_the_middle_too) { EXPECT_EQ(of_own, 0); }

TEST(ForkInBoot, the_parent_goes_on) {
  EXPECT_EQ(nr_hooks, 1);
  EXPECT_EQ(use_everything(), 0);
}

}  // namespace
