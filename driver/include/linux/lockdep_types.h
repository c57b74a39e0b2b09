#ifndef KMEM_LINUX_LOCKDEP_TYPES_H
#define KMEM_LINUX_LOCKDEP_TYPES_H
/* Classes of locks: locks that are initialised at the same place of the program are of one class; a lock that is defined
 * statically is a class by itself.  Meaning: the kernel's Documentation/locking/lockdep-design.rst. */
#include <kmem/driver_face.h>
#include <linux/types.h>

struct lock_class_key {
  unsigned long kmem_used;
};

/** Where a lock was initialised. A lock points to it, or, if it was defined statically, to its name; internal to kmem. */
struct kmem_lock_site {
  char one; /* 1: no name begins so */
  unsigned char subclass;
  unsigned char unchecked;
  const char* name;
  const struct lock_class_key* key; /* NULL: the site is the key */
};
#define KMEM_LOCK_SITE_(lock_name) \
  { 1, 0, 0, lock_name, NULL }

/** A pseudo-lock for checking waits without a lock: for the end of a work item, for the reply of a device. */
struct lockdep_map {
  const void* kmem_class;
};
#define STATIC_LOCKDEP_MAP_INIT(lock_name, lock_key) \
  { lock_name }
#define DEFINE_STATIC_LOCKDEP_MAP(name) struct lockdep_map name = {#name}

KMEM_BEGIN_C
/** Returns the site of a key and a name; equal arguments give the same site. NULL, a class by itself, if there are too many
 *  sites. */
KMEM_API const struct kmem_lock_site* kmem_driver_lock_site(const char* name, const struct lock_class_key* key, int subclass,
                                                            int unchecked) KMEM_NOTHROW;
/** Of the next lock that the calling task takes: its subclass (0 to 7), and a lock that it is nested under. */
KMEM_API void kmem_driver_next_lock_is_nested(unsigned int subclass) KMEM_NOTHROW;
KMEM_API void kmem_driver_next_lock_is_nested_under(const void* nest) KMEM_NOTHROW;
/** The lock is initialised: reports it if a task holds it ("double init"). */
KMEM_API void kmem_driver_lock_begins(const void* lock, size_t size, const char* name) KMEM_NOTHROW;
/** Memory, or a lock, is being freed: reports it if a task holds a lock in it. */
KMEM_API void kmem_driver_no_locks_freed(const void* from, size_t size) KMEM_NOTHROW;
KMEM_END_C
#endif
