// Readers of other kinds: SRCU, sequence counts, per-CPU semaphores, local locks, counters.

#include "helpers.h"

#include <linux/delay.h>
#include <linux/local_lock.h>
#include <linux/percpu-rwsem.h>
#include <linux/percpu.h>
#include <linux/seqlock.h>
#include <linux/srcu.h>
#include <linux/u64_stats_sync.h>

namespace {

using test::Thread;
using test::until;

DEFINE_SRCU(srcu);

TEST(Srcu, waits_for_readers_that_sleep_and_not_for_those_that_come_later) {
  std::atomic<int> reads{0}, end{0}, waited{0}, later{0};
  DECLARE_WAIT_QUEUE_HEAD(queue);
  Thread reader([&] {
    const int phase = srcu_read_lock(&srcu);
    reads = 1;
    wait_event(queue, end == 1);  // asleep
    srcu_read_unlock(&srcu, phase);
  });
  reader.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  Thread waiter([&] {
    synchronize_srcu(&srcu);
    waited = 1;
  });
  waiter.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  Thread other([&] {
    const int phase = srcu_read_lock(&srcu);
    later = 1;
    wait_event(queue, end == 2);
    srcu_read_unlock(&srcu, phase);
  });
  other.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  EXPECT_EQ(waited, 0);
  end = 1;
  wake_up_all(&queue);
  waiter.join();
  EXPECT_EQ(waited, 1);
  end = 2;
  wake_up_all(&queue);
}

TEST(Srcu, readers_of_another_one_are_not_waited_for_and_ones_own_is_reported) {
  srcu_struct another;
  ASSERT_EQ(init_srcu_struct(&another), 0);
  const int phase = srcu_read_lock(&another), inner = srcu_read_lock(&another);
  synchronize_srcu(&srcu);
  EXPECT_TRUE(srcu_read_lock_held(&another));
  testing::internal::CaptureStderr();
  synchronize_srcu(&another);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("Illegal synchronize_srcu()"), std::string::npos);
  srcu_read_unlock(&another, inner);
  srcu_read_unlock(&another, phase);
  cleanup_srcu_struct(&another);
}

TEST(Srcu, callbacks_run_behind_the_readers) {
  static std::atomic<int> called;
  rcu_head head;
  const int phase = srcu_read_lock(&srcu);
  call_srcu(&srcu, &head, [](rcu_head*) { called = 1; });
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(called, 0);
  srcu_read_unlock(&srcu, phase);
  srcu_barrier(&srcu);
  EXPECT_EQ(called, 1);
}

TEST(Srcu, what_a_reader_found_stays_until_it_has_ended) {
  std::atomic<int*> shown{new int(1)};
  std::atomic<int> stop{0}, bad{0};
  {
    Thread a([&] {
      while (!stop) {
        const int phase = srcu_read_lock(&srcu);
        const int* found = shown.load();
        if (__atomic_load_n(found, __ATOMIC_RELAXED) != 1) ++bad;
        srcu_read_unlock(&srcu, phase);
      }
    });
    for (int i = 0; i < 200; ++i) {
      int* old = shown.exchange(new int(1));
      synchronize_srcu(&srcu);
      __atomic_store_n(old, 0, __ATOMIC_RELAXED);
      delete old;
    }
    stop = 1;
  }
  EXPECT_EQ(bad, 0);
  delete shown.load();
}

TEST(Seqlock, readers_see_both_halves_of_one_write) {
  static DEFINE_SEQLOCK(lock);
  static unsigned long a, b;
  std::atomic<int> stop{0};
  long torn = 0;
  {
    Thread writer([&] {
      for (unsigned long n = 1; n < 20000; ++n) {
        write_seqlock(&lock);
        __atomic_store_n(&a, n, __ATOMIC_RELAXED);
        __atomic_store_n(&b, n, __ATOMIC_RELAXED);
        write_sequnlock(&lock);
      }
      stop = 1;
    });
    while (!stop) {
      unsigned long x, y;
      unsigned start;
      do {
        start = read_seqbegin(&lock);
        x = __atomic_load_n(&a, __ATOMIC_RELAXED);
        y = __atomic_load_n(&b, __ATOMIC_RELAXED);
      } while (read_seqretry(&lock, start));
      torn += x != y;
    }
  }
  EXPECT_EQ(torn, 0);
}

TEST(Seqcount, a_writer_without_its_lock_is_reported_and_readers_look_again_after_a_write) {
  static DEFINE_SPINLOCK(lock);
  seqcount_spinlock_t count;
  seqcount_spinlock_init(&count, &lock);
  const unsigned start = read_seqcount_begin(&count);
  EXPECT_FALSE(read_seqcount_retry(&count, start));
  spin_lock(&lock);
  write_seqcount_begin(&count);
  EXPECT_TRUE(read_seqcount_retry(&count, raw_seqcount_begin(&count)));
  write_seqcount_end(&count);
  spin_unlock(&lock);
  EXPECT_TRUE(read_seqcount_retry(&count, start));
  testing::internal::CaptureStderr();
  write_seqcount_begin(&count);
  write_seqcount_end(&count);
  EXPECT_NE(testing::internal::GetCapturedStderr(), "");
}

TEST(PercpuRwsem, readers_share_and_a_writer_is_alone) {
  percpu_rw_semaphore sem;
  ASSERT_EQ(percpu_init_rwsem(&sem), 0);
  percpu_down_read(&sem);
  Thread([&] {
    EXPECT_TRUE(percpu_down_read_trylock(&sem));
    percpu_up_read(&sem);
  }).join();
  percpu_up_read(&sem);
  percpu_down_write(&sem);
  EXPECT_TRUE(percpu_is_write_locked(&sem));
  Thread([&] { EXPECT_FALSE(percpu_down_read_trylock(&sem)); }).join();
  percpu_up_write(&sem);
  percpu_free_rwsem(&sem);
}

struct Local {
  local_lock_t lock;
  unsigned long first, second;
};
DEFINE_PER_CPU(Local, local) = {INIT_LOCAL_LOCK(lock), 0, 0};

TEST(LocalLock, keeps_others_off_this_cpus_copy) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "get_cpu() hands copies over by restartable sequences, which ThreadSanitizer does not see";
#endif
  std::atomic<int> torn{0};
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int t = 0; t < 4; ++t)
      threads.push_back(std::make_unique<Thread>([&] {
        for (int i = 0; i < 5000; ++i) {
          local_lock(&local.lock);
          Local* mine = this_cpu_ptr(&local);
          torn += mine->first != mine->second;
          ++mine->first;
          ++mine->second;
          local_unlock(&local.lock);
        }
      }));
  }
  unsigned long all = 0;
  int cpu;
  for_each_possible_cpu(cpu) all += per_cpu(local, cpu).first;
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(all, 20000ul);
}

TEST(U64Stats, are_read_whole) {
  u64_stats_sync sync;
  u64_stats_t n = {};
  u64_stats_init(&sync);
  u64_stats_update_begin(&sync);
  u64_stats_add(&n, 1ul << 40);
  u64_stats_inc(&n);
  u64_stats_update_end(&sync);
  unsigned start;
  u64 seen;
  do {
    start = u64_stats_fetch_begin(&sync);
    seen = u64_stats_read(&n);
  } while (u64_stats_fetch_retry(&sync, start));
  EXPECT_EQ(seen, (1ull << 40) + 1);
}

}  // namespace
