// poll(): queries each file, and waits in the queues that they give.

#include <kmem/driver.h>
#include <linux/kernel.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "fs/files.h"

namespace {

using namespace kmem_driver;

struct Waiting;

/// The caller's place in one queue.
struct Place {
  wait_queue_entry entry;
  wait_queue_head* queue;
  Place* next;
  Waiting* of;
  __poll_t key;
};

/// One call of poll().
struct Waiting {
  poll_table table;
  task_struct* task;
  Place* places;
  int error;
  bool woken;
};

int wakes(wait_queue_entry* entry, unsigned mode, int, void* key) {
  auto* place = static_cast<Place*>(entry->private_);
  if (key && !(key_to_poll(key) & place->key)) return 0;
  __atomic_store_n(&place->of->woken, true, __ATOMIC_SEQ_CST);
  return wake_up_state(place->of->task, mode);
}

/// Called by poll_wait() of a driver.
void wait_in(file*, wait_queue_head* queue, poll_table* table) {
  auto* of = container_of(table, Waiting, table);
  auto* place = static_cast<Place*>(kzalloc(sizeof(Place), GFP_KERNEL));
  if (!place) {
    of->error = -ENOMEM;
    return;
  }
  place->queue = queue;
  place->of = of;
  place->key = table->_key;
  place->next = of->places;
  of->places = place;
  init_waitqueue_func_entry(&place->entry, wakes);
  place->entry.private_ = place;
  add_wait_queue(queue, &place->entry);
}

void leave_all(Waiting& w) {
  while (Place* place = w.places) {
    w.places = place->next;
    remove_wait_queue(place->queue, &place->entry);
    kfree(place);
  }
}

/// The current events of the file.
short ask(pollfd& p, Waiting& w) {
  if (p.fd < 0) return 0;
  Call f(p.fd);
  if (!f) return POLLNVAL;
  const auto always = static_cast<__poll_t>(POLLERR | POLLHUP);
  const auto wanted = static_cast<__poll_t>(static_cast<unsigned short>(p.events)) | always;
  w.table._key = wanted;
  return static_cast<short>(vfs_poll(f.get(), &w.table) & wanted);
}

int ask_all(pollfd* files, unsigned n, Waiting& w) {
  int ready = 0;
  for (unsigned i = 0; i < n; ++i) {
    files[i].revents = ask(files[i], w);
    ready += files[i].revents != 0;
    if (ready) w.table._qproc = nullptr;  // poll() will not wait
  }
  w.table._qproc = nullptr;  // it is in all queues now
  return ready;
}

int wait(pollfd* files, unsigned n, Waiting& w, long ticks) {
  for (;;) {
    __atomic_store_n(&w.woken, false, __ATOMIC_SEQ_CST);
    const int ready = ask_all(files, n, w);
    if (ready || w.error || !ticks) return ready ? ready : w.error;
    if (signal_pending(w.task)) return -ERESTARTNOHAND;
    set_current_state(TASK_INTERRUPTIBLE);
    if (!__atomic_load_n(&w.woken, __ATOMIC_SEQ_CST)) ticks = schedule_timeout(ticks);
    __set_current_state(TASK_RUNNING);
  }
}

}  // namespace

extern "C" {

int kmem_driver_poll(pollfd* files, unsigned n, int timeout_ms) noexcept {
  Waiting w = {};
  init_poll_funcptr(&w.table, timeout_ms ? wait_in : nullptr);
  w.task = get_current();
  const long ticks =
      timeout_ms < 0 ? MAX_SCHEDULE_TIMEOUT : static_cast<long>(msecs_to_jiffies(static_cast<unsigned>(timeout_ms)));
  const int result = wait(files, n, w, ticks);
  leave_all(w);
  return static_cast<int>(Call::seen(result));
}

}  // extern "C"
