// Wait queues and completions: what ends a wait, in which order, on virtual time too.

#include "helpers.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/wait.h>

#include <csignal>

namespace {

using test::Thread;
using test::until;

DECLARE_WAIT_QUEUE_HEAD(queue);

TEST(Wait, ends_when_the_condition_holds_and_not_when_it_is_only_woken) {
  std::atomic<int> condition{0}, ended{0};
  Thread t([&] {
    wait_event(queue, condition.load());
    ended = 1;
  });
  t.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  wake_up(&queue);
  t.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  EXPECT_EQ(ended, 0);
  condition = 1;
  wake_up(&queue);
  t.join();
  EXPECT_EQ(ended, 1);
}

TEST(Wait, that_is_interrupted_says_so_and_the_uninterruptible_one_goes_on) {
  std::atomic<int> result{1}, condition{0}, other_ended{0};
  Thread t([&] { result = wait_event_interruptible(queue, condition.load()); });
  Thread other([&] {
    wait_event(queue, condition.load());
    other_ended = 1;
  });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  other.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  EXPECT_EQ(kmem_driver_signal(t.task()->pid, SIGUSR1), 0);
  kmem_driver_signal(other.task()->pid, SIGUSR1);
  t.join();
  EXPECT_EQ(result, -ERESTARTSYS);
  EXPECT_EQ(other_ended, 0);
  condition = 1;
  wake_up_all(&queue);
}

TEST(Wait, killable_minds_only_the_signal_that_kills) {
  std::atomic<int> result{1};
  Thread t([&] { result = wait_event_killable(queue, false); });
  t.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  send_sig(SIGTERM, t.task(), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(result, 1);
  send_sig(SIGKILL, t.task(), 0);
  t.join();
  EXPECT_EQ(result, -ERESTARTSYS);
}

TEST(Wait, a_handler_that_runs_in_the_sleeping_thread_interrupts_it) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR2, &action, nullptr);
  std::atomic<int> result{1};
  std::atomic<pthread_t> id;
  Thread t([&] {
    id = pthread_self();
    result = wait_event_interruptible(queue, false);
  });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  while (result == 1) {
    pthread_kill(id, SIGUSR2);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (result != 1) break;
  }
  t.join();
  EXPECT_EQ(result, -ERESTARTSYS);
}

TEST(Wait, wake_up_wakes_one_of_those_that_are_exclusive_and_all_others) {
  std::atomic<int> go{0}, exclusive{0}, others{0};
  std::vector<std::unique_ptr<Thread>> threads;
  for (int i = 0; i < 3; ++i)
    threads.push_back(std::make_unique<Thread>([&] {
      wait_event_interruptible_exclusive(queue, go.load());
      ++exclusive;
    }));
  for (int i = 0; i < 2; ++i)
    threads.push_back(std::make_unique<Thread>([&] {
      wait_event_interruptible(queue, go.load());
      ++others;
    }));
  for (auto& t : threads) t->wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  go = 1;
  EXPECT_EQ(wake_up(&queue), 3);
  until([&] { return others == 2 && exclusive == 1; });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(exclusive, 1);
  wake_up_nr(&queue, 2);
  threads.clear();
  EXPECT_EQ(exclusive, 3);
  EXPECT_FALSE(waitqueue_active(&queue));
}

TEST(Wait, the_lock_is_free_while_a_task_sleeps_and_held_when_the_condition_is_looked_at) {
  DEFINE_SPINLOCK(lock);
  int condition = 0;
  std::atomic<int> done{0};
  Thread t([&] {
    spin_lock_irq(&lock);
    wait_event_lock_irq(queue, condition, lock);
    condition = 2;
    spin_unlock_irq(&lock);
    done = 1;
  });
  t.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  spin_lock_irq(&lock);
  condition = 1;
  spin_unlock_irq(&lock);
  wake_up(&queue);
  t.join();
  EXPECT_EQ(condition, 2);
  spin_lock(&queue.lock);
  condition = 1;
  EXPECT_EQ(wait_event_interruptible_locked(queue, condition), 0);
  spin_unlock(&queue.lock);
}

TEST(Wait, wait_woken_misses_no_wake_up_that_came_before_it) {
  DEFINE_WAIT_FUNC(entry, woken_wake_function);
  add_wait_queue(&queue, &entry);
  wake_up(&queue);
  EXPECT_EQ(wait_woken(&entry, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT), MAX_SCHEDULE_TIMEOUT);
  remove_wait_queue(&queue, &entry);
}

TEST(Wait, completions_count_and_complete_all_is_for_ever) {
  DECLARE_COMPLETION(done);
  EXPECT_FALSE(try_wait_for_completion(&done));
  complete(&done);
  complete(&done);
  wait_for_completion(&done);
  EXPECT_TRUE(completion_done(&done));
  EXPECT_EQ(wait_for_completion_timeout(&done, 5) > 0, true);
  EXPECT_FALSE(completion_done(&done));
  complete_all(&done);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wait_for_completion_interruptible(&done), 0);
  reinit_completion(&done);
  EXPECT_FALSE(completion_done(&done));
  std::atomic<int> result{1};
  Thread t([&] { result = wait_for_completion_interruptible(&done); });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  send_sig(SIGINT, t.task(), 0);
  t.join();
  EXPECT_EQ(result, -ERESTARTSYS);
}

struct Timed : test::VirtualTime {};

TEST_F(Timed, ten_minutes_pass_in_no_time) {
  const auto real = std::chrono::steady_clock::now();
  const unsigned long before = jiffies;
  EXPECT_EQ(wait_event_timeout(queue, false, 600 * HZ), 0);
  msleep(1000);
  ssleep(10);
  EXPECT_GE(jiffies - before, 611ul * HZ);
  EXPECT_LT(jiffies - before, 612ul * HZ);
  EXPECT_EQ(passed_ms() / 1000, 611u);
  EXPECT_LT(std::chrono::steady_clock::now() - real, std::chrono::seconds(300));
}

TEST_F(Timed, the_time_that_is_left_is_answered_and_at_least_one_where_the_condition_holds) {
  EXPECT_EQ(wait_event_timeout(queue, true, 5), 5);
  EXPECT_EQ(wait_event_timeout(queue, true, 0), 1);
  EXPECT_EQ(wait_event_interruptible_timeout(queue, false, 7), 0);
  int looks = 0;
  EXPECT_EQ(wait_event_timeout(queue, ++looks == 3, 7), 1);  // true only when the time is over
  EXPECT_EQ(wait_event_hrtimeout(queue, false, ms_to_ktime(3)), -ETIME);
  EXPECT_EQ(wait_event_interruptible_hrtimeout(queue, true, 0), 0);
  DECLARE_COMPLETION(never);
  EXPECT_EQ(wait_for_completion_timeout(&never, 100), 0ul);
}

TEST_F(Timed, two_sleepers_wake_in_the_order_of_their_deadlines) {
  std::vector<int> order;
  std::mutex guard_order;
  const auto sleeper = [&](int n, unsigned ms) {
    msleep(ms);
    std::lock_guard hold(guard_order);
    order.push_back(n);
  };
  {
    Thread a([&] { sleeper(1, 50'000); });
    Thread b([&] { sleeper(2, 20'000); });
    Thread c([&] { sleeper(3, 80'000); });
    for (Thread* t : {&a, &b, &c}) t->wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  }
  EXPECT_EQ(order, (std::vector<int>{2, 1, 3}));
}

TEST_F(Timed, time_stands_while_a_task_runs_and_goes_on_when_it_is_told_to) {
  std::atomic<int> woke{0};
  Thread t([&] {
    msleep(1000);
    woke = 1;
  });
  t.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(woke, 0);
  kmem_driver_advance(999'000'000);
  EXPECT_EQ(woke, 0);
  kmem_driver_advance(2'000'000);
  until([&] { return woke == 1; });
}

TEST_F(Timed, busy_loops_end_and_delays_take_their_time) {
  const unsigned long end = jiffies + HZ;
  while (time_before(jiffies, end)) {
  }
  const ktime_t before = ktime_get();
  mdelay(300);
  EXPECT_GE(ktime_ms_delta(ktime_get(), before), 300);
  EXPECT_EQ(msleep_interruptible(10), 0ul);
}

TEST_F(Timed, a_signal_ends_msleep_interruptible_with_the_rest) {
  std::atomic<unsigned long> left{0};
  Thread t([&] { left = msleep_interruptible(1000); });
  t.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
  kmem_driver_advance(400'000'000);
  send_sig(SIGINT, t.task(), 0);
  t.join();
  EXPECT_EQ(left, 600ul);
}

TEST(Wait, sleeping_under_a_spin_lock_is_reported) {
  kmem_driver_log_clear();
  DEFINE_SPINLOCK(lock);
  spin_lock(&lock);
  schedule_timeout_uninterruptible(1);
  spin_unlock(&lock);
  EXPECT_TRUE(test::logged("BUG: scheduling while atomic: "));
}

}  // namespace
