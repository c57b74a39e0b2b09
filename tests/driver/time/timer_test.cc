// Timers, by ticks and by nanoseconds: when they run, and that none runs any more when it is said so.

#include "helpers.h"

#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/timer.h>

namespace {

using test::Thread;
using test::until;

struct Counted {
  timer_list timer;
  std::atomic<int> runs{0}, in_softirq_{0}, wait{0}, again{0};
};
void count(timer_list* t) {
  Counted* c = from_timer(c, t, timer);
  c->in_softirq_ = in_softirq() && in_interrupt();
  if (c->again) mod_timer(t, jiffies + 1);
  ++c->runs;
  while (c->wait == 1) std::this_thread::yield();
}

struct Timers : test::VirtualTime {};

TEST_F(Timers, runs_at_its_tick_and_in_a_softirq) {
  Counted c;
  timer_setup(&c.timer, count, 0);
  EXPECT_FALSE(timer_pending(&c.timer));
  EXPECT_EQ(mod_timer(&c.timer, jiffies + 600 * HZ), 0);
  EXPECT_TRUE(timer_pending(&c.timer));
  msleep(599'990);
  EXPECT_EQ(c.runs, 0);
  msleep(20);
  until([&] { return c.runs == 1; });
  EXPECT_TRUE(c.in_softirq_);
  EXPECT_FALSE(timer_pending(&c.timer));
}

TEST_F(Timers, run_in_the_order_of_their_times_whatever_the_order_in_which_they_were_set) {
  static std::vector<int> order;
  order.clear();
  struct Numbered {
    timer_list timer;
    int number;
  } all[40];
  for (int i = 0; i < 40; ++i) {
    all[i].number = i * 7 % 40;
    timer_setup(
        &all[i].timer, [](timer_list* t) { order.push_back(container_of(t, Numbered, timer)->number); }, 0);
    mod_timer(&all[i].timer, jiffies + HZ + 10 * static_cast<unsigned long>(all[i].number));
  }
  for (int i = 0; i < 40; i += 3) timer_delete(&all[i].timer);
  msleep(5000);
  for (auto& n : all) timer_delete_sync(&n.timer);
  EXPECT_EQ(order.size(), 26u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(Timers, are_moved_deleted_and_reduced) {
  Counted c;
  timer_setup(&c.timer, count, 0);
  EXPECT_EQ(mod_timer_pending(&c.timer, jiffies + 10), 0);
  mod_timer(&c.timer, jiffies + 1000);
  EXPECT_EQ(mod_timer(&c.timer, jiffies + 2000), 1);
  EXPECT_EQ(timer_reduce(&c.timer, jiffies + 3000), 1);
  msleep(1500);
  EXPECT_EQ(c.runs, 0);
  EXPECT_EQ(timer_delete(&c.timer), 1);
  EXPECT_EQ(timer_delete(&c.timer), 0);
  msleep(5000);
  EXPECT_EQ(c.runs, 0);
  mod_timer(&c.timer, jiffies + 10);
  EXPECT_EQ(timer_shutdown_sync(&c.timer), 1);
  mod_timer(&c.timer, jiffies + 10);
  EXPECT_FALSE(timer_pending(&c.timer));
}

TEST(Timer, that_is_deleted_while_it_runs_has_ended_when_the_call_returns_though_it_sets_itself) {
  Counted c;
  timer_setup(&c.timer, count, 0);
  c.wait = c.again = 1;
  mod_timer(&c.timer, jiffies);
  until([&] { return c.runs == 1; });
  EXPECT_EQ(try_to_del_timer_sync(&c.timer), -1);
  std::atomic<int> deleted{0};
  Thread t([&] {
    timer_delete_sync(&c.timer);
    deleted = 1;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(deleted, 0);
  c.wait = 0;
  t.join();
  const int runs = c.runs;
  EXPECT_FALSE(timer_pending(&c.timer));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(c.runs, runs);
}

TEST(Timer, the_old_form_takes_its_data) {
  static std::atomic<unsigned long> got;
  timer_list timer;
  setup_timer(
      &timer, +[](unsigned long data) { got = data; }, 42);
  timer.expires = jiffies + 1;
  add_timer(&timer);
  until([] { return got == 42; });
  timer_delete_sync(&timer);
}

TEST(Timer, that_leaves_preemption_off_is_reported) {
  kmem_driver_log_clear();
  timer_list timer;
  timer_setup(
      &timer, [](timer_list*) { preempt_disable(); }, 0);
  mod_timer(&timer, jiffies);
  until([] { return test::logged("preempt leak"); });
  timer_delete_sync(&timer);
}

struct Beat {
  hrtimer timer;
  std::atomic<int> beats{0}, hard{0};
  int most = 5;
};
enum hrtimer_restart beat(hrtimer* t) {
  Beat* b = container_of(t, Beat, timer);
  b->hard = in_hardirq() && irqs_disabled();
  hrtimer_forward_now(t, ms_to_ktime(100));
  return ++b->beats < b->most ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

TEST_F(Timers, by_nanoseconds_restart_themselves_in_an_interrupt) {
  Beat b;
  hrtimer_setup(&b.timer, beat, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
  hrtimer_start(&b.timer, ms_to_ktime(100), HRTIMER_MODE_REL);
  EXPECT_TRUE(hrtimer_active(&b.timer));
  msleep(350);
  until([&] { return b.beats == 3; });
  EXPECT_TRUE(b.hard);
  msleep(1000);
  until([&] { return b.beats == 5; });
  EXPECT_EQ(hrtimer_cancel(&b.timer), 0);
  b.most = 1000;
  hrtimer_start(&b.timer, ktime_add_ms(ktime_get(), 10), HRTIMER_MODE_ABS);
  EXPECT_EQ(hrtimer_cancel(&b.timer), 1);
}

TEST_F(Timers, forwarding_counts_the_intervals_that_were_missed) {
  Beat b;
  hrtimer_setup(&b.timer, beat, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
  hrtimer_set_expires(&b.timer, 1000);
  EXPECT_EQ(hrtimer_forward(&b.timer, 999, 100), 0u);
  EXPECT_EQ(hrtimer_forward(&b.timer, 1250, 100), 3u);
  EXPECT_EQ(hrtimer_get_expires(&b.timer), 1300);
  ktime_t at = ms_to_ktime(50);
  set_current_state(TASK_UNINTERRUPTIBLE);
  EXPECT_EQ(schedule_hrtimeout(&at, HRTIMER_MODE_REL), 0);
}

struct Soon {
  tasklet_struct tasklet;
  std::atomic<int> runs{0}, soft{0};
};
void soon(tasklet_struct* t) {
  Soon* s = from_tasklet(s, t, tasklet);
  s->soft = in_softirq() != 0;
  ++s->runs;
}

TEST(Tasklet, runs_once_for_each_time_that_it_was_not_scheduled_already_and_not_while_disabled) {
  Soon s;
  tasklet_setup(&s.tasklet, soon);
  tasklet_schedule(&s.tasklet);
  until([&] { return s.runs == 1; });
  EXPECT_TRUE(s.soft);
  tasklet_disable(&s.tasklet);
  tasklet_schedule(&s.tasklet);
  tasklet_schedule(&s.tasklet);
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(s.runs, 1);
  tasklet_enable(&s.tasklet);
  tasklet_kill(&s.tasklet);
  EXPECT_EQ(s.runs, 2);
}

TEST(Tasklet, the_old_form_takes_its_data_and_high_ones_come_first) {
  static std::vector<unsigned long> order;
  tasklet_struct a, b, gate;
  static std::atomic<int> open;
  tasklet_init(
      &gate,
      [](unsigned long) {
        while (!open) std::this_thread::yield();
      },
      0);
  tasklet_init(
      &a, [](unsigned long n) { order.push_back(n); }, 1);
  tasklet_init(
      &b, [](unsigned long n) { order.push_back(n); }, 2);
  tasklet_schedule(&gate);
  tasklet_schedule(&a);
  tasklet_hi_schedule(&b);
  open = 1;
  for (auto* t : {&gate, &a, &b}) tasklet_kill(t);
  EXPECT_EQ(order.size(), 2u);
}

}  // namespace
