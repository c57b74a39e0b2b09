// fork() from a process whose six threads never stop allocating.  The child inherits every lock as it was at that
// moment, and none of the threads that would release it.  It must find all blocks whole, free them, allocate, and
// start threads of its own.
//
//   forks [NUMBER]      (200 if not said)
#include <pthread.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"

namespace {

constexpr int kThreads = 6;
constexpr size_t kSlots = 64;
constexpr unsigned kPatience = 300;  // seconds after which a child counts as hung: it needs a few milliseconds

int nr_forks = 200;

/// A block that carries its own size and seed.  A thread publishes it in a slot when it is complete and takes it out
/// before it frees it: so at any instant, what stands in a slot is allocated and whole.
struct Block {
  size_t size;
  size_t seed;
  unsigned char bytes[1];
};
std::atomic<Block*> slots[kThreads][kSlots];
std::atomic<bool> stop{false};
std::atomic<long> nr_operations{0};

size_t random_size(uint64_t& random) {
  const uint64_t kind = next_random(&random) % 100;
  if (kind < 80) return next_random(&random) % 600;
  if (kind < 99) return next_random(&random) % 20000;
  return next_random(&random) % 600000;
}

Block* make_block(uint64_t& random) {
  const size_t n = random_size(random);
  auto* block = static_cast<Block*>(malloc(sizeof(Block) + n));
  if (block == nullptr) return nullptr;
  block->size = n;
  block->seed = size_t(next_random(&random));
  fill(block->bytes, n, block->seed);
  return block;
}

bool check_and_free(Block* block) {
  if (block == nullptr) return true;
  const bool good = is_filled(block->bytes, block->size, block->seed);
  free(block);
  return good;
}

void allocate_without_end(int id) {
  uint64_t random = uint64_t(id) + 77;
  while (!stop) {
    std::atomic<Block*>& slot =
        slots[next_random(&random) % 8 == 0 ? next_random(&random) % kThreads : size_t(id)][next_random(&random) % kSlots];
    if (!check_and_free(slot.exchange(nullptr))) abort();
    Block* expected = nullptr;
    Block* block = make_block(random);
    if (!slot.compare_exchange_strong(expected, block)) free(block);
    ++nr_operations;
  }
}

/// The exit status of the child says what was wrong.
enum ChildResult { kGood = 0, kInheritedBlockBroken = 10, kNoMemory, kOwnBlockBroken, kNoThread, kThreadFailed };

int allocate_for_a_while(uint64_t seed) {
  std::atomic<Block*> own[32] = {};
  uint64_t random = seed;
  for (int i = 0; i < 150; ++i) {
    Block* block = make_block(random);
    if (block == nullptr) return kNoMemory;
    if (!check_and_free(own[next_random(&random) % 32].exchange(block))) return kOwnBlockBroken;
  }
  for (auto& slot : own)
    if (!check_and_free(slot.exchange(nullptr))) return kOwnBlockBroken;
  return kGood;
}

void* allocate_in_thread(void* result) {
  *static_cast<int*>(result) = allocate_for_a_while(uint64_t(reinterpret_cast<uintptr_t>(result)) | 1);
  return result;
}

int start_threads() {
  pthread_t threads[2];
  int results[2] = {kThreadFailed, kThreadFailed};
  for (int i = 0; i < 2; ++i)
    if (pthread_create(&threads[i], nullptr, allocate_in_thread, &results[i]) != 0) return kNoThread;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  for (int result : results)
    if (result != kGood) return result;
  return kGood;
}

int live_as_child(int round) {
  alarm(kPatience);  // a hung child dies of it, and the parent sees SIGALRM
  for (auto& row : slots)
    for (auto& slot : row)
      if (!check_and_free(slot.exchange(nullptr))) return kInheritedBlockBroken;
  if (const int result = allocate_for_a_while(uint64_t(round) + 1); result != kGood) return result;
  return start_threads();
}

bool fork_once(int round) {
  const pid_t child = fork();
  if (child == 0) _exit(live_as_child(round));
  if (child < 0) {
    EXPECT(child >= 0, "fork %d: errno %d", round, errno);
    return false;
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(!(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM), "child of fork %d hung", round);
  EXPECT(!WIFSIGNALED(status) || WTERMSIG(status) == SIGALRM, "child of fork %d: signal %d", round, WTERMSIG(status));
  EXPECT(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "child of fork %d: exit %d", round, WEXITSTATUS(status));
  return status == 0;
}

int nr_prepare, nr_parent, nr_child;
void* held_over_fork;

}  // namespace

TEST(a_process_with_six_allocating_threads_forks) {
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) threads.emplace_back(allocate_without_end, id);
  int nr_bad = 0;
  for (int round = 0; round < nr_forks && nr_bad < 5; ++round) {
    nr_bad += !fork_once(round);
    if (round % 1000 == 999) dprintf(1, "%d forks, %ld operations\n", round + 1, nr_operations.load());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (auto& row : slots)
    for (auto& slot : row) EXPECT(check_and_free(slot.exchange(nullptr)), "a block of the parent is broken");
  EXPECT(nr_operations > nr_forks, "the threads made %ld operations only", nr_operations.load());
}

TEST(handlers_of_pthread_atfork_may_allocate) {
  // They run while malloc's own fork handlers may already hold its locks: the order of registration is not ours.
  REQUIRE(pthread_atfork(
              [] {
                ++nr_prepare;
                held_over_fork = memset(malloc(5000), 1, 5000);
              },
              [] {
                ++nr_parent;
                free(held_over_fork);
                free(memset(malloc(70000), 1, 70000));
              },
              [] {
                ++nr_child;
                free(held_over_fork);
                free(memset(malloc(70000), 1, 70000));
              }) == 0,
          "pthread_atfork");
  stop = false;
  std::thread other(allocate_without_end, 0);
  for (int round = 0; round < 50; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(kPatience);
      _exit(nr_child == 1 ? allocate_for_a_while(5) : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(status == 0, "child of round %d: status %#x", round, unsigned(status));
  }
  stop = true;
  other.join();
  EXPECT(nr_prepare == 50 && nr_parent == 50, "%d prepare and %d parent handlers ran", nr_prepare, nr_parent);
}

TEST(a_childs_child_allocates_too) {
  int status = -1;
  const pid_t child = fork();
  if (child == 0) {
    alarm(kPatience);
    for (int depth = 0; depth < 10; ++depth) {
      if (allocate_for_a_while(uint64_t(depth) + 3) != kGood) _exit(1);
      const pid_t grandchild = fork();
      if (grandchild == 0) continue;
      int inner = -1;
      waitpid(grandchild, &inner, 0);
      _exit(inner == 0 ? start_threads() : 2);
    }
    _exit(0);
  }
  waitpid(child, &status, 0);
  EXPECT(status == 0, "status %#x", unsigned(status));
}

TEST(what_parent_and_child_write_does_not_reach_the_other) {
  // Private memory stays private: a heap in shared memory would break this.
  enum { kCount = 200 };
  unsigned char* blocks[kCount];
  for (size_t i = 0; i < kCount; ++i) fill(blocks[i] = static_cast<unsigned char*>(malloc(1 + i * 211)), 1 + i * 211, i);
  const pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0; i < kCount; ++i) memset(blocks[i], 0xee, 1 + i * 211);
    for (unsigned char* block : blocks) free(block);
    for (size_t i = 0; i < kCount; ++i) memset(malloc(1 + i * 211), 0xdd, 1 + i * 211);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(status == 0, "status %#x", unsigned(status));
  for (size_t i = 0; i < kCount; ++i) EXPECT(is_filled(blocks[i], 1 + i * 211, i), "block %zu", i);
  for (unsigned char* block : blocks) free(block);
}

int main(int argc, char** argv) {
  if (argc > 1) nr_forks = atoi(argv[1]);
  return run_tests(1, argv);
}
