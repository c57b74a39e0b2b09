// A program that locked itself ends in the ordinary way, by exit(): whatever malloc does then, it makes no call that is not
// listed.  Each way runs in a process of its own, since a forked child is not looked at when it ends.
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "../../system/check.h"
#include "lock.h"

extern char** environ;

static void* work(void* argument) {
  for (int i = 0; i < 2000; ++i) free(malloc((size_t)(i % 900)));
  return argument;
}

/// Allocates, locks itself, and returns from main().
static int be_locked(enum LockWay way, int with_threads) {
  char* kept[200];
  for (int i = 0; i < 200; ++i) kept[i] = malloc((size_t)i * 50 + 1);
  pthread_t thread;
  if (with_threads && (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL))) return 4;
  if (lock_now(way, 0, 0)) return 77;
  for (int i = 0; i < 200; i += 2) free(kept[i]);
  work(NULL);
  return 0;
}

static int status_of(const char* self, int way, int with_threads) {
  char first[] = {(char)('0' + way), 0}, second[] = {(char)('0' + with_threads), 0};
  char* arguments[] = {(char*)self, first, second, NULL};
  pid_t child;
  int status = -1;
  if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) == 0) waitpid(child, &status, 0);
  return status;
}

int main(int argc, char** argv) {
  if (argc == 3) return be_locked((enum LockWay)(argv[1][0] - '0'), argv[2][0] - '0');
  for (int with_threads = 0; with_threads < 2; ++with_threads)
    for (int way = kLockKills; way <= kLockTells; ++way) {
      const int status = status_of(argv[0], way, with_threads);
      if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return 77;
      EXPECT(status == 0, "way %d, threads %d: status %x at the end", way, with_threads, status);
    }
  return nr_failures != 0;
}
