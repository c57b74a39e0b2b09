// Dynamic per-CPU memory: pieces of chunks, one beside the other in every copy.

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>

#include "percpu/percpu_heap.h"
#include "port/port.h"

namespace kmem {

class PercpuChunkTestPeer {
 public:
  static auto& used(PercpuChunk& c) { return c.used_; }
  static auto& first(PercpuChunk& c) { return c.first_; }
  static auto& last(PercpuChunk& c) { return c.last_; }
  static auto& nr_used(PercpuChunk& c) { return c.nr_used_; }
};

namespace {

constexpr uint32_t kCopies = 3;

void expect_sound(const Fault& fault) { EXPECT_FALSE(fault) << fault.rule << " at " << fault.where; }

class PercpuHeapTest : public testing::Test {
 protected:
  PercpuHeapTest() { heap->init(kCopies); }
  ~PercpuHeapTest() override { expect_sound(heap->check()); }
  char* alloc(size_t bytes, size_t align = 8, Gfp gfp = gfp::kKernel) { return heap->alloc(bytes, align, gfp); }
  static char* copy(char* variable, uint32_t n) { return variable + percpu_distance(n); }

  std::unique_ptr<PercpuHeap> heap = std::make_unique<PercpuHeap>();
};

TEST_F(PercpuHeapTest, every_copy_of_a_piece_is_zero_also_where_another_was_before) {
  for (int round = 0; round < 3; ++round) {
    char* p = alloc(100);
    ASSERT_NE(p, nullptr);
    for (uint32_t n = 0; n < kCopies; ++n) {
      for (int i = 0; i < 100; ++i) ASSERT_EQ(copy(p, n)[i], 0) << "round " << round;
      memset(copy(p, n), 0x5a, 100);
    }
    EXPECT_TRUE(heap->free(p));
  }
}

TEST_F(PercpuHeapTest, any_size_and_alignment_up_to_a_page) {
  for (size_t align = 1; align <= kPageSize; align *= 2)
    for (const size_t bytes : {size_t{1}, size_t{7}, size_t{24}, size_t{4096}, size_t{20000}}) {
      char* p = alloc(bytes, align);
      ASSERT_NE(p, nullptr) << bytes << " at " << align;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(copy(p, 1)) % align, 0u);
      EXPECT_GE(heap->find(p)->size_of(p), bytes);
    }
  EXPECT_NE(alloc(kPercpuStride, kPageSize), nullptr) << "a whole chunk";
}

TEST_F(PercpuHeapTest, chunks_grow_for_who_may_sleep_and_atomic_requests_take_what_is_there) {
  EXPECT_EQ(alloc(8, 8, gfp::kAtomic), nullptr) << "no chunk is there yet";
  ASSERT_NE(alloc(40000), nullptr);
  EXPECT_NE(alloc(20000, 8, gfp::kAtomic), nullptr);
  EXPECT_EQ(alloc(20000, 8, gfp::kAtomic), nullptr);
  EXPECT_NE(alloc(20000), nullptr);
  EXPECT_EQ(heap->nr_chunks(), 2u);
}

TEST_F(PercpuHeapTest, what_is_no_piece_is_refused_and_changes_nothing) {
  char* p = alloc(64);
  EXPECT_FALSE(heap->free(p + 8)) << "inside";
  EXPECT_FALSE(heap->free(p + 1));
  EXPECT_FALSE(heap->free(p + 64)) << "behind";
  EXPECT_FALSE(heap->free(copy(p, 0))) << "a copy";
  EXPECT_FALSE(heap->free(reinterpret_cast<char*>(&p)));
  size_t offset = 0;
  EXPECT_EQ(heap->find_copy(copy(p, 2) + 5, offset), heap->find(p));
  EXPECT_EQ(offset, 5u);
  EXPECT_TRUE(heap->free(p));
  EXPECT_FALSE(heap->free(p)) << "twice";
}

TEST_F(PercpuHeapTest, a_seeded_walk_agrees_with_a_map) {
  std::mt19937_64 random(20240611);
  std::map<char*, std::pair<size_t, char>> held;
  for (int step = 0; step < 20000; ++step) {
    if (held.size() < 400 && random() % 5 < 3) {
      const size_t bytes = random() % 8 ? random() % 300 + 1 : random() % 9000 + 1, align = size_t{1} << random() % 8;
      char* p = alloc(bytes, align);
      ASSERT_NE(p, nullptr);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
      const char mark = static_cast<char>(random() | 1);
      for (uint32_t n = 0; n < kCopies; ++n) {
        for (size_t i = 0; i < bytes; ++i) ASSERT_EQ(copy(p, n)[i], 0);
        memset(copy(p, n), mark + static_cast<int>(n), bytes);
      }
      ASSERT_TRUE(held.emplace(p, std::pair{bytes, mark}).second);
    } else if (!held.empty()) {
      auto it = std::next(held.begin(), static_cast<long>(random() % held.size()));
      const auto [bytes, mark] = it->second;
      for (uint32_t n = 0; n < kCopies; ++n)
        for (size_t i = 0; i < bytes; ++i)
          ASSERT_EQ(copy(it->first, n)[i], static_cast<char>(mark + static_cast<int>(n)));
      ASSERT_TRUE(heap->free(it->first));
      held.erase(it);
    }
    if (step % 1000 == 0) expect_sound(heap->check());
  }
  for (const auto& [p, ignored] : held) EXPECT_TRUE(heap->free(p));
  for (unsigned i = 0; i < heap->nr_chunks(); ++i) EXPECT_EQ(heap->chunk(i).nr_used(), 0u);
}

TEST_F(PercpuHeapTest, a_broken_chunk_is_found) {
  using Peer = PercpuChunkTestPeer;
  char* p = alloc(24);
  PercpuChunk& chunk = *heap->find(p);
  Peer::used(chunk)[0].poke(5);
  EXPECT_TRUE(chunk.check().is("K1"));
  Peer::used(chunk)[0].poke(15);
  EXPECT_TRUE(chunk.check().is("K2"));
  Peer::used(chunk)[0].poke(7);
  Peer::last(chunk)[0].poke(0);
  EXPECT_TRUE(chunk.check()) << "a piece without an end";
  Peer::last(chunk)[0].poke(4);
  Peer::first(chunk)[0].poke(3);
  EXPECT_TRUE(chunk.check().is("K1"));
  Peer::first(chunk)[0].poke(1);
  Peer::nr_used(chunk).poke(4);
  EXPECT_TRUE(chunk.check().is("K3"));
  Peer::nr_used(chunk).poke(3);
}

}  // namespace
}  // namespace kmem
