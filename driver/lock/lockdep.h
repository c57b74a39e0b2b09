#pragma once
// The calls of locks to lock checking: before a lock is taken, and when it is released.

namespace kmem_driver::lockdep {

constexpr unsigned kSubclasses = 8;

/// How a lock is taken.
struct How {
  bool read = false, recursive_read = false, trylock = false, sleeps = false;
  bool unordered = false;  // held, but no order and no usage is checked
  unsigned subclass = 0;   // below kSubclasses
};

/// `site` is the lock's kmem_class.
void acquire(const void* lock, const void* site, How how, const void* caller);
void release(const void* lock, const void* caller);
bool is_held(const void* lock);
/// The calling task should hold no lock here: reports the locks that it holds, and forgets them.
void check_none_held(const char* where = "returning to user space");

/// An interrupt begins on top of the calling task, which may hold locks: they are not the interrupt's. Its end gets what this
/// returns.
unsigned begin_interrupt();
void end_interrupt(unsigned before);

/// For an object that is unloaded: copies names of lock classes that are in it.
void keep_names(const void* begin, const void* end);

}  // namespace kmem_driver::lockdep
