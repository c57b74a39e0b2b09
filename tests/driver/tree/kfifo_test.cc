// <linux/kfifo.h>: elements, records, user space's memory, devices, one writer beside one reader.
#include "helpers.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <random>

#include <linux/kfifo.h>
#include <linux/scatterlist.h>

namespace {

struct Point {
  int x, y;
};
DEFINE_KFIFO(points, Point, 4);
DEFINE_KFIFO(bytes, unsigned char, 16);

TEST(Kfifo, elements_come_out_in_the_order_in_which_they_went_in) {
  EXPECT_EQ(kfifo_size(&points), 4u);
  EXPECT_EQ(kfifo_esize(&points), sizeof(Point));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(kfifo_put(&points, (Point{i, -i})), 1u);
  EXPECT_EQ(kfifo_put(&points, (Point{9, 9})), 0u);
  EXPECT_TRUE(kfifo_is_full(&points));
  EXPECT_EQ(kfifo_avail(&points), 0u);
  EXPECT_EQ(kfifo_peek_len(&points), 4 * sizeof(Point));
  Point p;
  EXPECT_EQ(kfifo_peek(&points, &p), 1u);
  EXPECT_EQ(p.x, 0);
  kfifo_skip(&points);
  for (int i = 1; i < 4; ++i) {
    EXPECT_EQ(kfifo_get(&points, &p), 1u);
    EXPECT_EQ(p.y, -i);
  }
  EXPECT_EQ(kfifo_get(&points, &p), 0u);
  EXPECT_EQ(kfifo_peek(&points, &p), 0u);
  EXPECT_TRUE(kfifo_is_empty(&points));
}

TEST(Kfifo, what_a_pointer_allocates_is_rounded_up_and_what_is_given_rounded_down) {
  DECLARE_KFIFO_PTR(f, int);
  INIT_KFIFO(f);
  EXPECT_FALSE(kfifo_initialized(&f));
  EXPECT_EQ(kfifo_alloc(&f, 1, GFP_KERNEL), -EINVAL);
  ASSERT_EQ(kfifo_alloc(&f, 5, GFP_KERNEL), 0);
  EXPECT_TRUE(kfifo_initialized(&f));
  EXPECT_EQ(kfifo_size(&f), 8u);
  kfifo_free(&f);
  EXPECT_FALSE(kfifo_initialized(&f));
  int room[7];
  EXPECT_EQ(kfifo_init(&f, room, 7), -EINVAL);
  ASSERT_EQ(kfifo_init(&f, room, sizeof(room)), 0);
  EXPECT_EQ(kfifo_size(&f), 4u);
  EXPECT_EQ(kfifo_alloc(&points, 8, GFP_KERNEL), -EINVAL);  // it has its own memory
  DECLARE_KFIFO(own, int, 8);
  INIT_KFIFO(own);
  EXPECT_EQ(kfifo_size(&own), 8u);
}

TEST(Kfifo, many_steps_are_those_of_a_queue) {
  kfifo_reset(&bytes);
  std::deque<unsigned char> model;
  std::mt19937 random(7);
  unsigned char next = 0, buffer[32];
  for (int step = 0; step < 20000; ++step) {
    const unsigned n = random() % 20;
    if (random() & 1) {
      for (unsigned i = 0; i < n; ++i) buffer[i] = static_cast<unsigned char>(next + i);
      const unsigned in = kfifo_in(&bytes, buffer, n);
      ASSERT_EQ(in, std::min<size_t>(n, 16 - model.size()));
      for (unsigned i = 0; i < in; ++i) model.push_back(next++);
    } else {
      const bool peeks = random() & 1;
      const unsigned out = peeks ? kfifo_out_peek(&bytes, buffer, n) : kfifo_out(&bytes, buffer, n);
      ASSERT_EQ(out, std::min<size_t>(n, model.size()));
      for (unsigned i = 0; i < out; ++i) ASSERT_EQ(buffer[i], model[i]);
      if (!peeks) model.erase(model.begin(), model.begin() + out);
    }
    ASSERT_EQ(kfifo_len(&bytes), model.size());
    ASSERT_EQ(kfifo_avail(&bytes), 16 - model.size());
  }
}

TEST(Kfifo, records_go_in_and_out_as_a_whole) {
  STRUCT_KFIFO_REC_1(16) f;
  INIT_KFIFO(f);
  EXPECT_EQ(kfifo_recsize(&f), 1u);
  char text[16];
  EXPECT_EQ(kfifo_in(&f, (const unsigned char*)"hello", 5), 5u);
  EXPECT_EQ(kfifo_in(&f, (const unsigned char*)"kfifo!", 6), 6u);
  EXPECT_EQ(kfifo_len(&f), 13u);
  EXPECT_EQ(kfifo_avail(&f), 2u);
  EXPECT_EQ(kfifo_in(&f, (const unsigned char*)"abc", 3), 0u);
  EXPECT_EQ(kfifo_peek_len(&f), 5u);
  EXPECT_EQ(kfifo_out_peek(&f, (unsigned char*)text, 3), 3u);
  EXPECT_EQ(kfifo_out(&f, (unsigned char*)text, 2), 2u);  // the rest of it is lost
  EXPECT_EQ(kfifo_peek_len(&f), 6u);
  EXPECT_EQ(kfifo_out(&f, (unsigned char*)text, 16), 6u);
  EXPECT_EQ(memcmp(text, "kfifo!", 6), 0);
  EXPECT_EQ(kfifo_peek_len(&f), 0u);
  kfifo_in(&f, (const unsigned char*)"x", 1);
  kfifo_skip(&f);
  kfifo_skip(&f);  // nothing is in
  EXPECT_TRUE(kfifo_is_empty(&f));
}

TEST(Kfifo, a_record_of_two_bytes_of_length_may_be_long) {
  struct kfifo_rec_ptr_2 f;
  INIT_KFIFO(f);
  ASSERT_EQ(kfifo_alloc(&f, 1 << 17, GFP_KERNEL), 0);
  auto* block = static_cast<unsigned char*>(kmalloc(70000, GFP_KERNEL));
  memset(block, 7, 70000);
  EXPECT_EQ(kfifo_avail(&f), 65535u);
  EXPECT_EQ(kfifo_in(&f, block, 65535), 65535u);
  EXPECT_EQ(kfifo_in(&f, block, 65536), 0u);
  EXPECT_EQ(kfifo_peek_len(&f), 65535u);
  memset(block, 0, 70000);
  EXPECT_EQ(kfifo_out(&f, block, 70000), 65535u);
  EXPECT_EQ(block[65534], 7);
  EXPECT_EQ(block[65535], 0);
  kfree(block);
  kfifo_free(&f);
}

/// Two pages of user space; the second can't be touched.
char* half_readable() {
  static char* memory = nullptr;
  if (memory) return memory;
  memory = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(memory + 4096, 4096, PROT_NONE);
  return memory;
}

TEST(Kfifo, user_space_gets_whole_elements_up_to_a_fault) {
  char* memory = half_readable();
  DEFINE_KFIFO(f, int, 8);
  unsigned copied;
  EXPECT_EQ(kfifo_from_user(&f, memory, 11, &copied), 0);
  EXPECT_EQ(copied, 8u);
  EXPECT_EQ(kfifo_from_user(&f, memory + 4096 - 6, 12, &copied), -EFAULT);
  EXPECT_EQ(copied, 4u);
  EXPECT_EQ(kfifo_len(&f), 3u);
  EXPECT_EQ(kfifo_to_user(&f, memory + 4096 - 10, 12, &copied), -EFAULT);
  EXPECT_EQ(copied, 8u);
  EXPECT_EQ(kfifo_to_user(&f, memory, 100, &copied), 0);
  EXPECT_EQ(copied, 4u);
  EXPECT_TRUE(kfifo_is_empty(&f));
}

TEST(Kfifo, a_record_that_faults_stays_where_it_is) {
  char* memory = half_readable();
  STRUCT_KFIFO_REC_2(64) f;
  INIT_KFIFO(f);
  unsigned copied = 9;
  EXPECT_EQ(kfifo_from_user(&f, memory + 4090, 20, &copied), -EFAULT);
  EXPECT_EQ(copied, 0u);
  EXPECT_TRUE(kfifo_is_empty(&f));
  EXPECT_EQ(kfifo_from_user(&f, memory, 20, &copied), 0);
  EXPECT_EQ(copied, 20u);
  EXPECT_EQ(kfifo_to_user(&f, memory + 4090, 20, &copied), -EFAULT);
  EXPECT_EQ(kfifo_peek_len(&f), 20u);
  EXPECT_EQ(kfifo_to_user(&f, memory, 5, &copied), 0);
  EXPECT_EQ(copied, 5u);
  EXPECT_TRUE(kfifo_is_empty(&f));
}

TEST(Kfifo, a_device_sees_at_most_two_pieces) {
  DECLARE_KFIFO_PTR(f, unsigned short);
  ASSERT_EQ(kfifo_alloc(&f, 16, GFP_KERNEL), 0);
  for (unsigned short i = 0; i < 12; ++i) kfifo_put(&f, i);
  unsigned short gone[10];
  ASSERT_EQ(kfifo_out(&f, gone, 10), 10u);
  scatterlist pieces[3];
  sg_init_table(pieces, 3);
  ASSERT_EQ(kfifo_dma_in_prepare(&f, pieces, 3, 100), 2u);  // 4 to the end, 10 from the beginning
  EXPECT_EQ(pieces[0].length, 8u);
  EXPECT_EQ(pieces[1].length, 20u);
  EXPECT_EQ(sg_virt(&pieces[1]), f.kfifo.data);
  EXPECT_EQ(kfifo_dma_in_prepare(&f, pieces, 1, 100), 1u);
  static_cast<unsigned short*>(sg_virt(&pieces[0]))[0] = 77;
  kfifo_dma_in_finish(&f, 2);
  EXPECT_EQ(kfifo_len(&f), 3u);
  ASSERT_EQ(kfifo_dma_out_prepare(&f, pieces, 3, 3), 1u);
  EXPECT_EQ(static_cast<unsigned short*>(sg_virt(&pieces[0]))[2], 77);
  kfifo_dma_out_finish(&f, 6);
  EXPECT_TRUE(kfifo_is_empty(&f));
  EXPECT_EQ(kfifo_dma_out_prepare(&f, pieces, 3, 3), 0u);
  kfifo_free(&f);
}

TEST(Kfifo, a_device_reads_and_writes_records) {
  struct kfifo_rec_ptr_1 f;
  ASSERT_EQ(kfifo_alloc(&f, 32, GFP_KERNEL), 0);
  scatterlist pieces[2];
  sg_init_table(pieces, 2);
  ASSERT_EQ(kfifo_dma_in_prepare(&f, pieces, 2, 10), 1u);
  memcpy(sg_virt(&pieces[0]), "0123456789", 10);
  kfifo_dma_in_finish(&f, 7);  // it wrote less than there was room for
  EXPECT_EQ(kfifo_peek_len(&f), 7u);
  ASSERT_EQ(kfifo_dma_out_prepare(&f, pieces, 2, 99), 1u);
  EXPECT_EQ(pieces[0].length, 7u);
  EXPECT_EQ(memcmp(sg_virt(&pieces[0]), "0123456", 7), 0);
  kfifo_dma_out_finish(&f, 7);
  EXPECT_TRUE(kfifo_is_empty(&f));
  EXPECT_EQ(kfifo_dma_in_prepare(&f, pieces, 2, 32), 0u);  // with its length it does not fit
  kfifo_free(&f);
}

TEST(Kfifo, a_reader_may_look_at_what_is_in_one_piece) {
  DEFINE_KFIFO(f, short, 8);
  for (short i = 0; i < 6; ++i) kfifo_put(&f, i);
  kfifo_skip_count(&f, 5);
  for (short i = 6; i < 10; ++i) kfifo_put(&f, i);
  unsigned tail;
  EXPECT_EQ(kfifo_out_linear(&f, &tail, 100), 3u);
  EXPECT_EQ(tail, 5u);
  short* at;
  EXPECT_EQ(kfifo_out_linear_ptr(&f, &at, 2), 2u);
  EXPECT_EQ(at[1], 6);
  kfifo_skip_count(&f, 3);
  EXPECT_EQ(kfifo_out_linear_ptr(&f, &at, 100), 2u);
  EXPECT_EQ(at[0], 8);
  kfifo_reset_out(&f);
  EXPECT_TRUE(kfifo_is_empty(&f));
}

TEST(Kfifo, one_writer_and_one_reader_need_no_lock) {
  kfifo_reset(&bytes);
  constexpr unsigned kMany = 100000;
  std::thread writer([] {
    for (unsigned i = 0; i < kMany;) {
      if (kfifo_put(&bytes, static_cast<unsigned char>(i))) ++i;
      else std::this_thread::yield();
    }
  });
  unsigned wrong = 0;
  for (unsigned i = 0; i < kMany;) {
    unsigned char got;
    if (!kfifo_get(&bytes, &got)) {
      std::this_thread::yield();
      continue;
    }
    wrong += got != static_cast<unsigned char>(i++);
  }
  writer.join();
  EXPECT_EQ(wrong, 0u);
}

TEST(Kfifo, many_writers_and_readers_take_a_lock) {
  static DEFINE_SPINLOCK(lock);
  kfifo_reset(&bytes);
  std::atomic<unsigned> sum{0}, left{40000};
  auto writes = [] {
    for (unsigned i = 0; i < 20000;) {
      const unsigned char one[2] = {1, 2};
      const unsigned n = kfifo_in_spinlocked(&bytes, one, 1, &lock);
      if (!n) std::this_thread::yield();
      i += n;
    }
  };
  auto reads = [&] {
    while (left) {
      unsigned char got[4];
      const unsigned n = kfifo_out_spinlocked_noirqsave(&bytes, got, 4, &lock);
      for (unsigned i = 0; i < n; ++i) sum += got[i];
      left -= n;
      if (!n) std::this_thread::yield();
    }
  };
  std::thread threads[] = {std::thread(writes), std::thread(writes), std::thread(reads), std::thread(reads)};
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sum, 40000u);
  EXPECT_TRUE(kfifo_is_empty_spinlocked(&bytes, &lock));
}

}  // namespace
