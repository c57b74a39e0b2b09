// Kernel threads: created asleep, stopped, parked; workers.

#include "helpers.h"

#include <linux/delay.h>

namespace {

using test::until;

std::atomic<int> ran, parked_loops;

int until_stopped(void* data) {
  ran = 1;
  while (!kthread_should_stop()) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (!kthread_should_stop()) schedule();
    __set_current_state(TASK_RUNNING);
  }
  return static_cast<int>(reinterpret_cast<long>(data));
}

TEST(Kthread, sleeps_until_it_is_woken_and_its_result_is_that_of_stop) {
  ran = 0;
  task_struct* t = kthread_create(until_stopped, reinterpret_cast<void*>(42), "worker/%d", 3);
  ASSERT_FALSE(IS_ERR(t));
  EXPECT_STREQ(t->comm, "worker/3");
  EXPECT_TRUE(t->flags & PF_KTHREAD);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(ran, 0);
  wake_up_process(t);
  until([] { return ran == 1; });
  EXPECT_EQ(kthread_stop(t), 42);
}

TEST(Kthread, that_never_ran_does_not_run_when_it_is_stopped) {
  ran = 0;
  task_struct* t = kthread_create(until_stopped, nullptr, "never");
  EXPECT_EQ(kthread_stop(t), -EINTR);
  EXPECT_EQ(ran, 0);
}

int parks(void*) {
  while (!kthread_should_stop()) {
    if (kthread_should_park()) kthread_parkme();
    ++parked_loops;
    usleep_range(100, 200);
  }
  return 0;
}

TEST(Kthread, a_parked_one_does_not_run_until_it_is_unparked) {
  task_struct* t = kthread_run(parks, nullptr, "parks");
  until([] { return parked_loops > 2; });
  EXPECT_EQ(kthread_park(t), 0);
  const int then = parked_loops;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(parked_loops, then);
  kthread_unpark(t);
  until([&] { return parked_loops > then; });
  EXPECT_EQ(kthread_stop(t), 0);
}

TEST(Kthread, signals_are_ignored_unless_they_are_allowed) {
  static std::atomic<int> phase;
  phase = 0;
  task_struct* t = kthread_run(
      [](void*) {
        phase = 1;
        while (phase != 2) usleep_range(50, 100);
        const int before = signal_pending(get_current());
        allow_signal(15);
        phase = 3;
        while (!kthread_should_stop()) schedule_timeout_interruptible(MAX_SCHEDULE_TIMEOUT);
        return before * 10 + signal_pending(get_current());
      },
      nullptr, "signals");
  until([] { return phase == 1; });
  send_sig(15, t, 0);
  phase = 2;
  until([] { return phase == 3; });
  send_sig(15, t, 0);
  EXPECT_EQ(kthread_stop(t), 1);
}

struct Item {
  kthread_work work;
  std::atomic<int> runs{0}, again{0};
};
void run_item(kthread_work* work) {
  Item* item = container_of(work, Item, work);
  ++item->runs;
  if (item->again) {
    usleep_range(200, 300);
    kthread_queue_work(work->worker, work);
  }
}

TEST(KthreadWorker, runs_what_is_queued_and_cancels_what_requeues_itself) {
  kthread_worker* worker = kthread_create_worker(0, "kw");
  ASSERT_FALSE(IS_ERR(worker));
  static Item item;
  kthread_init_work(&item.work, run_item);
  EXPECT_TRUE(kthread_queue_work(worker, &item.work));
  kthread_flush_work(&item.work);
  EXPECT_EQ(item.runs, 1);
  item.again = 1;
  kthread_queue_work(worker, &item.work);
  until([] { return item.runs > 3; });
  kthread_cancel_work_sync(&item.work);
  const int runs = item.runs;
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(item.runs, runs);
  kthread_destroy_worker(worker);
}

}  // namespace
