// All of malloc's calls at once, from several threads, at random sizes from 1 byte to megabytes: what calloc gives must
// be zero though it is recycled all the time, what realloc keeps must be kept, alignments must hold; and one thread
// asks for statistics and trims meanwhile.
//
//   mixed_calls [OPERATIONS-PER-THREAD]      (25000 if not said)
#include <malloc.h>

#include <atomic>
#include <new>
#include <thread>
#include <vector>

#include "check.h"

namespace {

constexpr int kThreads = 4;
constexpr size_t kSlots = 200;

int nr_operations = 25000;
std::atomic<bool> stop{false};
std::atomic<int> nr_broken{0};

struct Slot {
  unsigned char* bytes = nullptr;
  size_t size = 0;
  size_t alignment = 0;  // not 0 if it came from aligned operator new, and must go back to its delete
};

size_t random_size(uint64_t& random) {
  const uint64_t kind = next_random(&random) % 1000;
  if (kind < 700) return 1 + next_random(&random) % 1024;
  if (kind < 950) return 1 + next_random(&random) % 40000;
  if (kind < 995) return 1 + next_random(&random) % 500000;
  return 1 + next_random(&random) % (5u << 20);
}

void complain(const char* what, const Slot& slot) {
  if (++nr_broken < 10) dprintf(2, "%s: %p of %zu bytes\n", what, static_cast<void*>(slot.bytes), slot.size);
}

bool is_zero(const unsigned char* p, size_t n) { return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0; }

/// Fills the slot by one of the ways to get memory, and looks at what that way promises.
void acquire(Slot& slot, uint64_t& random) {
  const size_t n = slot.size = random_size(random);
  const size_t alignment = size_t{16} << next_random(&random) % 9;
  void* p = nullptr;
  slot.alignment = 0;
  switch (next_random(&random) % 6) {
    case 0:
    case 1:
      p = calloc(1, n);
      if (p != nullptr && !is_zero(static_cast<unsigned char*>(p), n)) {
        slot.bytes = static_cast<unsigned char*>(p);
        complain("calloc gave bytes that are not zero", slot);
      }
      break;
    case 2: p = memalign(alignment, n); break;
    case 3: p = ::operator new(n, std::align_val_t(slot.alignment = alignment)); break;
    default: p = malloc(n);
  }
  slot.bytes = static_cast<unsigned char*>(p);
  if (p == nullptr) return complain("no memory", slot);
  if (slot.alignment != 0 && !is_aligned(p, alignment)) complain("alignment", slot);
  fill(slot.bytes, n, n);
}

void check(const Slot& slot) {
  if (!is_filled(slot.bytes, slot.size, slot.size)) complain("overwritten", slot);
}

void resize(Slot& slot, uint64_t& random) {
  const size_t n = random_size(random), kept = n < slot.size ? n : slot.size;
  auto* p = static_cast<unsigned char*>(realloc(slot.bytes, n));
  if (p == nullptr) return complain("realloc failed", slot);
  slot.bytes = p;
  if (!is_filled(p, kept, slot.size)) complain("realloc lost contents", slot);
  slot.size = n;
  fill(p, n, n);
}

void release(Slot& slot) {
  check(slot);
  if (slot.alignment != 0) ::operator delete(slot.bytes, slot.size, std::align_val_t(slot.alignment));
  else free(slot.bytes);
  slot = Slot();
}

void call_at_random(uint64_t seed) {
  uint64_t random = seed;
  std::vector<Slot> slots(kSlots);
  for (int i = 0; i < nr_operations; ++i) {
    Slot& slot = slots[next_random(&random) % kSlots];
    if (slot.bytes == nullptr) acquire(slot, random);
    else if (slot.alignment == 0 && next_random(&random) % 3 == 0) resize(slot, random);
    else release(slot);
  }
  for (Slot& slot : slots)
    if (slot.bytes != nullptr) release(slot);
}

void ask_for_statistics() {
  while (!stop) {
    const struct mallinfo2 info = mallinfo2();
    if (info.uordblks > size_t{1} << 40) ++nr_broken;
    malloc_trim(0);
    std::this_thread::yield();
  }
}

}  // namespace

TEST(all_calls_at_once_keep_their_promises) {
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) threads.emplace_back(call_at_random, uint64_t(id) + 1);
  std::thread asker(ask_for_statistics);
  for (std::thread& thread : threads) thread.join();
  stop = true;
  asker.join();
  EXPECT(nr_broken == 0, "%d promises broken", nr_broken.load());
}

TEST(exceptions_can_be_thrown_while_libraries_are_loaded) {
  // Unwinding takes the loader's lock, and loading allocates: a malloc that unwinds or loads would lock up here.
  std::atomic<bool> done{false};
  std::thread loader([&] {
    while (!done)
      if (void* library = dlopen("libutil.so.1", RTLD_NOW)) dlclose(library);
  });
  std::vector<std::thread> throwers;
  std::atomic<int> nr_caught{0};
  for (int id = 0; id < 3; ++id) {
    throwers.emplace_back([&] {
      for (size_t i = 0; i < 3000; ++i) {
        try {
          throw std::vector<char>(i);
        } catch (const std::vector<char>& thrown) {
          nr_caught += thrown.size() == i;
        }
      }
    });
  }
  for (std::thread& thrower : throwers) thrower.join();
  done = true;
  loader.join();
  EXPECT(nr_caught == 9000, "caught %d of 9000", nr_caught.load());
}

int main(int argc, char** argv) {
  if (argc > 1) nr_operations = atoi(argv[1]);
  return run_tests(1, argv);
}
