// Children that share their parent's memory and allocate before they go: of vfork(), and of clone() with CLONE_VM on a stack of
// their own; and of what libc makes so by itself (posix_spawn, system, popen).  Three threads of the parent allocate meanwhile,
// and every byte is verified on both sides.  The kernel gives such a child no restartable sequences, though the number of
// its parent's CPU is in sight.
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/rseq.h>
#include <sys/wait.h>

#include "../../system/check.h"

extern char** environ;

enum { kThreads = 3, kBlocks = 64, kStack = 256 << 10, kRounds = 200, kChildren = 12 };

static volatile int stop, nr_wrong;
static unsigned char* from_child[kBlocks];
static char stacks[2][kStack] __attribute__((aligned(64)));

// Allocates, writes, looks, frees; small sizes that all CPUs' sheaves hold.
static void work(unsigned* seed, int rounds, unsigned char tag) {
  unsigned char* block[kBlocks];
  size_t size[kBlocks];
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < kBlocks; ++i) {
      size[i] = 16 + (size_t)(rand_r(seed) & 1) * 16;
      block[i] = malloc(size[i]);
      memset(block[i], tag ^ i, size[i]);
    }
    for (int i = 0; i < kBlocks; ++i) {
      for (size_t at = 0; at < size[i]; ++at)
        if (block[i][at] != (unsigned char)(tag ^ i)) ++nr_wrong;
      free(block[i]);
    }
  }
}

static void* thread(void* argument) {
  unsigned seed = (unsigned)(uintptr_t)argument;
  while (!stop) work(&seed, 20, (unsigned char)(seed * 37));
  return NULL;
}

static void in_child(void) {
  unsigned seed = 99;
  work(&seed, kRounds, 0xee);
  for (int i = 0; i < kBlocks; ++i) {
    free(from_child[i]);
    from_child[i] = malloc(48);
    memset(from_child[i], i, 48);
  }
}

static int on_own_stack(void* argument) {
  (void)argument;
  in_child();
  return 0;
}

static void expect_end(pid_t child) {
  int status = -1;
  EXPECT(child > 0 && waitpid(child, &status, __WALL) == child, "no child: %s", strerror(errno));
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child ended with %#x", (unsigned)status);
}

static void expect_blocks_of_child(void) {
  for (int i = 0; i < kBlocks; ++i)
    for (int at = 0; from_child[i] && at < 48; ++at) EXPECT(from_child[i][at] == i, "block %d of the child", i);
}

// Who could say where he runs can say so again.
static int knows_cpu(void) {
  const volatile int* id = (const volatile int*)((char*)__builtin_thread_pointer() + __rseq_offset + 4);
  return !__rseq_size || *id >= 0;
}

static pthread_t threads[kThreads];
static int knew;  // not on the stack, which a child of vfork() shares

static void begin_threads(void) {
  stop = 0;
  for (uintptr_t i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, thread, (void*)(i + 1));
}

static void end_threads(void) {
  stop = 1;
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  EXPECT(nr_wrong == 0, "%d bytes are not what was written", nr_wrong);
}

TEST(children_of_vfork) {
  knew = knows_cpu();
  begin_threads();
  for (int n = 0; n < kChildren && !nr_wrong; ++n) {
    const pid_t child = vfork();
    if (child == 0) {
      in_child();
      _exit(0);
    }
    EXPECT(knows_cpu() == knew, "the thread lost its sequences");
    expect_end(child);
    expect_blocks_of_child();
  }
  end_threads();
}

TEST(children_of_children_of_vfork) {
  knew = knows_cpu();
  begin_threads();
  for (int n = 0; n < kChildren && !nr_wrong; ++n) {
    const pid_t child = vfork();
    if (child == 0) {
      const pid_t grandchild = vfork();
      if (grandchild == 0) {
        in_child();
        _exit(0);
      }
      in_child();
      int status = -1;
      waitpid(grandchild, &status, 0);
      _exit(status != 0);
    }
    EXPECT(knows_cpu() == knew, "the thread lost its sequences");
    expect_end(child);
  }
  end_threads();
}

TEST(children_of_vfork_that_are_killed) {
  begin_threads();
  for (int n = 0; n < kChildren && !nr_wrong; ++n) {
    const pid_t child = vfork();
    if (child == 0) {
      const pid_t self = (pid_t)getpid();
      if (n % 2) in_child();
      free(malloc(100));
      kill(self, SIGKILL);
      _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(WIFSIGNALED(status), "status %#x", (unsigned)status);
    unsigned seed = 5;
    work(&seed, 50, 0x77);
  }
  end_threads();
}

TEST(children_of_clone_while_the_parent_sleeps) {
  knew = knows_cpu();
  begin_threads();
  for (int n = 0; n < kChildren && !nr_wrong; ++n) {
    const pid_t child = clone(on_own_stack, stacks[0] + kStack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    EXPECT(knows_cpu() == knew, "the thread lost its sequences");
    expect_end(child);
    expect_blocks_of_child();
  }
  end_threads();
}

// Both have the same thread-local storage at the same time, which much of libc does not bear; malloc does.
static void* clone_two(void* argument) {
  (void)argument;
  pid_t child[2];
  for (int i = 0; i < 2; ++i) child[i] = clone(on_own_stack, stacks[i] + kStack, CLONE_VM | SIGCHLD, NULL);
  unsigned seed = 7;
  work(&seed, kRounds, 0x55);
  for (int i = 0; i < 2; ++i) expect_end(child[i]);
  return NULL;
}

TEST(children_of_clone_beside_the_parent) {
  begin_threads();
  for (int n = 0; n < kChildren && !nr_wrong; ++n) {
    pthread_t mother;
    memset(from_child, 0, sizeof from_child);
    pthread_create(&mother, NULL, clone_two, NULL);
    pthread_join(mother, NULL);
  }
  end_threads();
}

TEST(children_that_libc_makes) {
  begin_threads();
  for (int n = 0; n < kChildren && !nr_wrong; ++n) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (int i = 3; i < 40; ++i) posix_spawn_file_actions_addopen(&actions, 100 + i, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, "/tmp");
    char* const arguments[] = {(char*)"true", NULL};
    pid_t child = 0;
    EXPECT(posix_spawnp(&child, "true", &actions, NULL, arguments, environ) == 0, "posix_spawnp");
    expect_end(child);
    posix_spawn_file_actions_destroy(&actions);
    EXPECT(system("true") == 0, "system");
    FILE* pipe = popen("echo x", "r");
    EXPECT(pipe && fgetc(pipe) == 'x' && pclose(pipe) == 0, "popen");
  }
  end_threads();
}

int main(int count, char** arguments) { return run_tests(count, arguments); }
