// Work queues: once at a time, in order where it is ordered, gone when it is cancelled.

#include "helpers.h"

#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

namespace {

using test::Thread;
using test::until;

struct Item {
  work_struct work;
  std::atomic<int> runs{0}, at_once{0}, most_at_once{0}, gate{0}, again{0};
  workqueue_struct* queue = nullptr;
};
void run(work_struct* w) {
  Item* i = container_of(w, Item, work);
  const int now = ++i->at_once;
  if (now > i->most_at_once) i->most_at_once = now;
  ++i->runs;
  while (i->gate) usleep_range(50, 100);
  if (i->again) queue_work(i->queue, w);
  --i->at_once;
}

TEST(Work, runs_once_for_each_queueing_that_it_was_not_pending) {
  Item i;
  INIT_WORK(&i.work, run);
  EXPECT_TRUE(schedule_work(&i.work));
  flush_work(&i.work);
  EXPECT_EQ(i.runs, 1);
  EXPECT_FALSE(flush_work(&i.work));
  i.gate = 1;
  schedule_work(&i.work);
  until([&] { return i.runs == 2; });
  EXPECT_EQ(work_busy(&i.work), WORK_BUSY_RUNNING);
  EXPECT_TRUE(schedule_work(&i.work));
  EXPECT_FALSE(schedule_work(&i.work));
  EXPECT_TRUE(work_pending(&i.work));
  std::atomic<int> waited{-1};
  Thread t([&] { waited = flush_work(&i.work); });
  t.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE);
  i.gate = 0;
  t.join();
  EXPECT_EQ(waited, 1);
  EXPECT_EQ(i.runs, 3);
  EXPECT_EQ(i.most_at_once, 1);
}

TEST(Work, that_requeues_itself_while_it_is_cancelled_does_not_come_back) {
  workqueue_struct* queue = alloc_workqueue("cancelled", 0, 4);
  ASSERT_NE(queue, nullptr);
  for (int round = 0; round < 20; ++round) {
    Item i;
    i.queue = queue;
    i.again = 1;
    INIT_WORK(&i.work, run);
    queue_work(queue, &i.work);
    until([&] { return i.runs > round; });
    cancel_work_sync(&i.work);
    const int runs = i.runs;
    EXPECT_FALSE(work_pending(&i.work));
    EXPECT_EQ(work_busy(&i.work), 0u);
    usleep_range(200, 300);
    EXPECT_EQ(i.runs, runs);
    EXPECT_TRUE(queue_work(queue, &i.work));  // and can be queued anew
    i.again = 0;
    flush_work(&i.work);
    cancel_work_sync(&i.work);
  }
  destroy_workqueue(queue);
}

TEST(Work, that_runs_is_waited_for_and_what_waits_is_taken_out) {
  Item i;
  INIT_WORK(&i.work, run);
  i.gate = 1;
  schedule_work(&i.work);
  until([&] { return i.runs == 1; });
  schedule_work(&i.work);
  EXPECT_TRUE(cancel_work(&i.work));
  std::atomic<int> cancelled{0};
  Thread t([&] {
    cancel_work_sync(&i.work);
    cancelled = 1;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(cancelled, 0);
  i.gate = 0;
  t.join();
  EXPECT_EQ(i.runs, 1);
}

std::vector<int> order;
struct Numbered {
  work_struct work;
  int number;
};
TEST(Work, of_an_ordered_queue_runs_one_by_one_in_the_order_of_queueing) {
  workqueue_struct* queue = alloc_ordered_workqueue("ordered-%d", 0, 7);
  order.clear();
  Numbered all[50];
  for (int i = 0; i < 50; ++i) {
    all[i].number = i;
    INIT_WORK(&all[i].work, [](work_struct* w) {
      order.push_back(container_of(w, Numbered, work)->number);
      if (order.size() % 7 == 0) usleep_range(50, 60);
    });
    queue_work(queue, &all[i].work);
  }
  flush_workqueue(queue);
  ASSERT_EQ(order.size(), 50u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  destroy_workqueue(queue);
}

TEST(Work, of_others_runs_at_once_up_to_max_active) {
  workqueue_struct* queue = alloc_workqueue("at_once", WQ_UNBOUND, 3);
  static std::atomic<int> running, most, go;
  running = most = go = 0;
  work_struct all[6];
  for (auto& w : all) {
    INIT_WORK(&w, [](work_struct*) {
      const int now = ++running;
      if (now > most) most = now;
      while (!go) usleep_range(50, 100);
      --running;
    });
    queue_work(queue, &w);
  }
  until([] { return running == 3; });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(most, 3);
  EXPECT_TRUE(workqueue_congested(0, queue));
  go = 1;
  destroy_workqueue(queue);
  EXPECT_EQ(running, 0);
}

TEST(Work, may_free_itself) {
  static std::atomic<int> freed;
  freed = 0;
  for (int i = 0; i < 20; ++i) {
    auto* w = static_cast<work_struct*>(kmalloc(sizeof(work_struct), GFP_KERNEL));
    INIT_WORK(w, [](work_struct* self) {
      kfree(self);
      ++freed;
    });
    schedule_work(w);
  }
  flush_scheduled_work();
  EXPECT_EQ(freed, 20);
}

TEST(Work, that_is_disabled_is_not_queued) {
  Item i;
  INIT_WORK(&i.work, run);
  EXPECT_FALSE(disable_work_sync(&i.work));
  EXPECT_FALSE(schedule_work(&i.work));
  EXPECT_TRUE(enable_work(&i.work));
  EXPECT_TRUE(schedule_work(&i.work));
  flush_work(&i.work);
}

TEST(Work, that_leaves_preemption_off_is_reported) {
  kmem_driver_log_clear();
  work_struct w;
  INIT_WORK(&w, [](work_struct*) { preempt_disable(); });
  schedule_work(&w);
  flush_work(&w);
  EXPECT_TRUE(test::logged("BUG: workqueue leaked atomic, lock or RCU"));
}

TEST(Work, the_old_form_takes_its_data) {
  static std::atomic<void*> got;
  work_struct w;
  int data;
  INIT_WORK(
      &w, +[](void* p) { got = p; }, &data);
  schedule_work(&w);
  flush_work(&w);
  EXPECT_EQ(got, &data);
}

struct Later {
  delayed_work work;
  std::atomic<int> runs{0}, again{0};
};
void later(work_struct* w) {
  Later* l = container_of(to_delayed_work(w), Later, work);
  ++l->runs;
  if (l->again) schedule_delayed_work(&l->work, 1);
}

struct Delayed : test::VirtualTime {};

TEST_F(Delayed, runs_after_its_time_and_is_moved) {
  Later l;
  INIT_DELAYED_WORK(&l.work, later);
  EXPECT_TRUE(schedule_delayed_work(&l.work, 60 * HZ));
  EXPECT_FALSE(schedule_delayed_work(&l.work, 1));
  msleep(59'000);
  EXPECT_EQ(l.runs, 0);
  EXPECT_TRUE(mod_delayed_work(system_wq, &l.work, 60 * HZ));
  msleep(30'000);
  EXPECT_EQ(l.runs, 0);
  msleep(31'000);
  flush_work(&l.work.work);
  EXPECT_EQ(l.runs, 1);
  EXPECT_FALSE(mod_delayed_work(system_wq, &l.work, 1000));
  flush_delayed_work(&l.work);  // at once
  EXPECT_EQ(l.runs, 2);
}

TEST_F(Delayed, is_cancelled_in_each_state) {
  Later l;
  INIT_DELAYED_WORK(&l.work, later);
  schedule_delayed_work(&l.work, 1000);
  EXPECT_TRUE(delayed_work_pending(&l.work));
  EXPECT_TRUE(cancel_delayed_work(&l.work));
  EXPECT_FALSE(cancel_delayed_work_sync(&l.work));
  l.again = 1;
  schedule_delayed_work(&l.work, 0);
  msleep(20);
  until([&] { return l.runs > 3; });
  cancel_delayed_work_sync(&l.work);
  const int runs = l.runs;
  msleep(1000);
  EXPECT_EQ(l.runs, runs);
}

TEST(Work, behind_readers_waits_for_them) {
  static std::atomic<int> ran;
  ran = 0;
  rcu_work r;
  INIT_RCU_WORK(&r, [](work_struct*) { ran = 1; });
  std::atomic<int> reads{0}, end{0};
  Thread reader([&] {
    rcu_read_lock();
    reads = 1;
    while (!end) std::this_thread::yield();
    rcu_read_unlock();
  });
  until([&] { return reads == 1; });
  EXPECT_TRUE(queue_rcu_work(system_wq, &r));
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(ran, 0);
  end = 1;
  reader.join();
  flush_rcu_work(&r);
  EXPECT_EQ(ran, 1);
}

}  // namespace
