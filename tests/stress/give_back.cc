// Idle memory goes back to the host: two seconds after a process has freed all, at most 5 % of what its resident memory
// had grown by is still there.  No setting, no call.
//
//   give_back [--figures] [TEST ...]      --figures prints the growth and judges nothing, to look at other mallocs
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "../system/check.h"
#include "heap.h"

namespace {

constexpr size_t kTotal = size_t{250} << 20;
constexpr int kThreads = 4;
/// Of what a process grew by.  With membarrier=1 what idle CPUs hold comes too; without, a CPU that fell silent early keeps a
/// sheaf of each size.
const double kMostKept = getenv("KMEM") && strstr(getenv("KMEM"), "membarrier=1") ? 0.05 : 0.20;

bool only_figures = false;

enum class Order { kFifo, kLifo, kRandom };

/// Where the pointers are kept: mapped and touched before the first measurement, so that it doesn't count.
class Pointers {
 public:
  explicit Pointers(size_t capacity)
      : all_(static_cast<void**>(mmap(nullptr, capacity * sizeof(void*), PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0))),
        capacity_(capacity) {
    if (static_cast<void*>(all_) == MAP_FAILED) abort();
  }
  ~Pointers() { munmap(all_, capacity_ * sizeof(void*)); }
  Pointers(const Pointers&) = delete;
  Pointers& operator=(const Pointers&) = delete;

  bool is_full() const { return size_ == capacity_; }
  void add(void* p) { all_[size_++] = p; }
  void put_into(Order order, uint64_t random) {
    if (order == Order::kLifo) std::reverse(all_, all_ + size_);
    if (order != Order::kRandom) return;
    for (size_t i = size_; i > 1; --i) std::swap(all_[i - 1], all_[next_random(&random) % i]);
  }
  void free_all() {
    for (size_t i = 0; i < size_; ++i) heap_free(all_[i]);
    size_ = 0;
  }

 private:
  void** all_;
  size_t capacity_;
  size_t size_ = 0;
};

size_t small_size(uint64_t& random) {
  const uint64_t kind = next_random(&random) % 100;
  return 16 + next_random(&random) % (kind < 90 ? 400 : kind < 99 ? 4000 : 30000);
}
size_t large_size(uint64_t& random) { return 200000 + next_random(&random) % 3000000; }

/// Fills its share of the total with touched blocks.
void allocate(Pointers& pointers, size_t share, size_t (*size)(uint64_t&), uint64_t seed) {
  uint64_t random = seed;
  for (size_t sum = 0; sum < share && !pointers.is_full();) {
    const size_t n = size(random);
    void* p = heap_alloc(n);
    if (p == nullptr) abort();
    memset(p, 0x5a, n);
    pointers.add(p);
    sum += n;
  }
}

void sleep_two_seconds() {
  timespec left = {2, 0};
  while (nanosleep(&left, &left) != 0) {
  }
}

void judge(const char* what, size_t before, size_t peak, size_t after) {
  const double grown = double(peak) - double(before);
  const double kept = double(after) - double(before);
  dprintf(1, "%s: grew by %.1f MiB, 2 s after the frees %.1f MiB are left, %.1f %%\n", what, grown / (1 << 20),
          kept / (1 << 20), 100 * kept / grown);
  if (only_figures) return;
  EXPECT(grown > 0.9 * double(kTotal), "%s: grew by %.1f MiB only", what, grown / (1 << 20));
  EXPECT(kept <= kMostKept * grown, "%s: %.1f %% of the growth is still resident", what, 100 * kept / grown);
}

struct Shape {
  const char* what;
  size_t (*size)(uint64_t&);
  Order order;
  bool threads_live_on;  // idle threads are not dead ones: what is cached for them must go back too
};

void grow_and_shrink(const Shape& shape) {
  const size_t capacity = shape.size == small_size ? 500000 : 2000;
  Pointers pointers[kThreads] = {Pointers(capacity), Pointers(capacity), Pointers(capacity), Pointers(capacity)};
  std::atomic<int> nr_allocated{0}, nr_freed{0};
  std::atomic<bool> may_free{false}, may_end{false};
  const auto wait_for = [](auto condition) {
    for (const timespec moment = {0, 1000000}; !condition();) nanosleep(&moment, nullptr);
  };
  const size_t before = resident_bytes();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      allocate(pointers[i], kTotal / kThreads, shape.size, i + 5);
      pointers[i].put_into(shape.order, i + 17);
      ++nr_allocated;
      wait_for([&] { return may_free.load(); });
      pointers[(i + 1) % kThreads].free_all();  // what another thread has allocated
      ++nr_freed;
      if (shape.threads_live_on) wait_for([&] { return may_end.load(); });
    });
  }
  wait_for([&] { return nr_allocated == kThreads; });
  const size_t peak = resident_bytes();
  may_free = true;
  wait_for([&] { return nr_freed == kThreads; });
  if (!shape.threads_live_on)
    for (std::thread& thread : threads) thread.join();
  sleep_two_seconds();
  judge(shape.what, before, peak, resident_bytes());
  may_end = true;
  if (shape.threads_live_on)
    for (std::thread& thread : threads) thread.join();
}

/// Each shape in a process of its own: what one leaves behind would flatter the next.
void in_a_child(const Shape& shape) {
  const pid_t child = fork();
  if (child == 0) {
    nr_failures = 0;  // those of the tests before are the parent's
    grow_and_shrink(shape);
    _exit(nr_failures == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(status == 0, "%s: status %#x", shape.what, unsigned(status));
}

}  // namespace

TEST(small_blocks_freed_at_random_go_back) {
  in_a_child({"small blocks, freed at random, threads ended", small_size, Order::kRandom, false});
}
TEST(small_blocks_freed_first_in_first_out_go_back) {
  in_a_child({"small blocks, freed FIFO, threads idle", small_size, Order::kFifo, true});
}
TEST(large_blocks_go_back) { in_a_child({"large blocks, freed LIFO, threads idle", large_size, Order::kLifo, true}); }

TEST(what_a_child_inherited_and_frees_goes_back) {
  Pointers pointers(2000000);
  const size_t before = resident_bytes();
  allocate(pointers, kTotal, small_size, 3);
  const pid_t child = fork();
  if (child == 0) {
    nr_failures = 0;
    pointers.put_into(Order::kRandom, 9);
    const size_t peak = resident_bytes();
    pointers.free_all();
    sleep_two_seconds();
    judge("small blocks, inherited by a child", before, peak, resident_bytes());
    _exit(nr_failures == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(status == 0, "status %#x", unsigned(status));
  const size_t peak = resident_bytes();
  pointers.free_all();
  sleep_two_seconds();
  judge("the same, in the parent", before, peak, resident_bytes());
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--figures") == 0) {
    only_figures = true;
    argv[1] = argv[0];
    return run_tests(argc - 1, argv + 1);
  }
  return run_tests(argc, argv);
}
