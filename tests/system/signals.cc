// malloc and free in signal handlers, at any instant, while the main thread and four others do the same.  Timers send
// each thread its own signal, the main thread 10,000 a second.  No other malloc survives this; so there is no run on
// glibc to compare with (it hangs), and the program itself is validated with `signals 3 --handlers-do-not-allocate`.
//
//   signals [SECONDS] [--handlers-do-not-allocate]
#include <sys/syscall.h>
#include <time.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"

namespace {

constexpr int kThreads = 4;
constexpr size_t kSlots = 512;
constexpr long kMainHz = 10000;
constexpr long kThreadHz = 2000;

int seconds = 3;
bool handlers_allocate = true;

struct Block {
  size_t size;
  size_t seed;
  unsigned char bytes[1];
};
std::atomic<Block*> slots[kSlots];
std::atomic<bool> stop{false};
std::atomic<long> nr_signals{0};
std::atomic<long> nr_operations{0};
std::atomic<int> nr_broken{0};
std::atomic<int> nr_refused{0};
std::atomic<uint64_t> seeds{1};

size_t random_size(uint64_t random) {
  if (random % 64 == 0) return random / 64 % 300000;
  if (random % 8 == 0) return random / 64 % 9000;
  return random / 64 % 500;
}

/// Exchanges the block in a slot for a new one and checks every byte of the old one.  Async-signal-safe, if malloc is.
void exchange_block(uint64_t random) {
  const size_t n = random_size(random);
  auto* block = static_cast<Block*>(malloc(sizeof(Block) + n));
  if (block == nullptr) {
    ++nr_refused;
    return;
  }
  block->size = n;
  block->seed = size_t(random);
  fill(block->bytes, n, block->seed);
  Block* old = slots[random / 7 % kSlots].exchange(block);
  if (old == nullptr) return;
  nr_broken += !is_filled(old->bytes, old->size, old->seed);
  free(old);
}

void handle(int) {
  const int saved = errno;
  uint64_t random = (seeds += 0x9e3779b97f4a7c15);
  ++nr_signals;
  if (handlers_allocate) exchange_block(next_random(&random) % 64 == 0 ? random : random | 1);
  errno = saved;
}

/// A timer that signals the calling thread, and no other.
class ThreadTimer {
 public:
  explicit ThreadTimer(long hz) {
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
    const itimerspec every = {{0, 1000000000 / hz}, {0, 1000000000 / hz}};
    is_running_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0 && timer_settime(timer_, 0, &every, nullptr) == 0;
  }
  ~ThreadTimer() { timer_delete(timer_); }
  ThreadTimer(const ThreadTimer&) = delete;
  ThreadTimer& operator=(const ThreadTimer&) = delete;
  bool is_running() const { return is_running_; }

 private:
  timer_t timer_ = {};
  bool is_running_ = false;
};

void allocate_until_stopped(long hz) {
  const ThreadTimer timer(hz);
  if (!timer.is_running()) abort();
  uint64_t random = (seeds += 0x9e3779b97f4a7c15);
  while (!stop) {
    exchange_block(next_random(&random));
    ++nr_operations;
  }
}

/// The thread that ends the run; it also says so if nothing moves any more, since a deadlock has no other voice.
void watch() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  long before = -1;
  for (int second = 0; second < seconds; ++second) {
    const timespec one = {1, 0};
    nanosleep(&one, nullptr);
    const long now = nr_operations;
    if (now == before) {
      dprintf(2, "hung: no allocation in second %d, after %ld operations and %ld signals\n", second, now, nr_signals.load());
      _exit(3);
    }
    before = now;
  }
  stop = true;
}

}  // namespace

TEST(handlers_may_allocate_while_they_interrupt_the_allocator) {
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  std::thread watcher(watch);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(allocate_until_stopped, kThreadHz);
  allocate_until_stopped(kMainHz);
  for (std::thread& thread : threads) thread.join();
  watcher.join();
  signal(SIGALRM, SIG_IGN);
  for (auto& slot : slots) {
    Block* block = slot.exchange(nullptr);
    if (block == nullptr) continue;
    nr_broken += !is_filled(block->bytes, block->size, block->seed);
    free(block);
  }
  dprintf(1, "%ld operations, %ld signals\n", nr_operations.load(), nr_signals.load());
  EXPECT(nr_broken == 0, "%d blocks broken", nr_broken.load());
  EXPECT(nr_refused == 0, "%d allocations refused", nr_refused.load());
  EXPECT(nr_signals > 100L * seconds, "%ld signals only", nr_signals.load());
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--handlers-do-not-allocate") == 0) handlers_allocate = false;
    else seconds = atoi(argv[i]);
  }
  return run_tests(1, argv);
}
