// Mutexes, reader-writer semaphores, semaphores: who gets in, in which order, and what a signal does.

#include "helpers.h"

#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>

#include <csignal>

namespace {

using test::Thread;
using test::until;

TEST(Mutex, excludes_and_counts_right) {
  static DEFINE_MUTEX(lock);
  long count = 0;
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int i = 0; i < 4; ++i)
      threads.push_back(std::make_unique<Thread>([&] {
        for (int n = 0; n < 2000; ++n) {
          mutex_lock(&lock);
          ++count;
          mutex_unlock(&lock);
        }
      }));
  }
  EXPECT_EQ(count, 8000);
  EXPECT_FALSE(mutex_is_locked(&lock));
}

TEST(Mutex, interruptible_ends_by_a_signal_and_leaves_the_queue) {
  struct mutex lock;
  mutex_init(&lock);
  mutex_lock(&lock);
  std::atomic<int> result{1}, second{1};
  Thread t([&] { result = mutex_lock_interruptible(&lock); });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  Thread behind([&] {
    second = mutex_lock_killable(&lock);
    mutex_unlock(&lock);
  });
  behind.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  send_sig(SIGINT, t.task(), 0);
  t.join();
  EXPECT_EQ(result, -EINTR);
  mutex_unlock(&lock);
  behind.join();
  EXPECT_EQ(second, 0);
}

TEST(Mutex, is_handed_over_in_the_order_of_coming) {
  struct mutex lock;
  mutex_init(&lock);
  mutex_lock(&lock);
  std::vector<int> order;
  std::vector<std::unique_ptr<Thread>> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(std::make_unique<Thread>([&, i] {
      mutex_lock(&lock);
      order.push_back(i);
      mutex_unlock(&lock);
    }));
    threads.back()->wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  }
  EXPECT_EQ(mutex_trylock(&lock), 0);
  mutex_unlock(&lock);
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

TEST(Mutex, an_unlock_by_another_task_is_reported_and_not_done) {
  kmem_driver_log_clear();
  struct mutex lock;
  mutex_init(&lock);
  mutex_lock(&lock);
  Thread([&] { mutex_unlock(&lock); }).join();
  EXPECT_TRUE(test::logged("is unlocked by a task that does not hold it"));
  EXPECT_TRUE(mutex_is_locked(&lock));
  mutex_unlock(&lock);
}

TEST(Rwsem, readers_share_and_wait_behind_a_writer_that_waits) {
  struct rw_semaphore lock;
  init_rwsem(&lock);
  down_read(&lock);
  Thread([&] {
    EXPECT_EQ(down_read_trylock(&lock), 1);
    up_read(&lock);
    EXPECT_EQ(down_write_trylock(&lock), 0);
  }).join();
  std::vector<int> order;
  Thread writer([&] {
    down_write(&lock);
    order.push_back(1);
    up_write(&lock);
  });
  writer.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  EXPECT_TRUE(rwsem_is_contended(&lock));
  Thread reader([&] {
    down_read(&lock);
    order.push_back(2);
    up_read(&lock);
  });
  reader.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  up_read(&lock);
  writer.join();
  reader.join();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(Rwsem, a_killed_writer_lets_the_readers_behind_it_in) {
  struct rw_semaphore lock;
  init_rwsem(&lock);
  down_read(&lock);
  std::atomic<int> result{1}, in{0};
  Thread writer([&] { result = down_write_killable(&lock); });
  writer.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  Thread reader([&] {
    down_read(&lock);
    in = 1;
    up_read(&lock);
  });
  reader.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  send_sig(SIGKILL, writer.task(), 0);
  until([&] { return in == 1; });
  writer.join();
  EXPECT_EQ(result, -EINTR);
  up_read(&lock);
}

TEST(Rwsem, a_writer_that_is_downgraded_lets_readers_in_and_writers_not) {
  static DECLARE_RWSEM(lock);
  down_write(&lock);
  std::atomic<int> in{0};
  Thread reader([&] {
    down_read(&lock);
    in = 1;
    up_read(&lock);
  });
  reader.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  downgrade_write(&lock);
  reader.join();
  EXPECT_EQ(in, 1);
  Thread([&] { EXPECT_EQ(down_write_trylock(&lock), 0); }).join();
  up_read(&lock);
  EXPECT_FALSE(rwsem_is_locked(&lock));
}

DEFINE_SPINLOCK(spin);

// A holder that released it and took it again would have it back before the waiter is awake.
TEST(SpinLock, its_holder_gives_it_to_a_task_that_waits) {
  std::atomic<bool> got{false};
  spin_lock(&spin);
  kmem_begin_turn();
  EXPECT_EQ(cond_resched_lock(&spin), 0);
  Thread waiter([&] {
    spin_lock(&spin);
    got = true;
    spin_unlock(&spin);
  });
  int released = 0;
  while (!got) released += cond_resched_lock(&spin);
  EXPECT_GE(released, 1);
  spin_unlock(&spin);
  waiter.join();
  EXPECT_FALSE(spin_is_contended(&spin));
}

TEST(Semaphore, counts_and_is_given_back_by_anybody) {
  DEFINE_SEMAPHORE(two, 2);
  EXPECT_EQ(down_trylock(&two), 0);
  EXPECT_EQ(down_trylock(&two), 0);
  EXPECT_EQ(down_trylock(&two), 1);
  EXPECT_EQ(down_timeout(&two, 2), -ETIME);
  std::atomic<int> result{1};
  Thread t([&] { result = down_interruptible(&two); });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  up(&two);
  t.join();
  EXPECT_EQ(result, 0);
  Thread other([&] { result = down_interruptible(&two); });
  other.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  send_sig(SIGINT, other.task(), 0);
  other.join();
  EXPECT_EQ(result, -EINTR);
  up(&two);
  down(&two);
}

TEST(Semaphore, the_old_names_are_there) {
  struct semaphore sem;
  init_MUTEX_LOCKED(&sem);
  EXPECT_EQ(down_trylock(&sem), 1);
  init_MUTEX(&sem);
  EXPECT_EQ(down_trylock(&sem), 0);
}

}  // namespace
