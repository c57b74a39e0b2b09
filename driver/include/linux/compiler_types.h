#ifndef KMEM_LINUX_COMPILER_TYPES_H
#define KMEM_LINUX_COMPILER_TYPES_H
/* Attributes by their kernel names.  Words that only the kernel's checkers read (address spaces, locks) are empty. */
#include <linux/build_bug.h>
#include <linux/compiler_attributes.h>

/* Which address space a pointer is of: for the checker `sparse`. */
#ifndef __user
#define __user
#endif
#ifndef __kernel
#define __kernel
#endif
#ifndef __iomem
#define __iomem
#endif
#ifndef __percpu
#define __percpu
#endif
#ifndef __rcu
#define __rcu
#endif
#ifndef __force
#define __force
#endif
#ifndef __nocast
#define __nocast
#endif
#ifndef __safe
#define __safe
#endif
#ifndef __private
#define __private
#define ACCESS_PRIVATE(pointer, member) ((pointer)->member)
#endif
#define __chk_user_ptr(pointer) ((void)0)
#define __chk_io_ptr(pointer) ((void)0)

/* Which locks a function takes: the same. */
#ifndef __must_hold
#define __must_hold(lock)
#define __acquires(lock)
#define __releases(lock)
#define __cond_acquires(lock)
#define __acquire(lock) ((void)0)
#define __release(lock) ((void)0)
#define __cond_lock(lock, got) (got)
#endif

#define ___PASTE(a, b) a##b
#define __PASTE(a, b) ___PASTE(a, b)
#ifndef __UNIQUE_ID
#define __UNIQUE_ID(prefix) __PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)
#endif
#ifdef __cplusplus
#define __same_type(a, b) __is_same(__typeof__(a), __typeof__(b))
#else
#define __same_type(a, b) __builtin_types_compatible_p(__typeof__(a), __typeof__(b))
#endif
/** Does a machine load it in one step? */
#define __native_word(x) (sizeof(x) == 1 || sizeof(x) == 2 || sizeof(x) == 4 || sizeof(x) == 8)
/** Its type without qualifiers, of a number. */
#define __unqual_scalar_typeof(x) __typeof__(+(x))

#define compiletime_assert_atomic_type(type) compiletime_assert(__native_word(type), "needs a type of 1, 2, 4 or 8 bytes")

#endif
