// Workers: each is one kernel thread.

#include <linux/kthread.h>
#include <linux/printk.h>
#include <linux/slab.h>

namespace {

/// Takes the next work item, or null.
kthread_work* next_of(kthread_worker* worker) {
  kthread_work* work = nullptr;
  spin_lock_irq(&worker->lock);
  if (!list_empty(&worker->work_list)) {
    work = list_first_entry(&worker->work_list, kthread_work, node);
    list_del_init(&work->node);
  }
  worker->current_work = work;
  spin_unlock_irq(&worker->lock);
  return work;
}

void ran(kthread_worker* worker) {
  spin_lock_irq(&worker->lock);
  worker->current_work = nullptr;
  ++worker->kmem_done;
  spin_unlock_irq(&worker->lock);
  wake_up_all(&worker->kmem_idle);
}

bool has_work(kthread_worker* worker) {
  spin_lock_irq(&worker->lock);
  const bool has = !list_empty(&worker->work_list);
  spin_unlock_irq(&worker->lock);
  return has;
}

/// A work item behind all that are queued now, to wait for.
struct Barrier {
  kthread_work work;
  completion done;
};
void reached(kthread_work* work) { complete(&container_of(work, Barrier, work)->done); }

void wait_for_running(kthread_worker* worker, const kthread_work* work) {
  for (;;) {
    spin_lock_irq(&worker->lock);
    const unsigned long done = worker->kmem_done;
    const bool runs = worker->current_work == work && worker->task != get_current();
    spin_unlock_irq(&worker->lock);
    if (!runs) return;
    wait_event(worker->kmem_idle, __atomic_load_n(&worker->kmem_done, __ATOMIC_SEQ_CST) != done);
  }
}

}  // namespace

extern "C" {

void kmem_driver_kthread_init_worker(kthread_worker* worker) noexcept {
  *worker = {};
  spin_lock_init(&worker->lock);
  INIT_LIST_HEAD(&worker->work_list);
  init_waitqueue_head(&worker->kmem_idle);
}

int kthread_worker_fn(void* argument) noexcept {
  auto* worker = static_cast<kthread_worker*>(argument);
  if (!worker->task) worker->task = get_current();
  for (;;) {
    while (kthread_work* work = next_of(worker)) {
      work->func(work);
      ran(worker);
    }
    set_current_state(TASK_IDLE);
    if (kthread_should_stop()) break;
    if (!has_work(worker)) schedule();
    __set_current_state(TASK_RUNNING);
  }
  __set_current_state(TASK_RUNNING);
  return 0;
}

kthread_worker* kthread_create_worker(unsigned int flags, const char* format, ...) noexcept {
  auto* worker = static_cast<kthread_worker*>(kzalloc(sizeof(kthread_worker), GFP_KERNEL));
  if (!worker) return static_cast<kthread_worker*>(ERR_PTR(-ENOMEM));
  kthread_init_worker(worker);
  worker->flags = flags;
  char name[TASK_COMM_LEN];
  va_list arguments;
  va_start(arguments, format);
  kmem_driver_vsnprintf(name, sizeof(name), format, arguments);
  va_end(arguments);
  task_struct* task = kthread_create(kthread_worker_fn, worker, "%s", name);
  if (IS_ERR(task)) {
    kfree(worker);
    return static_cast<kthread_worker*>(ERR_CAST(task));
  }
  worker->task = task;
  wake_up_process(task);
  return worker;
}

void kthread_destroy_worker(kthread_worker* worker) noexcept {
  kthread_flush_worker(worker);
  kthread_stop(worker->task);
  WARN_ON(!list_empty(&worker->work_list));
  kfree(worker);
}

bool kthread_queue_work(kthread_worker* worker, kthread_work* work) noexcept {
  unsigned long flags;
  spin_lock_irqsave(&worker->lock, flags);
  const bool queued = list_empty(&work->node) && !work->canceling;
  if (queued) {
    work->worker = worker;
    list_add_tail(&work->node, &worker->work_list);
  }
  spin_unlock_irqrestore(&worker->lock, flags);
  if (queued && worker->task) wake_up_process(worker->task);
  return queued;
}

void kthread_flush_worker(kthread_worker* worker) noexcept {
  Barrier barrier;
  kthread_init_work(&barrier.work, reached);
  init_completion(&barrier.done);
  kthread_queue_work(worker, &barrier.work);
  wait_for_completion(&barrier.done);
}

void kthread_flush_work(kthread_work* work) noexcept {
  if (work->worker) kthread_flush_worker(work->worker);
}

bool kthread_cancel_work_sync(kthread_work* work) noexcept {
  kthread_worker* worker = work->worker;
  if (!worker) return false;
  spin_lock_irq(&worker->lock);
  ++work->canceling;
  const bool was_queued = !list_empty(&work->node);
  list_del_init(&work->node);
  spin_unlock_irq(&worker->lock);
  wait_for_running(worker, work);
  spin_lock_irq(&worker->lock);
  --work->canceling;
  spin_unlock_irq(&worker->lock);
  return was_queued;
}

}  // extern "C"
