// Calling the handlers of raised lines.

#include "irq/lines.h"

#include <kmem/simulated.h>
#include <linux/hardirq.h>
#include <linux/kernel.h>
#include <linux/kthread.h>

#include "host/host.h"
#include "print/mistakes.h"
#include "task/service.h"
#include "task/task.h"

namespace kmem_driver {
namespace {

/// As in the kernel: a line is disabled if of so many calls in a row almost none was handled.
constexpr unsigned long kLookAfter = 100000, kToleratedHandled = 100;
/// So many handled calls of a line that was raised all the time are no device's.
constexpr unsigned long kStorm = 10000;

void report_nobody_cared(int irq, const Line& line) {
  count_mistake();
  pr_err("irq %d: nobody cared (try booting with the \"irqpoll\" option)\n", irq);
  dump_stack();
  pr_err("handlers:\n");
  for (const irqaction* a = line.actions; a; a = a->next)
    pr_err("[<%p>] %ps of %s\n", reinterpret_cast<void*>(a->handler), reinterpret_cast<void*>(a->handler), a->name);
  pr_err("Disabling IRQ #%d\n", irq);
}

}  // namespace

Lines& lines() {
  static constinit Lines all;
  return all;
}

bool Lines::is_due(const Line& line) {
  if (!line.name || !line.actions || line.depth || line.runs || line.oneshot) return false;
  return line.kind == KMEM_IRQ_LEVEL ? line.raised : line.latched;
}

/// Takes a line that is due, and marks its handlers as running. 0: none is due.
int Lines::take_due() {
  Quietly hold(lock);
  for (int irq = 1; irq < kNr; ++irq) {
    Line& line = lines_[irq];
    if (!is_due(line)) continue;
    line.latched = false;
    line.runs = true;
    ++line.calls;
    return irq;
  }
  rest();
  return 0;
}

bool Lines::serve_one() {
  const int irq = take_due();
  if (!irq) return false;
  Line& line = lines_[irq];
  serve(irq, line);
  {
    Quietly hold(lock);
    line.runs = false;
    open(irq, line);
  }
  __atomic_add_fetch(&rounds_, 1, __ATOMIC_SEQ_CST);
  host::wake(&rounds_, __INT_MAX__);
  return true;
}

void Lines::open(int irq, Line& line) {
  if (!line.open || line.runs || line.oneshot) return;
  line.raised = false;
  line.open(irq);
}

void Lines::serve(int irq, Line& line) {
  bool handled = false;
  irqaction* action;
  {
    Quietly hold(lock);
    action = line.actions;
  }
  while (action) {
    irqreturn_t result = IRQ_NONE;
    run_in(Context::Hardirq, reinterpret_cast<const void*>(action->handler),
           [&] { result = action->handler(irq, action->dev_id); });
    const bool lacks_thread = result == IRQ_WAKE_THREAD && !action->thread_fn;
    if (lacks_thread || static_cast<unsigned>(result) > IRQ_WAKE_THREAD) count_mistake();
    if (lacks_thread)
      printk(KERN_WARNING "IRQ %d device %s returned IRQ_WAKE_THREAD but no thread function available.\n", irq, action->name);
    else if (static_cast<unsigned>(result) > IRQ_WAKE_THREAD)
      printk(KERN_ERR "irq event %d: bogus return value %x\n", irq, static_cast<unsigned>(result));
    handled |= result != IRQ_NONE;
    Quietly hold(lock);
    if (result == IRQ_WAKE_THREAD && action->thread_fn) make_thread_due(line, action);
    action = action->next;
  }
  note_result(irq, line, handled);
}

void Lines::note_result(int irq, Line& line, bool handled) {
  bool nobody = false, storm = false;
  {
    Quietly hold(lock);
    line.unhandled += !handled;
    line.in_a_row = line.kind == KMEM_IRQ_LEVEL && line.raised && !line.oneshot ? line.in_a_row + 1 : 0;
    storm = handled && line.in_a_row == kStorm;
    if (++line.calls_before_look == kLookAfter) {
      nobody = line.unhandled > kLookAfter - kToleratedHandled;
      line.calls_before_look = line.unhandled = 0;
      if (nobody) ++line.depth;
    }
  }
  if (nobody) report_nobody_cared(irq, line);
  if (!storm || nobody) return;
  count_mistake();
  pr_err("irq %d: handled %lu times in a row and still raised: does the handler make the device lower it?\n", irq, kStorm);
}

void Lines::wait_for_handlers(const Line& line) {
  for (;;) {
    const unsigned rounds = __atomic_load_n(&rounds_, __ATOMIC_SEQ_CST);
    {
      Quietly hold(lock);
      if (!line.runs) return;
    }
    host::wait(&rounds_, rounds);
  }
}

// Threaded handlers ------------------------------------------------------------------------------------------------------

void make_thread_due(Line& line, irqaction* action) {
  if (!action->thread_due && !action->thread_runs) {
    ++line.busy_threads;
    if (action->flags & IRQF_ONESHOT) ++line.oneshot;
  }
  action->thread_due = true;
  wake_up_state(action->thread, TASK_INTERRUPTIBLE);
}

namespace {

bool take_thread_due(irqaction* action) {
  Quietly hold(lines().lock);
  action->thread_runs = action->thread_due;
  action->thread_due = false;
  return action->thread_runs;
}

/// The thread function has run, and may be due again already.
void thread_has_run(irqaction* action) {
  Lines& all = lines();
  {
    Quietly hold(all.lock);
    action->thread_runs = false;
    if (action->thread_due) return;
    Line* line = all.at(action->irq);
    --line->busy_threads;
    if (action->flags & IRQF_ONESHOT) --line->oneshot, all.open(action->irq, *line);
  }
  wake_up_all(&all.threads_idle);
  all.changed();
}

}  // namespace

int run_action_thread(void* data) {
  auto* action = static_cast<irqaction*>(data);
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (take_thread_due(action)) {
      __set_current_state(TASK_RUNNING);
      if (action->thread_fn(action->irq, action->dev_id) == IRQ_NONE)
        pr_debug("irq %d: the thread had nothing to do\n", action->irq);
      thread_has_run(action);
    } else if (kthread_should_stop()) {
      break;
    } else {
      schedule();
    }
  }
  __set_current_state(TASK_RUNNING);
  return 0;
}

}  // namespace kmem_driver
