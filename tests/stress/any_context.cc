// Every kind of allocation in a signal handler that interrupts every kind of allocation: a timer of 10 kHz that hits any
// thread, four threads, forks.  kmalloc(GFP_ATOMIC), malloc, pages by order, objects of caches with and without a
// constructor; every byte of every block is checked when it is freed, in the children too.
//
// Linked with libkmem-malloc, so that malloc and kmalloc are one heap.
//
//   any_context [SECONDS] [--no-forks]      (3 if not said; KMEM_SOAK_SECONDS says it for all runs)
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <atomic>
#include <thread>
#include <vector>

#include "../system/check.h"

namespace {

constexpr int kThreads = 4;
constexpr long kHz = 10000;
constexpr size_t kSlots = 1024;

int seconds = 3;
bool forks = true;

std::atomic<bool> stop{false};
std::atomic<long> nr_operations{0}, nr_signals{0}, nr_forks{0};
std::atomic<int> nr_broken{0}, nr_refused{0}, nr_bad_children{0};
std::atomic<uint64_t> seeds{1};

struct kmem_cache* caches[4];

enum Kind : uint32_t { Kmalloc, Malloc, Pages, Object, kKinds };

/// What lies at the start of every block; the pattern follows it.
struct Block {
  uint32_t kind, which;  // Pages: the order; Object: the cache
  size_t size;           // of bytes
  size_t seed;
  uint64_t constructed;  // Object: what the constructor left, or the user kept
  unsigned char bytes[8];
};
constexpr size_t kHeader = offsetof(Block, bytes);
constexpr size_t kObjectSizes[] = {64, 200, 1000, 4096};
constexpr uint64_t kConstructed = 0xc0457a;
std::atomic<Block*> slots[kSlots];

void construct(void* p) { static_cast<Block*>(p)->constructed = kConstructed; }

size_t random_size(uint64_t random) {
  if (random % 256 == 0) return random / 256 % 300000;
  if (random % 16 == 0) return random / 256 % 9000;
  return random / 256 % 600;
}

Block* allocate(uint64_t random, gfp_t gfp) {
  const auto kind = static_cast<Kind>(random % kKinds);
  uint32_t which = 0;
  size_t size = random_size(random / 8);
  void* p = nullptr;
  switch (kind) {
    case Kmalloc: p = kmalloc(kHeader + size, gfp); break;
    case Malloc: p = malloc(kHeader + size); break;
    case Pages: {
      which = random / 8 % 64 == 0 ? 3 : random / 8 % 8 == 0 ? 1 : 0;
      size = (PAGE_SIZE << which) - kHeader;
      struct page* page = alloc_pages(gfp, which);
      p = page ? page_address(page) : nullptr;
      break;
    }
    default:
      which = static_cast<uint32_t>(random / 8 % 4);
      size = kObjectSizes[which] - kHeader;
      p = kmem_cache_alloc(caches[which], gfp);
      if (p && which % 2 && static_cast<Block*>(p)->constructed != kConstructed) ++nr_broken;
  }
  if (!p) {
    ++nr_refused;
    return nullptr;
  }
  auto* block = static_cast<Block*>(p);
  block->kind = kind;
  block->which = which;
  block->size = size;
  block->seed = size_t(random);
  fill(block->bytes, size, block->seed);
  return block;
}

bool is_whole(const Block* block) { return is_filled(block->bytes, block->size, block->seed); }

void release(Block* block) {
  if (!block) return;
  if (!is_whole(block) && ++nr_broken < 10)
    dprintf(2, "block %p, kind %u, %zu bytes: overwritten\n", static_cast<void*>(block), block->kind, block->size);
  switch (block->kind) {
    case Kmalloc: return kfree(block);
    case Malloc: return free(block);
    case Pages: return __free_pages(virt_to_page(block), block->which);
    default: return kmem_cache_free(caches[block->which], block);
  }
}

/// Async-signal-safe with GFP_ATOMIC.
void exchange_block(uint64_t& random, gfp_t gfp) {
  Block* block = allocate(next_random(&random), gfp);
  if (block) release(slots[next_random(&random) % kSlots].exchange(block));
}

// Handlers -------------------------------------------------------------------------------------------------------------

void handle(int) {
  const int saved = errno;
  uint64_t random = seeds += 0x9e3779b97f4a7c15;
  // Every other one says what it is; the rest must do as well.
  const bool declared = ++nr_signals % 2;
  if (declared) irq_enter();
  exchange_block(random, random % 3 ? GFP_ATOMIC : GFP_NOWAIT);
  if (declared) irq_exit();
  if (errno != saved) ++nr_broken;
}

/// One for the whole process: the signal goes to whichever thread takes it.
class ProcessTimer {
 public:
  ProcessTimer() {
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    const itimerspec every = {{0, 1000000000 / kHz}, {0, 1000000000 / kHz}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0 || timer_settime(timer_, 0, &every, nullptr) != 0) abort();
  }
  ~ProcessTimer() { timer_delete(timer_); }

 private:
  timer_t timer_ = {};
};

// Children -------------------------------------------------------------------------------------------------------------

/// One thread is left, which was in no handler; whatever the others were at, it allocates, verifies and frees.
[[noreturn]] void live_as_a_child() {
  const int broken_before = nr_broken;
  uint64_t random = seeds += 0x9e3779b97f4a7c15 * uint64_t(getpid());
  Block* mine[64] = {};
  for (int i = 0; i < 400; ++i) {
    Block*& slot = mine[next_random(&random) % 64];
    release(slot);
    slot = allocate(next_random(&random), i % 2 ? GFP_KERNEL : GFP_ATOMIC);
  }
  for (Block* block : mine) release(block);
  // What the parent has allocated is as it was.  A slot may be another thread's that was just about to fill it.
  for (auto& slot : slots) {
    Block* block = slot.load();
    if (block && !is_whole(block)) ++nr_broken;
  }
  _exit(nr_broken == broken_before ? 0 : 1);
}

void fork_and_wait() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t child = fork();
  if (child == 0) live_as_a_child();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return;
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ++nr_forks;
  if (status != 0 && ++nr_bad_children < 10) dprintf(2, "child %d ended with status %#x\n", child, unsigned(status));
}

// Threads --------------------------------------------------------------------------------------------------------------

void allocate_until_stopped(int id) {
  uint64_t random = seeds += 0x9e3779b97f4a7c15;
  timespec last = {};
  clock_gettime(CLOCK_MONOTONIC, &last);
  for (long i = 0; !stop; ++i, ++nr_operations) {
    exchange_block(random, i % 4 ? GFP_KERNEL : GFP_ATOMIC);
    if (!forks || i % 64) continue;
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if ((now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000 < 50 + 30 * id) continue;
    last = now;
    fork_and_wait();
  }
}

/// Ends the run, and says so if nothing moves any more: a deadlock has no other voice.
void watch() {
  long before = -1;
  int idle = 0;
  for (int second = 0; second < seconds; ++second) {
    const timespec one = {1, 0};
    nanosleep(&one, nullptr);
    const long now = nr_operations;
    idle = now == before ? idle + 1 : 0;
    before = now;
    if (idle < 10) continue;
    dprintf(2, "hung: no allocation for 10 s in second %d, after %ld operations and %ld signals\n", second, now,
            nr_signals.load());
    abort();
  }
  stop = true;
}

}  // namespace

TEST(handlers_allocate_and_free_everything_whatever_they_interrupt) {
  for (size_t i = 0; i < 4; ++i)
    caches[i] = kmem_cache_create("any-context", unsigned(kObjectSizes[i]), 0, SLAB_NO_MERGE, i % 2 ? construct : nullptr);
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(allocate_until_stopped, i);
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm, nullptr);  // the kernel prefers the main thread, which allocates nothing
  {
    const ProcessTimer timer;
    watch();
    for (std::thread& thread : threads) thread.join();
  }
  signal(SIGALRM, SIG_IGN);
  for (auto& slot : slots) release(slot.exchange(nullptr));
  for (struct kmem_cache* cache : caches) EXPECT(kmem_cache_destroy(cache) == 0, "objects are lost");
  dprintf(1, "%ld operations, %ld signals, %ld forks\n", nr_operations.load(), nr_signals.load(), nr_forks.load());
  EXPECT(nr_broken == 0, "%d blocks broken", nr_broken.load());
  EXPECT(nr_bad_children == 0, "%d children failed", nr_bad_children.load());
  EXPECT(nr_refused == 0, "%d allocations refused", nr_refused.load());
  EXPECT(nr_signals > 100L * seconds, "%ld signals only", nr_signals.load());
  EXPECT(!forks || nr_forks >= seconds, "%ld forks only", nr_forks.load());
}

int main(int argc, char** argv) {
  if (const char* said = getenv("KMEM_SOAK_SECONDS")) seconds = atoi(said);
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--no-forks") == 0) forks = false;
    else seconds = atoi(argv[i]);
  }
  return run_tests(1, argv);
}
