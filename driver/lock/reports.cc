// Reports of lock checking.

#include "lock/reports.h"
#include "print/mistakes.h"

#include <linux/printk.h>
#include <linux/sprintf.h>

namespace kmem_driver::lockdep {
namespace {

#define KMEM_SAY(...) printk(KERN_WARNING __VA_ARGS__)

const LockClass& at(unsigned c) { return graph().classes[c]; }

/// The usage letters of a class: - taken in interrupts, + with interrupts on, ? both.
void usage_letters(const LockClass& c, char letters[5]) {
  static const unsigned kPairs[][2] = {
      {kInHardirq, kOnHardirq}, {kInHardirqRead, kOnHardirqRead}, {kInSoftirq, kOnSoftirq}, {kInSoftirqRead, kOnSoftirqRead}};
  for (int i = 0; i < 4; ++i) {
    const bool in = c.usage >> kPairs[i][0] & 1, on = c.usage >> kPairs[i][1] & 1;
    letters[i] = in && on ? '?' : in ? '-' : on ? '+' : '.';
  }
  letters[4] = 0;
}

void say_class(const char* before, const LockClass& c, const char* behind) {
  char letters[5];
  usage_letters(c, letters);
  char subclass[8] = "";
  if (c.subclass) kmem_driver_snprintf(subclass, sizeof(subclass), "/%u", c.subclass);
  KMEM_SAY("%s(%s%s){%s}-{%s}%s", before, c.name, subclass, letters, c.sleeps ? "3:3" : "2:2", behind);
}

void say_lock(const kmem_held_lock& h) {
  KMEM_SAY("%016lx ", h.address);
  char letters[5];
  usage_letters(at(h.lock_class), letters);
  printk(KERN_CONT "(%s){%s}-{%s}, at: %pS\n", at(h.lock_class).name, letters, at(h.lock_class).sleeps ? "3:3" : "2:2",
         reinterpret_cast<void*>(h.ip));
}

void say_trace(const Trace& t) {
  for (int i = 0; i < t.nr; ++i) KMEM_SAY("       %pB\n", t.frames[i]);
}

void begin(const char* line, const char* title) {
  count_mistake();
  KMEM_SAY("\n");
  KMEM_SAY("%s\n", line);
  KMEM_SAY("WARNING: %s\n", title);
}

void say_held(const task_struct* task) {
  if (!task->kmem_nr_held) return void(KMEM_SAY("no locks held by %s/%d.\n", task->comm, task->pid));
  KMEM_SAY("%u lock%s held by %s/%d:\n", task->kmem_nr_held, task->kmem_nr_held > 1 ? "s" : "", task->comm, task->pid);
  for (unsigned i = 0; i < task->kmem_nr_held; ++i) {
    KMEM_SAY(" #%u: ", i);
    const kmem_held_lock& h = task->kmem_held[i];
    printk(KERN_CONT "%016lx (%s), at: %pS\n", h.address, at(h.lock_class).name, reinterpret_cast<void*>(h.ip));
  }
}

void end() {
  KMEM_SAY("\nother info that might help us debug this:\n");
  say_held(get_current());
  KMEM_SAY("\nstack backtrace:\n");
  dump_stack();
}

const char* const kUsageNames[] = {"IN-HARDIRQ-W", "IN-HARDIRQ-R", "IN-SOFTIRQ-W", "IN-SOFTIRQ-R",
                                   "HARDIRQ-ON-W", "HARDIRQ-ON-R", "SOFTIRQ-ON-W", "SOFTIRQ-ON-R"};

}  // namespace

void report_recursion(const kmem_held_lock& held, const kmem_held_lock& next) {
  const task_struct* task = get_current();
  begin("============================================", "possible recursive locking detected");
  KMEM_SAY("--------------------------------------------\n");
  KMEM_SAY("%s/%d is trying to acquire lock:\n", task->comm, task->pid);
  say_lock(next);
  KMEM_SAY("\nbut task is already holding lock:\n");
  say_lock(held);
  KMEM_SAY(
      "\n Possible unsafe locking scenario:\n\n       CPU0\n       ----\n  lock(%s);\n  lock(%s);\n\n *** DEADLOCK ***\n\n",
      at(held.lock_class).name, at(next.lock_class).name);
  KMEM_SAY(" May be due to missing lock nesting notation\n");
  end();
}

void report_circle(const kmem_held_lock& before, const kmem_held_lock& next, const Path& path) {
  const task_struct* task = get_current();
  begin("======================================================", "possible circular locking dependency detected");
  KMEM_SAY("------------------------------------------------------\n");
  KMEM_SAY("%s/%d is trying to acquire lock:\n", task->comm, task->pid);
  say_lock(next);
  KMEM_SAY("\nbut task is already holding lock:\n");
  say_lock(before);
  KMEM_SAY("\nwhich lock already depends on the new lock.\n");
  KMEM_SAY("\nthe existing dependency chain (in reverse order) is:\n");
  for (unsigned i = 0; i < path.nr; ++i) {
    const Edge& e = graph().edges[path.edges[i]];
    KMEM_SAY("\n");
    char number[16];
    kmem_driver_snprintf(number, sizeof(number), "-> #%u ", path.nr - i);
    say_class(number, at(e.to), ":\n");
    say_trace(e.where);
  }
  Trace here;
  take_trace(here);
  KMEM_SAY("\n");
  say_class("-> #0 ", at(next.lock_class), ":\n");
  say_trace(here);
  const char *a = at(before.lock_class).name, *b = at(next.lock_class).name;
  KMEM_SAY(
      "\n Possible unsafe locking scenario:\n\n       CPU0                    CPU1\n       ----                    ----\n");
  KMEM_SAY("  lock(%s);\n                               lock(%s);\n                               lock(%s);\n  lock(%s);\n", a,
           b, a, b);
  KMEM_SAY("\n *** DEADLOCK ***\n\n");
  end();
}

void report_usage(const kmem_held_lock& held, unsigned usage, unsigned other) {
  const task_struct* task = get_current();
  begin("================================", "inconsistent lock state");
  KMEM_SAY("--------------------------------\n");
  KMEM_SAY("inconsistent {%s} -> {%s} usage.\n", kUsageNames[other], kUsageNames[usage]);
  KMEM_SAY("%s/%d takes:\n", task->comm, task->pid);
  say_lock(held);
  KMEM_SAY("{%s} state was registered at:\n", kUsageNames[other]);
  say_trace(at(held.lock_class).first_use[other]);
  const char* name = at(held.lock_class).name;
  KMEM_SAY("\n Possible unsafe locking scenario:\n\n       CPU0\n       ----\n  lock(%s);\n  <Interrupt>\n    lock(%s);\n",
           name, name);
  KMEM_SAY("\n *** DEADLOCK ***\n\n");
  end();
}

void report_inversion(unsigned safe, unsigned unsafe, unsigned from, unsigned to, Interrupt interrupt) {
  const bool soft = interrupt == Interrupt::Soft;
  const char* kind = soft ? "SOFTIRQ" : "HARDIRQ";
  const task_struct* task = get_current();
  char title[80];
  kmem_driver_snprintf(title, sizeof(title), "%s-safe -> %s-unsafe lock order detected", kind, kind);
  begin("=====================================================", title);
  KMEM_SAY("-----------------------------------------------------\n");
  KMEM_SAY("%s/%d: ", task->comm, task->pid);
  printk(KERN_CONT "a new dependency (%s) -> (%s)\n", at(from).name, at(to).name);
  KMEM_SAY("\n");
  say_class("", at(safe), "");
  printk(KERN_CONT " is %s-irq-safe, it is taken in an interrupt at:\n", kind);
  const unsigned in = soft ? kInSoftirq : kInHardirq;
  say_trace(at(safe).first_use[at(safe).usage >> in & 1 ? in : in + 1]);
  say_class("\nto a ", at(unsafe), "");
  printk(KERN_CONT " that is %s-irq-unsafe, it is taken with interrupts on at:\n", kind);
  say_trace(at(unsafe).first_use[soft ? kOnSoftirq : kOnHardirq]);
  const char *s = at(safe).name, *u = at(unsafe).name;
  KMEM_SAY(
      "\n Possible interrupt unsafe locking scenario:\n\n       CPU0                    CPU1\n       ----                    ----\n");
  KMEM_SAY("  lock(%s);\n                               local_irq_disable();\n                               lock(%s);\n", u,
           s);
  KMEM_SAY("                               lock(%s);\n  <Interrupt>\n    lock(%s);\n\n *** DEADLOCK ***\n\n", u, s);
  end();
}

void report_nest_not_held(const kmem_held_lock& next, const void* nest) {
  const task_struct* task = get_current();
  begin("==================================", "Nested lock was not taken");
  KMEM_SAY("----------------------------------\n");
  KMEM_SAY("%s/%d is trying to lock:\n", task->comm, task->pid);
  say_lock(next);
  KMEM_SAY("\nbut this task is not holding:\n%016lx\n", reinterpret_cast<unsigned long>(nest));
  end();
}

void report_subclass(unsigned subclass) {
  count_mistake();
  printk(KERN_ERR "BUG: looking up invalid subclass: %u\n", subclass);
  dump_stack();
}

void report_held(const task_struct* task, const char* where) {
  char title[80];
  kmem_driver_snprintf(title, sizeof(title), "lock held when %s!", where);
  begin("================================================", title);
  KMEM_SAY("------------------------------------------------\n");
  KMEM_SAY("%s/%d is leaving the kernel with locks still held!\n", task->comm, task->pid);
  say_held(task);
}

void report_freed(const task_struct* task, unsigned long begins, size_t size, unsigned index) {
  begin("=========================", "held lock freed!");
  KMEM_SAY("-------------------------\n");
  KMEM_SAY("%s/%d is freeing memory %016lx-%016lx, with a lock still held there!\n", task->comm, task->pid, begins,
           begins + size - 1);
  say_lock(task->kmem_held[index]);
  say_held(task);
  dump_stack();
}

}  // namespace kmem_driver::lockdep
