// Large blocks and growing ones: what mapping, zeroing and moving memory costs.
#include <cstring>

#include "bench.h"

namespace kmem::bench {
namespace {

/// `slots` live blocks of the given sizes; an operation replaces one at random and touches each of its pages.
void replace_blocks(Bench& bench, std::size_t slots, std::uint64_t low, std::uint64_t high, std::uint64_t steps) {
  Array<void*> blocks(slots);
  Random random(4);
  bench.measure(steps, [&] {
    for (std::uint64_t i = 0; i < steps; ++i) {
      void*& block = blocks[random.below(slots)];
      const std::size_t size = random.spread(low, high);
      std::free(block);
      block = std::malloc(size);
      touch_pages(block, size);
    }
  });
  for (std::size_t i = 0; i < slots; ++i) std::free(blocks[i]);
}

void grow_one_vector() {
  constexpr std::size_t kEnd = 64 << 20;
  unsigned char* vector = nullptr;
  for (std::size_t size = 64, filled = 0; size <= kEnd; size += size / 2) {
    vector = static_cast<unsigned char*>(std::realloc(vector, size));
    if (!vector) fail("out of memory");
    if (filled && vector[filled - 1] != 7) fail("realloc lost what was in the block");
    std::memset(vector + filled, 7, size - filled);
    filled = size;
  }
  std::free(vector);
}

constexpr std::uint64_t vector_reallocs() {
  std::uint64_t calls = 0;
  for (std::size_t size = 64; size <= 64 << 20; size += size / 2) ++calls;
  return calls;
}

}  // namespace

void large_blocks(Bench& bench) { replace_blocks(bench, 32, 64 << 10, 4 << 20, bench.scaled(1000)); }
void huge_blocks(Bench& bench) { replace_blocks(bench, 4, 8 << 20, 64 << 20, bench.scaled(8)); }

/// calloc of 4 KiB to 1 MiB, 64 blocks live.  Each page is checked to be zero in one word, every fourth is written.
/// An operation is one calloc and one free.
void zeroed(Bench& bench) {
  constexpr std::size_t kSlots = 64;
  Array<unsigned char*> blocks(kSlots);
  Random random(5);
  const std::uint64_t steps = bench.scaled(1000);
  bench.measure(steps, [&] {
    for (std::uint64_t i = 0; i < steps; ++i) {
      unsigned char*& block = blocks[random.below(kSlots)];
      const std::size_t size = random.spread(4096, 1 << 20);
      std::free(block);
      block = static_cast<unsigned char*>(std::calloc(size, 1));
      if (!block) fail("out of memory");
      for (std::size_t at = 0; at < size; at += 4096)
        if (block[at]) fail("calloc: not zero");
      for (std::size_t at = 0; at < size; at += 4 * 4096) block[at] = 1;
    }
  });
  for (std::size_t i = 0; i < kSlots; ++i) std::free(blocks[i]);
}

/// One vector from 64 B to 64 MiB in steps of 1.5, each new part written.  An operation is one realloc.
void realloc_vector(Bench& bench) {
  const std::uint64_t vectors = bench.scaled(1);
  bench.live(64 << 20);
  bench.measure(vectors * vector_reallocs(), [&] {
    for (std::uint64_t i = 0; i < vectors; ++i) grow_one_vector();
  });
}

/// 2,000 strings that grow by a few bytes each in turn, and start again past 1 KiB.  An operation is one realloc.
void realloc_strings(Bench& bench) {
  constexpr std::size_t kStrings = 2000;
  Array<char*> text(kStrings);
  Array<std::size_t> length(kStrings);
  Random random(6);
  const std::uint64_t steps = bench.scaled(1'000'000);
  bench.measure(steps, [&] {
    for (std::uint64_t i = 0; i < steps; ++i) {
      const std::size_t at = random.below(kStrings);
      const std::size_t more = random.between(8, 48);
      if (length[at] > 1024) {
        std::free(text[at]);
        text[at] = nullptr;
        length[at] = 0;
      }
      text[at] = static_cast<char*>(std::realloc(text[at], length[at] + more));
      if (!text[at]) fail("out of memory");
      std::memset(text[at] + length[at], 'x', more);
      length[at] += more;
    }
  });
  for (std::size_t i = 0; i < kStrings; ++i) std::free(text[i]);
}

}  // namespace kmem::bench
