// A signal handler that allocates: it puts what happened into a list, and the main loop takes it out.  The list is shared
// with the handler, so the main loop keeps handlers off while it changes it.
#include <kmem/kmem.hpp>

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <signal.h>
#include <stdio.h>

namespace {

struct Event {
  Event* next;
  int number;
};

DEFINE_SPINLOCK(lock);
Event* events;

void on_signal(int number) {
  const kmem::interrupt_scope interrupt;  // says what this is; GFP_KERNEL here would be reported
  auto* event = static_cast<Event*>(kmalloc(sizeof(Event), GFP_ATOMIC));
  if (!event) return;  // GFP_ATOMIC may fail: it does not wait
  event->number = number;
  spin_lock(&lock);
  event->next = events;
  events = event;
  spin_unlock(&lock);
}

Event* take_all() {
  unsigned long flags;
  spin_lock_irqsave(&lock, flags);  // no handler comes while we hold what it needs
  Event* all = events;
  events = nullptr;
  spin_unlock_irqrestore(&lock, flags);
  return all;
}

/// Writes a block out, so none of its allocations may start to write another.
int write_out(const Event* event) {
  const kmem::noio_scope noio;
  char* line = kasprintf(GFP_KERNEL, "signal %d", event->number);  // as with GFP_NOIO
  if (!line) return 0;
  puts(line);
  kfree(line);
  return 1;
}

}  // namespace

int main() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, nullptr);
  sigaction(SIGUSR2, &action, nullptr);
  raise(SIGUSR1);
  raise(SIGUSR2);
  raise(SIGUSR1);

  int n = 0;
  for (Event *event = take_all(), *next; event; event = next) {
    next = event->next;
    n += write_out(event);
    kfree(event);
  }
  might_sleep();  // says nothing: we are a task, and hold no lock
  if (n != 3) puts("BAD: an event is missing");
  return n == 3 ? 0 : 1;
}
