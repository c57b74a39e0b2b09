// What every pattern shares: the clock, the samples, arrays that do not come from malloc.
//
// A pattern is a function that gets a Bench and calls measure() once.  Its own bookkeeping lives in Array, which is
// mapped and touched beforehand, so that each byte that the process grows by afterwards is the allocator's.
#pragma once

#include <sys/mman.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace kmem::bench {

[[noreturn]] inline void fail(const char* why) {
  std::fprintf(stderr, "peers-patterns: %s\n", why);
  std::abort();
}

inline double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// A fixed number of elements, mapped and touched at once: the allocator under test never sees it.
template <class T>
class Array {
 public:
  explicit Array(std::size_t size) : size_(size) {
    void* memory = mmap(nullptr, size * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) fail("no memory for the pattern's own arrays");
    data_ = static_cast<T*>(memory);
  }
  // Never unmapped: the resident size before and after a pattern must differ by the allocator's share only.
  ~Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::size_t size() const { return size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

/// xorshift64*: the same numbers for every allocator, and a cost well below that of an allocation.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2685821657736338717ULL + 1) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 2685821657736338717ULL) >> 16;
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  /// Each power of two between low and high as likely as the next: how block sizes are spread in real programs.
  std::uint64_t spread(std::uint64_t low, std::uint64_t high);

 private:
  std::uint64_t state_;
};

/// The numbers 0 .. size-1 in random order.
void shuffle(Array<std::uint32_t>& order, Random& random);

/// Runs one pattern and keeps what is printed about it.
class Bench {
 public:
  static constexpr unsigned kMaxRepeats = 32;

  explicit Bench(double scale) : scale_(scale) {}

  /// An amount of work, less of it under --scale.
  std::uint64_t scaled(std::uint64_t amount) const {
    const auto less = static_cast<std::uint64_t>(static_cast<double>(amount) * scale_);
    return less ? less : 1;
  }

  /// Patterns whose single repeat is long, or is a whole life of a heap, ask for fewer.
  void repeats(unsigned count) { repeats_ = count; }

  /// The most bytes that the pattern ever has asked for at one time, where it knows.
  void live(std::uint64_t bytes) {
    if (bytes > live_) live_ = bytes;
  }

  /// One warm-up, then the repeats; `ops` is what one call of `body` does in each of its threads.
  template <class Body>
  void measure(std::uint64_t ops, Body&& body) {
    measure_counted([&] {
      body();
      return ops;
    });
  }

  /// The same for a body that returns how many operations it did.
  template <class Body>
  void measure_counted(Body&& body) {
    begin();
    body();
    for (unsigned i = 0; i < repeats_; ++i) {
      const double wall = seconds(CLOCK_MONOTONIC);
      const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
      const auto ops = static_cast<double>(body());
      sample(i, ops, seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    }
  }

  /// After all was freed: the figures now, and the memory again after the process has slept.
  void print(const char* name, unsigned idle_ms);

 private:
  void begin();
  void sample(unsigned index, double ops, double wall, double cpu);

  double scale_;
  unsigned repeats_ = 9;
  std::uint64_t live_ = 0;
  double start_wall_ = 0;
  std::uint64_t start_kb_ = 0;
  double wall_ns_[kMaxRepeats] = {};
  double cpu_ns_[kMaxRepeats] = {};
};

/// A pattern's name, what it does in a few words, and the function.
struct Pattern {
  const char* name;
  const char* says;
  void (*run)(Bench&);
};

// Where a pattern writes to what it got: the first word, as any user of a fresh object does.
inline void* touched(void* object) {
  if (!object) fail("out of memory");
  *static_cast<volatile std::uint64_t*>(object) = 1;
  return object;
}

// One write per 4 KiB page of a large block: what the kernel charges for becoming resident.
inline void touch_pages(void* block, std::size_t size) {
  if (!block) fail("out of memory");
  auto* byte = static_cast<volatile unsigned char*>(block);
  for (std::size_t at = 0; at < size; at += 4096) byte[at] = 1;
}

// small.cc
void hot_pair(Bench&);
void batch_lifo(Bench&);
void batch_fifo(Bench&);
void batch_random(Bench&);
void mixed_sizes(Bench&);
void aligned(Bench&);
// threads.cc
void producer_consumer(Bench&);
void two_threads(Bench&);
void eight_threads(Bench&);
void come_and_go(Bench&);
void server(Bench&);
// large.cc
void large_blocks(Bench&);
void huge_blocks(Bench&);
void zeroed(Bench&);
void realloc_vector(Bench&);
void realloc_strings(Bench&);
// heaps.cc
void shift(Bench&);
void heap_regrow(Bench&);
void string_map(Bench&);

}  // namespace kmem::bench
