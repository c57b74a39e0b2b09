/* The types of kernel code, over kmem's own <linux/types.h>; drivers see all of them. */
#include_next <linux/types.h>

#ifndef KMEM_DRIVER_LINUX_TYPES_H
#define KMEM_DRIVER_LINUX_TYPES_H
#if !defined(KMEM_NO_KERNEL_TYPES) && !defined(KMEM_KERNEL_TREE)

#include <kmem/integers.h>
#include <linux/bits.h>
#if __STDC_HOSTED__
#include <sys/types.h>
#endif

/** A counter for concurrent changes: <linux/atomic.h>. */
typedef struct {
  int counter;
} atomic_t;
typedef struct {
  s64 counter;
} atomic64_t;

/* Words of the checker `sparse`, which mean nothing to a compiler. */
#ifndef __bitwise
#define __bitwise
#endif

#ifndef BITS_TO_LONGS
#define BITS_TO_LONGS(nr) (((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#endif
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

typedef unsigned short umode_t;
typedef unsigned int fmode_t;
typedef unsigned int oom_flags_t;
typedef unsigned int isolate_mode_t;
typedef unsigned long irq_hw_number_t;

#endif
#endif
