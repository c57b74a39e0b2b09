// Work, locks and lines that are waited for: what workqueue_test.cc, sleeping_test.cc and interrupt_test.cc leave.

#include "helpers.h"

#include <kmem/simulated.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

namespace {

using test::Thread;

struct Work : test::VirtualTime {
  Work() { nr = 0; }
  static inline std::atomic<int> nr;
};
void count(work_struct*) { ++Work::nr; }
work_struct* seen_current;
void note_current(work_struct*) { seen_current = current_work(); }

TEST_F(Work, a_work_item_knows_itself) {
  work_struct work;
  INIT_WORK(&work, note_current);
  EXPECT_EQ(current_work(), nullptr);
  schedule_work(&work);
  flush_work(&work);
  EXPECT_EQ(seen_current, &work);
}

TEST_F(Work, what_is_disabled_is_not_queued_until_it_is_enabled_as_often) {
  work_struct work;
  INIT_WORK(&work, count);
  disable_work(&work);
  disable_work(&work);
  EXPECT_FALSE(schedule_work(&work));
  EXPECT_FALSE(enable_work(&work));
  EXPECT_FALSE(schedule_work(&work));
  EXPECT_TRUE(enable_work(&work));
  EXPECT_TRUE(schedule_work(&work));
  flush_work(&work);
  EXPECT_EQ(nr, 1);
  delayed_work later;
  INIT_DELAYED_WORK(&later, count);
  schedule_delayed_work(&later, 10);
  EXPECT_TRUE(disable_delayed_work_sync(&later)) << "it was waiting";
  EXPECT_FALSE(schedule_delayed_work(&later, 1));
  msleep(100);
  EXPECT_EQ(nr, 1);
  EXPECT_TRUE(enable_delayed_work(&later));
  EXPECT_TRUE(schedule_delayed_work(&later, 1));
  flush_delayed_work(&later);
  EXPECT_EQ(nr, 2);
}

struct Chain {
  work_struct work;
  workqueue_struct* queue;
  int left;
};
void again(work_struct* work) {
  auto* c = container_of(work, Chain, work);
  ++Work::nr;
  if (c->left-- > 0) queue_work(c->queue, work);
}
TEST_F(Work, draining_waits_for_work_that_queues_itself_too) {
  Chain chain = {{}, alloc_workqueue("drained", 0, 1), 20};
  INIT_WORK(&chain.work, again);
  queue_work(chain.queue, &chain.work);
  drain_workqueue(chain.queue);
  EXPECT_EQ(nr, 21);
  workqueue_set_max_active(chain.queue, 4);
  destroy_workqueue(chain.queue);
}

// Locks -----------------------------------------------------------------------------------------------------------------------

TEST(Locks, who_waits_killable_or_interruptible_goes_by_a_signal) {
  rw_semaphore lock;
  init_rwsem(&lock);
  semaphore none;
  sema_init(&none, 0);
  down_write(&lock);
  int by_signal = 0, killed = 0, semaphores = 0;
  {
    Thread one([&] { by_signal = down_read_interruptible(&lock); });
    one.wait_until_it_sleeps(TASK_INTERRUPTIBLE);
    send_sig(SIGUSR1, one.task(), 0);
    Thread two([&] { killed = down_read_killable(&lock); });
    two.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE | TASK_WAKEKILL);
    send_sig(SIGKILL, two.task(), 0);
    Thread three([&] { semaphores = down_killable(&none); });
    three.wait_until_it_sleeps(TASK_UNINTERRUPTIBLE | TASK_WAKEKILL);
    send_sig(SIGKILL, three.task(), 0);
  }
  EXPECT_EQ(by_signal, -EINTR);
  EXPECT_EQ(killed, -EINTR);
  EXPECT_EQ(semaphores, -EINTR);
  up_write(&lock);
  EXPECT_EQ(down_read_interruptible(&lock), 0);
  EXPECT_EQ(down_write_trylock(&lock), 0);
  up_read(&lock);
}

TEST(Locks, one_that_reads_for_another_gives_it_back_elsewhere) {
  rw_semaphore lock;
  init_rwsem(&lock);
  kmem_driver_log_clear();
  down_read_non_owner(&lock);
  Thread([&] { up_read_non_owner(&lock); }).join();
  EXPECT_EQ(down_write_trylock(&lock), 1);
  up_write(&lock);
  EXPECT_FALSE(test::logged("WARNING"));
}

TEST(Locks, nested_ones_of_one_class_are_told_apart) {
  rw_semaphore locks[2];
  kmem_driver_log_clear();
  for (rw_semaphore& lock : locks) init_rwsem(&lock);
  down_write(&locks[0]);
  down_write_nested(&locks[1], SINGLE_DEPTH_NESTING);
  up_write(&locks[1]);
  down_read_nested(&locks[1], SINGLE_DEPTH_NESTING);
  up_read(&locks[1]);
  up_write(&locks[0]);
  EXPECT_FALSE(test::logged("possible recursive locking"));
}

// Lines -----------------------------------------------------------------------------------------------------------------------

std::atomic<int> nr_handled, nr_threaded;
irqreturn_t handle(int, void*) { return ++nr_handled, IRQ_HANDLED; }
irqreturn_t wake_thread(int, void*) { return ++nr_handled, IRQ_WAKE_THREAD; }
irqreturn_t handle_in_thread(int, void*) { return ++nr_threaded, IRQ_HANDLED; }

TEST(Lines, a_line_that_is_disabled_at_once_waits_and_is_handled_when_it_is_enabled) {
  const int irq = kmem_irq_alloc("edge", KMEM_IRQ_EDGE);
  nr_handled = 0;
  ASSERT_EQ(request_irq(unsigned(irq), handle, 0, "edge", &nr_handled), 0);
  disable_irq_nosync(unsigned(irq));
  kmem_irq_raise(irq);
  synchronize_irq(unsigned(irq));
  EXPECT_EQ(nr_handled, 0);
  enable_irq(unsigned(irq));
  kmem_irq_settle();
  EXPECT_EQ(nr_handled, 1);
  EXPECT_TRUE(disable_hardirq(unsigned(irq))) << "no thread runs";
  enable_irq(unsigned(irq));
  EXPECT_TRUE(synchronize_hardirq(unsigned(irq)));
  free_irq(unsigned(irq), &nr_handled);
  kmem_irq_free(irq);
}

TEST(Lines, a_thread_of_a_line_is_woken_by_hand_too) {
  const int irq = kmem_irq_alloc("threaded", KMEM_IRQ_EDGE);
  nr_handled = nr_threaded = 0;
  ASSERT_EQ(request_threaded_irq(unsigned(irq), wake_thread, handle_in_thread, 0, "threaded", &nr_handled), 0);
  irq_wake_thread(unsigned(irq), &nr_handled);
  synchronize_irq(unsigned(irq));
  EXPECT_EQ(nr_threaded, 1);
  EXPECT_EQ(nr_handled, 0);
  kmem_irq_raise(irq);
  kmem_irq_settle();
  EXPECT_EQ(nr_threaded, 2);
  free_irq(unsigned(irq), &nr_handled);
  kmem_irq_free(irq);
}

std::atomic<int> nr_tasklets;
void run_tasklet(tasklet_struct*) { ++nr_tasklets; }
TEST(Tasklets, one_that_is_disabled_without_waiting_runs_when_it_is_enabled) {
  tasklet_struct t;
  nr_tasklets = 0;
  tasklet_setup(&t, run_tasklet);
  tasklet_disable_nosync(&t);
  tasklet_schedule(&t);
  tasklet_unlock_wait(&t);
  EXPECT_EQ(nr_tasklets, 0);
  tasklet_enable(&t);
  test::until([] { return nr_tasklets == 1; });
  tasklet_kill(&t);
  EXPECT_EQ(nr_tasklets, 1);
}

}  // namespace
