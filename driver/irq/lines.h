#pragma once
// Interrupt lines: raised by devices, handled by drivers' handlers. In a process one thread calls them, one line at a time
// (irq/thread.cc); on a bare machine an interrupt does (ports/bare/driver/irq.cc).

#include <linux/interrupt.h>
#include <linux/wait.h>

#include "sync/quiet_lock.h"

/// One handler of a line.  The driver's free_irq() ends it.
struct irqaction {
  irqaction* next;
  irq_handler_t handler, thread_fn;
  void* dev_id;
  const char* name;
  task_struct* thread;
  unsigned long flags;
  int irq;
  bool thread_due, thread_runs;  // by the lines' lock
};

namespace kmem_driver {

/// A line and its state. All but the queue is guarded by the lines' lock.
struct Line {
  const char* name;  // null: there is no such line
  int kind;          // of kmem_irq_kind
  irqaction* actions;
  unsigned depth;         // nested disables
  bool raised, latched;   // the level; a pending edge
  bool runs;              // its handlers are running
  bool probed;            // it has no handler, and may show that it is a device's
  unsigned busy_threads;  // threads of its actions that run or are due
  unsigned oneshot;       // those of them that keep it masked
  unsigned long calls, unhandled, calls_before_look, in_a_row;
  /// Of a real device's pin: lets its controller raise the line again, which it does once, as soon as the pin is held. With
  /// the lock held.  Null: the device is simulated, and raises and lowers it.
  void (*open)(int irq);
};

class Lines {
 public:
  /// Lines below the first are those of old devices, which choose them.
  static constexpr int kFirst = 16, kNr = 528;

  QuietLock lock;
  /// Tasks that wait for threaded handlers.
  wait_queue_head threads_idle = {};

  /// Null: there is no such line.
  Line* at(int irq) {
    if (irq < 1 || irq >= kNr) return nullptr;
    Line* line = &lines_[irq];
    return line->name ? line : nullptr;
  }
  /// Also a line that does not exist yet.
  Line& slot(int irq) { return lines_[irq]; }

  /// Should its handlers be called now?
  static bool is_due(const Line& line);
  /// Calls the handlers of one line that is due; false: none is.
  bool serve_one();

  // Who calls them: these four differ between a process and a bare machine.

  /// A line has changed: makes who calls handlers look again. Any context, also with a driver's locks held.
  void changed();
  /// Makes everything ready, once.  Task context.
  void begin();
  /// Is the caller one of the handlers?
  bool is_in_handler() const;
  /// No line is due. With the lock held.
  void rest();

  /// A real device's pin may raise the line from now on: it has a first handler, or its handlers have run, threads included.
  /// With the lock held.
  void open(int irq, Line& line);
  /// Waits while its handlers run; must not be called by one of them.
  void wait_for_handlers(const Line& line);

 private:
  int take_due();
  void serve(int irq, Line& line);
  void note_result(int irq, Line& line, bool handled);

  Line lines_[kNr] = {};
  unsigned rounds_ = 0;
};
Lines& lines();

/// Makes the action's thread function due; under the lines' lock.
void make_thread_due(Line& line, irqaction* action);
/// The body of an action's thread.
int run_action_thread(void* action);

}  // namespace kmem_driver
