// Many threads, made anew in every round, that allocate, hand blocks to each other and free what others allocated.
// Every byte of every block is checked when it is freed.
//
//   threads [THREADS [ROUNDS [BLOCKS-PER-THREAD]]]      (8 10 4000 if not said)
#include <atomic>
#include <thread>
#include <vector>

#include "../system/check.h"
#include "heap.h"

namespace {

constexpr size_t kShared = 1000;       // slots through which blocks change hands, and outlive a round
constexpr size_t kLargest = 3u << 20;  // below KMALLOC_MAX_SIZE

int nr_threads = 8;
int nr_rounds = 10;
int nr_blocks = 4000;

struct Block {
  size_t size;  // of bytes
  size_t seed;
  unsigned char bytes[8];
};
std::atomic<Block*> shared[kShared];
std::atomic<long> nr_freed{0};
std::atomic<int> nr_broken{0};
std::atomic<int> nr_refused{0};

/// Mostly small, some up to 100,000 bytes, rarely megabytes: as programs do.
size_t random_size(uint64_t& random) {
  const uint64_t kind = next_random(&random) % 10000;
  if (kind < 9000) return 1 + next_random(&random) % 512;
  if (kind < 9800) return 1 + next_random(&random) % 8192;
  if (kind < 9995) return 1 + next_random(&random) % 100000;
  return 1 + next_random(&random) % kLargest;
}

Block* make_block(uint64_t& random) {
  const size_t n = random_size(random);
  auto* block = static_cast<Block*>(heap_alloc(sizeof(Block) + n));
  if (block == nullptr) {
    ++nr_refused;
    return nullptr;
  }
  block->size = n;
  block->seed = size_t(next_random(&random));
  fill(block->bytes, n, block->seed);
  return block;
}

void check_and_free(Block* block) {
  if (block == nullptr) return;
  const size_t wrong = first_wrong_byte(block->bytes, block->size, block->seed);
  if (wrong != block->size && ++nr_broken < 10)
    dprintf(2, "block %p of %zu bytes: wrong at offset %zu\n", static_cast<void*>(block), block->size, wrong);
  heap_free(block);
  ++nr_freed;
}

/// One thread's life: a window of own blocks, a part of which goes to others through the shared slots.
void live(uint64_t seed) {
  uint64_t random = seed;
  Block* own[128] = {};
  for (int i = 0; i < nr_blocks; ++i) {
    Block*& slot = own[next_random(&random) % 128];
    check_and_free(slot);
    slot = make_block(random);
    if (next_random(&random) % 4 == 0) slot = shared[next_random(&random) % kShared].exchange(slot);
  }
  // A third dies with its thread, the rest is left to whoever comes across it.
  for (Block* block : own) {
    if (next_random(&random) % 3 != 0) block = shared[next_random(&random) % kShared].exchange(block);
    check_and_free(block);
  }
}

}  // namespace

TEST(threads_that_come_and_go_keep_all_blocks_whole) {
  for (int round = 0; round < nr_rounds; ++round) {
    std::vector<std::thread> threads;
    for (int id = 0; id < nr_threads; ++id) threads.emplace_back(live, uint64_t(round) * 1000003 + uint64_t(id) * 7919 + 1);
    for (std::thread& thread : threads) thread.join();
    if (round % 10 == 9) dprintf(1, "%d rounds, %ld blocks freed\n", round + 1, nr_freed.load());
  }
  for (auto& slot : shared) check_and_free(slot.exchange(nullptr));
  EXPECT(nr_broken == 0, "%d blocks broken", nr_broken.load());
  EXPECT(nr_refused == 0, "%d allocations refused", nr_refused.load());
  EXPECT(nr_freed == long(nr_threads) * nr_rounds * nr_blocks, "%ld blocks freed", nr_freed.load());
}

int main(int argc, char** argv) {
  if (argc > 1) nr_threads = atoi(argv[1]);
  if (argc > 2) nr_rounds = atoi(argv[2]);
  if (argc > 3) nr_blocks = atoi(argv[3]);
  return run_tests(1, argv);
}
