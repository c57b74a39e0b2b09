// Lock checking: each kind of mistake is reported in the kernel's words, and what is right is not.

#include "helpers.h"

#include <fcntl.h>

#include <linux/hardirq.h>
#include <linux/lockdep.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

namespace {

using test::logged;

struct Lockdep : testing::Test {
  Lockdep() {
    kmem_driver_lockdep_reset();
    kmem_driver_log_clear();
  }
};

DEFINE_SPINLOCK(lock_a);
DEFINE_SPINLOCK(lock_b);
DEFINE_SPINLOCK(lock_c);
DEFINE_MUTEX(mutex_m);
DEFINE_RWLOCK(rw);

void take(spinlock_t* first, spinlock_t* second) {
  spin_lock(first);
  spin_lock(second);
  spin_unlock(second);
  spin_unlock(first);
}

TEST_F(Lockdep, two_locks_in_both_orders_are_reported_with_both_chains_though_nobody_waited) {
  take(&lock_a, &lock_b);
  EXPECT_FALSE(logged("WARNING"));
  take(&lock_b, &lock_a);
  EXPECT_TRUE(logged("WARNING: possible circular locking dependency detected"));
  EXPECT_TRUE(logged("is trying to acquire lock:"));
  EXPECT_TRUE(logged("but task is already holding lock:"));
  EXPECT_TRUE(logged("-> #1 (lock_b)"));
  EXPECT_TRUE(logged("-> #0 (lock_a)"));
  EXPECT_TRUE(logged("*** DEADLOCK ***"));
  kmem_driver_log_clear();
  take(&lock_b, &lock_a);
  EXPECT_FALSE(logged("WARNING"));  // once for each pair
}

TEST_F(Lockdep, a_circle_of_three_is_found) {
  take(&lock_a, &lock_b);
  take(&lock_b, &lock_c);
  EXPECT_FALSE(logged("WARNING"));
  take(&lock_c, &lock_a);
  EXPECT_TRUE(logged("possible circular locking dependency"));
  EXPECT_TRUE(logged("-> #2 (lock_c)"));
}

TEST_F(Lockdep, a_mutex_and_a_spin_lock_are_of_one_order) {
  static DECLARE_RWSEM(sem);
  down_read(&sem);
  mutex_lock(&mutex_m);
  mutex_unlock(&mutex_m);
  up_read(&sem);
  mutex_lock(&mutex_m);
  down_write(&sem);
  up_write(&sem);
  mutex_unlock(&mutex_m);
  EXPECT_TRUE(logged("possible circular locking dependency"));
  EXPECT_TRUE(logged("(mutex_m){"));
}

TEST_F(Lockdep, a_try_is_no_order) {
  take(&lock_a, &lock_b);
  spin_lock(&lock_b);
  ASSERT_TRUE(spin_trylock(&lock_a));
  spin_unlock(&lock_a);
  spin_unlock(&lock_b);
  EXPECT_FALSE(logged("WARNING"));
}

struct Object {
  struct mutex lock;
};
void begin(Object* o) { mutex_init(&o->lock); }

TEST_F(Lockdep, two_locks_of_one_class_are_reported_unless_they_are_said_to_be_nested) {
  Object parent, child;
  begin(&parent);
  begin(&child);
  mutex_lock(&parent.lock);
  mutex_lock_nested(&child.lock, 1);
  mutex_unlock(&child.lock);
  mutex_unlock(&parent.lock);
  EXPECT_FALSE(logged("WARNING"));
  mutex_lock(&parent.lock);
  mutex_lock(&child.lock);
  mutex_unlock(&child.lock);
  mutex_unlock(&parent.lock);
  EXPECT_TRUE(logged("WARNING: possible recursive locking detected"));
  EXPECT_TRUE(logged("(&o->lock)"));
  kmem_driver_log_clear();
  static lock_class_key other;
  lockdep_set_class(&child.lock, &other);
  mutex_lock(&parent.lock);
  mutex_lock(&child.lock);
  mutex_unlock(&child.lock);
  mutex_unlock(&parent.lock);
  EXPECT_FALSE(logged("WARNING"));
}

struct Sleeping {
  struct rw_semaphore lock;
};
void begin(Sleeping* s) { init_rwsem(&s->lock); }
struct Spinning {
  spinlock_t lock;
};
void begin(Spinning* s) { spin_lock_init(&s->lock); }

TEST_F(Lockdep, locks_of_one_class_in_any_order_are_right_under_a_lock_that_orders_them) {
  Object one, another;
  begin(&one);
  begin(&another);
  mutex_lock(&mutex_m);
  mutex_lock_nest_lock(&another.lock, &mutex_m);
  mutex_lock_nest_lock(&one.lock, &mutex_m);
  mutex_unlock(&one.lock);
  mutex_unlock(&another.lock);
  mutex_unlock(&mutex_m);
  EXPECT_FALSE(logged("WARNING"));
  mutex_lock(&another.lock);
  mutex_lock_nest_lock(&one.lock, &mutex_m);
  mutex_unlock(&one.lock);
  mutex_unlock(&another.lock);
  EXPECT_TRUE(logged("WARNING: Nested lock was not taken"));
  EXPECT_TRUE(logged("but this task is not holding:"));
  EXPECT_TRUE(logged("WARNING: possible recursive locking detected"));
}

TEST_F(Lockdep, spin_locks_and_semaphores_nest_under_a_lock_too) {
  Sleeping s[2];
  Spinning p[2];
  for (int i = 0; i < 2; ++i) begin(&s[i]), begin(&p[i]);
  mutex_lock(&mutex_m);
  down_write_nest_lock(&s[0].lock, &mutex_m);
  down_write_nest_lock(&s[1].lock, &mutex_m);
  spin_lock_nest_lock(&p[0].lock, &mutex_m);
  spin_lock_nest_lock(&p[1].lock, &mutex_m);
  EXPECT_FALSE(logged("WARNING"));
  spin_unlock(&p[1].lock);
  spin_unlock(&p[0].lock);
  up_write(&s[1].lock);
  up_write(&s[0].lock);
  mutex_unlock(&mutex_m);
  spin_lock(&p[0].lock);
  spin_lock_nest_lock(&p[1].lock, &mutex_m);
  spin_unlock(&p[1].lock);
  spin_unlock(&p[0].lock);
  EXPECT_TRUE(logged("WARNING: Nested lock was not taken"));
}

TEST_F(Lockdep, a_subclass_of_its_own_has_an_order_of_its_own) {
  Object parent, child;
  begin(&parent);
  begin(&child);
  mutex_lock(&parent.lock);
  ASSERT_EQ(mutex_lock_killable_nested(&child.lock, 1), 0);
  mutex_unlock(&child.lock);
  mutex_unlock(&parent.lock);
  EXPECT_FALSE(logged("WARNING"));
  mutex_lock_nested(&child.lock, 1);
  mutex_lock(&parent.lock);
  mutex_unlock(&parent.lock);
  mutex_unlock(&child.lock);
  EXPECT_TRUE(logged("WARNING: possible circular locking dependency detected"));
  EXPECT_TRUE(logged("(&o->lock/1)"));
}

TEST_F(Lockdep, readers_and_writers_nest_killably) {
  Sleeping s[2];
  for (Sleeping& one : s) begin(&one);
  down_write(&s[0].lock);
  ASSERT_EQ(down_write_killable_nested(&s[1].lock, 1), 0);
  up_write(&s[1].lock);
  ASSERT_EQ(down_read_killable_nested(&s[1].lock, 1), 0);
  up_read(&s[1].lock);
  up_write(&s[0].lock);
  EXPECT_FALSE(logged("WARNING"));
}

TEST_F(Lockdep, there_are_eight_subclasses) {
  Object o;
  begin(&o);
  mutex_lock_nested(&o.lock, 7);
  mutex_unlock(&o.lock);
  EXPECT_FALSE(logged("BUG"));
  mutex_lock_nested(&o.lock, 8);
  mutex_unlock(&o.lock);
  EXPECT_TRUE(logged("BUG: looking up invalid subclass: 8"));
}

TEST_F(Lockdep, a_wait_without_a_lock_is_of_one_order_with_locks) {
  static lock_class_key key;
  static lockdep_map map;
  lockdep_init_map(&map, "reply", &key, 0);
  lock_acquire_exclusive(&map, 0, 0, nullptr, _THIS_IP_);
  EXPECT_TRUE(lock_is_held(&map));
  spin_lock(&lock_a);
  spin_unlock(&lock_a);
  lock_release(&map, _THIS_IP_);
  EXPECT_FALSE(lock_is_held(&map));
  spin_lock(&lock_a);
  lock_acquire_shared(&map, 0, 0, nullptr, _THIS_IP_);
  EXPECT_TRUE(logged("WARNING: possible circular locking dependency detected"));
  lock_release(&map, _THIS_IP_);
  spin_unlock(&lock_a);
}

TEST_F(Lockdep, a_pseudo_lock_may_be_read_inside_itself_tried_or_not_checked) {
  static lock_class_key key;
  static lockdep_map map;
  lockdep_init_map(&map, "window", &key, 0);
  lock_acquire_shared_recursive(&map, 0, 0, nullptr, _THIS_IP_);
  lock_acquire_shared_recursive(&map, 0, 0, nullptr, _THIS_IP_);
  lock_release(&map, _THIS_IP_);
  lock_release(&map, _THIS_IP_);
  lock_acquire_shared(&map, 0, 0, nullptr, _THIS_IP_);
  lock_acquire(&map, 0, 0, 0, 0, nullptr, _THIS_IP_);
  lock_release(&map, _THIS_IP_);
  lock_acquire_exclusive(&map, 0, 1, nullptr, _THIS_IP_);
  EXPECT_FALSE(logged("WARNING"));
  lock_release(&map, _THIS_IP_);
  lock_acquire_exclusive(&map, 0, 0, nullptr, _THIS_IP_);
  EXPECT_TRUE(logged("WARNING: possible recursive locking detected"));
  lock_release(&map, _THIS_IP_);
  lock_release(&map, _THIS_IP_);
}

TEST_F(Lockdep, a_lock_that_an_interrupt_takes_and_a_task_with_interrupts_on_is_reported) {
  spin_lock(&lock_a);
  spin_unlock(&lock_a);
  local_irq_disable();
  irq_enter();
  spin_lock(&lock_a);
  spin_unlock(&lock_a);
  irq_exit();
  local_irq_enable();
  EXPECT_TRUE(logged("WARNING: inconsistent lock state"));
  EXPECT_TRUE(logged("inconsistent {HARDIRQ-ON-W} -> {IN-HARDIRQ-W} usage."));
}

TEST_F(Lockdep, with_interrupts_off_in_the_task_it_is_right) {
  unsigned long flags;
  spin_lock_irqsave(&lock_a, flags);
  spin_unlock_irqrestore(&lock_a, flags);
  local_irq_disable();
  irq_enter();
  spin_lock(&lock_a);
  spin_unlock(&lock_a);
  irq_exit();
  local_irq_enable();
  EXPECT_FALSE(logged("WARNING"));
}

void takes_b(timer_list*) {
  spin_lock(&lock_b);
  spin_unlock(&lock_b);
}

TEST_F(Lockdep, a_timers_lock_that_a_task_takes_without_bh_is_reported) {
  timer_list timer;
  timer_setup(&timer, takes_b, 0);
  mod_timer(&timer, jiffies);
  test::until([&] { return !timer_pending(&timer); });
  timer_delete_sync(&timer);
  spin_lock_bh(&lock_b);
  spin_unlock_bh(&lock_b);
  EXPECT_FALSE(logged("WARNING"));
  spin_lock(&lock_b);
  spin_unlock(&lock_b);
  EXPECT_TRUE(logged("inconsistent {IN-SOFTIRQ-W} -> {SOFTIRQ-ON-W} usage."));
}

TEST_F(Lockdep, an_unsafe_lock_behind_one_that_interrupts_take_is_reported) {
  spin_lock(&lock_b);  // with interrupts on
  spin_unlock(&lock_b);
  local_irq_disable();
  irq_enter();
  spin_lock(&lock_a);  // in an interrupt
  spin_unlock(&lock_a);
  irq_exit();
  local_irq_enable();
  EXPECT_FALSE(logged("WARNING"));
  local_irq_disable();
  take(&lock_a, &lock_b);
  local_irq_enable();
  EXPECT_TRUE(logged("WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected"));
  EXPECT_TRUE(logged("Possible interrupt unsafe locking scenario"));
}

TEST_F(Lockdep, readers_in_an_interrupt_do_not_mind_readers) {
  read_lock(&rw);
  read_unlock(&rw);
  local_irq_disable();
  irq_enter();
  read_lock(&rw);
  read_unlock(&rw);
  irq_exit();
  local_irq_enable();
  EXPECT_FALSE(logged("WARNING"));
  read_lock(&rw);
  read_lock(&rw);
  read_unlock(&rw);
  read_unlock(&rw);
  EXPECT_FALSE(logged("WARNING"));
  write_lock(&rw);
  write_unlock(&rw);
  EXPECT_TRUE(logged("inconsistent {IN-HARDIRQ-R} -> {HARDIRQ-ON-W} usage."));
}

TEST_F(Lockdep, interrupts_that_are_switched_on_under_a_lock_count) {
  local_irq_disable();
  irq_enter();
  spin_lock(&lock_c);
  spin_unlock(&lock_c);
  irq_exit();
  spin_lock(&lock_c);
  local_irq_enable();
  spin_unlock(&lock_c);
  EXPECT_TRUE(logged("inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage."));
}

TEST_F(Lockdep, a_lock_that_is_initialised_again_while_it_is_held_is_reported) {
  auto* o = static_cast<Object*>(kzalloc(sizeof(Object), GFP_KERNEL));
  begin(o);
  mutex_lock(&o->lock);
  begin(o);
  EXPECT_TRUE(logged("WARNING: held lock freed!"));
  kmem_driver_lockdep_reset();
  mutex_trylock(&o->lock);
  mutex_unlock(&o->lock);
  kfree(o);
}

ssize_t read_and_forget(file*, char*, size_t, loff_t*) {
  mutex_lock(&mutex_m);
  return 0;
}

TEST_F(Lockdep, a_lock_that_is_held_when_a_call_returns_is_reported) {
  file_operations ops = {};
  ops.read = read_and_forget;
  miscdevice misc = {};
  misc.minor = MISC_DYNAMIC_MINOR;
  misc.name = "forgets";
  misc.fops = &ops;
  ASSERT_EQ(misc_register(&misc), 0);
  const int fd = kmem_driver_open("/dev/forgets", O_RDONLY);
  char c;
  EXPECT_EQ(kmem_driver_read(fd, &c, 1), 0);
  EXPECT_TRUE(logged("WARNING: lock held when returning to user space!"));
  EXPECT_TRUE(logged("1 lock held by"));
  mutex_unlock(&mutex_m);
  kmem_driver_close(fd);
  misc_deregister(&misc);
}

TEST_F(Lockdep, assertions_know_who_holds_what) {
  EXPECT_FALSE(lockdep_is_held(&mutex_m));
  mutex_lock(&mutex_m);
  EXPECT_TRUE(lockdep_is_held(&mutex_m));
  test::Thread([] { EXPECT_FALSE(lockdep_is_held(&mutex_m)); }).join();
  lockdep_assert_held(&mutex_m);
  mutex_unlock(&mutex_m);
  read_lock(&rw);
  EXPECT_TRUE(lockdep_is_held_type(&rw, 1));
  read_unlock(&rw);
}

TEST_F(Lockdep, who_says_that_nothing_is_held_and_holds_a_lock_is_warned_once) {
  const auto assert_none = [] { lockdep_assert_none_held_once(); };
  const auto told = [&] {
    testing::internal::CaptureStderr();
    assert_none();
    return testing::internal::GetCapturedStderr().find("WARNING") != std::string::npos;
  };
  EXPECT_FALSE(told());
  mutex_lock(&mutex_m);
  EXPECT_TRUE(told());
  EXPECT_FALSE(told());
  mutex_unlock(&mutex_m);
}

TEST_F(Lockdep, might_lock_finds_an_order_that_was_not_taken) {
  take(&lock_a, &lock_b);
  spin_lock(&lock_b);
  might_lock(&lock_a);
  spin_unlock(&lock_b);
  EXPECT_TRUE(logged("possible circular locking dependency"));
}

}  // namespace
