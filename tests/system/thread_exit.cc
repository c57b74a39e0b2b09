// What happens around a thread's end: destructors of thread-local objects and of pthread keys run late, in an order
// that nobody controls, and allocate and free; some are made while others are being destroyed.
#include <pthread.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

namespace {

pthread_key_t keys[8];
std::atomic<int> nr_key_destructors{0};

/// Frees what it is given, allocates anew, and sets the key again a few times: POSIX runs it again, up to 4 rounds.
void free_and_allocate(void* value) {
  ++nr_key_destructors;
  auto* counter = static_cast<int*>(value);
  const int left = *counter - 1;
  free(counter);
  free(memset(malloc(size_t(left + 1) * 3000), 1, size_t(left + 1) * 3000));
  if (left == 0) return;
  auto* next = static_cast<int*>(malloc(sizeof(int)));
  *next = left;
  pthread_setspecific(keys[left % 8], next);
}

struct ThreadLocal {
  std::vector<std::unique_ptr<std::string>> words;
  ~ThreadLocal() {
    for (int i = 0; i < 100; ++i) words.push_back(std::make_unique<std::string>(size_t(i * 10), 'd'));
    words.clear();
    words.shrink_to_fit();
  }
};
thread_local ThreadLocal local;

void live_and_die(int id) {
  for (pthread_key_t key : keys) {
    auto* counter = static_cast<int*>(malloc(sizeof(int)));
    *counter = 3;
    pthread_setspecific(key, counter);
  }
  for (int i = 0; i < 200; ++i) local.words.push_back(std::make_unique<std::string>(size_t(i + id), 'w'));
}

}  // namespace

TEST(destructors_of_a_thread_may_allocate_and_free) {
  for (pthread_key_t& key : keys) REQUIRE(pthread_key_create(&key, free_and_allocate) == 0, "pthread_key_create");
  for (int round = 0; round < 100; ++round) {
    std::vector<std::thread> threads;
    for (int id = 0; id < 8; ++id) threads.emplace_back(live_and_die, id);
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT(nr_key_destructors >= 100 * 8 * 8, "%d key destructors ran", nr_key_destructors.load());
}

TEST(what_a_dead_thread_allocated_is_good_and_can_be_freed) {
  for (int round = 0; round < 100; ++round) {
    std::vector<void*> blocks(300);
    std::thread([&] {
      for (size_t i = 0; i < blocks.size(); ++i) fill(blocks[i] = malloc(1 + i * 17), 1 + i * 17, i);
    }).join();
    for (size_t i = 0; i < blocks.size(); ++i) EXPECT(is_filled(blocks[i], 1 + i * 17, i), "block %zu", i);
    for (void* block : blocks) free(block);
  }
}

TEST(detached_and_cancelled_threads_do_no_harm) {
  for (int round = 0; round < 100; ++round) {
    std::thread([] { free(malloc(1000)); }).detach();
    pthread_t thread;
    REQUIRE(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  for (;;) {
                    free(memset(malloc(2000), 1, 2000));
                    pthread_testcancel();
                  }
                },
                nullptr) == 0,
            "pthread_create");
    pthread_cancel(thread);
    pthread_join(thread, nullptr);
  }
}

TEST(thousands_of_threads_leave_no_memory_behind) {
  const auto live = [](int count) {
    for (int i = 0; i < count; ++i) {
      std::thread a([] { free(memset(malloc(20000), 1, 20000)); });
      std::thread b([] { free(memset(malloc(300), 1, 300)); });
      a.join();
      b.join();
    }
  };
  live(200);
  const size_t before = resident_bytes();
  live(2000);
  const size_t after = resident_bytes();
  EXPECT(after < before + (8u << 20), "resident memory went from %zu to %zu", before, after);
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
