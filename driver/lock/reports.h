#pragma once
// The reports of lock checking, worded as the kernel's.

#include <linux/sched.h>

#include "lock/classes.h"

namespace kmem_driver::lockdep {

void report_recursion(const kmem_held_lock& held, const kmem_held_lock& next);
/// `path` leads from the class of `next` to that of `before`, its last edge first.
void report_circle(const kmem_held_lock& before, const kmem_held_lock& next, const Path& path);
void report_usage(const kmem_held_lock& held, unsigned usage, unsigned other);
enum class Interrupt : bool { Hard, Soft };
void report_inversion(unsigned safe, unsigned unsafe, unsigned from, unsigned to, Interrupt interrupt);
/// `next` is said to be nested under a lock that the task does not hold.
void report_nest_not_held(const kmem_held_lock& next, const void* nest);
/// There are subclasses 0 to 7.
void report_subclass(unsigned subclass);
void report_held(const task_struct* task, const char* where);
void report_freed(const task_struct* task, unsigned long begin, size_t size, unsigned index);

}  // namespace kmem_driver::lockdep
