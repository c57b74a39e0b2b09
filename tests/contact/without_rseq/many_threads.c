// More threads than there are shadow CPUs, all at once, then one after the other: blocks stay whole, go from thread to thread,
// and what ended threads left is used again, so that memory does not grow with the threads that ever were.
#include <malloc.h>
#include <pthread.h>

#include "../../system/check.h"

enum { kAtOnce = 150, kInTurn = 2000, kBlocks = 200 };

static pthread_barrier_t barrier;
static void* handed_on[kAtOnce][kBlocks];

static void* one_of_many(void* argument) {
  const size_t mine = (size_t)argument, next = (mine + 1) % kAtOnce;
  for (size_t i = 0; i < kBlocks; ++i) fill(handed_on[mine][i] = malloc(32 + i), 32 + i, mine * 1000 + i);
  pthread_barrier_wait(&barrier);
  for (size_t i = 0; i < kBlocks; ++i) {
    if (!is_filled(handed_on[next][i], 32 + i, next * 1000 + i)) return NULL;
    free(handed_on[next][i]);
  }
  pthread_barrier_wait(&barrier);
  return argument;
}

TEST(more_threads_than_shadows_pass_blocks_on) {
  static pthread_t threads[kAtOnce];
  pthread_barrier_init(&barrier, NULL, kAtOnce);
  for (size_t i = 0; i < kAtOnce; ++i) pthread_create(&threads[i], NULL, one_of_many, (void*)i);
  for (size_t i = 0; i < kAtOnce; ++i) {
    void* result = NULL;
    pthread_join(threads[i], &result);
    EXPECT(result == (void*)i, "thread %zu found another one's blocks changed", i);
  }
}

static void* one_in_turn(void* argument) {
  void* block[kBlocks];
  for (size_t i = 0; i < kBlocks; ++i) memset(block[i] = malloc(500), 1, 500);
  for (size_t i = 0; i < kBlocks; ++i) free(block[i]);
  return argument;
}

static void in_turn(int n) {
  for (int i = 0; i < n; ++i) {
    pthread_t thread;
    pthread_create(&thread, NULL, one_in_turn, NULL);
    pthread_join(thread, NULL);
  }
}

TEST(what_ended_threads_leave_is_used_again) {
  in_turn(50);
  const size_t before = resident_bytes();
  in_turn(kInTurn);
  const size_t after = resident_bytes();
  EXPECT(after < before + (4 << 20), "%zu KiB resident before, %zu after", before >> 10, after >> 10);
}

// What the sleeping threads had, each more than it needed at once, is given back to who asks by name.
static void* take_much_and_sleep(void* argument) {
  enum { kMuch = 500 };
  static __thread void* block[kMuch];
  for (int i = 0; i < kMuch; ++i) memset(block[i] = malloc(1000), 1, 1000);
  for (int i = 0; i < kMuch; ++i) free(block[i]);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return argument;
}

TEST(what_sleeping_threads_hold_comes_back_when_it_is_asked_for) {
  enum { kSleepers = 60 };
  pthread_t threads[kSleepers];
  pthread_barrier_init(&barrier, NULL, kSleepers + 1);
  for (int i = 0; i < kSleepers; ++i) pthread_create(&threads[i], NULL, take_much_and_sleep, NULL);
  pthread_barrier_wait(&barrier);
  size_t (*trim)(void) = (size_t(*)(void))(uintptr_t)dlsym(RTLD_DEFAULT, "kmem_trim");
  if (trim) {
    trim();
    const size_t left = mallinfo2().fordblks;
    EXPECT(left < (1 << 20), "%zu KiB are free and held back", left >> 10);
  }
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < kSleepers; ++i) pthread_join(threads[i], NULL);
}

int main(int count, char** arguments) { return run_tests(count, arguments); }
